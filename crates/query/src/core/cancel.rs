//! The early end of a fetch: dropped, cancelled, or abandoned by its last observer (rules 31 to 35, 40). Knows what a query goes
//! back to; who wants it to is the callers' business.

use super::event::Action;
use super::query::{Fetch, Phase};
use super::value::Failure;
use super::view::Status;
use super::{Core, Effect, FetchId, QueryId};

/// What a cancelled fetch leaves behind (rule 35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// The state before it.
    Revert,
    /// The error of being cancelled, if there is no data.
    Keep,
}

impl<S: Clone> Core<S> {
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
}
