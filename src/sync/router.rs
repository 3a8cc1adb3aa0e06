//! The decisions: which cache work a burst of feed events amounts to, and when it is due. Pure: events and time in, work out.
//!
//! The first event after quiet is worked off at once, so that a single edit is on the screen as soon as it can be. What
//! follows within [`WINDOW`] is gathered into one piece of work at its end: the cache then fetches a query at most once per
//! window, with one owed behind, whatever the number of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::registry::Table;
use crate::data::clock::Moment;

/// How long events are gathered while more keep coming.
pub const WINDOW: Duration = Duration::from_millis(250);

/// From so many distinct rows on, telling rows apart costs more than it saves.
const MANY_ROWS: usize = 64;

/// What the feed said about a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// This row changed, came or went.
    Row(String),
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
    /// Lists, and the queries of these rows, are out of date: fetch those that somebody looks at.
    Rows(Table, BTreeSet<String>),
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

#[derive(Debug, Default)]
enum Waiting {
    #[default]
    Nothing,
    Rows(BTreeSet<String>),
    All,
    Doubt,
}

/// Gathers events into work.
#[derive(Debug, Default)]
pub struct Router {
    waiting: BTreeMap<Table, Waiting>,
    last: Option<Moment>,
    scheduled: bool,
}

impl Router {
    /// Takes in one event and says when to call [`Router::work`].
    pub fn hear(&mut self, table: Table, heard: Heard, now: Moment) -> Due {
        self.gather(table, &heard);
        for reader in table.shown_by() {
            // A joined row has no place in the reader's key: all of its queries are in question.
            let joined = match heard {
                Heard::Row(_) | Heard::Unclear => Heard::Unclear,
                Heard::Ready => Heard::Ready,
                Heard::Gap => Heard::Gap,
            };
            self.gather(*reader, &joined);
        }
        if std::mem::replace(&mut self.scheduled, true) {
            return Due::AsSaid;
        }
        let quiet = self.last.map(|last| now.since(last));
        match quiet {
            Some(quiet) if quiet < WINDOW => Due::In(WINDOW.saturating_sub(quiet)),
            _ => Due::Now,
        }
    }

    /// The work that has gathered. The caller does it at once.
    pub fn work(&mut self, now: Moment) -> Vec<Work> {
        self.scheduled = false;
        self.last = Some(now);
        std::mem::take(&mut self.waiting)
            .into_iter()
            .filter_map(|(table, waiting)| match waiting {
                Waiting::Nothing => None,
                Waiting::Rows(rows) => Some(Work::Rows(table, rows)),
                Waiting::All => Some(Work::All(table)),
                Waiting::Doubt => Some(Work::Doubt(table)),
            })
            .collect()
    }

    /// Drops what waits: it was for somebody else's eyes.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }

    fn gather(&mut self, table: Table, heard: &Heard) {
        let waiting = self.waiting.entry(table).or_default();
        *waiting = match (std::mem::take(waiting), heard) {
            // The latest word on continuity wins over everything before it.
            (_, Heard::Ready) => Waiting::All,
            (_, Heard::Gap) => Waiting::Doubt,
            // A change within a gap can't lift the doubt, nor one among all narrow them.
            (Waiting::Doubt, _) => Waiting::Doubt,
            (Waiting::All, _) | (_, Heard::Unclear) => Waiting::All,
            (Waiting::Nothing, Heard::Row(row)) => Waiting::Rows(BTreeSet::from([row.clone()])),
            (Waiting::Rows(mut rows), Heard::Row(row)) => {
                rows.insert(row.clone());
                if rows.len() > MANY_ROWS {
                    Waiting::All
                } else {
                    Waiting::Rows(rows)
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn row(id: &str) -> Heard {
        Heard::Row(id.to_owned())
    }

    fn rows(table: Table, ids: &[&str]) -> Work {
        Work::Rows(table, ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn the_first_event_after_quiet_is_worked_off_at_once() {
        let mut router = Router::default();
        assert_eq!(router.hear(Table::Profiles, row("a"), at(0)), Due::Now);
        assert_eq!(router.work(at(0)), [rows(Table::Profiles, &["a"])]);
        assert_eq!(router.hear(Table::Profiles, row("b"), at(1_000)), Due::Now);
    }

    #[test]
    fn a_burst_becomes_one_piece_of_work_per_window() {
        let mut router = Router::default();
        assert_eq!(router.hear(Table::Profiles, row("a"), at(0)), Due::Now);
        router.work(at(0));
        assert_eq!(
            router.hear(Table::Profiles, row("b"), at(100)),
            Due::In(Duration::from_millis(150))
        );
        for event in 0..1_000 {
            assert_eq!(
                router.hear(Table::Profiles, row("c"), at(100 + event / 10)),
                Due::AsSaid
            );
        }
        assert_eq!(router.work(at(250)), [rows(Table::Profiles, &["b", "c"])]);
        assert_eq!(router.work(at(250)), []);
    }

    #[test]
    fn a_patient_is_also_named_in_lists_of_forms() {
        let mut router = Router::default();
        router.hear(Table::Patients, row("a"), at(0));
        assert_eq!(
            router.work(at(0)),
            [
                rows(Table::Patients, &["a"]),
                Work::All(Table::FormSubmissions)
            ]
        );
    }

    #[test]
    fn ready_puts_everything_in_question_however_few_rows_were_named() {
        let mut router = Router::default();
        router.hear(Table::Profiles, row("a"), at(0));
        router.hear(Table::Profiles, Heard::Ready, at(0));
        router.hear(Table::Profiles, row("b"), at(0));
        assert_eq!(router.work(at(0)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn within_a_gap_nothing_is_fetched_until_the_server_listens_again() {
        let mut router = Router::default();
        router.hear(Table::Profiles, Heard::Gap, at(0));
        router.hear(Table::Profiles, row("a"), at(0));
        assert_eq!(router.work(at(0)), [Work::Doubt(Table::Profiles)]);
        router.hear(Table::Profiles, Heard::Gap, at(1_000));
        router.hear(Table::Profiles, Heard::Ready, at(1_000));
        assert_eq!(router.work(at(1_000)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn news_without_a_row_and_news_of_too_many_rows_touch_the_whole_table() {
        let mut router = Router::default();
        router.hear(Table::Profiles, row("a"), at(0));
        router.hear(Table::Profiles, Heard::Unclear, at(0));
        assert_eq!(router.work(at(0)), [Work::All(Table::Profiles)]);
        for id in 0..=MANY_ROWS {
            router.hear(Table::Profiles, row(&id.to_string()), at(1_000));
        }
        assert_eq!(router.work(at(1_000)), [Work::All(Table::Profiles)]);
    }

    #[test]
    fn what_waited_for_one_person_is_not_done_for_the_next() {
        let mut router = Router::default();
        router.hear(Table::Profiles, row("a"), at(0));
        router.forget();
        assert_eq!(router.work(at(0)), []);
    }
}
