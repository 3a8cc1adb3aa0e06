//! Fetching: start, share, owe, retry, pause, cancel, settle (rules 19 to 23 and 28 to 44). Knows what a query is; who
//! asked and why is the callers' business.

use super::event::Action;
use super::options::{NetworkMode, Overlap, Retry};
use super::query::{Fenced, Fetch, Phase};
use super::signal::CancelSignal;
use super::time::Alarm;
use super::value::{Failure, Value};
use super::view::Status;
use super::{Core, Effect, FetchId, Outcome, QueryId};

/// What a cancelled fetch leaves behind (rule 35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// The state before it.
    Revert,
    /// The error of being cancelled, if there is no data.
    Keep,
}

/// How often a fetch is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tries {
    /// As the query's options say.
    AsConfigured,
    /// Once: the default of calls that have their own error handling (rule 44).
    Once,
}

impl<S: Clone> Core<S> {
    /// Wants the query fetched. Afterwards a fetch runs, waits or is paused, or the query came to rest with
    /// [`Failure::NoFetcher`].
    pub(crate) fn fetch(&mut self, id: QueryId, overlap: Overlap, tries: Tries) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        if let Some(fetch) = &mut query.fetch {
            match overlap {
                Overlap::Join => {
                    fetch.retry_stopped = false;
                    return;
                }
                Overlap::Owe => {
                    fetch.retry_stopped = false;
                    fetch.owed = true;
                    return;
                }
                // Without data the first answer is worth more than a newer one (rule 29).
                Overlap::Replace if query.base.is_none() => return,
                Overlap::Replace => {
                    self.drop_fetch(id);
                }
            }
        }
        self.start(id, tries);
    }

    fn start(&mut self, id: QueryId, tries: Tries) {
        let number = self.number();
        let around = self.around;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let settings = query.settings.clone().unwrap_or_default();
        let revert = query.revert_point();
        if let Some(trouble) = &mut query.trouble {
            trouble.failure_count = 0;
            trouble.failure_reason = None;
        }
        if query.base.is_none() {
            query.status = Status::Pending;
            query.clear_error();
        }
        let Some(source) = settings.source.clone() else {
            self.fail(id, Failure::NoFetcher);
            return;
        };
        let signal = CancelSignal::default();
        let paused = !around.online && settings.network == NetworkMode::Online;
        query.fetch = Some(Box::new(Fetch {
            number,
            phase: if paused {
                Phase::Paused
            } else {
                Phase::Running
            },
            signal: signal.clone(),
            revert,
            fence: Vec::new(),
            owed: false,
            retry_stopped: false,
            once: tries == Tries::Once,
        }));
        self.queries.attend(id);
        self.router.fetch_begins(id);
        if paused {
            self.updated(id, Action::Pause);
            return;
        }
        self.count_fetching(1);
        self.effects.push(Effect::Start {
            fetch: FetchId { query: id, number },
            source,
            signal,
        });
        self.updated(id, Action::Fetch);
    }

    fn count_fetching(&mut self, by: isize) {
        self.fetching = self.fetching.saturating_add_signed(by);
        self.effects.push(Effect::Counts);
    }

    /// One attempt is over. Answers of fetches that are no longer the query's are late and are dropped (rule 38).
    pub(crate) fn attempted(&mut self, fetch: FetchId, outcome: Outcome) {
        let id = fetch.query;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let settings = query.settings.clone().unwrap_or_default();
        let Some(running) = query
            .fetch
            .as_mut()
            .filter(|running| running.number == fetch.number)
        else {
            return;
        };
        if running.phase != Phase::Running {
            return;
        }
        match outcome {
            Ok(value) => self.succeed(id, value),
            Err(failure) => {
                let failures = query
                    .trouble
                    .as_ref()
                    .map_or(0, |trouble| trouble.failure_count);
                let retry = if running.once {
                    &Retry::Never
                } else {
                    &settings.retry
                };
                if running.retry_stopped || !retry.again(failures, &failure) {
                    self.fail(id, failure);
                    return;
                }
                running.phase = Phase::Delayed;
                let trouble = query.trouble();
                trouble.failure_count = failures.saturating_add(1);
                trouble.failure_reason = Some(failure);
                let at = self.now.after(settings.retry_delay.after(failures));
                self.timers.set(at, Alarm::Retry(fetch));
                self.updated(id, Action::Failed);
            }
        }
    }

    /// The delay is over: the next attempt runs, unless the page is hidden or the network away (rule 43).
    pub(super) fn retry(&mut self, fetch: FetchId) {
        let around = self.around;
        let Some(query) = self.queries.get_mut(fetch.query) else {
            return;
        };
        let network = query
            .settings
            .as_ref()
            .map_or(NetworkMode::Online, |held| held.network);
        let Some(waiting) = query
            .fetch
            .as_mut()
            .filter(|held| held.number == fetch.number && held.phase == Phase::Delayed)
        else {
            return;
        };
        if around.visible && (around.online || network == NetworkMode::Always) {
            self.run_again(fetch.query, Action::Fetch);
        } else {
            waiting.phase = Phase::Paused;
            self.count_fetching(-1);
            self.updated(fetch.query, Action::Pause);
        }
    }

    fn run_again(&mut self, id: QueryId, action: Action) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let source = query
            .settings
            .as_ref()
            .and_then(|settings| settings.source.clone());
        let (Some(fetch), Some(source)) = (query.fetch.as_mut(), source) else {
            return;
        };
        let was_paused = fetch.phase == Phase::Paused;
        fetch.phase = Phase::Running;
        let (fetch, signal) = (
            FetchId {
                query: id,
                number: fetch.number,
            },
            fetch.signal.clone(),
        );
        if was_paused {
            self.count_fetching(1);
        }
        self.effects.push(Effect::Start {
            fetch,
            source,
            signal,
        });
        if action == Action::Continue {
            self.updated(id, action);
        }
    }

    /// Network or page are back: what waited for them goes on.
    pub(super) fn resume_paused(&mut self) {
        let around = self.around;
        let paused: Vec<QueryId> = self
            .queries
            .iter()
            .filter(|(_, query)| {
                let network = query
                    .settings
                    .as_ref()
                    .map_or(NetworkMode::Online, |held| held.network);
                query
                    .fetch
                    .as_ref()
                    .is_some_and(|fetch| fetch.phase == Phase::Paused)
                    && (around.online || network == NetworkMode::Always)
                    && around.visible
            })
            .map(|(id, _)| id)
            .collect();
        for id in paused {
            self.run_again(id, Action::Continue);
        }
    }

    fn succeed(&mut self, id: QueryId, value: Value) {
        let Some(fetch) = self.end_fetch(id) else {
            return;
        };
        // The fence: what arrived since the fetch began may not be in its answer.
        let (value, doubt) = self.replay(id, value, &fetch.fence);
        let owed = fetch.owed || doubt;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.invalidated.set(owed);
        query.update_count = query.update_count.saturating_add(1);
        self.store(id, value, None);
        self.updated(id, Action::Success);
        self.rest(id, owed);
    }

    /// The fetch failed for good: data stays, and counts as invalidated (rule 21).
    pub(super) fn fail(&mut self, id: QueryId, failure: Failure) {
        let owed = self.end_fetch(id).is_some_and(|fetch| fetch.owed);
        let now = self.now;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.status = Status::Error;
        query.invalidated.set(true);
        let trouble = query.trouble();
        trouble.error = Some(failure.clone());
        trouble.error_updated_at = Some(now);
        trouble.error_update_count = trouble.error_update_count.saturating_add(1);
        trouble.failure_count = trouble.failure_count.saturating_add(1);
        trouble.failure_reason = Some(failure);
        self.updated(id, Action::Error);
        self.rest(id, owed);
    }

    /// A fetch is over: run the owed one if anybody still looks or waits, otherwise tell who waits.
    fn rest(&mut self, id: QueryId, owed: bool) {
        self.arm_gc(id);
        if owed && self.is_wanted(id) {
            self.start(id, Tries::AsConfigured);
            return;
        }
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.waiting = 0;
        let outcome = match (&query.trouble, query.status) {
            (Some(trouble), Status::Error) => {
                Err(trouble.error.clone().unwrap_or(Failure::Cancelled))
            }
            _ => query.visible().cloned().ok_or(Failure::Cancelled),
        };
        self.effects.push(Effect::Settled { query: id, outcome });
    }

    /// Takes the fetch off the query, whatever its phase.
    fn end_fetch(&mut self, id: QueryId) -> Option<Box<Fetch>> {
        let fetch = self.queries.get_mut(id)?.fetch.take()?;
        self.queries.attend(id);
        self.router.fetch_ends(id);
        if fetch.phase != Phase::Paused {
            self.count_fetching(-1);
        }
        Some(fetch)
    }

    /// Ends the fetch without a trace in the query's state; who waits goes on waiting for its replacement (rule 31).
    pub(super) fn drop_fetch(&mut self, id: QueryId) -> Option<Box<Fetch>> {
        let fetch = self.end_fetch(id)?;
        let number = fetch.number;
        self.effects.push(Effect::Cancel {
            fetch: FetchId { query: id, number },
            signal: fetch.signal.clone(),
        });
        Some(fetch)
    }

    /// Cancels what runs (rule 35); nothing to do if nothing does (rule 40).
    pub(crate) fn cancel(&mut self, id: QueryId, undo: Undo) {
        let Some(fetch) = self.drop_fetch(id) else {
            return;
        };
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        match undo {
            Undo::Revert => {
                let revert = fetch.revert;
                query.base = revert.base;
                query.status = revert.status;
                query.updated_at = revert.updated_at;
                query.update_count = revert.update_count;
                // What arrived in the meantime stays true of the old data.
                query.invalidated.set(revert.invalidated || fetch.owed);
                query.trouble = revert.trouble;
                query.fold();
            }
            Undo::Keep if query.base.is_none() => {
                query.status = Status::Error;
                query.trouble().error = Some(Failure::Cancelled);
            }
            Undo::Keep => {}
        }
        self.reindex(id);
        self.updated(id, Action::Cancel);
        self.arm_gc(id);
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.waiting = 0;
        let outcome = query.visible().cloned().ok_or(Failure::Cancelled);
        self.effects.push(Effect::Settled { query: id, outcome });
    }

    /// The last observer left while a fetch runs (rules 33, 34).
    pub(super) fn abandon_fetch(&mut self, id: QueryId) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let has_data = query.base.is_some();
        if query.waiting > 0 {
            return;
        }
        let Some(fetch) = &mut query.fetch else {
            return;
        };
        if fetch.signal.is_taken() || (fetch.phase == Phase::Paused && !has_data) {
            self.cancel(id, Undo::Revert);
        } else {
            fetch.retry_stopped = true;
            if fetch.phase == Phase::Delayed {
                let failure = query
                    .trouble()
                    .failure_reason
                    .clone()
                    .unwrap_or(Failure::Cancelled);
                self.fail(id, failure);
            }
        }
    }

    /// A change that arrives while a fetch runs is kept to be replayed over its result, and becomes part of what a
    /// cancellation goes back to (rule 36).
    pub(super) fn fence(&mut self, id: QueryId, change: &super::Change) {
        let Some(fetch) = self
            .queries
            .get_mut(id)
            .and_then(|query| query.fetch.as_mut())
        else {
            return;
        };
        fetch
            .fence
            .push(Fenced::Change(std::sync::Arc::clone(change)));
        if let Some(base) = &fetch.revert.base
            && let Some(changed) = change(base)
        {
            fetch.revert.base = Some(changed);
        }
    }
}
