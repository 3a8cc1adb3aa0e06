//! What a person decides about a save that waits: which side counts, once more, with other values, or not at all. Each decision is a new
//! save. Knows no answer of the server.

use uuid::Uuid;

use super::{Effect, Outcome, Queue, depends};
use crate::sync::outbox::change::{Change, Columns, Write};
use crate::sync::outbox::entry::{Entry, Standing};
use crate::sync::outbox::merge::{Side, choose, merge};

impl Queue {
    /// The person chose, in each field that is named; others stay as typed. What is left to send is a new save with this id: the server
    /// may have the previous one, whose response was lost.
    pub fn resolve(&mut self, of: Uuid, id: Uuid, choices: &[(String, Side)]) -> Vec<Effect> {
        let Some(entry) = self.entry(of) else {
            return Vec::new();
        };
        let (Standing::Conflict(clash), Write::Update { base, .. }) =
            (&entry.standing, &entry.change.write)
        else {
            return Vec::new();
        };
        let (old, clash) = (entry.id, clash.clone());
        let mut change = entry.change.clone();
        let merged = merge(base, &entry.change.columns, &clash.row);
        let mut columns = merged.columns;
        for conflict in &clash.fields {
            let chosen = choices.iter().find(|(field, _)| *field == conflict.field);
            if let Some((_, side)) = chosen {
                choose(&mut columns, conflict, side);
            }
        }
        let mut base = merged.base;
        columns.retain(|column, value| base.get(column) != Some(value));
        base.retain(|column, _| columns.contains_key(column));
        if columns.is_empty() {
            return self.stored(old, clash.row);
        }
        change.columns = columns;
        change.write = Write::Update {
            version: clash.version,
            base,
        };
        self.send_again(old, id, change)
    }

    /// The person wants a refused save sent once more, as a new save with this id.
    pub fn retry(&mut self, of: Uuid, id: Uuid) -> Vec<Effect> {
        match self.entry(of) {
            Some(entry) if matches!(entry.standing, Standing::Failed(_)) => {
                let (old, change) = (entry.id, entry.change.clone());
                self.send_again(old, id, change)
            }
            _ => Vec::new(),
        }
    }

    fn send_again(&mut self, old: Uuid, id: Uuid, change: Change) -> Vec<Effect> {
        let mut effects = self.replace(old, id, change);
        if let Some(entry) = self.entry(id) {
            effects.push(Effect::Show(Box::new(entry.clone())));
        }
        effects
    }

    /// The person has corrected a save that was stopped: this one takes its place. What waits behind it goes on waiting. If it is not
    /// stopped any more, the correction is a save of its own.
    pub fn save_instead(
        &mut self,
        of: Uuid,
        id: Uuid,
        change: Change,
        unix_millis: u64,
    ) -> Vec<Effect> {
        let stopped = self.entry(of).filter(|entry| !entry.is_waiting()).cloned();
        let Some(old) = stopped.filter(|old| old.change.row == change.row) else {
            return self.save(id, change, unix_millis);
        };
        let rebased = self.rebase(&old, Some(&change.columns));
        let mut effects = self.replace(old.id, id, change);
        // On disk before the one they wait for.
        effects.splice(0..0, rebased);
        effects
    }

    /// The person goes on typing over a save that was refused: both are one new save. If it is not refused, this is a save of its own.
    pub fn amend(&mut self, of: Uuid, id: Uuid, change: Change, unix_millis: u64) -> Vec<Effect> {
        let refused = |entry: &&Entry| matches!(entry.standing, Standing::Failed(_));
        let Some(old) = self.entry(of).filter(refused) else {
            return self.save(id, change, unix_millis);
        };
        let mut amended = old.change.clone();
        if let (Write::Update { base, .. }, Write::Update { base: seen, .. }) =
            (&mut amended.write, &change.write)
        {
            for (column, value) in seen {
                base.entry(column.clone()).or_insert_with(|| value.clone());
            }
        }
        amended.columns.extend(change.columns);
        self.save_instead(of, id, amended, unix_millis)
    }

    /// The person takes a save back; with a new row goes what was made for it. One on its way is not held up: the server may
    /// have it already.
    pub fn withdraw(&mut self, of: Uuid) -> Vec<Effect> {
        let Some(id) = self.entry(of).map(|entry| entry.id) else {
            return Vec::new();
        };
        if self
            .flight
            .as_ref()
            .is_some_and(|(flying, _)| *flying == id)
        {
            return Vec::new();
        }
        let Some(entry) = self.take(id) else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        if entry.change.write == Write::Create {
            let gone = |held: &&Entry| depends(&held.change, &entry.change);
            let behind: Vec<Uuid> = self
                .entries
                .iter()
                .filter(gone)
                .map(|held| held.id)
                .collect();
            for id in behind {
                effects.extend(self.withdraw(id));
            }
        } else {
            effects.extend(self.rebase(&entry, None));
        }
        // Last: as long as it is on disk, no other tab sends what was made over it.
        effects.extend(entry.dropped());
        effects.push(Effect::Tell(Box::new(entry), Outcome::Withdrawn));
        effects
    }

    /// The saves behind a change were made over it. What they began with is now what its successor makes of the row, or what it began
    /// with itself.
    fn rebase(&mut self, gone: &Entry, successor: Option<&Columns>) -> Vec<Effect> {
        let Write::Update { base: before, .. } = &gone.change.write else {
            return Vec::new();
        };
        let mut moved = Vec::new();
        for held in &mut self.entries {
            let of_row = held.change.row == gone.change.row && held.id != gone.id;
            let Write::Update { base, .. } = &mut held.change.write else {
                continue;
            };
            let mut touched = false;
            for (column, value) in base.iter_mut().filter(|_| of_row) {
                let now = successor
                    .and_then(|columns| columns.get(column))
                    .or_else(|| before.get(column));
                if let (Some(own), Some(now)) = (gone.change.columns.get(column), now)
                    && own == value
                {
                    value.clone_from(now);
                    touched = true;
                }
            }
            if touched {
                moved.push(held.id);
            }
        }
        moved.into_iter().flat_map(|id| self.keep(id)).collect()
    }
}
