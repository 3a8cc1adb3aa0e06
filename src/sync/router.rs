//! The decisions: which cache work a burst of feed events amounts to, and when it is due. Pure: events and time in, work out.
//!
//! A changed row is shown by whoever patches; what this says is when the queries that it put in question are fetched. The first
//! time after quiet that is at once. What follows is gathered into one piece of work at the end of a window, which grows while
//! events go on: a burst costs a handful of fetches, whatever the number of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bedside_query::RowChange;

use super::registry::Table;
use crate::data::clock::Moment;

/// How long fetches are gathered when events follow each other, at first.
pub const WINDOW: Duration = Duration::from_millis(250);
/// And at most: rows are on the screen by then, their places may be late.
const LONGEST: Duration = Duration::from_secs(1);

/// When a server comes back to many pages at once, they fetch within so long, each at a time of its own.
pub const SPREAD: Duration = Duration::from_millis(300);

/// What the feed said about a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// This row changed, came or went.
    Row(RowChange),
    /// Something changed, but the news does not say which row: no key, truncated, unreadable.
    Unclear,
    /// The server listens from now on: what was fetched before may have missed something.
    Ready,
    /// Continuity is lost: nothing is proven until the next ready.
    Gap,
}

/// What to do with a table's queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Rows have changed: fetch what that put in question and somebody looks at.
    Stale(Table),
    /// All are out of date: fetch those that somebody looks at.
    All(Table),
    /// None may be taken for fresh, and fetching would prove nothing yet.
    Doubt(Table),
}

/// When the work that waits is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    In(Duration),
    /// As was said before: something is already scheduled.
    AsSaid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Stale,
    All,
    Doubt,
}

/// Gathers events into work.
#[derive(Debug)]
pub struct Router {
    waiting: BTreeMap<Table, Waiting>,
    last: Option<Moment>,
    due: Option<Moment>,
    /// The window, as it has grown.
    window: Duration,
    /// The tables whose continuity is lost.
    gaps: BTreeSet<Table>,
    /// How long after a gap's end this page fetches.
    spread: Duration,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            last: None,
            due: None,
            window: WINDOW,
            gaps: BTreeSet::new(),
            spread: Duration::ZERO,
        }
    }
}

impl Router {
    /// A router of a page that fetches so long after the end of a gap; within [`SPREAD`].
    pub fn spread(spread: Duration) -> Self {
        Self {
            spread: spread.min(SPREAD),
            ..Self::default()
        }
    }

    /// Takes in one event and says when to call [`Router::work`]. The row of a changed row has been dealt with by whoever patches.
    pub fn hear(&mut self, table: Table, heard: &Heard, now: Moment) -> Due {
        for table in table.with_shown_by() {
            self.gather(table, heard);
        }
        // Rows that changed are marked already; what else happened is marked with the work.
        let window = match heard {
            Heard::Row(_) => self.window,
            Heard::Unclear | Heard::Ready | Heard::Gap => WINDOW,
        };
        let ended = match heard {
            Heard::Gap => {
                self.gaps.insert(table);
                false
            }
            Heard::Ready => self.gaps.remove(&table),
            Heard::Row(_) | Heard::Unclear => false,
        };
        let soonest = if ended { now.after(self.spread) } else { now };
        let due = self
            .last
            .map_or(soonest, |last| last.after(window).max(soonest));
        if self.due.is_some_and(|said| said <= due) {
            return Due::AsSaid;
        }
        self.due = Some(due);
        if due == now {
            Due::Now
        } else {
            Due::In(due.since(now))
        }
    }

    /// The work that has gathered. The caller does it at once.
    pub fn work(&mut self, now: Moment) -> Vec<Work> {
        self.due = None;
        let before = self.last.replace(now);
        // Changes that come in heaps are one burst, if the next heap comes before the window has been quiet for once.
        let busy = before.is_some_and(|before| now.since(before) <= self.window.saturating_mul(2));
        self.window = if busy {
            self.window.saturating_mul(2).min(LONGEST)
        } else {
            WINDOW
        };
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(table, waiting)| match waiting {
                Waiting::Stale => Work::Stale(table),
                Waiting::All => Work::All(table),
                Waiting::Doubt => Work::Doubt(table),
            })
            .collect()
    }

    /// Drops what waits: it was for somebody else's eyes.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Nobody listens to a table any more: whoever listens next begins, and does not come back with all the others.
    pub fn leave(&mut self, table: Table) {
        self.gaps.remove(&table);
    }

    fn gather(&mut self, table: Table, heard: &Heard) {
        let waiting = match (self.waiting.get(&table), heard) {
            // The latest word on continuity wins over everything before it.
            (_, Heard::Ready) => Waiting::All,
            (_, Heard::Gap) => Waiting::Doubt,
            // A change within a gap can't lift the doubt, nor one among all narrow them.
            (Some(Waiting::Doubt), _) => Waiting::Doubt,
            (Some(Waiting::All), _) | (_, Heard::Unclear) => Waiting::All,
            (Some(Waiting::Stale) | None, Heard::Row(_)) => Waiting::Stale,
        };
        self.waiting.insert(table, waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn row() -> Heard {
        Heard::Row(RowChange::delete("profiles", 1))
    }

    #[test]
    fn the_first_event_after_quiet_is_worked_off_at_once() {
        let mut router = Router::default();
        assert_eq!(router.hear(Table::Profiles, &row(), at(0)), Due::Now);
        assert_eq!(router.work(at(0)), [Work::Stale(Table::Profiles)]);
        assert_eq!(router.hear(Table::Profiles, &row(), at(1_000)), Due::Now);
    }

    #[test]
    fn a_burst_becomes_one_piece_of_work_per_window() {
        let mut router = Router::default();
        assert_eq!(router.hear(Table::Profiles, &row(), at(0)), Due::Now);
        router.work(at(0));
        assert_eq!(
            router.hear(Table::Profiles, &row(), at(100)),
            Due::In(Duration::from_millis(150))
        );
        for event in 0..1_000 {
            assert_eq!(
                router.hear(Table::Profiles, &row(), at(100 + event / 10)),
                Due::AsSaid
            );
        }
        assert_eq!(router.work(at(250)), [Work::Stale(Table::Profiles)]);
        assert_eq!(router.work(at(250)), []);
    }

    #[test]
    fn a_second_of_changes_is_a_handful_of_pieces_of_work() {
        let mut router = Router::default();
        let (mut pieces, mut due) = (Vec::new(), None);
        for now in 0..3_000 {
            if now < 1_000 {
                match router.hear(Table::Profiles, &row(), at(now)) {
                    Due::Now => due = Some(now),
                    Due::In(wait) => due = Some(now + u64::try_from(wait.as_millis()).unwrap_or(0)),
                    Due::AsSaid => {}
                }
            }
            if due == Some(now) {
                due = None;
                router.work(at(now));
                pieces.push(now);
            }
        }
        assert_eq!(pieces, [0, 250, 750, 1_750]);
    }

    #[test]
    fn news_that_marks_nothing_by_itself_waits_no_longer_than_the_first_window() {
        let mut router = Router::default();
        for now in [0, 250, 750] {
            router.hear(Table::Profiles, &row(), at(now));
            router.work(at(now));
        }
        let late = router.hear(Table::Profiles, &row(), at(760));
        assert_eq!(late, Due::In(Duration::from_millis(990)));
        let sooner = router.hear(Table::Profiles, &Heard::Unclear, at(770));
        assert_eq!(sooner, Due::In(Duration::from_millis(230)));
    }

    #[test]
    fn after_quiet_the_window_is_short_again() {
        let mut router = Router::default();
        for now in [0, 250, 750] {
            router.hear(Table::Profiles, &row(), at(now));
            router.work(at(now));
        }
        assert_eq!(router.hear(Table::Profiles, &row(), at(3_000)), Due::Now);
        router.work(at(3_000));
        let next = router.hear(Table::Profiles, &row(), at(3_001));
        assert_eq!(next, Due::In(Duration::from_millis(249)));
    }

    #[test]
    fn a_patient_is_also_named_in_lists_of_forms() {
        let mut router = Router::default();
        router.hear(Table::Patients, &row(), at(0));
        let both = [
            Work::Stale(Table::Patients),
            Work::Stale(Table::FormSubmissions),
        ];
        assert_eq!(router.work(at(0)), both);
    }

    #[test]
    fn ready_puts_everything_in_question_however_few_rows_were_named() {
        let mut router = Router::default();
        router.hear(Table::Profiles, &row(), at(0));
        router.hear(Table::Profiles, &Heard::Ready, at(0));
        router.hear(Table::Profiles, &row(), at(0));
        assert_eq!(router.work(at(0)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn within_a_gap_nothing_is_fetched_until_the_server_listens_again() {
        let mut router = Router::default();
        router.hear(Table::Profiles, &Heard::Gap, at(0));
        router.hear(Table::Profiles, &row(), at(0));
        assert_eq!(router.work(at(0)), [Work::Doubt(Table::Profiles)]);
        router.hear(Table::Profiles, &Heard::Gap, at(1_000));
        router.hear(Table::Profiles, &Heard::Ready, at(1_000));
        assert_eq!(router.work(at(1_000)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn after_a_gap_each_page_fetches_at_a_time_of_its_own() {
        let mut router = Router::spread(Duration::from_millis(120));
        assert_eq!(router.hear(Table::Profiles, &Heard::Ready, at(0)), Due::Now);
        router.work(at(0));
        router.hear(Table::Profiles, &Heard::Gap, at(5_000));
        assert_eq!(
            router.work(at(5_000)),
            [Work::Doubt(Table::Profiles)],
            "marked at once"
        );
        let ended = router.hear(Table::Profiles, &Heard::Ready, at(9_000));
        assert_eq!(ended, Due::In(Duration::from_millis(120)));
    }

    #[test]
    fn news_without_a_row_touches_the_whole_table() {
        let mut router = Router::default();
        router.hear(Table::Profiles, &row(), at(0));
        router.hear(Table::Profiles, &Heard::Unclear, at(0));
        assert_eq!(router.work(at(0)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn what_waited_for_one_person_is_not_done_for_the_next() {
        let mut router = Router::default();
        router.hear(Table::Profiles, &row(), at(0));
        router.forget();
        assert_eq!(router.work(at(0)), []);
    }
}
