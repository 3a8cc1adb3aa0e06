//! The decisions: how long nobody has touched anything, and what that means for the screen. Pure: touches and time in, a word out.

use std::time::Duration;

use crate::data::clock::Now;

/// How long before the lock a person is warned; half of the time where that is shorter.
const WARNING: Duration = Duration::from_secs(60);

/// What the screen should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Open,
    /// It locks after so many seconds, unless something is touched.
    Closing(u64),
    Locked,
}

/// Watches one person's touches.
#[derive(Clone, Debug)]
pub struct Watch {
    limit: Duration,
    touched: Now,
    locked: bool,
}

impl Watch {
    /// Begins with a touch now.
    pub const fn new(limit: Duration, now: Now) -> Self {
        Self {
            limit,
            touched: now,
            locked: false,
        }
    }

    /// Something was touched, here or in another tab. A locked screen doesn't open by that, and one that should have locked
    /// meanwhile (the computer slept) locks now.
    pub fn touch(&mut self, now: Now) {
        if self.screen(now) != Screen::Locked {
            self.touched = now;
        }
    }

    /// What the screen should be now. Once locked it stays locked.
    pub fn screen(&mut self, now: Now) -> Screen {
        let left = self.limit.saturating_sub(now.since(self.touched));
        self.locked = self.locked || left.is_zero();
        if self.locked {
            Screen::Locked
        } else if left <= self.warning() {
            // Counted up: a second that has begun is shown whole.
            Screen::Closing(left.as_millis().div_ceil(1_000) as u64)
        } else {
            Screen::Open
        }
    }

    /// How long until [`Watch::screen`] says something else.
    pub fn next_look(&self, now: Now) -> Option<Duration> {
        let left = self.limit.saturating_sub(now.since(self.touched));
        if self.locked || left.is_zero() {
            return None;
        }
        let before_warning = left.saturating_sub(self.warning());
        Some(if before_warning.is_zero() {
            let part = left.subsec_nanos();
            if part == 0 {
                Duration::from_secs(1)
            } else {
                Duration::from_nanos(part.into())
            }
        } else {
            before_warning
        })
    }

    /// Locks at once.
    pub const fn lock(&mut self) {
        self.locked = true;
    }

    /// The password was given, here or in another tab.
    pub const fn unlock(&mut self, now: Now) {
        self.locked = false;
        self.touched = now;
    }

    /// Another time was chosen.
    pub const fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    fn warning(&self) -> Duration {
        WARNING.min(self.limit / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::clock::Moment;

    const MINUTE: u64 = 60;

    /// So many seconds on both clocks.
    fn at(seconds: u64) -> Now {
        Now {
            moment: Moment::from_millis(seconds * 1_000),
            unix: 1_000_000 + seconds,
        }
    }

    fn quarter_of_an_hour() -> Watch {
        Watch::new(Duration::from_secs(15 * MINUTE), at(0))
    }

    #[test]
    fn a_screen_that_nobody_touches_warns_for_a_minute_and_locks() {
        let mut watch = quarter_of_an_hour();
        assert_eq!(watch.screen(at(14 * MINUTE - 1)), Screen::Open);
        assert_eq!(watch.screen(at(14 * MINUTE)), Screen::Closing(60));
        assert_eq!(watch.screen(at(15 * MINUTE - 1)), Screen::Closing(1));
        assert_eq!(watch.screen(at(15 * MINUTE)), Screen::Locked);
    }

    #[test]
    fn whoever_looks_when_told_sees_each_second_of_the_countdown_once() {
        let mut watch = quarter_of_an_hour();
        let (mut now, mut seen) = (at(0), Vec::new());
        while let Some(wait) = watch.next_look(now) {
            now = Now {
                moment: now.moment.after(wait),
                unix: now.unix + wait.as_secs(),
            };
            seen.push(watch.screen(now));
        }
        let countdown: Vec<Screen> = (1..=60).rev().map(Screen::Closing).collect();
        assert_eq!(
            seen.split_last(),
            Some((&Screen::Locked, countdown.as_slice()))
        );
    }

    #[test]
    fn a_touch_in_time_opens_it_for_another_while() {
        let mut watch = quarter_of_an_hour();
        watch.touch(at(14 * MINUTE + 59));
        assert_eq!(watch.screen(at(15 * MINUTE)), Screen::Open);
        assert_eq!(watch.screen(at(29 * MINUTE + 59)), Screen::Locked);
    }

    #[test]
    fn a_locked_screen_opens_by_the_password_alone() {
        let mut watch = quarter_of_an_hour();
        watch.lock();
        watch.touch(at(1));
        assert_eq!(watch.screen(at(1)), Screen::Locked);
        assert_eq!(watch.next_look(at(1)), None);
        watch.unlock(at(2));
        assert_eq!(watch.screen(at(2)), Screen::Open);
    }

    #[test]
    fn the_touch_that_wakes_a_sleeping_computer_does_not_open_its_screen() {
        let mut watch = quarter_of_an_hour();
        let morning = Now {
            // The page's clock stood still with everything else.
            moment: Moment::from_millis(5_000),
            unix: 1_000_000 + 8 * 60 * MINUTE,
        };
        watch.touch(morning);
        assert_eq!(watch.screen(morning), Screen::Locked);
    }

    #[test]
    fn a_calendar_that_is_set_back_keeps_no_screen_open() {
        let mut watch = quarter_of_an_hour();
        let set_back = Now {
            moment: Moment::from_millis(15 * MINUTE * 1_000),
            unix: 0,
        };
        assert_eq!(watch.screen(set_back), Screen::Locked);
    }

    #[test]
    fn a_shorter_time_holds_at_once() {
        let mut watch = quarter_of_an_hour();
        watch.set_limit(Duration::from_secs(MINUTE));
        assert_eq!(watch.screen(at(29)), Screen::Open);
        assert_eq!(watch.screen(at(30)), Screen::Closing(30));
        assert_eq!(watch.screen(at(MINUTE)), Screen::Locked);
    }
}
