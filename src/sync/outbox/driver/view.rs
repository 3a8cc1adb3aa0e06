//! The outbox as the screen and those who save see it. Knows no queue, no disk and no network.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use gloo_timers::future::sleep;
use uuid::Uuid;

use crate::sync::outbox::change::Change;
use crate::sync::outbox::entry::Entry;
use crate::sync::outbox::queue::Outcome;

/// Longer than a person should wait for "saved": then they are told that it is kept and will be sent.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where saves are until the server has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// On disk: they survive the tab.
    #[default]
    OnDisk,
    /// In this tab only; the browser refuses to keep them.
    InMemory,
}

/// The outbox as the screen sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Oldest first.
    pub entries: Arc<Vec<Entry>>,
    pub kept: Kept,
    /// Saves on disk that this version of the app can't read. They stay there.
    pub unreadable: usize,
}

impl View {
    /// How many saves wait to be sent.
    pub fn waiting(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.is_waiting())
            .count()
    }

    /// How many wait for a person.
    pub fn stopped(&self) -> usize {
        self.entries.len().saturating_sub(self.waiting())
    }
}

/// What became of a save that nobody waits for any more.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub change: Change,
    pub outcome: Outcome,
}

/// A save that was taken in.
#[must_use = "tell the person how it went"]
pub struct Saving {
    /// The entry that holds it, for [`Outbox::resolve`](super::Outbox::resolve) and [`Outbox::withdraw`](super::Outbox::withdraw).
    pub id: Uuid,
    pub(super) told: oneshot::Receiver<Outcome>,
}

impl Saving {
    /// The first word about it: stored, refused, in conflict; or that it waits, as soon as that is clear.
    pub async fn outcome(self) -> Outcome {
        match select(self.told, Box::pin(sleep(PATIENCE))).await {
            Either::Left((told, _)) => told.unwrap_or(Outcome::Waiting),
            Either::Right(_) => Outcome::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::data::DataError;
    use crate::sync::Table;
    use crate::sync::outbox::Standing;

    #[test]
    fn what_goes_on_by_itself_is_told_from_what_needs_a_person() {
        let failed = Standing::Failed(DataError::NotFound);
        let entries = [Standing::Queued, Standing::Sending, failed].map(|standing| Entry {
            id: Uuid::nil(),
            number: 1,
            change: Change::create(Table::Patients, Uuid::nil(), Map::new(), ""),
            attempts: 0,
            standing,
            replaces: Vec::new(),
        });
        let view = View {
            entries: Arc::new(entries.into()),
            kept: Kept::OnDisk,
            unreadable: 0,
        };
        assert_eq!((view.waiting(), view.stopped()), (2, 1));
    }
}
