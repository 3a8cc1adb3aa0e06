//! Queries that grow page by page (rules 92 to 96), as options that become an ordinary query whose data are the pages.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::options::{FetchContext, QueryOptions};
use crate::core::signal::CancelSignal;
use crate::key::QueryKey;

/// The pages of an infinite query, with the parameter each was fetched with.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Pages<P, T> {
    /// The pages, first to last.
    pub pages: Vec<Arc<T>>,
    /// Their parameters.
    pub params: Vec<P>,
}

impl<P: Clone, T> Clone for Pages<P, T> {
    fn clone(&self) -> Self {
        Self {
            pages: self.pages.clone(),
            params: self.params.clone(),
        }
    }
}

impl<P, T> Default for Pages<P, T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            params: Vec::new(),
        }
    }
}

impl<P: PartialEq, T: PartialEq> PartialEq for Pages<P, T> {
    fn eq(&self, other: &Self) -> bool {
        self.params == other.params
            && self.pages.len() == other.pages.len()
            && self
                .pages
                .iter()
                .zip(&other.pages)
                .all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }
}

/// Which way a query grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageDirection {
    /// At its end.
    Next,
    /// At its beginning.
    Previous,
}

type FetchPage<P, T, E> = Rc<dyn Fn(FetchContext, P) -> LocalBoxFuture<'static, Result<T, E>>>;
type Param<P, T> = Arc<dyn Fn(&Pages<P, T>) -> Option<P> + Send + Sync>;

/// A query that grows page by page. `P` is what a page is asked for by (a cursor, an offset), `T` a page.
#[must_use]
pub struct InfiniteOptions<P, T, E> {
    key: QueryKey,
    initial: P,
    fetch: FetchPage<P, T, E>,
    pub(super) next: Option<Param<P, T>>,
    pub(super) previous: Option<Param<P, T>>,
    max_pages: usize,
    first_pages: usize,
    adjust: Adjust<P, T, E>,
}

type Adjust<P, T, E> = Rc<dyn Fn(QueryOptions<Pages<P, T>, E>) -> QueryOptions<Pages<P, T>, E>>;

impl<P: Clone, T, E> Clone for InfiniteOptions<P, T, E> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            initial: self.initial.clone(),
            fetch: Rc::clone(&self.fetch),
            next: self.next.clone(),
            previous: self.previous.clone(),
            max_pages: self.max_pages,
            first_pages: self.first_pages,
            adjust: Rc::clone(&self.adjust),
        }
    }
}

/// Which way the next fetch is to grow, and which fetch that turned out to be.
#[derive(Default)]
pub(super) struct Request {
    wanted: Option<PageDirection>,
    fetch: Option<CancelSignal>,
}

impl Request {
    pub(super) fn want(&mut self, direction: PageDirection) {
        *self = Self {
            wanted: Some(direction),
            fetch: None,
        };
    }

    /// The direction of the fetch with this signal. Retries are the same fetch; any other one fetches all pages anew.
    fn of(&mut self, fetch: &CancelSignal) -> Option<PageDirection> {
        let bound = self.fetch.get_or_insert_with(|| fetch.clone());
        self.wanted.filter(|_| bound.same(fetch))
    }
}

impl<P, T, E> InfiniteOptions<P, T, E>
where
    P: Clone + PartialEq + Send + Sync + 'static,
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// A query whose first page is fetched with `initial` (rule 92).
    pub fn new<F, Fut>(key: impl Into<QueryKey>, initial: P, fetch: F) -> Self
    where
        F: Fn(FetchContext, P) -> Fut + 'static,
        Fut: Future<Output = Result<T, E>> + 'static,
    {
        Self {
            key: key.into(),
            initial,
            fetch: Rc::new(move |context, param| fetch(context, param).boxed_local()),
            next: None,
            previous: None,
            max_pages: usize::MAX,
            first_pages: 1,
            adjust: Rc::new(|options| options),
        }
    }

    /// The parameter of the page after those held; `None`: there is none (rule 94).
    pub fn next_page(
        self,
        param: impl Fn(&Pages<P, T>) -> Option<P> + Send + Sync + 'static,
    ) -> Self {
        Self {
            next: Some(Arc::new(param)),
            ..self
        }
    }

    /// The parameter of the page before those held; `None`: there is none.
    pub fn previous_page(
        self,
        param: impl Fn(&Pages<P, T>) -> Option<P> + Send + Sync + 'static,
    ) -> Self {
        Self {
            previous: Some(Arc::new(param)),
            ..self
        }
    }

    /// How many pages are held at most; growing beyond drops pages at the far end (rule 94). Default: no limit.
    pub fn max_pages(self, pages: usize) -> Self {
        Self {
            max_pages: pages.max(1),
            ..self
        }
    }

    /// How many pages the first fetch brings, if there are so many (rule 96). Default: one.
    pub fn first_pages(self, pages: usize) -> Self {
        Self {
            first_pages: pages.max(1),
            ..self
        }
    }

    /// All other options, those of an ordinary query.
    pub fn with(
        self,
        adjust: impl Fn(QueryOptions<Pages<P, T>, E>) -> QueryOptions<Pages<P, T>, E> + 'static,
    ) -> Self {
        Self {
            adjust: Rc::new(adjust),
            ..self
        }
    }

    /// The ordinary query, for `prefetch_query` and the like.
    pub fn into_query(self) -> QueryOptions<Pages<P, T>, E> {
        self.query(Rc::default())
    }

    pub(super) fn query(self, request: Rc<RefCell<Request>>) -> QueryOptions<Pages<P, T>, E> {
        let adjust = Rc::clone(&self.adjust);
        let key = self.key.clone();
        adjust(QueryOptions::new(key, move |context| {
            // Not `context.signal()`: looking which fetch this is does not make it cancellable.
            let direction = request.borrow_mut().of(&context.signal);
            let held = context.client.held::<Pages<P, T>>(&context.key);
            self.clone().run(context, direction, held)
        }))
    }

    async fn run(
        self,
        context: FetchContext,
        direction: Option<PageDirection>,
        held: Option<Arc<Pages<P, T>>>,
    ) -> Result<Pages<P, T>, E> {
        match (direction, held.filter(|held| !held.pages.is_empty())) {
            (Some(direction), Some(held)) => self.grow(context, direction, &held).await,
            (_, held) => self.all(context, held.as_deref()).await,
        }
    }

    /// One page more; the same pages if there is no further one.
    async fn grow(
        &self,
        context: FetchContext,
        direction: PageDirection,
        held: &Pages<P, T>,
    ) -> Result<Pages<P, T>, E> {
        let mut pages = held.clone();
        let param = match direction {
            PageDirection::Next => self.next.as_ref().and_then(|next| next(held)),
            PageDirection::Previous => self.previous.as_ref().and_then(|previous| previous(held)),
        };
        let Some(param) = param else { return Ok(pages) };
        let page = Arc::new((self.fetch)(context, param.clone()).await?);
        match direction {
            PageDirection::Next => {
                pages.pages.push(page);
                pages.params.push(param);
                let beyond = pages.pages.len().saturating_sub(self.max_pages);
                pages.pages.drain(..beyond);
                pages.params.drain(..beyond);
            }
            PageDirection::Previous => {
                pages.pages.insert(0, page);
                pages.params.insert(0, param);
                pages.pages.truncate(self.max_pages);
                pages.params.truncate(self.max_pages);
            }
        }
        Ok(pages)
    }

    /// As many pages as are held, each asked for anew by what the one before says (rule 93).
    async fn all(
        &self,
        context: FetchContext,
        held: Option<&Pages<P, T>>,
    ) -> Result<Pages<P, T>, E> {
        let wanted = held.map_or(self.first_pages, |held| held.pages.len());
        let first = held.and_then(|held| held.params.first().cloned());
        let mut param = first.unwrap_or_else(|| self.initial.clone());
        let mut pages = Pages::default();
        loop {
            let page = (self.fetch)(context.clone(), param.clone()).await?;
            pages.pages.push(Arc::new(page));
            pages.params.push(param);
            let next = self.next.as_ref().filter(|_| pages.pages.len() < wanted);
            match next.and_then(|next| next(&pages)) {
                Some(next) => param = next,
                None => return Ok(pages),
            }
        }
    }
}
