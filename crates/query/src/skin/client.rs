//! The client: one cheap handle to one cache, its options, and how it is provided to an app.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::AbortHandle;
use reactive_graph::owner::{provide_context, use_context};
use reactive_graph::signal::ArcRwSignal;
use send_wrapper::SendWrapper;
use slotmap::SecondaryMap;

use super::defaults::QueryDefaults;
use super::lifecycle::Job;
use super::options::Source;
use super::runtime::Runtime;
use crate::core::event::Event;
use crate::core::options::GcTime;
use crate::core::{Core, Effect, FetchId, MutationId, ObserverId, Outcome, QueryId};
use crate::key::QueryKey;

/// A handle to a cache. Clone it freely: every clone is the same cache.
///
/// The handle is `Send + Sync` so that it may stand in contexts and signals, but the cache belongs to the thread that made
/// it, as everything of a page does.
///
/// ```
/// use bedside_query::{query_key, QueryClient};
///
/// let client = QueryClient::default();
/// client.set_query_data(query_key!["ward", "4B", "beds"], 24_u32)?;
/// assert_eq!(client.get_query_data::<u32>(&query_key!["ward", "4B", "beds"])?.as_deref(), Some(&24));
/// # Ok::<(), bedside_query::TypeMismatch>(())
/// ```
#[derive(Clone)]
pub struct QueryClient {
    pub(super) inner: SendWrapper<Rc<Inner>>,
}

/// What shows an observer's state; told when that may have changed, with nothing borrowed.
pub(super) trait Sink {
    fn update(&self, client: &QueryClient, observer: ObserverId);
}

pub(super) type Posted = Box<dyn FnOnce(&mut Core<Source>)>;
pub(super) type Listener = Rc<dyn Fn(&Event)>;

pub(super) struct Inner {
    pub(super) core: RefCell<Core<Source>>,
    pub(super) runtime: Rc<dyn Runtime>,
    /// Commands given while the core was busy with the closure that gave them.
    pub(super) posted: RefCell<VecDeque<Posted>>,
    pub(super) flushing: Cell<bool>,
    pub(super) batches: Cell<u32>,
    pub(super) tasks: RefCell<HashMap<FetchId, AbortHandle>>,
    pub(super) sinks: RefCell<SecondaryMap<ObserverId, Rc<dyn Sink>>>,
    pub(super) waiters: RefCell<SecondaryMap<QueryId, Vec<oneshot::Sender<Outcome>>>>,
    pub(super) jobs: RefCell<SecondaryMap<MutationId, Rc<Job>>>,
    /// Room for effects, lent to each round of carrying them out.
    pub(super) spare: RefCell<Vec<Effect<Source>>>,
    pub(super) listeners: RefCell<Vec<(u64, Listener)>>,
    pub(super) next_listener: Cell<u64>,
    pub(super) defaults: RefCell<Defaults>,
    /// Grows whenever a fetch or mutation starts or ends.
    pub(super) activity: ArcRwSignal<u64>,
    pub(super) cold: RefCell<super::hydrate::Cold>,
    /// Runs mutations of an earlier session, by key (rule 107).
    pub(super) revivers: RefCell<Vec<(QueryKey, super::lifecycle::Revive)>>,
    pub(super) on_save: RefCell<Option<Rc<dyn Fn()>>>,
    pub(super) hooks: CacheHooks,
}

type OnSettled = Arc<dyn Fn(&Settled) + Send + Sync>;

type OnMutation = Arc<dyn Fn(&MutationNews) + Send + Sync>;

/// Callbacks of the whole cache: once a fetch, whoever observes (rule 90), and at each step of a mutation (rule 97).
#[derive(Clone, Default)]
pub(super) struct CacheHooks {
    pub(super) settled: Option<OnSettled>,
    mutation: Option<OnMutation>,
}

/// A step of a mutation, for [`ClientOptions::on_mutation`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MutationNews {
    /// The mutation.
    pub id: MutationId,
    /// Its key, if its options say one.
    pub key: Option<QueryKey>,
    /// What happens to it.
    pub step: MutationStep,
}

/// What happens to a mutation. Each step is told before the mutation's own callback for it runs (rules 97, 98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MutationStep {
    /// It was called.
    Mutate,
    /// Its run succeeded.
    Success,
    /// It failed for good, in its run or in a callback of success; says how, without the error's own text.
    Error(&'static str),
    /// It is over, either way.
    Settled,
    /// A callback that follows a failure failed itself; nothing else tells of that (rule 101).
    CallbackFailed(&'static str),
}

/// How a fetch ended, for [`ClientOptions::on_settled`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settled {
    /// The query.
    pub key: QueryKey,
    /// Whether it has data now; otherwise what went wrong, without the error's own text.
    pub result: Result<(), &'static str>,
}

#[derive(Default)]
pub(super) struct Defaults {
    pub(super) client: QueryDefaults,
    /// In order of registration (rule 15).
    pub(super) prefixes: Vec<(QueryKey, QueryDefaults)>,
}

/// How a client is made.
#[derive(Default)]
#[must_use]
pub struct ClientOptions {
    defaults: QueryDefaults,
    runtime: Option<Rc<dyn Runtime>>,
    hooks: CacheHooks,
}

impl ClientOptions {
    /// Defaults for every query.
    pub fn defaults(self, defaults: QueryDefaults) -> Self {
        Self { defaults, ..self }
    }

    /// Another platform than the default one: the page in a browser, time by hand elsewhere.
    pub fn runtime(self, runtime: impl Runtime + 'static) -> Self {
        Self {
            runtime: Some(Rc::new(runtime)),
            ..self
        }
    }

    /// Called once for each settled fetch, however many observe it (rule 90).
    ///
    /// ```
    /// use bedside_query::{query_key, ClientOptions, ManualRuntime, QueryClient, QueryOptions};
    ///
    /// # let runtime = ManualRuntime::new();
    /// # let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
    /// # let beds = || QueryOptions::new(query_key!["beds"], |_| async { Ok::<u32, String>(24) });
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// static FETCHES: AtomicU32 = AtomicU32::new(0);
    /// let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()).on_settled(|_| {
    ///     FETCHES.fetch_add(1, Ordering::Relaxed);
    /// }));
    /// assert!(runtime.run(client.fetch_query(beds())).is_ok());
    /// assert_eq!(FETCHES.load(Ordering::Relaxed), 1);
    /// ```
    pub fn on_settled(mut self, call: impl Fn(&Settled) + Send + Sync + 'static) -> Self {
        self.hooks.settled = Some(Arc::new(call));
        self
    }

    /// Called at each step of each mutation, before the mutation's own callback (rules 97, 98).
    pub fn on_mutation(mut self, call: impl Fn(&MutationNews) + Send + Sync + 'static) -> Self {
        self.hooks.mutation = Some(Arc::new(call));
        self
    }
}

impl Default for QueryClient {
    fn default() -> Self {
        Self::new(ClientOptions::default())
    }
}

impl QueryClient {
    /// An empty cache.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let runtime = options.runtime.unwrap_or_else(|| {
            #[cfg(target_arch = "wasm32")]
            let runtime = super::runtime::BrowserRuntime::default();
            #[cfg(not(target_arch = "wasm32"))]
            let runtime = super::runtime::ManualRuntime::new();
            Rc::new(runtime)
        });
        let defaults = Defaults {
            client: options.defaults,
            prefixes: Vec::new(),
        };
        let inner = Inner {
            core: RefCell::new(Core::new()),
            runtime,
            posted: RefCell::default(),
            flushing: Cell::new(false),
            batches: Cell::new(0),
            tasks: RefCell::default(),
            sinks: RefCell::default(),
            waiters: RefCell::default(),
            jobs: RefCell::default(),
            spare: RefCell::default(),
            listeners: RefCell::default(),
            next_listener: Cell::new(0),
            defaults: RefCell::new(defaults),
            activity: ArcRwSignal::new(0),
            cold: RefCell::default(),
            revivers: RefCell::default(),
            on_save: RefCell::default(),
            hooks: options.hooks,
        };
        Self {
            inner: SendWrapper::new(Rc::new(inner)),
        }
    }

    /// Defaults for all queries whose keys begin with `prefix`. Later registrations win over earlier ones (rule 15).
    pub fn set_query_defaults(&self, prefix: impl Into<QueryKey>, defaults: QueryDefaults) {
        let prefix = prefix.into();
        let mut held = self.inner.defaults.borrow_mut();
        match held.prefixes.iter_mut().find(|(key, _)| *key == prefix) {
            Some(entry) => entry.1 = defaults,
            None => held.prefixes.push((prefix, defaults)),
        }
    }

    /// The wishes of a call site with the defaults under them.
    pub(super) fn resolved(&self, key: &QueryKey, wishes: QueryDefaults) -> QueryDefaults {
        let held = self.inner.defaults.borrow();
        let with_prefixes = held
            .prefixes
            .iter()
            .rev()
            .filter(|(prefix, _)| prefix.is_prefix_of(key))
            .fold(wishes, |wishes, (_, under)| wishes.over(under));
        with_prefixes.over(&held.client)
    }

    /// How long a query that a write makes is kept.
    pub(super) fn gc_time(&self, key: &QueryKey) -> GcTime {
        let held = self.inner.defaults.borrow();
        held.prefixes
            .iter()
            .rev()
            .filter(|(prefix, _)| prefix.is_prefix_of(key))
            .find_map(|(_, defaults)| defaults.gc_time)
            .unwrap_or_else(|| held.client.gc())
    }

    pub(super) fn tell_mutation(&self, id: MutationId, key: Option<&QueryKey>, step: MutationStep) {
        if let Some(call) = &self.inner.hooks.mutation {
            call(&MutationNews {
                id,
                key: key.cloned(),
                step,
            });
        }
    }

    pub(super) fn downgrade(&self) -> Weak<Inner> {
        Rc::downgrade(&self.inner)
    }

    pub(super) fn from_inner(inner: Rc<Inner>) -> Self {
        Self {
            inner: SendWrapper::new(inner),
        }
    }
}

/// Provides a client to the current owner and everything below it, and returns it.
///
/// ```
/// use bedside_query::{provide_query_client, use_query_client, ClientOptions, QueryClient};
/// use reactive_graph::owner::Owner;
///
/// let owner = Owner::new();
/// owner.with(|| {
///     provide_query_client(QueryClient::new(ClientOptions::default()));
///     assert_eq!(use_query_client().counts().queries, 0);
/// });
/// ```
pub fn provide_query_client(client: QueryClient) -> QueryClient {
    provide_context(client.clone());
    client
}

/// The client provided above. Without one, a client with default options is made and provided to the current owner, so
/// that a forgotten provider costs sharing, not the page.
#[must_use]
pub fn use_query_client() -> QueryClient {
    use_context().unwrap_or_else(|| provide_query_client(QueryClient::default()))
}
