//! Which draft a form has. Each open form has its own: two tabs must not write over each other's. A reload finds its own again. What a
//! closed tab left in a record is taken over by the next form of that record that is opened; a registration that was left is offered,
//! since it may be about another patient.

use std::time::Duration;

use leptos::prelude::window;
use uuid::Uuid;
use web_sys::Storage;

use crate::data::tab_turn::TabTurn;
use crate::sync::kept_drafts::{DraftDisk, Left};

/// What the names of all registrations begin with. A version of the app that had one for all tabs called it just this.
const RECORDS: &str = "patient:new";
/// Where a tab keeps what tells its drafts from those of other tabs, in its own storage. A duplicate of the tab has the same.
const TAB: &str = "bedside.tab";
/// Between a record's name and the tab, for each further tab that has the record open.
const FURTHER: char = '+';
/// A form that is open has the turn of its draft; who doesn't get it within this has another form's draft before it.
const FREE: Duration = Duration::from_millis(500);

/// A draft, and the turn that keeps it for one form.
pub struct Slot {
    pub record: String,
    pub turn: Option<TabTurn>,
}

/// The registration of this tab, or a new one.
pub async fn registration() -> Slot {
    if let Some(tab) = this_tab()
        && let Some(turn) = take(&registration_of(tab)).await
    {
        return Slot {
            record: registration_of(tab),
            turn: Some(turn),
        };
    }
    let record = registration_of(another_tab());
    Slot {
        turn: take(&record).await,
        record,
    }
}

/// The draft of a record in this tab: the one that it had, one that a closed tab left, or a new one.
pub async fn of_record(disk: Option<&DraftDisk>, record: &str) -> Slot {
    let tab = this_tab().unwrap_or_else(another_tab);
    let left = match disk {
        Some(disk) => disk.beginning_with(record).await,
        None => Vec::new(),
    };
    let left = left.into_iter().map(|(name, _)| name);
    for record in candidates(record, tab, left) {
        if let Some(turn) = take(&record).await {
            let turn = Some(turn);
            return Slot { record, turn };
        }
    }
    // Nobody else can have this one.
    let further = further(record, another_tab());
    match take(&further).await {
        Some(turn) => Slot {
            record: further,
            turn: Some(turn),
        },
        // This browser has no turns: its tabs share a draft.
        None => Slot {
            record: record.to_owned(),
            turn: None,
        },
    }
}

/// The drafts of a record in the order in which a tab tries to get one: its own, those in which something was left, the first that nobody
/// has.
fn candidates(record: &str, tab: Uuid, left: impl Iterator<Item = String>) -> Vec<String> {
    let own = further(record, tab);
    let mut left: Vec<String> = left
        .filter(|name| {
            let rest = name.strip_prefix(record);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(FURTHER))
        })
        .collect();
    left.sort_by_key(|name| *name != own);
    for name in [record.to_owned(), own] {
        if !left.contains(&name) {
            left.push(name);
        }
    }
    left
}

fn further(record: &str, tab: Uuid) -> String {
    format!("{record}{FURTHER}{tab}")
}

fn this_tab() -> Option<Uuid> {
    let tab = storage()?.get_item(TAB).ok().flatten()?;
    Uuid::parse_str(&tab).ok()
}

/// Tells this tab from the one that it is a duplicate of.
fn another_tab() -> Uuid {
    let tab = Uuid::new_v4();
    if let Some(storage) = storage() {
        // Refused: then a reload finds the drafts of this tab as another tab would.
        let _ = storage.set_item(TAB, &tab.to_string());
    }
    tab
}

fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
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

fn registration_of(tab: Uuid) -> String {
    format!("{RECORDS}:{tab}")
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
    fn a_tab_takes_only_drafts_of_the_record_and_its_own_first() {
        let (tab, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (own, theirs) = (further("patient:7", tab), further("patient:7", other));
        let left = ["patient:7", &theirs, "patient:70", &own].map(str::to_owned);
        assert_eq!(
            candidates("patient:7", tab, left.into_iter()),
            [own.as_str(), "patient:7", theirs.as_str()]
        );
        let nothing = candidates("patient:7", tab, std::iter::empty());
        assert_eq!(nothing, ["patient:7", own.as_str()]);
    }

    #[test]
    fn a_registration_is_called_by_what_was_typed() {
        let left = |field: &str, typed: &str| (field.to_owned(), String::new(), typed.to_owned());
        let fields = [left("mrn", "BD-9"), left("first_name", " Ines ")];
        assert_eq!(title(&fields), "Ines BD-9");
        assert_eq!(title(&[left("notes", "x")]), "A patient without a name");
    }
}
