//! The outbox without its effects: which save is sent when, and what each answer means for it and for those behind it. Answers
//! and time in, effects out; it knows no storage, no network, no cache, no clock and no task.
//!
//! - Saves of one row are sent in the order in which they were made, and so is a save that names a row made by an earlier one.
//! - A trouble that may pass is tried again, ever more slowly; a refusal never is: it waits for a person, and what depends on
//!   it waits behind it.
//! - A save is made for a version. If the row has moved, it is carried over field by field; where both sides changed the same
//!   field, it waits for a person.
//! - A lost response is no second save: a row that was made is known by its id, a change by its save id, which the server keeps,
//!   or by finding its values in place.
//! - The content of a save id never changes. Several saves made one, and every decision of a person, are a new save with a new
//!   id: under the old one the server may have something else.

mod answer;
mod decision;
mod fold;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::change::{Change, Columns, Write};
use super::entry::{Clash, Entry, Found, Standing};
use crate::data::DataError;
use crate::data::clock::Moment;
use crate::model::Version;
use crate::sync::Table;

/// In this column each value is a step of its own: two saves of it are never made one.
const STEPS: &str = "status";
/// The column that carries the name of the save that made the row what it is.
const SAVE: &str = "save_id";
/// Something to be done. Effects are carried out in the order in which they are given.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write it to disk as it is now.
    Keep(Box<Entry>),
    /// Take it off the disk.
    Drop(Uuid),
    /// Show it over the rows until it is settled: it came from the disk, or goes on after a stop.
    Show(Box<Entry>),
    /// Tell those who wait, and whoever is there.
    Tell(Box<Entry>, Outcome),
    /// Waiters for the old save now wait for this one.
    Replaced { old: Uuid, by: Uuid },
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The server has it; this is the row. Empty if the row is out of this person's sight by now.
    Stored(Columns),
    /// It is kept, and sent as soon as that is possible.
    Waiting,
    /// A person has to choose.
    Conflict(Clash),
    /// The server refuses it.
    Failed(DataError),
    /// The person took it back.
    Withdrawn,
    /// Another tab saw to it; the server knows how.
    Elsewhere,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Insert {
        table: Table,
        columns: Columns,
    },
    /// Changes the row if it has this version.
    Update {
        table: Table,
        row: Uuid,
        version: Version,
        columns: Columns,
    },
    Read {
        table: Table,
        row: Uuid,
    },
}

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Row(Columns),
    NoRow,
    Trouble(DataError),
}

/// A request, and the save that it is about as it is to be kept before the request goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    pub entry: Entry,
    pub request: Request,
}

/// Why the row is read.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Write,
    /// The row was not there in the version that the save was made for.
    ReadMoved,
    /// The server has had this save already.
    ReadStored,
    /// There is such a row already, or another one in its way: this is what the server said.
    ReadMade(DataError),
}

#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: Option<Moment>,
}

impl Pause {
    fn is_over(self, now: Moment) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

/// The saves of one person that the server has not confirmed.
#[derive(Debug, Default)]
pub struct Queue {
    /// In their order.
    entries: Vec<Entry>,
    /// The one that is on its way here.
    flight: Option<(Uuid, Step)>,
    /// While the server can't be reached.
    pause: Pause,
    /// While the server fails on one of them.
    pauses: BTreeMap<Uuid, Pause>,
    /// Those that are known to be on disk: not there any more means that another tab saw to them.
    on_disk: BTreeSet<Uuid>,
    /// Those whose state here is newer than the one on disk.
    ahead: BTreeSet<Uuid>,
}

impl Queue {
    /// Takes a save in. It is an entry of its own, whatever waits already: another tab may be sending that at this moment.
    pub fn save(&mut self, id: Uuid, mut change: Change, unix_millis: u64) -> Vec<Effect> {
        if let Write::Update { base, .. } = &mut change.write {
            // What the person saw is what the saves before this one will have made of the row.
            for entry in self
                .entries
                .iter()
                .filter(|held| held.is_waiting() && held.change.row == change.row)
            {
                for (column, value) in base.iter_mut() {
                    if let Some(own) = entry.change.columns.get(column) {
                        value.clone_from(own);
                    }
                }
            }
        }
        let last = self.entries.last().map_or(0, |entry| entry.number);
        let entry = Entry {
            id,
            number: unix_millis.max(last.saturating_add(1)),
            change,
            attempts: 0,
            standing: Standing::Queued,
            replaces: Vec::new(),
        };
        self.entries.push(entry);
        self.keep(id)
    }

    /// Has it written down as it is now.
    fn keep(&mut self, id: Uuid) -> Vec<Effect> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        let kept = entry.map(|entry| Effect::Keep(Box::new(entry.clone())));
        if kept.is_some() {
            self.ahead.insert(id);
        }
        kept.into_iter().collect()
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry is on disk in this state.
    pub fn kept(&mut self, entry: &Entry) {
        let held = self.entries.iter().find(|held| held.id == entry.id);
        if let Some(held) = held {
            self.on_disk.insert(entry.id);
            if held == entry {
                self.ahead.remove(&entry.id);
            }
        }
    }

    /// The entry of this id, or the one that replaced it.
    pub fn entry(&self, id: Uuid) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.answers_to(id))
    }

    /// Entries that are not on disk as they are here, to be written once the disk works again.
    pub fn unkept(&self) -> Vec<Effect> {
        let unkept =
            |entry: &&Entry| self.ahead.contains(&entry.id) || !self.on_disk.contains(&entry.id);
        let entries = self.entries.iter().filter(unkept);
        entries
            .map(|entry| Effect::Keep(Box::new(entry.clone())))
            .collect()
    }

    /// Follows what is on disk: entries of other tabs come in, those that other tabs saw to go. What is there and can't be read
    /// stays as it is known here.
    pub fn follow(&mut self, found: impl Into<Found>) -> Vec<Effect> {
        let Found {
            entries: mut disk,
            unreadable,
        } = found.into();
        let mut effects = Vec::new();
        let flying = self.flight.as_ref().map(|(id, _)| *id);
        let replaced: BTreeMap<Uuid, Uuid> = disk
            .iter()
            .flat_map(|entry| entry.replaces.iter().map(|old| (*old, entry.id)))
            .collect();
        // Left over by a tab that was closed between writing the one and deleting the other.
        disk.retain(|entry| {
            let over = replaced.contains_key(&entry.id) && Some(entry.id) != flying;
            if over {
                effects.push(Effect::Drop(entry.id));
            }
            !over
        });
        let there = |id: Uuid| {
            disk.iter().any(|entry| entry.id == id)
                || unreadable.contains(&id) && !replaced.contains_key(&id)
        };
        let (gone, stay): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|held| {
                self.on_disk.contains(&held.id) && Some(held.id) != flying && !there(held.id)
            });
        self.entries = stay;
        for entry in gone {
            self.forget(entry.id);
            effects.push(match replaced.get(&entry.id) {
                Some(by) => Effect::Replaced {
                    old: entry.id,
                    by: *by,
                },
                None => Effect::Tell(Box::new(entry), Outcome::Elsewhere),
            });
        }
        for mut entry in disk {
            self.on_disk.insert(entry.id);
            if Some(entry.id) == flying || self.ahead.contains(&entry.id) {
                continue;
            }
            // Nobody sends while we look, or we only show it: what was on its way when its tab went is sent again.
            if entry.standing == Standing::Sending {
                entry.standing = Standing::Queued;
            }
            let held = self.entries.iter_mut().find(|held| held.id == entry.id);
            let waited = held.as_ref().is_some_and(|held| held.is_waiting());
            match held {
                Some(held) => held.clone_from(&entry),
                None => self.entries.push(entry.clone()),
            }
            let entry = Box::new(entry);
            match entry.standing.clone() {
                Standing::Queued | Standing::Sending if !waited => {
                    effects.push(Effect::Show(entry))
                }
                Standing::Conflict(clash) if waited => {
                    effects.push(Effect::Tell(entry, Outcome::Conflict(clash)));
                }
                Standing::Failed(error) if waited => {
                    effects.push(Effect::Tell(entry, Outcome::Failed(error)));
                }
                _ => {}
            }
        }
        self.entries.sort_by_key(|entry| (entry.number, entry.id));
        effects
    }

    /// What to send now, if anything. One at a time: the answer goes to [`Queue::answered`] before the next.
    pub fn next(&mut self, now: Moment) -> Option<Send> {
        if let Some((id, step)) = &self.flight {
            if *step == Step::Write {
                return None;
            }
            let entry = self.entries.iter().find(|entry| entry.id == *id)?.clone();
            let request = Request::Read {
                table: entry.change.table,
                row: entry.change.row,
            };
            return Some(Send { entry, request });
        }
        if !self.pause.is_over(now) {
            return None;
        }
        let place = (0..self.entries.len()).find(|place| self.may_go(*place, now))?;
        let entry = self.entries.get_mut(place)?;
        entry.standing = Standing::Sending;
        entry.attempts = entry.attempts.saturating_add(1);
        self.flight = Some((entry.id, Step::Write));
        self.ahead.insert(entry.id);
        let mut columns = entry.change.columns.clone();
        columns.insert(SAVE.to_owned(), Value::String(entry.id.to_string()));
        let (table, row) = (entry.change.table, entry.change.row);
        let request = match &entry.change.write {
            Write::Create => {
                let id = Value::String(row.to_string());
                columns.insert(table.primary_key().to_owned(), id);
                Request::Insert { table, columns }
            }
            Write::Update { version, .. } => Request::Update {
                table,
                row,
                version: *version,
                columns,
            },
        };
        Some(Send {
            entry: entry.clone(),
            request,
        })
    }

    /// Its person is not signed in any more. What is on its way is not waited for: it may have arrived, and is sent again later.
    pub fn put_aside(&mut self) {
        self.flight = None;
        self.wake();
        for entry in &mut self.entries {
            if entry.standing == Standing::Sending {
                entry.standing = Standing::Queued;
            }
        }
    }

    /// Whether a save is on its way from here.
    pub fn is_sending(&self) -> bool {
        self.flight.is_some()
    }

    /// Whether nothing stands before it.
    fn may_go(&self, place: usize, now: Moment) -> bool {
        let Some(entry) = self.entries.get(place) else {
            return false;
        };
        let rests = |id: &Uuid| {
            !self
                .pauses
                .get(id)
                .copied()
                .unwrap_or_default()
                .is_over(now)
        };
        let before = self.entries.iter().take(place);
        entry.standing == Standing::Queued
            && !rests(&entry.id)
            && !before
                .into_iter()
                .any(|held| depends(&entry.change, &held.change))
    }

    /// When [`Queue::next`] will have something, as things stand.
    pub fn due(&self, now: Moment) -> Option<Moment> {
        if self.flight.is_some() {
            return None;
        }
        let due = |place: usize| {
            let entry = self.entries.get(place)?;
            let before = self.entries.iter().take(place);
            let free = entry.standing == Standing::Queued
                && !before
                    .into_iter()
                    .any(|held| depends(&entry.change, &held.change));
            let own = self.pauses.get(&entry.id).and_then(|pause| pause.until);
            free.then(|| {
                now.max(own.unwrap_or(now))
                    .max(self.pause.until.unwrap_or(now))
            })
        };
        (0..self.entries.len()).filter_map(due).min()
    }

    /// The network is back, or may be: what waits is tried at once.
    pub fn wake(&mut self) {
        self.pause = Pause::default();
        self.pauses.clear();
    }

    fn take(&mut self, id: Uuid) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.id == id)?;
        self.forget(id);
        Some(self.entries.remove(place))
    }

    /// Puts a new save in the place of another one. It is written before the old one is deleted: a tab that is closed in between
    /// loses nothing.
    fn replace(&mut self, old: Uuid, id: Uuid, change: Change) -> Vec<Effect> {
        let Some(held) = self.entries.iter_mut().find(|entry| entry.id == old) else {
            return Vec::new();
        };
        held.replaces.push(old);
        held.id = id;
        held.change = change;
        held.attempts = 0;
        held.standing = Standing::Queued;
        self.forget(old);
        let mut effects = self.keep(id);
        effects.push(Effect::Drop(old));
        effects.push(Effect::Replaced { old, by: id });
        effects
    }

    fn forget(&mut self, id: Uuid) {
        self.on_disk.remove(&id);
        self.ahead.remove(&id);
        self.pauses.remove(&id);
    }
}

impl Entry {
    /// Takes it off the disk, and what it took the place of, should that be left over.
    fn dropped(&self) -> Vec<Effect> {
        let left_over = self.replaces.iter();
        left_over
            .chain([&self.id])
            .map(|id| Effect::Drop(*id))
            .collect()
    }
}

/// Whether a change must wait for an earlier one: it is of the same row, or of a row that belongs to one that the earlier makes.
fn depends(later: &Change, earlier: &Change) -> bool {
    if later.row == earlier.row {
        return true;
    }
    let named = |value: &Value| value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    earlier.write == Write::Create
        && later
            .columns
            .values()
            .any(|value| named(value) == Some(earlier.row))
}

#[cfg(test)]
mod tests;
