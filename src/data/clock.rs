//! What time it is, in the two senses the session needs. The only place in `data` that asks.

use std::time::Duration;

/// A moment of the monotonic clock of this page; it starts near zero at each load and knows no calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// A moment so many milliseconds after the page began.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Now.
    pub fn now() -> Self {
        let millis = web_sys::window()
            .and_then(|window| window.performance())
            .map_or(0.0, |performance| performance.now());
        Self(Duration::from_secs_f64((millis / 1000.0).max(0.0)))
    }

    /// So much later.
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait))
    }

    /// How long ago an earlier moment was; nothing when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Seconds of the calendar clock since 1970. It can be wrong and can jump: good for a hint across reloads, never for a deadline.
pub fn unix_seconds() -> u64 {
    // A browser's clock before 1970 is as good as 1970 here.
    (js_sys::Date::now() / 1000.0).max(0.0) as u64
}
