//! Average rates over time, the way the real server counts: it looks every five seconds at what came since, and keeps
//! the last minute of such looks. So a limit bites late and lets go late. Time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(5);
const KEPT: usize = 12;

/// Counts events and says whether their average is above a limit.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    tick_ends: Option<Instant>,
    count: u32,
    ticks: VecDeque<u32>,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            tick_ends: None,
            count: 0,
            // The first look averages with an empty one: a short burst at the start is free.
            ticks: VecDeque::from([0]),
        }
    }

    /// Counts `events` and says whether the limit is passed.
    pub(crate) fn add(&mut self, events: u32, now: Instant) -> Within {
        self.roll(now);
        self.count = self.count.saturating_add(events);
        let sum: u64 = self.ticks.iter().map(|n| u64::from(*n)).sum();
        let seconds = self.ticks.len() as u64 * TICK.as_secs();
        match sum > u64::from(self.per_second) * seconds {
            true => Within::Exceeded,
            false => Within::Limit,
        }
    }

    fn roll(&mut self, now: Instant) {
        let mut end = *self.tick_ends.get_or_insert(now + TICK);
        let mut rolled = 0;
        while now >= end && rolled <= KEPT {
            self.ticks.push_front(self.count);
            self.ticks.truncate(KEPT);
            self.count = 0;
            end += TICK;
            rolled += 1;
        }
        // After a long silence the ticks in between are all empty; there is no need to walk through them.
        self.tick_ends = Some(if now >= end { now + TICK } else { end });
    }
}

/// What [`Rate::add`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    Limit,
    Exceeded,
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    /// The second in which a steady rate is first refused.
    fn refused_after(rate: u32, seconds: u32) -> Option<u32> {
        let start = Instant::now();
        let mut counter = Rate::new(100);
        (0..seconds).find(|second| {
            let now = start + Duration::from_secs(u64::from(*second));
            (0..rate).any(|_| counter.add(1, now) == Within::Exceeded)
        })
    }

    #[test]
    fn a_rate_far_above_the_limit_is_refused_after_five_seconds() {
        assert_eq!(refused_after(240, 20), Some(5));
        assert_eq!(refused_after(300, 20), Some(5));
    }

    #[test]
    fn a_rate_a_little_above_passes_for_a_while_and_one_below_for_ever() {
        assert_eq!(refused_after(130, 8), None);
        assert!(refused_after(130, 120).is_some());
        assert_eq!(refused_after(99, 600), None);
    }

    #[test]
    fn silence_lets_go() {
        let start = Instant::now();
        let mut counter = Rate::new(100);
        counter.add(5000, start);
        assert_eq!(
            counter.add(1, start + Duration::from_secs(6)),
            Within::Exceeded
        );
        assert_eq!(
            counter.add(1, start + Duration::from_secs(3600)),
            Within::Limit
        );
    }
}
