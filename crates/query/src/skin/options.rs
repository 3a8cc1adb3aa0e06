//! A query as a caller writes it down: key, fetcher, wishes. Types come off here; nothing is done yet.

use std::any::type_name;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::client::QueryClient;
use super::defaults::QueryDefaults;
use super::entries::Entries;
use super::erased::ErasedOptions;
use crate::core::Outcome;
use crate::core::options::{
    Enabled, GcTime, InBackground, Interval, NetworkMode, Placeholder, RefetchOn, Retry,
    RetryDelay, RetryOnMount, RetryWhen, StaleTime,
};
use crate::core::signal::CancelSignal;
use crate::core::time::Time;
use crate::core::value::{Codec, Failure, TypeTag, Value};
use crate::deps::{Shape, TableDep};
use crate::key::QueryKey;
use crate::rows::{Row, RowOps, RowSet, Rows};

/// A fetcher, its types erased.
pub(crate) type Source = Rc<dyn Fn(FetchContext) -> LocalBoxFuture<'static, Outcome>>;

/// What a fetcher is told.
#[derive(Clone)]
pub struct FetchContext {
    pub(crate) key: QueryKey,
    pub(crate) signal: CancelSignal,
    pub(crate) client: QueryClient,
    /// Said by a source whose answer is of an earlier time.
    pub(super) as_of: Rc<Cell<Option<Time>>>,
}

impl FetchContext {
    /// The key of the query that is fetched.
    #[must_use]
    pub fn key(&self) -> &QueryKey {
        &self.key
    }

    /// The cache.
    #[must_use]
    pub fn client(&self) -> &QueryClient {
        &self.client
    }

    /// The sign that this fetch was cancelled. Asking for it makes the fetch cancellable: see [`CancelSignal`].
    #[must_use]
    pub fn signal(&self) -> CancelSignal {
        self.signal.take()
    }
}

/// A query: its key, how to fetch it, and how it is to be treated. `T` is its data, `E` the fetcher's error.
///
/// What is not said here comes from the client's defaults; see [`QueryDefaults`].
///
/// ```
/// use bedside_query::{query_key, QueryOptions};
/// use std::time::Duration;
///
/// fn patient(id: u32) -> QueryOptions<String, std::io::Error> {
///     QueryOptions::new(query_key!["patients", id], move |_| async move { Ok(format!("patient {id}")) })
///         .stale_time(Duration::from_secs(60))
///         .enabled(id != 0)
/// }
/// # let _ = patient(1);
/// ```
#[must_use]
pub struct QueryOptions<T, E> {
    pub(super) erased: ErasedOptions,
    pub(super) types: PhantomData<fn() -> (T, E)>,
}

impl<T, E> Clone for QueryOptions<T, E> {
    fn clone(&self) -> Self {
        Self {
            erased: self.erased.clone(),
            types: PhantomData,
        }
    }
}

impl<T: PartialEq + Send + Sync + 'static, E: Send + Sync + 'static> QueryOptions<T, E> {
    /// A query with a fetcher. The future need not be `Send`; dropping it must stop it, since that is how a fetch is
    /// cancelled.
    pub fn new<F, Fut>(key: impl Into<QueryKey>, fetcher: F) -> Self
    where
        F: Fn(FetchContext) -> Fut + 'static,
        Fut: Future<Output = Result<T, E>> + 'static,
    {
        let source: Source = Rc::new(move |context| erased(fetcher(context)).boxed_local());
        let mut options = Self::without_fetcher(key);
        options.erased.source = Some(source);
        options
    }

    /// A query that others fetch or write, and this caller only reads; an explicit refetch borrows the fetcher of whoever
    /// has one (rule 39).
    pub fn without_fetcher(key: impl Into<QueryKey>) -> Self {
        Self {
            erased: ErasedOptions::new(key.into(), TypeTag::of::<T>),
            types: PhantomData,
        }
    }

    /// A query that must not be fetched yet, because what its fetcher needs is not there (rule 64): it only shows what is in
    /// the cache.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryOptions};
    ///
    /// let patient = |id: Option<u32>| match id {
    ///     Some(id) => QueryOptions::new(query_key!["patient", id], move |_| async move { Ok::<_, String>(id) }),
    ///     None => QueryOptions::skip(query_key!["patient"]),
    /// };
    /// assert_eq!(patient(None).key(), &query_key!["patient"]);
    /// ```
    pub fn skip(key: impl Into<QueryKey>) -> Self {
        Self::without_fetcher(key).enabled(Enabled::No)
    }

    /// Whether it fetches by itself; accepts a `bool`. Default: yes.
    pub fn enabled(mut self, enabled: impl Into<Enabled>) -> Self {
        self.erased.enabled = enabled.into();
        self
    }

    /// How long data is fresh. Default: stale at once.
    pub fn stale_time(self, stale_time: impl Into<StaleTime>) -> Self {
        self.wishing(|wishes| wishes.stale_time(stale_time))
    }

    /// How long an unobserved query is kept. Default: five minutes.
    pub fn gc_time(self, gc_time: impl Into<GcTime>) -> Self {
        self.wishing(|wishes| wishes.gc_time(gc_time))
    }

    /// How often a failed fetch is tried again. Default: three times.
    pub fn retry(self, retry: Retry) -> Self {
        self.wishing(|wishes| wishes.retry(retry))
    }

    /// Tries again while the closure says so, given the failures so far, from 0, and the error.
    pub fn retry_if(self, again: impl Fn(u32, &E) -> bool + Send + Sync + 'static) -> Self {
        let when = RetryWhen(Arc::new(move |failures, error: &Value| {
            error
                .downcast_ref::<E>()
                .is_some_and(|error| again(failures, error))
        }));
        self.retry(Retry::When(when))
    }

    /// How long to wait before trying again. Default: 1 s, doubled each time, 30 s at most.
    pub fn retry_delay(self, delay: RetryDelay) -> Self {
        self.wishing(|wishes| wishes.retry_delay(delay))
    }

    /// What being offline means. Default: fetches wait.
    pub fn network_mode(self, mode: NetworkMode) -> Self {
        self.wishing(|wishes| wishes.network_mode(mode))
    }

    /// Whether mounting fetches data that is there. Default: if stale.
    pub fn refetch_on_mount(self, on: RefetchOn) -> Self {
        self.wishing(|wishes| wishes.refetch_on_mount(on))
    }

    /// Whether the page being seen again fetches. Default: if stale.
    pub fn refetch_on_focus(self, on: RefetchOn) -> Self {
        self.wishing(|wishes| wishes.refetch_on_focus(on))
    }

    /// Whether the network coming back fetches. Default: if stale.
    pub fn refetch_on_reconnect(self, on: RefetchOn) -> Self {
        self.wishing(|wishes| wishes.refetch_on_reconnect(on))
    }

    /// Whether mounting fetches a query that failed without ever having had data. Default: yes.
    pub fn retry_on_mount(self, retry: RetryOnMount) -> Self {
        self.wishing(|wishes| wishes.retry_on_mount(retry))
    }

    /// Polling. Default: off.
    pub fn refetch_interval(self, every: impl Into<Interval>) -> Self {
        self.wishing(|wishes| wishes.refetch_interval(every))
    }

    /// Whether polling goes on while the page is hidden. Default: it rests.
    pub fn refetch_in_background(self, background: InBackground) -> Self {
        self.wishing(|wishes| wishes.refetch_in_background(background))
    }

    /// What to show while there is no data; never enters the cache (rule 66).
    pub fn placeholder(mut self, data: T) -> Self {
        self.erased.placeholder = Placeholder::Value(Arc::new(data));
        self
    }

    /// What to show while there is no data, given what this observer showed last (rule 67).
    pub fn placeholder_with(
        mut self,
        make: impl Fn(Option<Arc<T>>) -> Option<Arc<T>> + Send + Sync + 'static,
    ) -> Self {
        let make = move |last: Option<&Value>| {
            let last = last.and_then(|last| Arc::clone(last).downcast::<T>().ok());
            make(last).map(|data| data as Value)
        };
        self.erased.placeholder = Placeholder::With(Arc::new(make));
        self
    }

    /// Shows the previous key's data until the new key's comes (rule 67).
    pub fn keep_previous_data(mut self) -> Self {
        self.erased.placeholder = Placeholder::Previous;
        self
    }

    /// Data that the query is born with, as if fetched now (rule 17).
    pub fn initial_data(mut self, data: T) -> Self {
        self.erased.initial = Some((Arc::new(data), None));
        self
    }

    /// Data that the query is born with, as if fetched then.
    pub fn initial_data_at(mut self, data: T, updated_at: Time) -> Self {
        self.erased.initial = Some((Arc::new(data), Some(updated_at)));
        self
    }

    /// What the data is made from: a change of it, as told by [`QueryClient::apply`](crate::QueryClient::apply),
    /// invalidates the query. For data that changes can be patched into, see [`rows`](Self::rows) and
    /// [`row`](Self::row).
    pub fn deps(mut self, deps: impl IntoIterator<Item = TableDep>) -> Self {
        self.erased.deps = deps.into_iter().collect();
        self
    }

    /// What the data is made from besides what was said before.
    pub fn and_deps(mut self, deps: impl IntoIterator<Item = TableDep>) -> Self {
        self.erased.deps = self.erased.deps.iter().cloned().chain(deps).collect();
        self
    }

    /// Lets the data leave this page: it is dehydrated, persisted and shared between tabs as JSON, and comes back that way.
    pub fn persisted(mut self) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        self.erased.codec = Some(Codec::of::<T>());
        self
    }

    /// Keeps the data in an entry of its own: the first fetch takes it from there, with the time it was of, and fetches it
    /// if it is stale to whoever looks (rule 115). Say it after the fetcher; the network mode is then
    /// [`OfflineFirst`](NetworkMode::OfflineFirst), unless it was said otherwise, since an entry needs no network.
    ///
    /// See [`Entries`] for a store.
    pub fn kept_in(mut self, entries: &Entries) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let codec = Codec::of::<T>();
        self.erased.source = self
            .erased
            .source
            .map(|source| entries.around(source, codec));
        self.wishing(|wishes| {
            let under = QueryDefaults::default().network_mode(NetworkMode::OfflineFirst);
            wishes.over(&under)
        })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &QueryKey {
        &self.erased.key
    }

    fn wishing(mut self, wish: impl FnOnce(QueryDefaults) -> QueryDefaults) -> Self {
        self.erased.settings = wish(std::mem::take(&mut self.erased.settings));
        self
    }
}

impl<R: Row, E: Send + Sync + 'static> QueryOptions<Rows<R>, E> {
    /// The data are the rows that `dep` describes: changes of them are patched in where that can be decided.
    pub fn rows(mut self, dep: TableDep) -> Self {
        self.erased.deps = Arc::from([dep]);
        self.erased.rows = Some(RowOps::list::<R>());
        self
    }
}

impl<S: RowSet, E: Send + Sync + 'static> QueryOptions<S, E> {
    /// The data shows rows that `dep` describes: changes of those are patched in; one that may concern rows that are not shown
    /// invalidates.
    pub fn row_set(mut self, dep: TableDep) -> Self {
        self.erased.deps = Arc::from([dep.shaped(Shape::Page)]);
        self.erased.rows = Some(RowOps::set::<S>());
        self
    }
}

impl<R: Row, E: Send + Sync + 'static> QueryOptions<R, E> {
    /// The data is the one row that `dep` describes: changes of it are patched in.
    pub fn row(mut self, dep: TableDep) -> Self {
        self.erased.deps = Arc::from([dep]);
        self.erased.rows = Some(RowOps::single::<R>());
        self
    }
}

/// Takes the types off a fetcher's or mutation's future.
pub(crate) async fn erased<T, E>(future: impl Future<Output = Result<T, E>>) -> Outcome
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    match future.await {
        Ok(data) => Ok(Arc::new(data)),
        Err(error) => Err(Failure::Own(Arc::new(error))),
    }
}

/// What a caught panic says.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or(type_name::<dyn std::any::Any>());
    Failure::Panicked(text.into())
}

/// An erased future with panics caught where they unwind.
pub(crate) async fn guarded(run: impl Future<Output = Outcome>) -> Outcome {
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panicked(&*panic)),
    }
}
