//! Carries the core's effects out. The one place where the core's borrow ends and the code of others begins: nothing is
//! borrowed while a signal is written, a fetcher runs or a callback is called.

use std::cell::Cell;
use std::rc::Rc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{AbortHandle, Abortable};
use reactive_graph::traits::Update;
use smallvec::SmallVec;

use super::client::{Inner, QueryClient, Settled};
use super::options::{FetchContext, Source};
use super::runtime::clamped;
use crate::core::signal::CancelSignal;
use crate::core::time::Time;
use crate::core::value::Failure;
use crate::core::{Core, Effect, FetchId, ObserverId, Outcome, QueryId};

/// Undoes a `Cell` when dropped, also while a panic unwinds.
struct Restore<F: Fn()>(F);

impl<F: Fn()> Drop for Restore<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl QueryClient {
    /// Reads the core. `None` while the core itself is asking a closure: the answer would be half a state.
    pub(super) fn peek<R>(&self, read: impl FnOnce(&Core<Source>) -> R) -> Option<R> {
        self.inner.core.try_borrow().ok().map(|core| read(&core))
    }

    /// Commands the core and carries out what follows. `None` while the core itself is asking a closure.
    pub(super) fn run<R>(&self, command: impl FnOnce(&mut Core<Source>) -> R) -> Option<R> {
        let now = self.inner.runtime.now();
        let result = {
            let mut core = self.inner.core.try_borrow_mut().ok()?;
            command(core.at(now))
        };
        self.flush();
        Some(result)
    }

    /// Commands the core and leaves what follows to the next flush.
    pub(super) fn run_quietly<R>(&self, command: impl FnOnce(&mut Core<Source>) -> R) -> Option<R> {
        let now = self.inner.runtime.now();
        let mut core = self.inner.core.try_borrow_mut().ok()?;
        Some(command(core.at(now)))
    }

    /// Commands the core, later if it is busy asking the closure that commands, or if earlier commands wait for that.
    pub(super) fn post(&self, command: impl FnOnce(&mut Core<Source>) + 'static) {
        let none_wait = self.inner.posted.borrow().is_empty();
        if none_wait && let Ok(mut core) = self.inner.core.try_borrow_mut() {
            command(core.at(self.inner.runtime.now()));
            drop(core);
            self.flush();
            return;
        }
        self.inner.posted.borrow_mut().push_back(Box::new(command));
        self.flush();
    }

    /// Runs `f` and tells observers once at its end, however much it changed. Batches nest; the outermost tells, also if
    /// `f` panics (rule 73).
    pub fn batch<R>(&self, f: impl FnOnce() -> R) -> R {
        let batches = &self.inner.batches;
        batches.set(batches.get() + 1);
        let _flush_at_the_end = Restore(|| {
            batches.set(batches.get().saturating_sub(1));
            self.flush();
        });
        f()
    }

    pub(super) fn flush(&self) {
        let inner = &self.inner;
        if inner.batches.get() > 0 || inner.flushing.replace(true) {
            return;
        }
        let _released = Restore(|| inner.flushing.set(false));
        let mut effects = inner.spare.take();
        loop {
            let now = {
                // Busy: whoever holds it flushes when done.
                let Ok(mut core) = inner.core.try_borrow_mut() else {
                    break;
                };
                // Asking the platform for the time is a call out of WASM, so only for commands that waited.
                if !inner.posted.borrow().is_empty() {
                    core.at(inner.runtime.now());
                }
                loop {
                    let Some(command) = inner.posted.borrow_mut().pop_front() else {
                        break;
                    };
                    command(&mut core);
                }
                core.drain(&mut effects);
                core.now()
            };
            if effects.is_empty() {
                break;
            }
            self.carry_out(&mut effects, now);
        }
        // The room of a burst is not kept.
        if effects.capacity() <= 256 {
            inner.spare.replace(effects);
        }
    }

    fn carry_out(&self, effects: &mut Vec<Effect<Source>>, now: Time) {
        let mut notify: SmallVec<[ObserverId; 4]> = SmallVec::new();
        let mut settled: Vec<(QueryId, Outcome)> = Vec::new();
        let mut counts = false;
        for effect in effects.drain(..) {
            match effect {
                Effect::Start {
                    fetch,
                    source,
                    signal,
                } => self.start(fetch, &source, signal),
                Effect::Cancel { fetch, signal } => self.cancel_task(fetch, &signal),
                Effect::Notify(observer) => notify.push(observer),
                Effect::Settled { query, outcome } => settled.push((query, outcome)),
                Effect::Gone(query) => settled.push((query, Err(Failure::Cancelled))),
                Effect::Wake(at) => self.wake(at, now),
                Effect::Attempt(mutation) => self.attempt_mutation(mutation),
                Effect::Attempted(mutation, outcome) => self.end_attempts(mutation, outcome),
                Effect::NotifyMutation(mutation) => self.show_mutation(mutation),
                Effect::Counts => counts = true,
                Effect::Save => {
                    let save = self.inner.on_save.borrow().clone();
                    if let Some(save) = save {
                        save();
                    }
                }
                Effect::Emit(event) => {
                    let listeners: Vec<_> = inner_listeners(&self.inner);
                    for listener in listeners {
                        listener(&event);
                    }
                }
            }
        }
        // Each observer once, in order: a signal written twice in a batch would wake its readers twice (rule 74).
        notify.sort_unstable();
        notify.dedup();
        for observer in notify {
            // Looked up one by one: a callback may take later ones away (rule 69).
            let sink = self.inner.sinks.borrow().get(observer).cloned();
            if let Some(sink) = sink {
                sink.update(self, observer);
            }
        }
        if counts {
            self.inner.activity.update(|activity| *activity += 1);
        }
        for (query, outcome) in settled {
            self.settle(query, &outcome);
        }
    }

    fn start(&self, fetch: FetchId, source: &Source, signal: CancelSignal) {
        let key = self.peek(|core| core.key(fetch.query));
        let Some(key) = key else { return };
        let (abort, registration) = AbortHandle::new_pair();
        self.inner.tasks.borrow_mut().insert(fetch, abort);
        let source = Rc::clone(source);
        let inner = self.downgrade();
        // The fetcher is called in its task, not here: even one that answers at once passes through pending (rule 70),
        // and one that calls the client finds it free.
        let attempt = async move {
            let Some(client) = inner.upgrade().map(Self::from_inner) else {
                return;
            };
            let as_of: Rc<Cell<Option<Time>>> = Rc::default();
            let run = async {
                source(FetchContext {
                    key,
                    signal,
                    client,
                    as_of: Rc::clone(&as_of),
                })
                .await
            };
            // The call itself may panic before there is a future.
            let outcome = super::options::guarded(run).await;
            if let Some(inner) = inner.upgrade() {
                let client = QueryClient::from_inner(inner);
                client.inner.tasks.borrow_mut().remove(&fetch);
                let as_of = as_of.take();
                client.post(move |core| core.attempted(fetch, outcome, as_of));
            }
        };
        self.inner.runtime.spawn(
            Abortable::new(attempt, registration)
                .map(|_| ())
                .boxed_local(),
        );
    }

    fn cancel_task(&self, fetch: FetchId, signal: &CancelSignal) {
        let task = self.inner.tasks.borrow_mut().remove(&fetch);
        for waker in signal.cancel() {
            waker.wake();
        }
        if let Some(task) = task {
            task.abort();
        }
    }

    fn wake(&self, at: Option<Time>, now: Time) {
        let request = at.map(|at| {
            let inner = self.downgrade();
            let call: Box<dyn FnOnce()> = Box::new(move || {
                if let Some(inner) = inner.upgrade() {
                    Self::from_inner(inner).post(Core::tick);
                }
            });
            (clamped(now.until(at)), call)
        });
        self.inner.runtime.wake(request);
    }

    fn settle(&self, query: QueryId, outcome: &Outcome) {
        let waiters = self
            .inner
            .waiters
            .borrow_mut()
            .remove(query)
            .unwrap_or_default();
        for waiter in waiters {
            // Whoever stopped waiting has no use for it.
            let _ = waiter.send(outcome.clone());
        }
        if let Some(call) = &self.inner.hooks.settled
            && let Some(key) = self
                .peek(|core| core.query(query).map(|_| core.key(query)))
                .flatten()
        {
            let result = outcome.as_ref().map(|_| ()).map_err(Failure::reason);
            call(&Settled { key, result });
        }
    }

    /// Waits for the query to come to rest; at once with what it holds if it rests already.
    pub(super) fn wait_for(&self, query: QueryId) -> impl Future<Output = Outcome> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let waits = self.run(|core| core.wait(query)).flatten().is_some();
        let at_once = if waits {
            if let Some(entry) = self.inner.waiters.borrow_mut().entry(query) {
                entry.or_default().push(sender);
            }
            None
        } else {
            self.peek(|core| core.outcome(query))
        };
        async move {
            match at_once {
                Some(outcome) => outcome,
                None => receiver.await.unwrap_or(Err(Failure::Cancelled)),
            }
        }
    }
}

fn inner_listeners(inner: &Inner) -> Vec<super::client::Listener> {
    inner
        .listeners
        .borrow()
        .iter()
        .map(|(_, listener)| Rc::clone(listener))
        .collect()
}
