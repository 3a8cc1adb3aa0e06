//! Several saves of one row that were never sent become one: who types for an hour without a network sends a handful of changes, not
//! a thousand.
//!
//! The result is a new save with a new id. Only the tab that has the turn folds, and it has read the disk before: an entry that may have
//! been sent, by whichever tab, says so there and is never folded.

use uuid::Uuid;

use super::{Effect, Queue, STEPS};
use crate::sync::outbox::change::{Change, Write};
use crate::sync::outbox::entry::{Entry, Standing};

impl Queue {
    /// Folds what can be folded. `name` makes new ids.
    pub fn fold(&mut self, mut name: impl FnMut() -> Uuid) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut place = 0;
        while let Some((old, change)) = self.run_from(place) {
            place += 1;
            let [first, others @ ..] = old.as_slice() else {
                continue;
            };
            if others.is_empty() {
                continue;
            }
            let id = name();
            for other in others {
                self.take(*other);
            }
            if let Some(held) = self.entries.iter_mut().find(|entry| entry.id == *first) {
                held.replaces.extend(others);
            }
            effects.extend(self.replace(*first, id, change));
            for other in others {
                effects.push(Effect::Drop(*other));
                effects.push(Effect::Replaced {
                    old: *other,
                    by: id,
                });
            }
        }
        effects
    }

    /// The saves that can be one with the save at this place, and what they are together. Nothing behind the last place.
    fn run_from(&self, place: usize) -> Option<(Vec<Uuid>, Change)> {
        let first = self.entries.get(place)?;
        let mut change = first.change.clone();
        let mut run = Vec::new();
        if folds(first) {
            let of_row = self.entries.iter().skip(place);
            let of_row = of_row.filter(|entry| entry.change.row == first.change.row);
            for entry in of_row.take_while(|entry| folds(entry)) {
                run.push(entry.id);
                let columns = entry.change.columns.clone();
                change.columns.extend(columns);
                if let (Write::Update { base, .. }, Write::Update { base: seen, .. }) =
                    (&mut change.write, &entry.change.write)
                {
                    for (column, value) in seen {
                        base.entry(column).or_insert_with(|| value.clone());
                    }
                }
            }
        }
        Some((run, change))
    }
}

/// Whether it can be one with its neighbours: a change that no tab ever sent, and no step of its own.
fn folds(entry: &Entry) -> bool {
    entry.attempts == 0
        && entry.standing == Standing::Queued
        && matches!(entry.change.write, Write::Update { .. })
        && !entry.change.columns.contains_key(STEPS)
}
