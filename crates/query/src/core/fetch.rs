//! Fetching from the wish to the settlement: start, share, owe, settle (rules 19 to 22, 28 to 31 and 36 to 41). Knows what a
//! query is; who asked and why is the callers' business.

use super::event::Action;
use super::options::{NetworkMode, Overlap, Retry};
use super::query::{Doubt, Fenced, Fetch, Phase};
use super::signal::CancelSignal;
use super::time::{Alarm, Time};
use super::value::{Failure, Value};
use super::view::Status;
use super::{Core, Effect, FetchId, Outcome, QueryId};

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
                    fetch.joined_in_doubt = fetch.is_in_doubt();
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
            joined_in_doubt: false,
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

    pub(super) fn count_fetching(&mut self, by: isize) {
        self.fetching = self.fetching.saturating_add_signed(by);
        self.effects.push(Effect::Counts);
    }

    /// One attempt is over; a result may be of an earlier time. Answers of fetches that are no longer the query's are late and are dropped (rule 38).
    pub(crate) fn attempted(&mut self, fetch: FetchId, outcome: Outcome, as_of: Option<Time>) {
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
            Ok(value) => self.succeed(id, value, as_of),
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

    fn succeed(&mut self, id: QueryId, value: Value, as_of: Option<Time>) {
        let Some(fetch) = self.end_fetch(id) else {
            return;
        };
        // The fence: what arrived since the fetch began may not be in its answer.
        let (value, doubt) = self.replay(id, value, &fetch.fence);
        let owed =
            fetch.owed || doubt == Doubt::Owed || (doubt == Doubt::Marked && fetch.joined_in_doubt);
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.invalidated.set(owed || doubt == Doubt::Marked);
        query.update_count = query.update_count.saturating_add(1);
        self.store(id, value, as_of);
        self.updated(id, Action::Success);
        // What was restored is fetched if it is stale to whoever looks (rule 115).
        let owed = owed || (as_of.is_some() && self.is_stale(id));
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
    pub(super) fn end_fetch(&mut self, id: QueryId) -> Option<Box<Fetch>> {
        let fetch = self.queries.get_mut(id)?.fetch.take()?;
        self.queries.attend(id);
        self.router.fetch_ends(id);
        if fetch.phase != Phase::Paused {
            self.count_fetching(-1);
        }
        Some(fetch)
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
