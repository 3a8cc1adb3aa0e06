//! `use_infinite_query`: a query that grows page by page, for as long as the current owner lives.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use reactive_graph::computed::Memo;
use reactive_graph::graph::untrack;
use reactive_graph::owner::{ArenaItem, LocalStorage};
use reactive_graph::signal::{ArcReadSignal, ArcRwSignal};
use reactive_graph::traits::{Get, Set};

use super::client::{QueryClient, use_query_client};
use super::infinite::{InfiniteOptions, PageDirection, Pages, Request};
use super::use_query::{UseQuery, use_query};
use crate::core::fetch::Tries;
use crate::core::options::Overlap;
use crate::core::value::QueryError;

/// An infinite query. Copy it freely.
pub struct UseInfiniteQuery<P: 'static, T: 'static, E: 'static> {
    query: UseQuery<Pages<P, T>, E>,
    inner: ArenaItem<Rc<Growing<P, T, E>>, LocalStorage>,
}

impl<P, T, E> Clone for UseInfiniteQuery<P, T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, T, E> Copy for UseInfiniteQuery<P, T, E> {}

struct Growing<P, T, E> {
    client: QueryClient,
    /// What the hook was last told to observe.
    options: RefCell<Option<InfiniteOptions<P, T, E>>>,
    request: Rc<RefCell<Request>>,
    direction: ArcRwSignal<Option<PageDirection>>,
}

/// Observes the infinite query that `options` describes, until the current owner is cleaned up. `options` is reactive, as
/// in [`use_query`].
///
/// ```
/// use bedside_query::{query_key, use_infinite_query, InfiniteOptions};
/// # use bedside_query::{provide_query_client, ClientOptions, ManualRuntime, QueryClient};
/// use reactive_graph::traits::GetUntracked;
///
/// # any_spawner::Executor::init_tokio().ok();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tokio::task::LocalSet::new().run_until(async {
/// # let (owner, runtime) = (reactive_graph::owner::Owner::new(), ManualRuntime::new());
/// # owner.with(|| {
/// # provide_query_client(QueryClient::new(ClientOptions::default().runtime(runtime.clone())));
/// let visits = use_infinite_query(|| {
///     InfiniteOptions::new(query_key!["visits"], 0_u32, |_, page| async move { Ok::<_, String>(vec![page]) })
///         .next_page(|held| held.params.last().filter(|page| **page < 9).map(|page| page + 1))
///         .max_pages(5)
/// });
/// assert!(!visits.has_next_page().get_untracked(), "unknown until the first page arrives");
/// # runtime.settle();
/// drop(visits.fetch_next_page());
/// # runtime.settle();
/// assert_eq!(visits.data().get_untracked().map(|held| held.params.clone()), Some(vec![0, 1]));
/// # });
/// # }));
/// ```
pub fn use_infinite_query<P, T, E>(
    options: impl Fn() -> InfiniteOptions<P, T, E> + 'static,
) -> UseInfiniteQuery<P, T, E>
where
    P: Clone + PartialEq + Send + Sync + 'static,
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let growing = Rc::new(Growing {
        client: use_query_client(),
        options: RefCell::new(None),
        request: Rc::default(),
        direction: ArcRwSignal::new(None),
    });
    let query = use_query({
        let growing = Rc::clone(&growing);
        move || {
            let options = options();
            growing.options.replace(Some(options.clone()));
            options.query(Rc::clone(&growing.request))
        }
    });
    UseInfiniteQuery {
        query,
        inner: ArenaItem::new_with_storage(growing),
    }
}

impl<P, T, E> UseInfiniteQuery<P, T, E>
where
    P: Clone + PartialEq + Send + Sync + 'static,
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// The query itself: data, states, `refetch`.
    #[must_use]
    pub fn query(&self) -> UseQuery<Pages<P, T>, E> {
        self.query
    }

    /// The pages.
    #[must_use]
    pub fn data(&self) -> ArcReadSignal<Option<Arc<Pages<P, T>>>> {
        self.query.data()
    }

    /// Whether there is a page after those held (rule 94). Made for the current owner.
    #[must_use]
    pub fn has_next_page(&self) -> Memo<bool> {
        self.has_page(|options| options.next.clone())
    }

    /// Whether there is a page before those held. Made for the current owner.
    #[must_use]
    pub fn has_previous_page(&self) -> Memo<bool> {
        self.has_page(|options| options.previous.clone())
    }

    fn has_page<F>(
        &self,
        param: impl Fn(&InfiniteOptions<P, T, E>) -> Option<Arc<F>> + 'static,
    ) -> Memo<bool>
    where
        F: Fn(&Pages<P, T>) -> Option<P> + ?Sized + 'static,
    {
        let (query, inner) = (self.query, self.inner);
        let param = send_wrapper::SendWrapper::new(param);
        Memo::new(move |_| {
            let pages = query.data().get();
            let param = inner
                .try_get_value()
                .and_then(|growing| growing.options.borrow().as_ref().and_then(&*param));
            pages
                .zip(param)
                .is_some_and(|(pages, param)| param(&pages).is_some())
        })
    }

    /// Whether the page after those held is being fetched. Made for the current owner.
    #[must_use]
    pub fn is_fetching_next_page(&self) -> Memo<bool> {
        self.is_fetching(PageDirection::Next)
    }

    /// Whether the page before those held is being fetched. Made for the current owner.
    #[must_use]
    pub fn is_fetching_previous_page(&self) -> Memo<bool> {
        self.is_fetching(PageDirection::Previous)
    }

    fn is_fetching(&self, way: PageDirection) -> Memo<bool> {
        let (query, inner) = (self.query, self.inner);
        Memo::new(move |_| {
            let fetching = query.is_fetching().get();
            let direction = inner
                .try_get_value()
                .and_then(|growing| growing.direction.get());
            fetching && direction == Some(way)
        })
    }

    /// Fetches the page after those held; nothing if there is none. A fetch of all pages that runs is replaced. It starts
    /// whether or not the future is polled.
    pub fn fetch_next_page(
        &self,
    ) -> impl Future<Output = Result<Arc<Pages<P, T>>, QueryError<E>>> + Send + use<P, T, E> {
        self.fetch_page(PageDirection::Next)
    }

    /// Fetches the page before those held; nothing if there is none.
    pub fn fetch_previous_page(
        &self,
    ) -> impl Future<Output = Result<Arc<Pages<P, T>>, QueryError<E>>> + Send + use<P, T, E> {
        self.fetch_page(PageDirection::Previous)
    }

    fn fetch_page(
        &self,
        direction: PageDirection,
    ) -> impl Future<Output = Result<Arc<Pages<P, T>>, QueryError<E>>> + Send + use<P, T, E> {
        let started = self.inner.try_get_value().and_then(|growing| {
            let options = untrack(|| growing.options.borrow().clone())?;
            let client = growing.client.clone();
            growing.request.borrow_mut().want(direction);
            growing.direction.set(Some(direction));
            let query = options.query(Rc::clone(&growing.request));
            let key = query.key().clone();
            // This hook's fetcher must be the query's: it is the one that knows of the request.
            let id = client.prepare(query.erased).ok()?;
            client.run(|core| core.fetch(id, Overlap::Replace, Tries::AsConfigured));
            let settled = client.wait_for(id);
            let direction = growing.direction.clone();
            Some(async move {
                let outcome = super::data::typed(settled.await, &key);
                direction.set(None);
                outcome
            })
        });
        let started = started.map(|settled| {
            // Polled by itself, so that the direction ends also if nobody awaits the page.
            let (done, result) = futures::channel::oneshot::channel();
            if let Some(growing) = self.inner.try_get_value() {
                growing.client.inner.runtime.spawn(Box::pin(async move {
                    let _ = done.send(settled.await);
                }));
            }
            result
        });
        async move {
            match started {
                Some(result) => result.await.unwrap_or(Err(QueryError::Cancelled)),
                None => Err(QueryError::Cancelled),
            }
        }
    }
}
