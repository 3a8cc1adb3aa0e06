//! What a person typed and did not save, kept on this computer until they come back: after a reload, a wrong turn, a session that ended. It
//! belongs to one person and is encrypted like the outbox; it goes when that person signs out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::{ArcReadSignal, ArcRwSignal, GetUntracked, Set};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::vault::{Refused, Shelf, Vault};

/// A field as it was left: its name, the text that the row had, the text typed.
pub type Left = (String, String, String);

/// After so long a disk that refused is tried again.
const REST: Duration = Duration::from_secs(5);

/// Where the typing of one person in one record is kept. Clones share it.
#[derive(Clone)]
pub struct KeptDraft(Rc<Inner>);

struct Inner {
    record: String,
    disk: DraftDisk,
    /// What is to be written next; a former one that was not written yet is of no use any more.
    next: RefCell<Option<Vec<Left>>>,
    writing: Cell<bool>,
    refused: ArcRwSignal<bool>,
}

/// One person's drafts on disk, opened when they are first needed and again if that failed. Clones share it.
#[derive(Clone)]
pub struct DraftDisk {
    user: Uuid,
    vault: Rc<RefCell<Option<Rc<Vault>>>>,
}

impl DraftDisk {
    /// The drafts of a person.
    pub fn of(user: Uuid) -> Self {
        Self {
            user,
            vault: Rc::default(),
        }
    }

    async fn vault(&self) -> Result<Rc<Vault>, Refused> {
        if let Some(vault) = self.vault.borrow().clone() {
            return Ok(vault);
        }
        let vault = Rc::new(Vault::open(self.user, "").await?);
        self.vault.replace(Some(Rc::clone(&vault)));
        Ok(vault)
    }

    /// The records whose names begin with this in which something was left. One that can't be read is left alone.
    pub async fn beginning_with(&self, prefix: &str) -> Vec<(String, Vec<Left>)> {
        let Ok(vault) = self.vault().await else {
            return Vec::new();
        };
        let records = vault.all(Shelf::Drafts).await.unwrap_or_default().read;
        records
            .into_iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .filter_map(|(name, text)| Some((name, read(&text)?)))
            .collect()
    }

    /// Gives up what was left in a record.
    pub async fn forget(&self, record: &str) {
        if let Ok(vault) = self.vault().await {
            // Refused: then it is offered again.
            let _ = vault.forget(Shelf::Drafts, record).await;
        }
    }
}

impl KeptDraft {
    /// The place in `record`, which is a name such as `patient:7`.
    pub fn of(disk: DraftDisk, record: String) -> Self {
        Self(Rc::new(Inner {
            record,
            disk,
            next: RefCell::default(),
            writing: Cell::default(),
            refused: ArcRwSignal::new(false),
        }))
    }

    /// What was left here.
    ///
    /// # Errors
    /// Where the browser keeps nothing, and when something is here that can't be read: it must not be overwritten.
    pub async fn left(&self) -> Result<Vec<Left>, Refused> {
        let read = self.read().await;
        if read.is_err() {
            self.0.refused.set(true);
        }
        read
    }

    async fn read(&self) -> Result<Vec<Left>, Refused> {
        let vault = self.0.disk.vault().await?;
        match vault.one(Shelf::Drafts, &self.0.record).await? {
            Some(text) => read(&text).ok_or(Refused),
            None => Ok(Vec::new()),
        }
    }

    /// Whether what was typed last could not be kept. It is tried again from time to time.
    pub fn refused(&self) -> ArcReadSignal<bool> {
        self.0.refused.read_only()
    }

    /// Keeps what was typed; nothing typed, nothing kept. Returns at once: who types faster than the disk writes has the latest kept.
    pub fn keep(&self, fields: Vec<Left>) {
        self.0.next.replace(Some(fields));
        if !self.0.writing.replace(true) {
            let kept = self.clone();
            spawn_local(async move {
                kept.write().await;
                kept.0.writing.set(false);
            });
        }
    }

    async fn write(&self) {
        loop {
            let Some(fields) = self.0.next.take() else {
                return;
            };
            let written = self.write_one(&fields).await;
            if self.0.refused.get_untracked() != written.is_err() {
                self.0.refused.set(written.is_err());
            }
            if written.is_err() {
                // What was typed since is newer.
                self.0.next.borrow_mut().get_or_insert(fields);
                sleep(REST).await;
                // The page is gone: nothing is here any more to be kept.
                if Rc::strong_count(&self.0) == 1 {
                    return;
                }
            }
        }
    }

    async fn write_one(&self, fields: &Vec<Left>) -> Result<(), Refused> {
        let vault = self.0.disk.vault().await?;
        let record = &self.0.record;
        if fields.is_empty() {
            return vault.forget(Shelf::Drafts, record).await;
        }
        let text = serde_json::to_vec(fields).map_err(|_| Refused)?;
        vault.keep(Shelf::Drafts, record, &text).await
    }
}

/// A draft as it lies on disk: a list of name, text in the row, text typed. A later version of the app must be able to read it.
fn read(text: &[u8]) -> Option<Vec<Left>> {
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Literal: such drafts are on people's disks.
    #[test]
    fn a_draft_of_the_first_version_is_read() {
        let text = br#"[["notes","calm","in pain"],["last_name","","Marsh"]]"#;
        let left = |field: &str, base: &str, typed: &str| {
            (field.to_owned(), base.to_owned(), typed.to_owned())
        };
        let expected = vec![
            left("notes", "calm", "in pain"),
            left("last_name", "", "Marsh"),
        ];
        assert_eq!(read(text), Some(expected));
        assert_eq!(read(br#"{"format":2}"#), None);
    }
}
