//! What a person typed and did not save, kept on this computer until they come back: after a reload, a wrong turn, a session that ended. It
//! belongs to one person and is encrypted like the outbox; signing out, or somebody else signing in, wipes it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::vault::{Shelf, Vault};

/// A field as it was left: its name, the text that the row had, the text typed.
pub type Left = (String, String, String);

/// Where the typing of one person in one record is kept. Clones share it.
#[derive(Clone)]
pub struct KeptDraft(Rc<Inner>);

struct Inner {
    record: String,
    /// None where the browser keeps nothing: then a wrong turn loses what the person was warned about.
    vault: Shared<LocalBoxFuture<'static, Option<Rc<Vault>>>>,
    /// What is to be written next; a former one that was not written yet is of no use any more.
    next: RefCell<Option<Vec<Left>>>,
    writing: Cell<bool>,
}

impl KeptDraft {
    /// The place for `user` in `record`, which is a name such as `patient:7`.
    pub fn of(user: Uuid, record: &str) -> Self {
        let vault = async move { Vault::open(user).await.ok().map(Rc::new) };
        Self(Rc::new(Inner {
            record: record.to_owned(),
            vault: vault.boxed_local().shared(),
            next: RefCell::default(),
            writing: Cell::default(),
        }))
    }

    /// What was left here. A text that can't be read is as good as none.
    pub async fn left(&self) -> Vec<Left> {
        match self.0.vault.clone().await {
            Some(vault) => vault
                .one(Shelf::Drafts, &self.0.record)
                .await
                .unwrap_or_default(),
            None => Vec::new(),
        }
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
        let Some(vault) = self.0.vault.clone().await else {
            return;
        };
        while let Some(fields) = self.0.next.take() {
            let record = &self.0.record;
            // Refused: then it is in the page only, and the browser asks before the page goes.
            let _ = if fields.is_empty() {
                vault.forget(Shelf::Drafts, record).await
            } else {
                vault.keep(Shelf::Drafts, record, &fields).await
            };
        }
    }
}
