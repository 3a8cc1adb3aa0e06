//! One call of a mutation from `mutate` to its last callback (rules 97 to 104). Knows the options of the call; when an
//! attempt may start is the core's decision.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;

use super::client::{MutationStep, QueryClient};
use super::data::typed;
use super::mutation::{Call, Laid, MutationOptions, Optimistic};
use super::options::{erased, guarded, panicked};
use crate::core::mutation::MutationStatus;
use crate::core::value::{Failure, QueryError, Value};
use crate::core::{MutationId, Outcome};
use crate::key::QueryKey;

/// What the client keeps of a running mutation.
pub(super) struct Job {
    attempt: Box<dyn Fn() -> LocalBoxFuture<'static, Outcome>>,
    ended: RefCell<Option<oneshot::Sender<Outcome>>>,
    watchers: RefCell<Vec<Weak<dyn MutationSink>>>,
}

/// Runs a mutation of an earlier session with the variables it was called with.
pub(super) type Revive = Rc<dyn Fn(&QueryClient, serde_json::Value)>;

/// What shows a mutation's state.
pub(super) trait MutationSink {
    fn update(&self, client: &QueryClient, mutation: MutationId);
}

/// A started call.
pub(super) struct Started<T, E> {
    pub(super) id: MutationId,
    pub(super) result: oneshot::Receiver<Result<Arc<T>, QueryError<E>>>,
}

impl QueryClient {
    /// Starts a call: its optimistic changes show when this returns. `None` while the core asks a closure.
    pub(super) fn start_mutation<V, T, E, C>(
        &self,
        options: MutationOptions<V, T, E, C>,
        variables: V,
        watcher: Option<Weak<dyn MutationSink>>,
    ) -> Option<Started<T, E>>
    where
        V: Clone + Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: 'static,
    {
        let mut options = options;
        options.settings.variables = options.encode.and_then(|encode| encode(&variables));
        let variables = Arc::new(variables);
        let (ended, attempts) = oneshot::channel();
        let (done, result) = oneshot::channel();
        let run = Rc::clone(&options.run);
        let called_with = Arc::clone(&variables);
        let job = Rc::new(Job {
            attempt: Box::new(move || {
                let (run, variables) = (Rc::clone(&run), Arc::clone(&called_with));
                async move { erased(run((*variables).clone())).await }.boxed_local()
            }),
            ended: RefCell::new(Some(ended)),
            watchers: RefCell::new(watcher.into_iter().collect()),
        });
        self.batch(|| {
            let id = self.run(|core| core.mutate(options.settings.clone()))?;
            self.inner.jobs.borrow_mut().insert(id, job);
            let mut optimistic = Optimistic {
                client: self,
                laid: Vec::new(),
            };
            if let Some(lay) = &options.lay {
                lay(&mut optimistic, &variables);
            }
            let lifecycle = Lifecycle {
                id,
                laid: optimistic.laid,
                options,
                attempts,
            };
            let call = Call {
                client: self.clone(),
                variables,
                context: None,
            };
            // Polled once here, so that `on_mutate` has begun when `mutate` returns (rule 99).
            let mut task = lifecycle.live(call, done).boxed_local();
            if (&mut task).now_or_never().is_none() {
                self.inner.runtime.spawn(task);
            }
            Some(Started { id, result })
        })
    }

    /// Calls a mutation without a component: its callbacks and optimistic changes are as usual. It runs whether or not the
    /// future is polled.
    ///
    /// # Errors
    /// What the mutation failed with.
    pub fn mutate<V, T, E, C>(
        &self,
        options: MutationOptions<V, T, E, C>,
        variables: V,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<V, T, E, C>
    where
        V: Clone + Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: 'static,
    {
        let started = self.start_mutation(options, variables, None);
        async move {
            match started {
                Some(started) => started.result.await.unwrap_or(Err(QueryError::Cancelled)),
                None => Err(QueryError::Cancelled),
            }
        }
    }

    /// Says how mutations with keys under `prefix` run that an earlier session left waiting (rule 107). Say it before
    /// restoring.
    pub fn set_mutation_defaults<V, T, E, C>(
        &self,
        prefix: impl Into<QueryKey>,
        options: MutationOptions<V, T, E, C>,
    ) where
        V: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
        T: Send + Sync + 'static,
        E: Send + Sync + 'static,
        C: 'static,
    {
        let options = options.persisted();
        let revive: Revive = Rc::new(move |client, variables| {
            // Variables of an older version of the app may no longer be readable.
            if let Ok(variables) = serde_json::from_value::<V>(variables) {
                drop(client.mutate(options.clone(), variables));
            }
        });
        self.inner
            .revivers
            .borrow_mut()
            .push((prefix.into(), revive));
    }

    pub(super) fn attempt_mutation(&self, id: MutationId) {
        let Some(job) = self.inner.jobs.borrow().get(id).cloned() else {
            return;
        };
        let inner = self.downgrade();
        let attempt = async move {
            let outcome = guarded(async { (job.attempt)().await }).await;
            if let Some(inner) = inner.upgrade() {
                Self::from_inner(inner).post(move |core| core.mutation_attempted(id, outcome));
            }
        };
        self.inner.runtime.spawn(attempt.boxed_local());
    }

    pub(super) fn end_attempts(&self, id: MutationId, outcome: Outcome) {
        let ended = self
            .inner
            .jobs
            .borrow()
            .get(id)
            .and_then(|job| job.ended.take());
        if let Some(ended) = ended {
            // Nobody waits once the cache was cleared.
            let _ = ended.send(outcome);
        }
    }

    pub(super) fn show_mutation(&self, id: MutationId) {
        let job = self.inner.jobs.borrow().get(id).cloned();
        let watchers = job
            .map(|job| job.watchers.borrow().clone())
            .unwrap_or_default();
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            watcher.update(self, id);
        }
        let status = self.peek(|core| core.mutations.get(id).map(|mutation| mutation.status));
        if status.flatten() != Some(MutationStatus::Pending) {
            self.inner.jobs.borrow_mut().remove(id);
        }
    }

    fn lift(&self, laid: &mut Vec<Laid>) {
        let laid = std::mem::take(laid);
        self.run(|core| {
            for laid in laid {
                match laid {
                    Laid::One(query, overlay) => core.lift(query, overlay),
                    Laid::All(overlay) => core.lift_all(overlay),
                }
            }
        });
    }
}

struct Lifecycle<V, T, E, C> {
    id: MutationId,
    laid: Vec<Laid>,
    options: MutationOptions<V, T, E, C>,
    attempts: oneshot::Receiver<Outcome>,
}

impl<V, T, E, C> Lifecycle<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    async fn live(
        mut self,
        before: Call<V, ()>,
        done: oneshot::Sender<Result<Arc<T>, QueryError<E>>>,
    ) {
        let client = before.client.clone();
        let mut call = Call {
            client: client.clone(),
            variables: Arc::clone(&before.variables),
            context: None,
        };
        let id = self.id;
        self.tell(&client, MutationStep::Mutate);
        let begun = match self.options.on_mutate.clone() {
            None => Ok(()),
            Some(on_mutate) => AssertUnwindSafe(async { on_mutate(before).await })
                .catch_unwind()
                .await
                .map(|context| call.context = Some(Arc::new(context)))
                .map_err(|panic| panicked(&*panic)),
        };
        let outcome = match begun {
            Ok(()) => {
                client.post(move |core| core.prepared(id));
                let attempts = (&mut self.attempts).await;
                attempts.unwrap_or(Err(Failure::Cancelled))
            }
            Err(failure) => Err(failure),
        };
        let outcome = match outcome {
            Ok(value) => match self.succeeded(&value, &call).await {
                Ok(()) => Ok(value),
                Err(failure) => Err(failure),
            },
            failed => failed,
        };
        if let Err(failure) = &outcome {
            self.failed(failure, &call).await;
        }
        let result = typed(outcome.clone(), &QueryKey::new([]));
        client.post(move |core| core.finish_mutation(id, outcome));
        // Whoever called may no longer want to know.
        let _ = done.send(result);
    }

    /// The callbacks of success, with the optimistic changes lifted at the right moment. The first that fails ends it.
    async fn succeeded(&mut self, value: &Value, call: &Call<V, C>) -> Result<(), Failure> {
        let client = call.client.clone();
        let data = typed::<T, E>(Ok(Arc::clone(value)), &QueryKey::new([]));
        self.tell(&client, MutationStep::Success);
        if let (Ok(data), Some(on_success)) = (&data, self.options.on_success.clone()) {
            let (data, call) = (Arc::clone(data), call.clone());
            let mut running = Box::pin(guarded_callback(
                async move { on_success(data, call).await },
            ));
            // What it writes before its first await and the lifting are one batch: no moment shows neither or both.
            let laid = &mut self.laid;
            let at_once = client.batch(|| {
                let ready = (&mut running).now_or_never();
                if ready.is_some() {
                    client.lift(laid);
                }
                ready
            });
            match at_once {
                Some(finished) => finished?,
                None => running.await?,
            }
        }
        client.lift(&mut self.laid);
        self.settled(data, call).await
    }

    /// The callbacks of failure. What they fail with changes nothing any more and is reported.
    async fn failed(&mut self, failure: &Failure, call: &Call<V, C>) {
        let client = call.client.clone();
        client.lift(&mut self.laid);
        let error = QueryError::typed(failure, None);
        self.tell(&client, MutationStep::Error(failure.reason()));
        if let Some(on_error) = self.options.on_error.clone() {
            let (error, call) = (error.clone(), call.clone());
            let finished = guarded_callback(async move { on_error(error, call).await }).await;
            self.report(&client, finished);
        }
        let finished = self.settled(Err(error), call).await;
        self.report(&client, finished);
    }

    async fn settled(
        &self,
        result: Result<Arc<T>, QueryError<E>>,
        call: &Call<V, C>,
    ) -> Result<(), Failure> {
        self.tell(&call.client, MutationStep::Settled);
        match self.options.on_settled.clone() {
            Some(on_settled) => {
                let call = call.clone();
                guarded_callback(async move { on_settled(result, call).await }).await
            }
            None => Ok(()),
        }
    }

    fn report(&self, client: &QueryClient, finished: Result<(), Failure>) {
        if let Err(failure) = finished {
            self.tell(client, MutationStep::CallbackFailed(failure.reason()));
        }
    }

    fn tell(&self, client: &QueryClient, step: MutationStep) {
        client.tell_mutation(self.id, self.options.settings.key.as_ref(), step);
    }
}

/// A callback with its error's type off, and its panic caught where panics unwind: it ends its mutation, not the thread.
async fn guarded_callback<E: Send + Sync + 'static>(
    run: impl Future<Output = Result<(), E>>,
) -> Result<(), Failure> {
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(finished) => finished.map_err(|error| Failure::Own(Arc::new(error))),
        Err(panic) => Err(panicked(&*panic)),
    }
}
