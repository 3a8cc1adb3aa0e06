//! A form as its author has it: the row, with what is saved on this device and not on the server yet laid over it. What a
//! colleague sees is the row alone. Pure; it sends nothing and decides nothing.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::FormSubmission;
use crate::sync::outbox::{Columns, Conflict, Entry, Kept, Standing, View, Write};

/// The saves of one form that the server has not confirmed, oldest first.
pub fn of_form(view: &View, form: Uuid) -> Vec<Entry> {
    view.entries
        .iter()
        .filter(|entry| entry.change.row == form)
        .cloned()
        .collect()
}

/// The form with its unsent answers. One that the server has never seen is made of the save that makes it.
pub fn with_unsent(row: Option<&FormSubmission>, unsent: &[Entry]) -> Option<FormSubmission> {
    let mut form = match row {
        Some(row) => row.clone(),
        None => unsent.iter().find_map(begun)?,
    };
    for entry in unsent {
        if let Write::Update { base, .. } = &entry.change.write
            && let Some(Value::Object(mine)) = entry.change.columns.get("answers")
        {
            let before = base.get("answers").and_then(Value::as_object);
            lay(&mut form.answers, before, mine);
        }
    }
    Some(form)
}

/// The form that a save makes.
fn begun(entry: &Entry) -> Option<FormSubmission> {
    if entry.change.write != Write::Create {
        return None;
    }
    let mut row = json!({
        "id": entry.change.row, "version": 0, "created_at": "", "updated_at": "",
        "submitted_by": null, "reviewed_by": null, "submitted_at": null,
    });
    row.as_object_mut()?.extend(entry.change.columns.clone());
    serde_json::from_value(row).ok()
}

/// Lays over the answers those that differ from what was there before.
fn lay(answers: &mut Value, before: Option<&Columns>, mine: &Columns) {
    let Value::Object(answers) = answers else {
        return;
    };
    let was = |key: &String| before.and_then(|before| before.get(key));
    for (key, value) in mine {
        if was(key) != Some(value) {
            answers.insert(key.clone(), value.clone());
        }
    }
    for key in before.into_iter().flat_map(Columns::keys) {
        if !mine.contains_key(key) {
            answers.remove(key);
        }
    }
}

/// How safe what somebody typed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// On the server.
    Saved,
    /// On its way, or about to be.
    Saving,
    /// On this device's disk, for as long as there is no connection.
    Waiting,
    /// In this tab only, for as long as there is no connection.
    WaitingInTab,
    /// A person has to do something first.
    Stopped,
}

/// Whether somebody has typed what is not handed over yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    Nothing,
    Unsaved,
    /// It can't be handed over as it is: too long, or somebody has to choose first.
    KeptBack,
}

/// How safe the text on the screen is.
pub fn safety(unsent: &[Entry], kept: Kept, typing: Typing) -> Safety {
    let waits = |entry: &Entry| match entry.standing {
        Standing::Queued => entry.attempts > 0,
        // A second try means that the first one did not get through.
        Standing::Sending => entry.attempts > 1,
        _ => false,
    };
    if typing == Typing::KeptBack || unsent.iter().any(|entry| !entry.is_waiting()) {
        Safety::Stopped
    } else if unsent.iter().any(waits) {
        match kept {
            Kept::OnDisk => Safety::Waiting,
            Kept::InMemory => Safety::WaitingInTab,
        }
    } else if !unsent.is_empty() || typing == Typing::Unsaved {
        Safety::Saving
    } else {
        Safety::Saved
    }
}

/// The fields in which a stopped save and the row disagree, with the save that each is of.
pub fn clashes(unsent: &[Entry]) -> Vec<(Uuid, Conflict)> {
    unsent
        .iter()
        .filter_map(|entry| match &entry.standing {
            Standing::Conflict(clash) => Some((entry.id, clash)),
            _ => None,
        })
        .flat_map(|(id, clash)| clash.fields.iter().map(move |field| (id, field.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use crate::data::DataError;
    use crate::model::{FormStatus, FormType};
    use crate::sync::Table;
    use crate::sync::outbox::Change;
    use crate::sync::outbox::saves::form_answers;

    fn form(answers: Value) -> FormSubmission {
        serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "patient_id": Uuid::from_u128(2), "form_type": "vitals", "status": "draft",
            "answers": answers, "submitted_by": null, "reviewed_by": null, "version": 4,
            "created_at": "", "updated_at": "", "submitted_at": null,
        }))
        .unwrap()
    }

    fn entry(change: Change, standing: Standing, attempts: u32) -> Entry {
        Entry {
            id: Uuid::from_u128(9),
            number: 1,
            change,
            attempts,
            standing,
            replaces: Vec::new(),
        }
    }

    #[test]
    fn what_was_typed_shows_over_a_row_that_moved_elsewhere() {
        let seen = form(json!({"pain": 1, "remark": "calm", "old": true}));
        let change = form_answers(&seen, json!({"pain": 5, "old": true}));
        let unsent = [entry(change, Standing::Failed(DataError::Offline), 1)];
        let now = form(json!({"pain": 1, "remark": "calm", "old": true, "heart_rate": 70}));
        let shown = with_unsent(Some(&now), &unsent).unwrap();
        assert_eq!(
            shown.answers,
            json!({"pain": 5, "old": true, "heart_rate": 70})
        );
    }

    #[test]
    fn a_form_that_the_server_has_never_seen_is_made_of_the_save_that_makes_it() {
        let columns = json!({"patient_id": Uuid::from_u128(2), "form_type": "vitals", "status": "draft", "answers": {"pain": 2}});
        let create = Change::create(
            Table::FormSubmissions,
            Uuid::from_u128(1),
            columns.as_object().cloned().unwrap(),
            "Vitals",
        );
        let shown = with_unsent(None, &[entry(create, Standing::Queued, 3)]).unwrap();
        assert_eq!(
            (shown.form_type, shown.status),
            (FormType::Vitals, FormStatus::Draft)
        );
        assert_eq!(shown.answers, json!({"pain": 2}));
        assert_eq!(with_unsent(None, &[]), None);
    }

    #[test]
    fn nothing_is_called_saved_that_is_not_on_the_server() {
        let of = |standing: Standing, attempts: u32, kept: Kept| {
            let change = form_answers(&form(json!({})), json!({"pain": 1}));
            safety(&[entry(change, standing, attempts)], kept, Typing::Nothing)
        };
        assert_eq!(of(Standing::Queued, 0, Kept::OnDisk), Safety::Saving);
        assert_eq!(of(Standing::Sending, 1, Kept::OnDisk), Safety::Saving);
        assert_eq!(of(Standing::Queued, 1, Kept::OnDisk), Safety::Waiting);
        assert_eq!(
            of(Standing::Sending, 2, Kept::InMemory),
            Safety::WaitingInTab
        );
        assert_eq!(
            of(Standing::Failed(DataError::NotFound), 1, Kept::OnDisk),
            Safety::Stopped
        );
        assert_eq!(safety(&[], Kept::OnDisk, Typing::Unsaved), Safety::Saving);
        assert_eq!(safety(&[], Kept::OnDisk, Typing::KeptBack), Safety::Stopped);
        assert_eq!(safety(&[], Kept::OnDisk, Typing::Nothing), Safety::Saved);
    }
}
