//! A save on its way: what is kept on disk until the server has it.

use uuid::Uuid;

use super::change::{Change, Columns};
use super::merge::Conflict;
use crate::data::DataError;
use crate::model::Version;

/// A save in the outbox. How it is written to disk is `stored`'s business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The save's own name; it travels with it, so that the server knows one that it has had already.
    pub id: Uuid,
    /// Its place in the order of saves, across tabs: milliseconds of the calendar, made to grow.
    pub number: u64,
    pub change: Change,
    /// How often it was sent. Nonzero: the server may have it, whatever we heard.
    pub attempts: u32,
    pub standing: Standing,
    /// The saves that this one took the place of: folded into it, or decided about. Their ids still find it, and one that is still on
    /// disk is left over.
    pub replaces: Vec<Uuid>,
}

/// How a save stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its turn.
    Queued,
    /// It is on its way.
    Sending,
    /// A person has to choose, field by field.
    Conflict(Clash),
    /// The server refuses it: a person has to know.
    Failed(DataError),
}

/// Where a save and the row disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The row's version that theirs are from.
    pub version: Version,
    pub fields: Vec<Conflict>,
    /// The whole row as it is on the server.
    pub row: Columns,
}

impl Entry {
    /// Whether `id` is this save or one that it took the place of.
    pub fn answers_to(&self, id: Uuid) -> bool {
        self.id == id || self.replaces.contains(&id)
    }

    /// Whether it goes on by itself.
    pub fn is_waiting(&self) -> bool {
        matches!(self.standing, Standing::Queued | Standing::Sending)
    }
}

/// What a tab found on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub entries: Vec<Entry>,
    /// Records that are there and can't be read: by another version of the app, or damaged. They are not gone.
    pub unreadable: Vec<Uuid>,
}

impl From<Vec<Entry>> for Found {
    fn from(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            unreadable: Vec::new(),
        }
    }
}
