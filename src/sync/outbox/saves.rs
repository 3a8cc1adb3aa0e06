//! What people save, in the words of the model: each function gives the [`Change`] for [`Outbox::save`](super::Outbox::save).

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::change::{Change, Columns};
use crate::model::patient::{columns, listed_name};
use crate::model::{Draft, FormStatus, FormSubmission, FormType, Patient, PatientField};
use crate::sync::Table;

/// A new patient with these fields. `mrn` is the record number; `clinician` who is responsible, as far as an admin says so.
pub fn new_patient(
    id: Uuid,
    mrn: &str,
    clinician: Option<Uuid>,
    fields: impl IntoIterator<Item = (PatientField, String)>,
) -> Change {
    let mut row = object(columns(fields));
    let name = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
    let title = listed_name(name("last_name"), name("first_name"));
    row.insert("mrn".to_owned(), mrn.into());
    if let Some(clinician) = clinician {
        row.insert("clinician_id".to_owned(), clinician.to_string().into());
    }
    Change::create(Table::Patients, id, row, title)
}

/// Changed fields of a patient, as the person saw the patient.
pub fn patient_edit(
    seen: &Patient,
    fields: impl IntoIterator<Item = (PatientField, String)>,
) -> Change {
    Change::update(
        Table::Patients,
        seen.id,
        seen.version,
        &row(seen),
        object(columns(fields)),
        seen.listed_name(),
    )
}

/// What a person typed over a patient, from what was before their eyes.
pub fn patient_draft(id: Uuid, name: String, draft: &Draft<PatientField>) -> Change {
    let seen = object(columns(draft.seen()));
    let typed = object(columns(draft.changes()));
    Change::update(Table::Patients, id, draft.version(), &seen, typed, name)
}

/// A new form about a patient, as a draft or submitted at once.
pub fn new_form(
    id: Uuid,
    patient: &Patient,
    form_type: FormType,
    status: FormStatus,
    answers: Value,
) -> Change {
    let row = json!({
        "patient_id": patient.id,
        "form_type": form_type.word(),
        "status": status.word(),
        "answers": answers,
    });
    let title = format!("{}, {}", form_type.label(), patient.listed_name());
    Change::create(Table::FormSubmissions, id, object(row), title)
}

/// Other answers of a form. Two people who change different answers don't meet.
pub fn form_answers(seen: &FormSubmission, answers: Value) -> Change {
    form_edit(seen, json!({ "answers": answers }))
}

/// A step of a form on its way, with what the reviewer asks for if it is returned.
pub fn form_status(seen: &FormSubmission, status: FormStatus, comment: Option<&str>) -> Change {
    form_edit(
        seen,
        match comment {
            Some(comment) => json!({ "status": status.word(), "review_comment": comment }),
            None => json!({ "status": status.word() }),
        },
    )
}

/// Any columns of a form: answers and a step in one save, for example.
pub fn form_edit(seen: &FormSubmission, columns: Value) -> Change {
    let title = format!("{}, {}", seen.form_type.label(), seen.about());
    Change::update(
        Table::FormSubmissions,
        seen.id,
        seen.version,
        &row(seen),
        object(columns),
        title,
    )
}

fn row(row: &impl Serialize) -> Columns {
    object(serde_json::to_value(row).unwrap_or_default())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(columns) => columns,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::super::change::Write;
    use super::*;

    fn form() -> FormSubmission {
        serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "patient_id": Uuid::from_u128(2), "form_type": "vitals", "status": "draft",
            "answers": {"pulse": 60}, "submitted_by": null, "reviewed_by": null, "version": 4,
            "created_at": "", "updated_at": "", "submitted_at": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_change_carries_what_was_seen_of_the_columns_that_it_sets_and_of_no_other() {
        let change = form_answers(&form(), json!({"pulse": 72}));
        assert_eq!(
            Value::Object(change.columns),
            json!({"answers": {"pulse": 72}})
        );
        let base = json!({"answers": {"pulse": 60}})
            .as_object()
            .cloned()
            .unwrap();
        assert_eq!(change.write, Write::Update { version: 4, base });
    }

    #[test]
    fn setting_what_is_there_already_is_no_change() {
        assert!(form_answers(&form(), json!({"pulse": 60})).is_empty());
        assert!(!form_status(&form(), FormStatus::Submitted, None).is_empty());
    }

    #[test]
    fn a_new_patient_is_called_by_the_name_typed() {
        let fields = [
            (PatientField::FirstName, " Ines ".to_owned()),
            (PatientField::LastName, "Marsh".to_owned()),
        ];
        let change = new_patient(Uuid::from_u128(3), "BD-9", None, fields);
        assert_eq!(change.title, "Marsh, Ines");
        assert_eq!(change.columns["mrn"], "BD-9");
        assert!(!change.columns.contains_key("clinician_id"));
    }
}
