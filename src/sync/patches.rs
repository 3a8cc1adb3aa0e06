//! Changed rows on their way into the cache: a single one at once, many of them a frame's worth at a time, so that no burst
//! keeps the page from painting. Pure: changes and time in, batches out.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bedside_query::{ChangeKind, Record, RowChange, Segment};

use super::registry::Table;
use crate::data::clock::Moment;

/// What comes within one frame is shown with one frame.
pub const FRAME: Duration = Duration::from_millis(16);

/// How many rows are patched at a time: a list of a thousand rows takes them in well within a frame.
pub const BATCH: usize = 64;

/// From so many rows on that wait, asking for the tables again is cheaper.
pub const MANY: usize = 2_000;

type Row = (Table, Segment);

/// Changed rows that wait for their turn, the longest waiting first. Of a row that changed twice, only the latest waits.
#[derive(Debug, Default)]
pub struct Patches {
    order: VecDeque<Row>,
    latest: HashMap<Row, RowChange>,
    last: Option<Moment>,
}

impl Patches {
    /// Takes a change in. Answers whether there is room for it; without room nothing waits any more, and the tables have to be asked.
    pub fn add(&mut self, table: Table, change: RowChange) -> Room {
        let row = (table, change.pk.clone());
        match self.latest.get_mut(&row) {
            Some(held) => *held = later(held, change),
            None => {
                self.order.push_back(row.clone());
                self.latest.insert(row, change);
            }
        }
        if self.order.len() <= MANY {
            return Room::Enough;
        }
        self.forget();
        Room::None
    }

    /// When the next batch is due.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        let next = self.last.map_or(now, |last| last.after(FRAME));
        (!self.order.is_empty()).then_some(next)
    }

    /// The next batch, if it is due.
    pub fn batch(&mut self, now: Moment) -> Vec<(Table, RowChange)> {
        if self.due(now).is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.last = Some(now);
        let take = self.order.len().min(BATCH);
        let rows: Vec<Row> = self.order.drain(..take).collect();
        rows.into_iter()
            .filter_map(|row| Some((row.0, self.latest.remove(&row)?)))
            .collect()
    }

    /// Drops what waits.
    pub fn forget(&mut self) {
        self.order.clear();
        self.latest.clear();
    }
}

/// Whether a change could be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Enough,
    /// All that waited is dropped.
    None,
}

/// Two changes of one row as one: a row that came and changed meanwhile has just come. While two subscriptions overlap, a change
/// can come a second time after a later one: the higher version stays.
fn later(held: &RowChange, change: RowChange) -> RowChange {
    if version(held) > version(&change) && change.kind != ChangeKind::Delete {
        return held.clone();
    }
    match (held.kind, change.kind) {
        (ChangeKind::Insert, ChangeKind::Update) => RowChange {
            kind: ChangeKind::Insert,
            ..change
        },
        _ => change,
    }
}

fn version(change: &RowChange) -> Option<i64> {
    match &change.record {
        Record::Columns(columns) => columns.get("version")?.as_i64(),
        Record::Key | Record::Doubtful => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn change(row: u64, version: u64) -> RowChange {
        RowChange::update("patients", row, json!({"id": row, "version": version}))
    }

    fn add(patches: &mut Patches, row: u64, version: u64) -> Room {
        patches.add(Table::Patients, change(row, version))
    }

    #[test]
    fn a_single_change_goes_at_once_and_the_next_with_the_next_frame() {
        let mut patches = Patches::default();
        add(&mut patches, 1, 1);
        assert_eq!(patches.due(at(100)), Some(at(100)));
        assert_eq!(patches.batch(at(100)).len(), 1);
        add(&mut patches, 2, 1);
        assert_eq!(patches.due(at(105)), Some(at(116)));
        assert_eq!(patches.batch(at(105)), []);
        assert_eq!(patches.batch(at(116)).len(), 1);
        assert_eq!(patches.due(at(116)), None);
    }

    #[test]
    fn of_a_row_that_changes_again_and_again_only_the_latest_is_shown() {
        let mut patches = Patches::default();
        for version in 0..1_000 {
            add(&mut patches, 1, version);
        }
        assert_eq!(patches.batch(at(0)), [(Table::Patients, change(1, 999))]);
    }

    #[test]
    fn a_change_that_comes_again_after_a_later_one_is_old_news() {
        let mut patches = Patches::default();
        add(&mut patches, 1, 5);
        add(&mut patches, 1, 4);
        assert_eq!(patches.batch(at(0)), [(Table::Patients, change(1, 5))]);
    }

    #[test]
    fn a_burst_is_shown_a_frames_worth_at_a_time() {
        let mut patches = Patches::default();
        for row in 0..1_000 {
            assert_eq!(add(&mut patches, row, 1), Room::Enough);
        }
        let batches = (0..100).filter(|frame| {
            let batch = patches.batch(at(frame * 16));
            assert!(batch.len() <= BATCH);
            !batch.is_empty()
        });
        assert_eq!(batches.count(), 1_000_usize.div_ceil(BATCH));
    }

    #[test]
    fn more_rows_than_can_be_shown_in_time_are_asked_for_instead() {
        let mut patches = Patches::default();
        let room = (0..=2_000).map(|row| add(&mut patches, row, 1)).last();
        assert_eq!(room, Some(Room::None));
        assert_eq!(patches.due(at(0)), None);
    }

    #[test]
    fn a_row_that_came_and_changed_has_come() {
        let mut patches = Patches::default();
        let new = RowChange::insert("patients", 1, json!({"id": 1}));
        patches.add(Table::Patients, new);
        add(&mut patches, 1, 2);
        let batch = patches.batch(at(0));
        assert!(
            matches!(batch.as_slice(), [(_, only)] if only.kind == ChangeKind::Insert),
            "{batch:?}"
        );
        patches.add(Table::Patients, RowChange::insert("patients", 2, json!({})));
        patches.add(Table::Patients, RowChange::delete("patients", 2));
        assert_eq!(
            patches.batch(at(16)),
            [(Table::Patients, RowChange::delete("patients", 2))]
        );
    }
}
