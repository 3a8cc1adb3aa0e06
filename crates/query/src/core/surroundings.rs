//! What is outside, and what its changes set going: the network comes back, the page is seen again, a persister has restored
//! (rules 60, 88, 104, 114). Paused mutations go first and are waited for, since what queries fetch meanwhile would not have what they
//! write.

use super::options::ObserverSettings;
use super::time::{Alarm, Time};
use super::{Core, MutationId};

/// Queries are told at the latest this long, in milliseconds, after the network came back: a mutation that hangs must not keep
/// the screen from being refreshed.
const PATIENCE: u64 = 5_000;

/// What is outside: whether requests can succeed and whether anybody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    pub(crate) online: bool,
    pub(crate) visible: bool,
    /// While a persister restores, nobody fetches (rule 114).
    pub(crate) restoring: bool,
}

/// Queries that wait for mutations to end before they are told of good news.
#[derive(Default)]
pub(super) struct Resuming {
    mutations: Vec<MutationId>,
    online: bool,
    seen: bool,
    /// When they are told anyway.
    due: Time,
}

impl<S: Clone> Core<S> {
    /// News of network, page and persister.
    pub(crate) fn surroundings(&mut self, around: Surroundings) {
        let before = std::mem::replace(&mut self.around, around);
        // What is bad again needs no telling; its next end will be told.
        self.resuming.online &= around.online;
        self.resuming.seen &= around.visible;
        let online = around.online && !before.online;
        let seen = around.visible && !before.visible;
        if online || seen {
            self.resuming.online |= online;
            self.resuming.seen |= seen;
            let resumed = self.resume_mutations();
            self.resuming.mutations.extend(resumed);
            self.resuming.due = self.now.after_ms(PATIENCE);
            if self.resuming.mutations.is_empty() {
                self.tell_queries();
            } else {
                self.timers.set(self.resuming.due, Alarm::TellQueries);
            }
        }
        if !around.restoring && before.restoring {
            self.mount_all();
        }
    }

    /// A mutation has ended: the last one that was waited for lets the queries know.
    pub(super) fn mutation_ended(&mut self, mutation: MutationId) {
        let waited_for = &mut self.resuming.mutations;
        let before = waited_for.len();
        waited_for.retain(|held| *held != mutation);
        if before > 0 && waited_for.is_empty() {
            self.tell_queries();
        }
    }

    /// The patience is over.
    pub(super) fn tell_queries_by_now(&mut self) {
        if !self.resuming.mutations.is_empty() && self.resuming.due <= self.now {
            self.tell_queries();
        }
    }

    fn tell_queries(&mut self) {
        let resuming = std::mem::take(&mut self.resuming);
        if resuming.online || resuming.seen {
            self.resume_paused();
        }
        if resuming.online {
            self.occasion_for_all(|settings: &ObserverSettings| settings.on_reconnect);
        }
        if resuming.seen {
            self.occasion_for_all(|settings: &ObserverSettings| settings.on_focus);
        }
    }
}
