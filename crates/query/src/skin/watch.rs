//! One observer of the skin: ties an observer of the core to its signals. Holds the client weakly; the hook that made it
//! says when it ends.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use reactive_graph::computed::suspense::{SuspenseContext, TaskHandle};

use super::client::{Inner, QueryClient, Sink};
use super::data::typed;
use super::options::QueryOptions;
use super::shown::{Fields, TypedShown};
use crate::core::options::Overlap;
use crate::core::value::QueryError;
use crate::core::{ObserverId, QueryId};
use crate::key::QueryKey;

pub(super) struct Watch<T: 'static, E: 'static> {
    client: Weak<Inner>,
    observer: Cell<Option<ObserverId>>,
    query: Cell<Option<QueryId>>,
    /// Why it observes nothing: the key has another type.
    refused: RefCell<Option<QueryError<E>>>,
    /// Suspense boundaries that wait for the first answer.
    suspended: RefCell<Vec<TaskHandle>>,
    /// Who else wants to know of updates: a group.
    told: Option<Box<dyn Fn()>>,
    pub(super) fields: Fields<T, E>,
}

impl<T, E> Watch<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    pub(super) fn new(client: &QueryClient) -> Self {
        Self {
            client: client.downgrade(),
            observer: Cell::new(None),
            query: Cell::new(None),
            refused: RefCell::new(None),
            suspended: RefCell::default(),
            told: None,
            fields: Fields::default(),
        }
    }

    /// One that also calls `told` after each update.
    pub(super) fn telling(client: &QueryClient, told: impl Fn() + 'static) -> Self {
        Self {
            told: Some(Box::new(told)),
            ..Self::new(client)
        }
    }

    fn client(&self) -> Option<QueryClient> {
        self.client.upgrade().map(QueryClient::from_inner)
    }

    /// What there is to show now.
    pub(super) fn now(&self) -> TypedShown<T, E> {
        if let Some(error) = self.refused.borrow().clone() {
            return TypedShown::failed(error);
        }
        let shown = self
            .client()
            .zip(self.observer.get())
            .and_then(|(client, observer)| client.peek(|core| core.shown(observer)));
        shown.map_or_else(TypedShown::default, TypedShown::of)
    }

    /// Starts to observe, or follows new options.
    pub(super) fn observe(watch: &Rc<Self>, options: QueryOptions<T, E>) {
        let Some(client) = watch.client() else { return };
        // What it shows is told at the end, when it knows its observer.
        client.batch(|| {
            let sink: Rc<dyn Sink> = Rc::<Self>::clone(watch);
            match client.observe_erased(options.erased, watch.observer.get(), sink) {
                Ok((query, observer)) => {
                    watch.refused.replace(None);
                    watch.query.set(Some(query));
                    watch.observer.set(Some(observer));
                }
                Err(failure) => {
                    watch.unobserve(&client);
                    let error = QueryError::typed(&failure, None);
                    watch.refused.replace(Some(error));
                    watch.fields.show(&watch.now());
                }
            }
        });
    }

    fn unobserve(&self, client: &QueryClient) {
        self.query.set(None);
        if let Some(observer) = self.observer.take() {
            client.unobserve(observer);
        }
    }

    /// The end: nothing is shown or held from here on.
    pub(super) fn release(&self) {
        if let Some(client) = self.client() {
            self.unobserve(&client);
        }
        drop(self.suspended.take());
    }

    fn settled<F: Future<Output = crate::core::Outcome> + Send>(
        &self,
        outcome: F,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E, F> {
        let key = self
            .client()
            .zip(self.query.get())
            .and_then(|(client, query)| client.peek(|core| core.key(query)))
            .unwrap_or_else(|| QueryKey::new([]));
        async move { typed(outcome.await, &key) }
    }

    pub(super) fn refetch(
        &self,
        overlap: Overlap,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E> {
        let refused = self.refused.borrow().clone();
        let waits = self
            .client()
            .zip(self.observer.get())
            .and_then(|(client, observer)| {
                let query = client
                    .run(|core| core.refetch(observer, overlap))
                    .flatten()?;
                Some(client.wait_for(query))
            });
        let settled = waits.map(|waits| self.settled(waits));
        async move {
            match (refused, settled) {
                (Some(error), _) => Err(error),
                (None, Some(settled)) => settled.await,
                (None, None) => Err(QueryError::Cancelled),
            }
        }
    }

    pub(super) fn ready(
        &self,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E> {
        let now = self.now();
        let waits = match (now.data, now.error) {
            (Some(data), _) => Err(Ok(data)),
            (None, Some(error)) => Err(Err(error)),
            (None, None) => {
                let waits = self.client().zip(self.query.get());
                Ok(waits.map(|(client, query)| self.settled(client.wait_for(query))))
            }
        };
        async move {
            match waits {
                Err(at_once) => at_once,
                Ok(Some(settled)) => settled.await,
                Ok(None) => Err(QueryError::Cancelled),
            }
        }
    }

    /// Makes a Suspense boundary wait until there is something to show.
    pub(super) fn suspend(&self, boundary: &SuspenseContext) {
        let handle = boundary.task_id();
        self.suspended.borrow_mut().push(handle);
    }
}

impl<T, E> Sink for Watch<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn update(&self, _client: &QueryClient, _observer: ObserverId) {
        let now = self.now();
        let loads = now.plain.is_loading();
        self.fields.show(&now);
        if !loads {
            // Taken out first: dropping a handle writes the boundary's signal.
            drop(self.suspended.take());
        }
        if let Some(told) = &self.told {
            told();
        }
    }
}
