//! Garbage collection of queries nobody observes (rules 53 to 57). Re-arming moves a due time; the heap holds one alarm a
//! query at most.

use super::time::{Alarm, Time};
use super::{Core, QueryId};

impl<S: Clone> Core<S> {
    /// Starts the wait over, if nobody observes.
    pub(super) fn arm_gc(&mut self, id: QueryId) {
        let now = self.now;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        if !query.observers.is_empty() {
            query.gc_due = Time::NEVER;
            return;
        }
        query.gc_due = now.after_ms(query.gc_time);
        if !query.gc_armed && query.gc_due < Time::NEVER {
            query.gc_armed = true;
            let due = query.gc_due;
            self.timers.set(due, Alarm::Collect(id));
        }
    }

    pub(super) fn collect(&mut self, id: QueryId) {
        let now = self.now;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.gc_armed = false;
        if query.gc_due == Time::NEVER || query.fetch.is_some() {
            // Observed again, or a fetch runs: whichever ends, arms it anew (rule 55).
            return;
        }
        if query.gc_due > now {
            query.gc_armed = true;
            let due = query.gc_due;
            self.timers.set(due, Alarm::Collect(id));
        } else if query.observers.is_empty() && query.waiting == 0 {
            self.remove_query(id);
        }
    }
}
