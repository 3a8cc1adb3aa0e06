//! `use_query`: a query for as long as the current owner lives.

use std::rc::Rc;
use std::sync::Arc;

use reactive_graph::computed::suspense::SuspenseContext;
use reactive_graph::effect::RenderEffect;
use reactive_graph::graph::untrack;
use reactive_graph::owner::{ArenaItem, LocalStorage, on_cleanup, use_context};
use reactive_graph::signal::{ArcReadSignal, ArcRwSignal};
use reactive_graph::traits::{Get, Track};
use send_wrapper::SendWrapper;

use super::client::use_query_client;
use super::options::QueryOptions;
use super::shown::Flag;
use super::watch::Watch;
use crate::core::options::Overlap;
use crate::core::time::Time;
use crate::core::value::QueryError;
use crate::core::view::{FetchStatus, Status};

/// A query, observed while the owner that called [`use_query`] lives. Copy it into as many closures as needed.
///
/// Each method gives the signal of one field; what reads one field re-runs only when that field changes. Once the owner is
/// gone, the handle reads as a query without data.
pub struct UseQuery<T: 'static, E: 'static>(ArenaItem<Rc<Watch<T, E>>, LocalStorage>);

impl<T, E> Clone for UseQuery<T, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, E> Copy for UseQuery<T, E> {}

/// Observes the query that `options` describes, until the current owner is cleaned up. `options` is reactive: when a signal
/// it reads changes, it is asked again, and the observer follows to the new key or the new wishes (rule 61).
///
/// Data that is in the cache is there at once, in the first render. Call it under an owner (any component); without one
/// nothing would ever end the observation.
///
/// ```
/// use bedside_query::{query_key, use_query, QueryOptions};
/// use reactive_graph::{owner::Owner, signal::RwSignal, traits::{Get, GetUntracked}};
///
/// # any_spawner::Executor::init_tokio().ok();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tokio::task::LocalSet::new().run_until(async {
/// let owner = Owner::new();
/// owner.with(|| {
///     let id = RwSignal::new(7_u32);
///     let patient = use_query(move || {
///         let id = id.get();
///         QueryOptions::new(query_key!["patients", id], move |_| async move { Ok::<_, String>(format!("patient {id}")) })
///     });
///     // A view reads `patient.data().get()`; it is `None` until the first answer.
///     assert!(patient.is_loading().get_untracked());
///     assert_eq!(patient.data().get_untracked(), None);
/// });
/// # }));
/// ```
pub fn use_query<T, E>(options: impl Fn() -> QueryOptions<T, E> + 'static) -> UseQuery<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let watch = Rc::new(Watch::new(&use_query_client()));
    let follows = RenderEffect::new({
        let watch = Rc::clone(&watch);
        move |_: Option<()>| {
            let options = options();
            untrack(|| Watch::observe(&watch, options));
        }
    });
    let held = SendWrapper::new((follows, Rc::clone(&watch)));
    on_cleanup(move || {
        let (follows, watch) = held.take();
        drop(follows);
        watch.release();
    });
    UseQuery(ArenaItem::new_with_storage(watch))
}

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident: $flag:ident;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> ArcReadSignal<bool> {
                self.flag(Flag::$flag)
            }
        )*
    };
}

impl<T, E> UseQuery<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn watch(&self) -> Option<Rc<Watch<T, E>>> {
        self.0.try_get_value()
    }

    fn field<V: Default + Send + Sync + 'static>(
        &self,
        read: impl FnOnce(&Watch<T, E>) -> ArcReadSignal<V>,
    ) -> ArcReadSignal<V> {
        match self.watch() {
            Some(watch) => read(&watch),
            None => ArcRwSignal::new(V::default()).read_only(),
        }
    }

    fn flag(&self, flag: Flag) -> ArcReadSignal<bool> {
        self.field(|watch| {
            watch
                .fields
                .flag(flag, &watch.now().plain)
                .unwrap_or_else(|| ArcRwSignal::new(false).read_only())
        })
    }

    /// The data, optimistic changes and placeholder included. Equal data is the same `Arc`.
    #[must_use]
    pub fn data(&self) -> ArcReadSignal<Option<Arc<T>>> {
        self.field(|watch| watch.fields.data.read(|| watch.now().data))
    }

    /// Why the last fetch failed for good; `None` once one succeeds.
    #[must_use]
    pub fn error(&self) -> ArcReadSignal<Option<QueryError<E>>> {
        self.field(|watch| watch.fields.error.read(|| watch.now().error))
    }

    /// Why the last attempt failed, while it is being repeated.
    #[must_use]
    pub fn failure_reason(&self) -> ArcReadSignal<Option<QueryError<E>>> {
        self.field(|watch| {
            watch
                .fields
                .failure_reason
                .read(|| watch.now().failure_reason)
        })
    }

    /// What there is to show.
    #[must_use]
    pub fn status(&self) -> ArcReadSignal<Status> {
        self.field(|watch| watch.fields.status.read(|| watch.now().plain.status))
    }

    /// What the query is doing.
    #[must_use]
    pub fn fetch_status(&self) -> ArcReadSignal<FetchStatus> {
        self.field(|watch| {
            watch
                .fields
                .fetch_status
                .read(|| watch.now().plain.fetch_status)
        })
    }

    /// Failed attempts of the running or last fetch.
    #[must_use]
    pub fn failure_count(&self) -> ArcReadSignal<u32> {
        self.field(|watch| {
            watch
                .fields
                .failure_count
                .read(|| watch.now().plain.failure_count)
        })
    }

    /// When the data was fetched or written; patches don't count.
    #[must_use]
    pub fn data_updated_at(&self) -> ArcReadSignal<Option<Time>> {
        self.field(|watch| {
            watch
                .fields
                .data_updated_at
                .read(|| watch.now().plain.data_updated_at)
        })
    }

    /// When the query last failed for good.
    #[must_use]
    pub fn error_updated_at(&self) -> ArcReadSignal<Option<Time>> {
        self.field(|watch| {
            watch
                .fields
                .error_updated_at
                .read(|| watch.now().plain.error_updated_at)
        })
    }

    flags! {
        /// No data and no error yet.
        is_pending: Pending;
        /// There is data, and the last fetch did not fail.
        is_success: Success;
        /// The last fetch failed.
        is_error: Error;
        /// Fetching for the first time: pending and fetching (rule 25).
        is_loading: Loading;
        /// Fetching, for the first time or again.
        is_fetching: Fetching;
        /// Fetching again.
        is_refetching: Refetching;
        /// Wants to fetch, but the network is away.
        is_paused: Paused;
        /// The first fetch failed.
        is_loading_error: LoadingError;
        /// A later fetch failed; its predecessor's data is still there.
        is_refetch_error: RefetchError;
        /// The data has outlived its stale time or was invalidated.
        is_stale: Stale;
        /// Someone said that the data is out of date, and no fetch has succeeded since.
        is_invalidated: Invalidated;
        /// The data includes optimistic changes.
        is_optimistic: Optimistic;
        /// The data is a placeholder.
        is_placeholder_data: Placeholder;
        /// A fetch or write has settled, ever.
        is_fetched: Fetched;
        /// A fetch or write has settled since this observer came.
        is_fetched_after_mount: FetchedAfterMount;
    }

    /// Fetches again, now: the fetch starts whether or not the future is polled. While one runs, one more follows it.
    pub fn refetch(
        &self,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E> {
        self.refetch_with(Overlap::Owe)
    }

    /// As [`refetch`](Self::refetch), with a say in what happens to a fetch that runs.
    pub fn refetch_with(
        &self,
        overlap: Overlap,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E> {
        let settled = self.watch().map(|watch| watch.refetch(overlap));
        async move {
            match settled {
                Some(settled) => settled.await,
                None => Err(QueryError::Cancelled),
            }
        }
    }

    /// Resolves with the data once there is any, or with the error of the first fetch. For `Suspend`.
    pub fn ready(&self) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E> {
        let settled = self.watch().map(|watch| watch.ready());
        async move {
            match settled {
                Some(settled) => settled.await,
                None => Err(QueryError::Cancelled),
            }
        }
    }

    /// The data, reactively, telling the `<Suspense/>` or `<Transition/>` around the caller to wait while the first fetch
    /// runs. A hit is there at once, with no flash of the fallback.
    #[must_use]
    pub fn suspend(&self) -> Option<Arc<T>> {
        let data = self.data().get();
        let loading = self.is_loading();
        loading.track();
        if data.is_none()
            && untrack(|| loading.get())
            && let (Some(watch), Some(boundary)) = (self.watch(), use_context::<SuspenseContext>())
        {
            watch.suspend(&boundary);
        }
        data
    }

    /// A signal of part of the data, or of something computed from it, that wakes its readers only when that changed
    /// (rule 65). Made for the current owner.
    ///
    /// ```
    /// use bedside_query::{query_key, use_query, QueryOptions};
    /// # use bedside_query::{provide_query_client, ClientOptions, ManualRuntime, QueryClient};
    /// use reactive_graph::traits::GetUntracked;
    ///
    /// # any_spawner::Executor::init_tokio().ok();
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tokio::task::LocalSet::new().run_until(async {
    /// # let (owner, runtime) = (reactive_graph::owner::Owner::new(), ManualRuntime::new());
    /// # owner.with(|| {
    /// # provide_query_client(QueryClient::new(ClientOptions::default().runtime(runtime.clone())));
    /// let beds = use_query(|| QueryOptions::new(query_key!["beds"], |_| async { Ok::<u32, String>(24) }));
    /// # runtime.settle();
    /// let full = beds.select(|beds| *beds == 0);
    /// assert_eq!(full.get_untracked(), Some(false));
    /// # });
    /// # }));
    /// ```
    #[must_use]
    pub fn select<U: PartialEq + Send + Sync + 'static>(
        &self,
        select: impl Fn(&T) -> U + Send + Sync + 'static,
    ) -> reactive_graph::computed::Memo<Option<U>> {
        let data = self.data();
        reactive_graph::computed::Memo::new(move |_| data.get().as_deref().map(&select))
    }
}
