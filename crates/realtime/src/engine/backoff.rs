//! When to try again: full jitter over a window that doubles, so that a crowd of clients stays a trickle.

use super::clock::Dice;

/// How urgent another try is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing known: the usual window.
    Usual,
    /// The server restarts: everybody is coming back.
    Crowd,
    /// The socket broke without a word: the cable of one, or the server of all.
    Broken,
    /// The server said that there is too much of something.
    Long,
}

/// Windows for when others may be coming back too, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub restart: u64,
    pub loss: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    base: u64,
    cap: u64,
    spread: Spread,
    floor: u64,
    attempts: u32,
}

/// The least window after a rate limit: its counters look at up to 60 s.
const LONG: u64 = 60_000;

impl Backoff {
    pub fn new(base: u64, cap: u64, spread: Spread) -> Self {
        Self {
            base,
            cap,
            spread,
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
        let least = match pace {
            Pace::Usual => self.base,
            Pace::Crowd => self.spread.restart,
            Pace::Broken => self.spread.loss,
            Pace::Long => LONG,
        };
        self.floor = self.floor.max(least);
        let cap = self.cap.max(least);
        let window = self
            .floor
            .saturating_mul(1 << self.attempts.min(20))
            .min(cap.max(self.floor));
        // A limit lets go late; and the second wave of a crowd waits until the first has broken.
        let again = self.floor > self.base && self.attempts > 0;
        self.attempts = self.attempts.saturating_add(1);
        if pace == Pace::Long || again {
            window / 2 + dice.up_to(window / 2)
        } else {
            dice.up_to(window)
        }
    }
}
