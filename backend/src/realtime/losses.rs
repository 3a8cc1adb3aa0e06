//! A window in which row changes are lost on purpose: not delivered, without a word to any client. Broadcasts, presence and the sockets' heartbeats
//! go on, as they do where a real server loses changes.
//!
//! It decides by table, count and time, which is passed in; it holds no subscription and no socket.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// Which changes are lost. Without a count and a duration, all until the next window.
///
/// ```
/// use bedside_backend::realtime::LossWindow;
///
/// let window: LossWindow = serde_json::from_str(r#"{ "table": "patients", "count": 2 }"#)?;
/// assert_eq!(window.count, Some(2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossWindow {
    /// Only changes of this table; `None` is every table.
    pub table: Option<String>,
    /// So many changes, then the window closes; 0 closes one that is open.
    pub count: Option<u64>,
    /// The window closes after so many milliseconds.
    pub for_ms: Option<u64>,
}

/// The window that is open, and what was lost so far.
#[derive(Debug, Default)]
pub(crate) struct Losses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    window: Option<Open>,
    lost: u64,
}

#[derive(Debug)]
struct Open {
    table: Option<String>,
    left: Option<u64>,
    until: Option<Instant>,
}

impl Losses {
    /// Opens a window, in place of one that is open.
    pub(crate) fn open(&self, window: LossWindow, now: Instant) {
        self.lock(|state| {
            state.window = Some(Open {
                table: window.table,
                left: window.count,
                until: window
                    .for_ms
                    .and_then(|ms| now.checked_add(Duration::from_millis(ms))),
            });
        });
    }

    /// Whether a change of this table is lost; if so, it counts.
    pub(crate) fn takes(&self, table: &str, now: Instant) -> bool {
        self.lock(|state| {
            let Some(open) = &mut state.window else {
                return false;
            };
            if open.left == Some(0) || open.until.is_some_and(|until| now >= until) {
                state.window = None;
                return false;
            }
            if open.table.as_deref().is_some_and(|only| only != table) {
                return false;
            }
            open.left = open.left.map(|left| left.saturating_sub(1));
            state.lost += 1;
            true
        })
    }

    /// How many changes were lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lock(|state| state.lost)
    }

    fn lock<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(table: Option<&str>, count: Option<u64>, for_ms: Option<u64>) -> LossWindow {
        LossWindow {
            table: table.map(str::to_owned),
            count,
            for_ms,
        }
    }

    /// Opens the window and passes changes: the table and the milliseconds since then.
    fn check(window: LossWindow, changes: &[(&str, u64, bool)]) {
        let (losses, now) = (Losses::default(), Instant::now());
        losses.open(window, now);
        for (table, ms, lost) in changes {
            let at = now + Duration::from_millis(*ms);
            assert_eq!(losses.takes(table, at), *lost, "{table} after {ms} ms");
        }
        let lost = changes.iter().filter(|(_, _, lost)| *lost).count();
        assert_eq!(losses.lost(), lost as u64);
    }

    #[test]
    fn nothing_is_lost_without_a_window() {
        assert!(!Losses::default().takes("patients", Instant::now()));
    }

    #[test]
    fn a_window_of_one_table_lets_others_pass_and_does_not_count_them() {
        check(
            window(Some("patients"), Some(1), None),
            &[
                ("profiles", 0, false),
                ("patients", 1, true),
                ("patients", 2, false),
            ],
        );
    }

    #[test]
    fn a_window_closes_in_time() {
        check(
            window(None, Some(9), Some(100)),
            &[
                ("patients", 0, true),
                ("profiles", 99, true),
                ("patients", 100, false),
            ],
        );
    }

    #[test]
    fn a_window_without_bounds_stays_open_until_one_of_no_changes_follows() {
        let (losses, now) = (Losses::default(), Instant::now());
        losses.open(window(None, None, None), now);
        assert!(losses.takes("patients", now + Duration::from_secs(100_000)));
        losses.open(window(None, Some(0), None), now);
        assert!(!losses.takes("patients", now));
    }
}
