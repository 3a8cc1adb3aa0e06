//! The outbox's disk: asked in order by one task, followed by every tab. Knows no network and no cache.
//!
//! A disk that doesn't answer in time counts as absent: saves are then in this tab only, the screen says so, and they are sent all the
//! same. It is tried again with what comes next; once it answers, what is not on it yet is written.

use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use leptos::task::spawn_local;
use uuid::Uuid;
use wasm_bindgen::JsValue;

use super::{Kept, Outbox, lock};
use crate::data::clock::{Moment, within};
use crate::data::session::User;
use crate::sync::outbox::entry::{Entry, Found};
use crate::sync::outbox::stored;
use crate::sync::vault::{Records, Refused, Shelf, Vault};

/// How long a save waits for the disk before it is sent without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a disk that could not be opened is left alone.
const REST: Duration = Duration::from_secs(10);

/// What the disk is asked, in this order.
pub(super) enum Disk {
    Keep(Box<Entry>),
    /// Answers once all that was asked before is done; not at all without a disk.
    Flush(oneshot::Sender<()>),
    Drop(Uuid),
    Load(oneshot::Sender<Found>),
}

/// Whether the disk took part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Yes,
    /// It did not answer in time, or refuses.
    No,
}

/// The person's vault, opened again and again until it opens.
struct Opening {
    user: User,
    vault: Result<Vault, Moment>,
}

impl Opening {
    async fn vault(&mut self) -> Result<&Vault, Refused> {
        if let Err(next) = self.vault
            && next <= Moment::now()
        {
            let opened = Vault::open(self.user.id, &self.user.email).await;
            self.vault = opened.map_err(|Refused| Moment::now().after(REST));
        }
        self.vault.as_ref().map_err(|_| Refused)
    }
}

impl Outbox {
    /// Does what the disk is asked, one after the other, until the person is another.
    pub(super) async fn keep_for(&self, user: User, mut asked: mpsc::UnboundedReceiver<Disk>) {
        let id = user.id;
        let mut opening = Opening {
            user,
            vault: Err(Moment::now()),
        };
        if opening.vault().await.is_err() {
            self.refused(id);
        }
        while let Some(disk) = asked.next().await {
            let vault = opening.vault().await;
            let done = match (disk, vault) {
                (Disk::Keep(entry), Ok(vault)) => self.write(vault, &entry).await,
                (Disk::Drop(entry), Ok(vault)) => {
                    vault.forget(Shelf::Saves, &entry.to_string()).await
                }
                (Disk::Load(answer), Ok(vault)) => match vault.all(Shelf::Saves).await {
                    Ok(records) => {
                        // Whoever asked may be gone.
                        let _ = answer.send(found(records));
                        self.reached(id);
                        continue;
                    }
                    Err(refused) => Err(refused),
                },
                (Disk::Flush(answer), Ok(_)) => {
                    let _ = answer.send(());
                    continue;
                }
                (_, Err(refused)) => Err(refused),
            };
            match done {
                Ok(()) => {
                    self.reached(id);
                    self.nudge();
                }
                Err(Refused) => self.refused(id),
            }
        }
    }

    async fn write(&self, vault: &Vault, entry: &Entry) -> Result<(), Refused> {
        let record = stored::write(entry).map_err(|_| Refused)?;
        let name = entry.id.to_string();
        vault.keep(Shelf::Saves, &name, &record).await?;
        lock(&self.0.state).queue.kept(entry);
        Ok(())
    }

    fn refused(&self, user: Uuid) {
        if self.is_for(user) {
            lock(&self.0.state).kept = Kept::InMemory;
            self.refresh();
        }
    }

    /// The disk answers. If it did not before, it is given what it lacks.
    fn reached(&self, user: Uuid) {
        let was = {
            let mut state = lock(&self.0.state);
            if state.user != Some(user) {
                return;
            }
            std::mem::replace(&mut state.kept, Kept::OnDisk)
        };
        if was == Kept::InMemory {
            self.decide(|state| ((), state.queue.unkept()));
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

    /// Takes in what is on disk.
    pub(super) async fn follow_disk(&self) -> Reached {
        let (answer, entries) = oneshot::channel();
        let user = {
            let state = lock(&self.0.state);
            let Some(disk) = &state.disk else {
                return Reached::No;
            };
            // Without the disk's worker there is no disk.
            let _ = disk.unbounded_send(Disk::Load(answer));
            state.user
        };
        let Some(Ok(found)) = within(PATIENCE, entries).await else {
            return self.not_reached(user);
        };
        self.decide(|state| {
            let effects = if state.user == user {
                state.unreadable = found.unreadable.len();
                state.queue.follow(found)
            } else {
                Vec::new()
            };
            ((), effects)
        });
        Reached::Yes
    }

    /// Waits until all that the disk was asked is done.
    pub(super) async fn flushed(&self) -> Reached {
        let (answer, done) = oneshot::channel();
        let user = {
            let state = lock(&self.0.state);
            if let Some(disk) = &state.disk {
                let _ = disk.unbounded_send(Disk::Flush(answer));
            }
            state.user
        };
        match within(PATIENCE, done).await {
            Some(Ok(())) => Reached::Yes,
            _ => self.not_reached(user),
        }
    }

    /// What is saved now is in this tab only, as far as anybody knows. Once the disk answers after all, that is taken back.
    fn not_reached(&self, user: Option<Uuid>) -> Reached {
        if let Some(user) = user {
            self.refused(user);
        }
        Reached::No
    }

    /// Tells the other tabs that the disk has changed.
    fn nudge(&self) {
        if let Some(tabs) = &self.0.tabs {
            // Nobody there is no trouble.
            let _ = tabs.post_message(&JsValue::NULL);
        }
    }
}

/// The entries of the records, and the ids of those that can't be read: damaged, or written by a later version of the app.
fn found(records: Records) -> Found {
    let mut found = Found::default();
    let names = records.unreadable.iter();
    found.unreadable = names
        .filter_map(|name| Uuid::parse_str(name).ok())
        .collect();
    for (name, text) in records.read {
        match stored::read(&text) {
            Ok(entry) => found.entries.push(entry),
            Err(_) => {
                let id = Uuid::parse_str(&name).ok().or_else(|| stored::id(&text));
                found.unreadable.extend(id);
            }
        }
    }
    found
}
