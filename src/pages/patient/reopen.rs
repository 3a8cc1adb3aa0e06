//! A save that the server refused, back in the form that it was made in: `?save=` in the address names it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde_json::Value;
use uuid::Uuid;

use crate::hooks::use_outbox;
use crate::model::PatientField;
use crate::sync::outbox::{Change, Entry, Standing, Write};

/// Hands over the save that the address names, once, if it is one that was refused.
pub fn use_reopened(reopen: impl Fn(Entry) + 'static) {
    let query = use_query_map();
    let Some(held) = use_outbox() else { return };
    let wanted = Memo::new(move |_| {
        let id = query.with(|query| query.get("save"))?;
        Uuid::parse_str(&id).ok()
    });
    let reopened = StoredValue::new(None::<Uuid>);
    Effect::new(move |_| {
        // After a reload the outbox is read from disk first.
        held.view.track();
        let entry = wanted.get().and_then(|id| held.outbox.entry(id));
        let refused = entry.filter(|entry| matches!(entry.standing, Standing::Failed(_)));
        if let Some(entry) = refused.filter(|entry| reopened.get_value() != Some(entry.id)) {
            reopened.set_value(Some(entry.id));
            untrack(|| reopen(entry));
        }
    });
}

/// The fields of a patient that a save sets: each with the text that the row had, and the text that was to be saved.
pub fn fields(change: &Change) -> Vec<(PatientField, String, String)> {
    let before = |column: &str| match &change.write {
        Write::Update { base, .. } => text(base.get(column)),
        Write::Create => String::new(),
    };
    change
        .columns
        .iter()
        .filter_map(|(column, value)| {
            let field = PatientField::of_column(column)?;
            Some((field, before(column), text(Some(value))))
        })
        .collect()
}

/// A value as it is typed.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::model::Draft;
    use crate::sync::Table;
    use crate::sync::outbox::saves::{new_patient, patient_draft};

    #[test]
    fn a_refused_change_comes_back_as_it_was_typed() {
        let mut draft = Draft::new(3, [(PatientField::Notes, "calm".to_owned())]);
        draft.type_in(PatientField::Notes, "in pain".to_owned());
        let change = patient_draft(Uuid::from_u128(1), "Marsh, Ines".to_owned(), &draft);
        let mut again = Draft::new(3, [(PatientField::Notes, "calm".to_owned())]);
        again.resume(fields(&change));
        assert_eq!(again.left(), draft.left());
    }

    #[test]
    fn a_refused_registration_comes_back_with_every_field() {
        let typed = [
            (PatientField::FirstName, "Ines".to_owned()),
            (PatientField::DateOfBirth, "1956-03-09".to_owned()),
        ];
        let change = new_patient(Uuid::from_u128(1), "BD-9", None, typed.clone());
        let mut found: Vec<_> = fields(&change)
            .into_iter()
            .map(|(field, _, typed)| (field, typed))
            .collect();
        found.sort_by_key(|(field, _)| *field != PatientField::FirstName);
        assert_eq!(found, typed);
        assert_eq!(change.table, Table::Patients);
        assert_eq!(text(Some(&json!(7))), "7");
    }
}
