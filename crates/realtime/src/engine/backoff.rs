//! When to try again: full jitter over a window that doubles, so that a crowd of clients stays a trickle.

use super::clock::Dice;

/// How urgent another try is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing known: the usual window.
    Usual,
    /// The server restarts: everybody is coming back.
    Crowd,
    /// The server said that there is too much of something.
    Long,
}

#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: u64,
    cap: u64,
    crowd: u64,
    floor: u64,
    attempts: u32,
}

/// The least window after a rate limit: its counters look at up to 60 s.
const LONG: u64 = 60_000;

impl Backoff {
    pub fn new(base: u64, cap: u64, crowd: u64) -> Self {
        Self {
            base,
            cap,
            crowd,
            floor: base,
            attempts: 0,
        }
    }

    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Forgets failures: after a stable period, or because a person asked.
    pub fn reset(&mut self) {
        self.attempts = 0;
        self.floor = self.base;
    }

    /// The delay before the next try.
    pub fn next(&mut self, pace: Pace, dice: &mut Dice) -> u64 {
        let cap = match pace {
            Pace::Usual => self.cap,
            Pace::Crowd => {
                self.floor = self.floor.max(self.crowd);
                self.cap.max(self.crowd)
            }
            Pace::Long => {
                self.floor = self.floor.max(LONG);
                self.cap.max(LONG)
            }
        };
        let window = self
            .floor
            .saturating_mul(1 << self.attempts.min(20))
            .min(cap.max(self.floor));
        self.attempts = self.attempts.saturating_add(1);
        match pace {
            // Even the luckiest waits half: the limit lets go late.
            Pace::Long => window / 2 + dice.up_to(window / 2),
            Pace::Usual | Pace::Crowd => dice.up_to(window),
        }
    }
}
