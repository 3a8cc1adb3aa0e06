//! `use_mutation`: calls of a mutation and the state of the latest one, for as long as the current owner lives.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use reactive_graph::owner::{ArenaItem, LocalStorage, on_cleanup};
use reactive_graph::signal::{ArcReadSignal, ArcRwSignal};
use send_wrapper::SendWrapper;

use super::client::{Inner, QueryClient, use_query_client};
use super::data::typed;
use super::lifecycle::MutationSink;
use super::mutation::MutationOptions;
use super::shown::{Field, same_arc};
use crate::core::MutationId;
use crate::core::mutation::MutationStatus;
use crate::core::time::Time;
use crate::core::value::QueryError;
use crate::key::QueryKey;

/// A mutation that a component can call, with the state of its latest call as signals. Copy it freely.
pub struct UseMutation<V: 'static, T: 'static, E: 'static, C: 'static = ()>(
    ArenaItem<Rc<Latest<V, T, E, C>>, LocalStorage>,
);

impl<V, T, E, C> Clone for UseMutation<V, T, E, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, T, E, C> Copy for UseMutation<V, T, E, C> {}

struct Latest<V, T, E, C> {
    client: Weak<Inner>,
    options: MutationOptions<V, T, E, C>,
    mutation: Cell<Option<MutationId>>,
    mounted: Cell<bool>,
    status: Field<MutationStatus>,
    data: Field<Option<Arc<T>>>,
    error: Field<Option<QueryError<E>>>,
    pending: Field<bool>,
    paused: Field<bool>,
    failure_count: Field<u32>,
    submitted_at: Field<Option<Time>>,
    variables: ArcRwSignal<Option<Arc<V>>>,
}

/// Makes a mutation callable, until the current owner is cleaned up. A call that runs then goes on; only its state is no
/// longer shown (rule 106).
///
/// ```
/// use bedside_query::{use_mutation, MutationOptions, MutationStatus};
/// use reactive_graph::{owner::Owner, traits::GetUntracked};
///
/// let owner = Owner::new();
/// owner.with(|| {
///     let admit = use_mutation(MutationOptions::new(|name: String| async move { Ok::<_, std::io::Error>(name.len()) }));
///     assert_eq!(admit.status().get_untracked(), MutationStatus::Idle);
///     admit.mutate("Ada".to_string());
///     assert!(admit.is_pending().get_untracked());
/// });
/// ```
pub fn use_mutation<V, T, E, C>(options: MutationOptions<V, T, E, C>) -> UseMutation<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    let latest = Rc::new(Latest {
        client: use_query_client().downgrade(),
        options,
        mutation: Cell::new(None),
        mounted: Cell::new(true),
        status: Field::default(),
        data: Field::default(),
        error: Field::default(),
        pending: Field::default(),
        paused: Field::default(),
        failure_count: Field::default(),
        submitted_at: Field::default(),
        variables: ArcRwSignal::new(None),
    });
    let held = SendWrapper::new(Rc::clone(&latest));
    on_cleanup(move || held.take().release());
    UseMutation(ArenaItem::new_with_storage(latest))
}

/// The state of a call, with its types.
struct State<T, E> {
    status: MutationStatus,
    data: Option<Arc<T>>,
    error: Option<QueryError<E>>,
    paused: bool,
    failure_count: u32,
    submitted_at: Option<Time>,
}

impl<V, T, E, C> Latest<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    fn client(&self) -> Option<QueryClient> {
        self.client.upgrade().map(QueryClient::from_inner)
    }

    fn now(&self) -> State<T, E> {
        let idle = State {
            status: MutationStatus::Idle,
            data: None,
            error: None,
            paused: false,
            failure_count: 0,
            submitted_at: None,
        };
        let Some((client, id)) = self.client().zip(self.mutation.get()) else {
            return idle;
        };
        let state = client.peek(|core| {
            let mutation = core.mutations.get(id)?;
            let result = mutation
                .outcome
                .clone()
                .map(|outcome| typed(outcome, &QueryKey::new([])));
            let (data, error) = match result {
                None => (None, None),
                Some(Ok(data)) => (Some(data), None),
                Some(Err(error)) => (None, Some(error)),
            };
            Some(State {
                status: mutation.status,
                data,
                error,
                paused: mutation.is_paused(),
                failure_count: mutation.failure_count,
                submitted_at: Some(mutation.submitted_at),
            })
        });
        state.flatten().unwrap_or(idle)
    }

    fn show(&self) {
        let now = self.now();
        self.data.write(now.data, same_arc);
        self.error.show(now.error);
        self.status.show(now.status);
        self.pending.show(now.status == MutationStatus::Pending);
        self.paused.show(now.paused);
        self.failure_count.show(now.failure_count);
        self.submitted_at.show(now.submitted_at);
    }

    fn follow(&self, client: &QueryClient, id: Option<MutationId>) {
        let before = self.mutation.replace(id);
        client.post(move |core| {
            if let Some(before) = before {
                core.unwatch_mutation(before);
            }
            if let Some(id) = id {
                core.watch_mutation(id);
            }
        });
        self.show();
    }

    fn release(&self) {
        self.mounted.set(false);
        if let (Some(client), Some(id)) = (self.client(), self.mutation.take()) {
            client.post(move |core| core.unwatch_mutation(id));
        }
    }
}

impl<V, T, E, C> MutationSink for Latest<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    fn update(&self, _client: &QueryClient, mutation: MutationId) {
        // Only the latest call is shown.
        if self.mutation.get() == Some(mutation) {
            self.show();
        }
    }
}

impl<V, T, E, C> UseMutation<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    fn latest(&self) -> Option<Rc<Latest<V, T, E, C>>> {
        self.0.try_get_value()
    }

    /// Calls it. The optimistic changes show when this returns; the rest follows by itself.
    pub fn mutate(&self, variables: V) {
        drop(self.run(variables));
    }

    /// Calls it, and calls `then` with the result if by then this is still the latest call and the component is still there
    /// (rule 102).
    pub fn mutate_then(
        &self,
        variables: V,
        then: impl FnOnce(Result<Arc<T>, QueryError<E>>) + 'static,
    ) {
        let result = self.run(variables);
        let Some(latest) = self.latest() else { return };
        let Some(client) = latest.client() else {
            return;
        };
        let called = latest.mutation.get();
        client.inner.runtime.spawn(Box::pin(async move {
            let result = result.await;
            if latest.mounted.get() && latest.mutation.get() == called {
                then(result);
            }
        }));
    }

    /// Calls it; the future resolves once all callbacks are done. Dropping the future does not stop the call.
    pub fn run(
        &self,
        variables: V,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<V, T, E, C> {
        let started = self.latest().and_then(|latest| {
            let client = latest.client()?;
            reactive_graph::traits::Set::set(&latest.variables, Some(Arc::new(variables.clone())));
            let sink: Weak<dyn MutationSink> = Rc::downgrade(&latest) as Weak<dyn MutationSink>;
            let started = client.start_mutation(latest.options.clone(), variables, Some(sink))?;
            latest.follow(&client, Some(started.id));
            Some(started.result)
        });
        async move {
            match started {
                Some(result) => result.await.unwrap_or(Err(QueryError::Cancelled)),
                None => Err(QueryError::Cancelled),
            }
        }
    }

    /// Forgets the latest call; if it runs, it runs on (rule 106).
    pub fn reset(&self) {
        if let Some(latest) = self.latest()
            && let Some(client) = latest.client()
        {
            reactive_graph::traits::Set::set(&latest.variables, None);
            latest.follow(&client, None);
        }
    }

    fn field<X: Default + Send + Sync + 'static>(
        &self,
        read: impl FnOnce(&Latest<V, T, E, C>) -> ArcReadSignal<X>,
    ) -> ArcReadSignal<X> {
        match self.latest() {
            Some(latest) => read(&latest),
            None => ArcRwSignal::new(X::default()).read_only(),
        }
    }

    /// What the latest call has come to.
    #[must_use]
    pub fn status(&self) -> ArcReadSignal<MutationStatus> {
        self.field(|latest| latest.status.read(|| latest.now().status))
    }

    /// Its result.
    #[must_use]
    pub fn data(&self) -> ArcReadSignal<Option<Arc<T>>> {
        self.field(|latest| latest.data.read(|| latest.now().data))
    }

    /// Its error.
    #[must_use]
    pub fn error(&self) -> ArcReadSignal<Option<QueryError<E>>> {
        self.field(|latest| latest.error.read(|| latest.now().error))
    }

    /// It runs, waits or is paused; until its callbacks are done.
    #[must_use]
    pub fn is_pending(&self) -> ArcReadSignal<bool> {
        self.field(|latest| {
            latest
                .pending
                .read(|| latest.now().status == MutationStatus::Pending)
        })
    }

    /// It waits for the network or for its turn.
    #[must_use]
    pub fn is_paused(&self) -> ArcReadSignal<bool> {
        self.field(|latest| latest.paused.read(|| latest.now().paused))
    }

    /// Its failed attempts.
    #[must_use]
    pub fn failure_count(&self) -> ArcReadSignal<u32> {
        self.field(|latest| latest.failure_count.read(|| latest.now().failure_count))
    }

    /// When it was called.
    #[must_use]
    pub fn submitted_at(&self) -> ArcReadSignal<Option<Time>> {
        self.field(|latest| latest.submitted_at.read(|| latest.now().submitted_at))
    }

    /// What it was called with.
    #[must_use]
    pub fn variables(&self) -> ArcReadSignal<Option<Arc<V>>> {
        self.field(|latest| latest.variables.read_only())
    }
}
