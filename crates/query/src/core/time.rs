//! Time as the core sees it, and the one timer heap. Knows no clock: time arrives as an argument of every command.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{FetchId, MutationId, ObserverId, QueryId};

/// Milliseconds since the Unix epoch. Whoever drives the core says what time it is.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// A moment that does not come.
    pub const NEVER: Self = Self(u64::MAX);

    /// This moment plus a duration; saturates at [`Time::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        self.after_ms(in_ms(duration))
    }

    pub(crate) fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How long from `self` until `later`; zero if it has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// A duration in whole milliseconds, saturating.
pub(crate) fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Alarm {
    /// An unobserved query may have outlived its gc time.
    Collect(QueryId),
    /// A query's data may have passed an observer's stale time.
    Stale(QueryId),
    /// The delay before a fetch's next attempt is over.
    Retry(FetchId),
    /// An observer's polling interval is over.
    Interval(ObserverId),
    /// The delay before a mutation's next attempt is over.
    RetryMutation(MutationId),
    /// A settled mutation nobody looks at may go.
    CollectMutation(MutationId),
    /// Queries have waited long enough for the mutations that go before them.
    TellQueries,
    /// The cache is to be saved.
    Save,
}

/// A heap of alarms. Nothing is ever searched for or taken out of the middle: whoever sets an alarm remembers when it is
/// due, and an alarm that rings too early or for something gone is dropped or set again by its owner. That keeps arming at
/// O(log n) and makes re-arming free, where one timer a query costs a browser call each.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, Alarm)>>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, alarm: Alarm) {
        if at < Time::NEVER {
            self.heap.push(Reverse((at, alarm)));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next alarm that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Alarm> {
        if self.next_due()? <= now {
            self.heap.pop().map(|Reverse((_, alarm))| alarm)
        } else {
            None
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }
}
