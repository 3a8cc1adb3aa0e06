//! The outbox's disk: asked in order by one task, followed by every tab. Knows no network and no cache.

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use leptos::task::spawn_local;
use uuid::Uuid;
use wasm_bindgen::JsValue;

use super::{Kept, Outbox, lock};
use crate::sync::outbox::entry::Entry;
use crate::sync::vault::{Refused, Shelf, Vault};

/// What the disk is asked, in this order.
pub(super) enum Disk {
    Keep(Box<Entry>),
    Drop(Uuid),
    Load(oneshot::Sender<Option<Vec<Entry>>>),
}

impl Outbox {
    /// Does what the disk is asked, one after the other, until the person is another.
    pub(super) async fn keep_for(&self, user: Uuid, mut asked: mpsc::UnboundedReceiver<Disk>) {
        let vault = Vault::open(user).await;
        if vault.is_err() {
            self.refused(user);
        }
        while let Some(disk) = asked.next().await {
            let vault = vault.as_ref().map_err(|refused| *refused);
            let done = match disk {
                Disk::Keep(entry) => match vault {
                    Ok(vault) => vault
                        .keep(Shelf::Saves, &entry.id.to_string(), &*entry)
                        .await
                        .map(|()| {
                            if self.is_for(user) {
                                lock(&self.0.state).queue.kept(&entry);
                            }
                        }),
                    Err(refused) => Err(refused),
                },
                Disk::Drop(id) => match vault {
                    Ok(vault) => vault.forget(Shelf::Saves, &id.to_string()).await,
                    Err(refused) => Err(refused),
                },
                Disk::Load(answer) => {
                    let entries = match vault {
                        Ok(vault) => vault.all(Shelf::Saves).await.ok(),
                        Err(_) => None,
                    };
                    // Whoever asked may be gone.
                    let _ = answer.send(entries);
                    continue;
                }
            };
            match done {
                Ok(()) => self.nudge(),
                Err(Refused) => self.refused(user),
            }
        }
    }

    fn refused(&self, user: Uuid) {
        if self.is_for(user) {
            lock(&self.0.state).kept = Kept::InMemory;
            self.refresh();
        }
    }

    fn is_for(&self, user: Uuid) -> bool {
        lock(&self.0.state).user == Some(user)
    }

    /// Looks at the disk, where other tabs may have left something, and sends what there is to send.
    pub(super) fn look(&self) {
        let outbox = self.clone();
        spawn_local(async move {
            outbox.follow_disk().await;
            outbox.send();
        });
    }

    pub(super) async fn follow_disk(&self) {
        let (answer, entries) = oneshot::channel();
        let user = {
            let state = lock(&self.0.state);
            let Some(disk) = &state.disk else { return };
            // Without the disk's worker there is no disk.
            let _ = disk.unbounded_send(Disk::Load(answer));
            state.user
        };
        let Ok(Some(entries)) = entries.await else {
            return;
        };
        self.decide(|state| {
            let effects = if state.user == user {
                state.queue.follow(entries)
            } else {
                Vec::new()
            };
            ((), effects)
        });
    }

    pub(super) async fn flushed(&self) {
        let (answer, entries) = oneshot::channel();
        if let Some(disk) = &lock(&self.0.state).disk {
            let _ = disk.unbounded_send(Disk::Load(answer));
        }
        let _ = entries.await;
    }

    /// Tells the other tabs that the disk has changed.
    fn nudge(&self) {
        if let Some(tabs) = &self.0.tabs {
            // Nobody there is no trouble.
            let _ = tabs.post_message(&JsValue::NULL);
        }
    }
}
