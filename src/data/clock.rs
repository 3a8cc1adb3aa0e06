//! What time it is, in the two senses the session needs. The only place in `data` that asks.

use std::time::Duration;

use futures::future::{Either, select};
use gloo_timers::future::{TimeoutFuture, sleep};

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

/// Both clocks, read together. The monotonic one can't be set; the calendar's goes on while the computer sleeps, which the other
/// does not everywhere. Time has passed when either says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub moment: Moment,
    /// Seconds since 1970, by this computer.
    pub unix: u64,
}

impl Now {
    /// Now.
    pub fn read() -> Self {
        Self {
            moment: Moment::now(),
            unix: unix_seconds(),
        }
    }

    /// How long ago an earlier time was: the longer of what the two clocks say. A calendar clock that was set back says nothing.
    pub fn since(self, earlier: Self) -> Duration {
        let by_calendar = Duration::from_secs(self.unix.saturating_sub(earlier.unix));
        self.moment.since(earlier.moment).max(by_calendar)
    }
}

/// Waits until a moment has come; wakes early if that is weeks away.
pub async fn sleep_until(due: Moment) {
    // The browser's timers count whole milliseconds: rounded down, one would ring early, again and again until it is time.
    let millis = due.since(Moment::now()).as_nanos().div_ceil(1_000_000);
    let longest = i32::MAX.unsigned_abs();
    TimeoutFuture::new(u32::try_from(millis).map_or(longest, |millis| millis.min(longest))).await;
}

/// Waits for something, but not for longer than this; `None` if it takes longer. What it was is dropped then.
pub async fn within<T>(limit: Duration, wait: impl Future<Output = T>) -> Option<T> {
    let wait = std::pin::pin!(wait);
    match select(wait, std::pin::pin!(sleep(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// The seconds since 1970 of a `Date` header.
pub fn unix_of_http_date(text: &str) -> Option<u64> {
    let seconds = js_sys::Date::parse(text) / 1000.0;
    // What is no date is no number.
    (seconds >= 0.0).then_some(seconds as u64)
}

/// The name of this person's time zone, such as `Europe/Berlin`. Unlike an offset it knows when the clocks change.
pub fn time_zone() -> String {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    let name = js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into());
    name.ok()
        .and_then(|name| name.as_string())
        .unwrap_or_else(|| "UTC".to_owned())
}

/// Milliseconds of the calendar clock since 1970, with the same reservations as [`unix_seconds`].
pub fn unix_millis() -> u64 {
    // A browser's clock before 1970 is as good as 1970 here.
    js_sys::Date::now().max(0.0) as u64
}

/// Seconds of the calendar clock since 1970. It can be wrong and can jump: good for a hint across reloads, never for a deadline.
pub fn unix_seconds() -> u64 {
    unix_millis() / 1_000
}
