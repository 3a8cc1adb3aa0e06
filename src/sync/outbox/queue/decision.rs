//! What a person decides about a save that waits: which side counts, once more, or not at all. Knows no answer of the server.

use uuid::Uuid;

use super::{Effect, Outcome, Queue, depends};
use crate::sync::outbox::change::Write;
use crate::sync::outbox::entry::{Entry, Standing};
use crate::sync::outbox::merge::{Side, choose, merge};

impl Queue {
    /// The person chose, in each field that is named; others stay as typed. It is sent again.
    pub fn resolve(&mut self, id: Uuid, choices: &[(String, Side)]) -> Vec<Effect> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Vec::new();
        };
        let (Standing::Conflict(clash), Write::Update { version, base }) =
            (&entry.standing, &mut entry.change.write)
        else {
            return Vec::new();
        };
        let clash = clash.clone();
        let merged = merge(base, &entry.change.columns, &clash.row);
        let mut columns = merged.columns;
        for conflict in &clash.fields {
            let chosen = choices.iter().find(|(field, _)| *field == conflict.field);
            if let Some((_, side)) = chosen {
                choose(&mut columns, conflict, side);
            }
        }
        *version = clash.version;
        *base = merged.base;
        columns.retain(|column, value| base.get(column) != Some(value));
        base.retain(|column, _| columns.contains_key(column));
        entry.change.columns = columns;
        if entry.change.columns.is_empty() {
            return self.stored(id, clash.row);
        }
        self.requeue(id)
    }

    /// The person wants a refused save sent once more.
    pub fn retry(&mut self, id: Uuid) -> Vec<Effect> {
        match self.entries.iter().find(|entry| entry.id == id) {
            Some(entry) if matches!(entry.standing, Standing::Failed(_)) => self.requeue(id),
            _ => Vec::new(),
        }
    }

    fn requeue(&mut self, id: Uuid) -> Vec<Effect> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Vec::new();
        };
        entry.standing = Standing::Queued;
        let shown = Effect::Show(Box::new(entry.clone()));
        let mut effects = self.keep(id);
        effects.push(shown);
        effects
    }

    /// The person takes a save back; with a new row goes what was made for it. One on its way is not held up: the server may
    /// have it already.
    pub fn withdraw(&mut self, id: Uuid) -> Vec<Effect> {
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
        let mut effects = vec![Effect::Drop(id)];
        match &entry.change.write {
            Write::Create => {
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
            }
            Write::Update { base: before, .. } => {
                // The saves behind it were made over this one: what they began with is what this one began with.
                let mut moved = Vec::new();
                for held in self
                    .entries
                    .iter_mut()
                    .filter(|held| held.change.row == entry.change.row)
                {
                    let Write::Update { base, .. } = &mut held.change.write else {
                        continue;
                    };
                    let mut touched = false;
                    for (column, value) in base.iter_mut() {
                        if let (Some(own), Some(was)) =
                            (entry.change.columns.get(column), before.get(column))
                            && own == value
                        {
                            value.clone_from(was);
                            touched = true;
                        }
                    }
                    if touched {
                        moved.push(held.id);
                    }
                }
                for id in moved {
                    effects.extend(self.keep(id));
                }
            }
        }
        effects.push(Effect::Tell(Box::new(entry), Outcome::Withdrawn));
        effects
    }
}
