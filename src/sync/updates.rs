//! A row's change in the app's own types, for those who want to hear of it itself, not of what it means for a query. A pure
//! translation: it knows rows, never who hears of them.

use std::sync::Arc;

use bedside_realtime::{BindingEvent, Change, ChangeKind};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::registry::Table;

/// What the feed says of one row of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum RowUpdate<T> {
    /// The row is new.
    New(Arc<T>),
    /// The row changed. To somebody who has just been given sight of it, this is the first they hear of it.
    Changed(Arc<T>),
    /// A row with this key is gone. Everybody hears of every row that goes, whoever could see it: a hint, no more.
    Gone(Uuid),
    /// Changes were missed, or came in a form that can't be read: whatever was made of changes so far has to be asked for again.
    Missed,
}

impl<T: DeserializeOwned> RowUpdate<T> {
    /// What a table's binding said, if it is news of a row or of missed ones.
    pub fn of(table: Table, event: &BindingEvent) -> Option<Self> {
        match event {
            BindingEvent::Change(change) => Some(Self::read(table, change)),
            // The first ready ends no gap: whoever asks now has missed nothing.
            BindingEvent::Ready(ready) => ready.gap.is_some().then_some(Self::Missed),
            BindingEvent::Gap(_) | BindingEvent::Refused(_) => None,
        }
    }

    fn read(table: Table, change: &Change) -> Self {
        let row = || {
            // A column that was not sent would be read as its default, and be wrong.
            let whole = change.record().filter(|_| !change.is_partial())?;
            whole.decode().ok().map(Arc::new)
        };
        let update = match change.kind {
            ChangeKind::Insert => row().map(Self::New),
            ChangeKind::Update => row().map(Self::Changed),
            ChangeKind::Delete => change
                .keyed_record()
                .and_then(|record| record.text(table.primary_key()))
                .and_then(|key| Uuid::parse_str(&key).ok())
                .map(Self::Gone),
        };
        update.unwrap_or(Self::Missed)
    }
}
