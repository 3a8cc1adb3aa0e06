//! What people were promised: each save is on the server, on disk, or over because the person said so. And none counts twice.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::check::Divergence;
use crate::database::Database;

/// Everything that was ever saved.
#[derive(Default)]
pub struct Ledger {
    /// By entry. Those that are settled are gone.
    owed: BTreeSet<Uuid>,
    /// What the database did for each entry.
    counted: BTreeMap<Uuid, u64>,
}

impl Ledger {
    /// A save was taken in under this name.
    pub fn promise(&mut self, entry: Uuid) {
        self.owed.insert(entry);
    }

    /// Another save carries it from here on.
    pub fn replace(&mut self, old: Uuid, by: Uuid) {
        if self.owed.remove(&old) {
            self.owed.insert(by);
        }
    }

    /// The person took it back, chose theirs, or was told what signing out means.
    pub fn release(&mut self, entry: Uuid) {
        self.owed.remove(&entry);
    }

    pub fn release_all(&mut self, entries: impl IntoIterator<Item = Uuid>) {
        for entry in entries {
            self.release(entry);
        }
    }

    /// The database changed a row for this entry.
    ///
    /// # Errors
    /// It has done so before.
    pub fn count(&mut self, entry: Uuid, now: u64) -> Result<(), Divergence> {
        match self.counted.insert(entry, now) {
            None => Ok(()),
            Some(before) => Err(Divergence {
                at: now,
                what: format!("save {entry} counted at {before} ms already"),
            }),
        }
    }

    /// Nothing saved is lost.
    ///
    /// # Errors
    /// A save that is nowhere.
    pub fn check(
        &mut self,
        database: &Database,
        kept: impl Fn(Uuid) -> bool,
        now: u64,
    ) -> Result<(), Divergence> {
        let counted = &self.counted;
        self.owed
            .retain(|entry| !database.saves.contains(entry) && !counted.contains_key(entry));
        match self.owed.iter().find(|entry| !kept(**entry)) {
            None => Ok(()),
            Some(entry) => Err(Divergence {
                at: now,
                what: format!("save {entry} is neither on the server nor on this device"),
            }),
        }
    }
}
