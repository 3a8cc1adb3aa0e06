//! Which draft a registration form has. Each form has its own: two tabs that register two patients must not write over each other. A
//! reload finds its own again; what a closed tab left is offered, not taken.

use std::time::Duration;

use leptos::prelude::window;
use uuid::Uuid;

use crate::data::tab_turn::TabTurn;
use crate::sync::kept_drafts::{DraftDisk, Left};

/// What the names of all registrations begin with. A version of the app that had one for all tabs called it just this.
const RECORDS: &str = "patient:new";
/// Where a tab keeps the name of its draft, in its own storage. A duplicate of the tab has the same.
const KEY: &str = "bedside.registration";
/// A form that is open has the turn of its draft; who doesn't get it within this has another form's draft before it.
const FREE: Duration = Duration::from_millis(500);

/// A draft, and the turn that keeps it for one form.
pub struct Slot {
    pub record: String,
    pub turn: Option<TabTurn>,
}

/// The draft of this tab, or a new one.
pub async fn own() -> Slot {
    let storage = window().session_storage().ok().flatten();
    let known = storage
        .as_ref()
        .and_then(|storage| storage.get_item(KEY).ok().flatten())
        .and_then(|id| Uuid::parse_str(&id).ok());
    if let Some(id) = known
        && let Some(turn) = take(&record(id)).await
    {
        return Slot {
            record: record(id),
            turn: Some(turn),
        };
    }
    let id = Uuid::new_v4();
    if let Some(storage) = storage {
        // Refused: then a reload offers the draft.
        let _ = storage.set_item(KEY, &id.to_string());
    }
    Slot {
        turn: take(&record(id)).await,
        record: record(id),
    }
}

/// The registrations that were left and that no open form has.
pub async fn left(disk: &DraftDisk, own: &str) -> Vec<(String, Vec<Left>)> {
    let mut left = Vec::new();
    for (record, fields) in disk.beginning_with(RECORDS).await {
        let free = record != own && (!TabTurn::exists() || take(&record).await.is_some());
        if free && !fields.is_empty() {
            left.push((record, fields));
        }
    }
    left
}

/// The turn of a draft, if no tab has it.
async fn take(record: &str) -> Option<TabTurn> {
    let turn = TabTurn::take_within(&format!("bedside.draft.{record}"), FREE).await;
    turn.filter(TabTurn::is_given)
}

fn record(id: Uuid) -> String {
    format!("{RECORDS}:{id}")
}

/// What a registration that was left is called: the name and number typed, as far as they were.
pub fn title(fields: &[Left]) -> String {
    let typed = |name: &str| {
        let field = fields.iter().find(|(field, ..)| field == name);
        field.map_or("", |(.., typed)| typed.trim())
    };
    let words = [typed("first_name"), typed("last_name"), typed("mrn")];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => "A patient without a name".to_owned(),
        words => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_called_by_what_was_typed() {
        let left = |field: &str, typed: &str| (field.to_owned(), String::new(), typed.to_owned());
        let fields = [left("mrn", "BD-9"), left("first_name", " Ines ")];
        assert_eq!(title(&fields), "Ines BD-9");
        assert_eq!(title(&[left("notes", "x")]), "A patient without a name");
    }
}
