//! The live tables' rows as the cache patches them: their keys and columns, and how a changed row is read. Knows columns by
//! name; never where a change comes from.
//!
//! A change carries the whole row or counts as doubtful, so merging is reading, plus what only a query knows of the row.

use std::sync::Arc;

use bedside_query::{
    Columns, Condition, Order, Predicate, Row, RowError, RowSet, Segment, Shape, TableDep,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Page;
use super::profiles::Directory;
use crate::model::{FormSubmission, Patient, Profile};

/// The columns of `patients` that the app reads. The times of change are left out: they are written differently here and
/// there, and never change alone.
const PATIENT: [&str; 11] = [
    "id",
    "mrn",
    "first_name",
    "last_name",
    "date_of_birth",
    "sex",
    "status",
    "ward",
    "clinician_id",
    "notes",
    "version",
];

/// The columns of `form_submissions` that the app reads.
const FORM: [&str; 9] = [
    "id",
    "patient_id",
    "form_type",
    "status",
    "answers",
    "review_comment",
    "submitted_by",
    "reviewed_by",
    "version",
];

/// The columns of `profiles` that the app reads.
const PROFILE: [&str; 5] = ["id", "email", "full_name", "role", "active"];

/// What queries of rows of `patients` depend on.
pub fn patients() -> TableDep {
    TableDep::rows("patients")
        .columns(PATIENT)
        .versioned("version")
}

/// What queries of rows of `form_submissions` depend on.
pub fn form_submissions() -> TableDep {
    TableDep::rows("form_submissions")
        .columns(FORM)
        .versioned("version")
}

/// What queries of rows of `profiles` depend on.
pub fn profiles() -> TableDep {
    TableDep::rows("profiles").columns(PROFILE)
}

/// Only the row with this key.
pub fn by_key(id: Uuid) -> Predicate {
    Predicate::all().and("id", Condition::Eq(id.into()))
}

/// The latest change first.
pub fn latest_first(dep: TableDep) -> TableDep {
    dep.ordered(Order::descending("updated_at"))
}

/// What any query whose key begins with the name of a table depends on, if it says nothing more exact. A form is seen by
/// whoever sees its patient, and is shown with the patient's name.
pub fn deps_of(table: &str) -> Vec<TableDep> {
    let any = |table: &str| TableDep::made_from(table, Shape::Opaque);
    match table {
        "form_submissions" => vec![any(table), any("patients")],
        _ => vec![any(table)],
    }
}

/// The tables, besides its own, that a query of forms depends on.
pub fn form_joins() -> [TableDep; 1] {
    [TableDep::made_from("patients", Shape::Joined)]
}

/// Reads a row. By its text: a second way to read each type would be a second copy of it in the bundle.
fn read<T: DeserializeOwned>(columns: &Map<String, Value>) -> Result<T, RowError> {
    let unreadable = |error: serde_json::Error| RowError::Unreadable(error.to_string());
    let text = serde_json::to_string(columns).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(unreadable)
}

fn id(id: Option<Uuid>) -> Segment {
    id.map_or(Segment::Null, |id| Segment::from(id.to_string()))
}

impl Columns for Patient {
    fn column(&self, name: &str) -> Option<Segment> {
        Some(match name {
            "id" => id(Some(self.id)),
            "mrn" => Segment::from(&self.mrn),
            "first_name" => Segment::from(&self.first_name),
            "last_name" => Segment::from(&self.last_name),
            "date_of_birth" => Segment::from(&self.date_of_birth),
            "sex" => Segment::from(self.sex.word()),
            "status" => Segment::from(self.status.word()),
            "ward" => Segment::from(&self.ward),
            "clinician_id" => id(self.clinician_id),
            "notes" => Segment::from(&self.notes),
            "version" => Segment::from(self.version),
            "updated_at" => Segment::from(&self.updated_at),
            _ => return None,
        })
    }
}

impl Row for Patient {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
        read(columns)
    }

    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        read(columns)
    }
}

impl Columns for FormSubmission {
    fn column(&self, name: &str) -> Option<Segment> {
        Some(match name {
            "id" => id(Some(self.id)),
            "patient_id" => id(Some(self.patient_id)),
            "form_type" => Segment::from(self.form_type.word()),
            "status" => Segment::from(self.status.word()),
            "answers" => Segment::from(self.answers.clone()),
            "review_comment" => Segment::from(&self.review_comment),
            "submitted_by" => id(self.submitted_by),
            "reviewed_by" => id(self.reviewed_by),
            "version" => Segment::from(self.version),
            "updated_at" => Segment::from(&self.updated_at),
            "submitted_at" => self
                .submitted_at
                .as_ref()
                .map_or(Segment::Null, Segment::from),
            _ => return None,
        })
    }
}

impl Row for FormSubmission {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
        read(columns)
    }

    /// A change of a form does not name the patient: the name that is held stays, as long as it is the same patient.
    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        let row: Self = read(columns)?;
        if row.patient_id != self.patient_id {
            return Err(RowError::MissingColumn("patient".to_owned()));
        }
        Ok(Self {
            patient: self.patient.clone(),
            ..row
        })
    }
}

impl Columns for Profile {
    fn column(&self, name: &str) -> Option<Segment> {
        Some(match name {
            "id" => id(Some(self.id)),
            "email" => Segment::from(&self.email),
            "full_name" => Segment::from(&self.full_name),
            "role" => Segment::from(self.role.word()),
            "active" => Segment::from(self.active),
            _ => return None,
        })
    }
}

impl Row for Profile {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
        read(columns)
    }

    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        read(columns)
    }
}

impl<R: Row> RowSet for Page<Arc<R>> {
    type Row = R;

    fn get(&self, pk: &Segment) -> Option<&R> {
        found(&self.rows, pk)
    }

    fn each_pk(&self, each: &mut dyn FnMut(Segment)) {
        self.rows.iter().for_each(|row| each(row.pk()));
    }

    fn replace(&self, row: R) -> Self {
        Self {
            rows: replaced(&self.rows, row),
            total: self.total,
            from: self.from,
            unreadable: self.unreadable,
        }
    }

    fn remove(&self, pk: &Segment) -> Self {
        Self {
            rows: without(&self.rows, pk),
            total: self.total.saturating_sub(1),
            from: self.from,
            unreadable: self.unreadable,
        }
    }

    /// A later page of a list is shorter than the list.
    fn is_whole(&self) -> bool {
        self.rows.len() == self.total
    }
}

impl RowSet for Directory {
    type Row = Profile;

    fn get(&self, pk: &Segment) -> Option<&Profile> {
        found(&self.people, pk)
    }

    fn each_pk(&self, each: &mut dyn FnMut(Segment)) {
        self.people.iter().for_each(|person| each(person.pk()));
    }

    fn replace(&self, row: Profile) -> Self {
        Self::of(replaced(&self.people, row), self.unreadable)
    }

    fn remove(&self, pk: &Segment) -> Self {
        Self::of(without(&self.people, pk), self.unreadable)
    }

    fn is_whole(&self) -> bool {
        true
    }
}

fn found<'a, R: Row>(rows: &'a [Arc<R>], pk: &Segment) -> Option<&'a R> {
    rows.iter().find(|row| row.pk() == *pk).map(Arc::as_ref)
}

fn replaced<R: Row>(rows: &[Arc<R>], new: R) -> Vec<Arc<R>> {
    let (pk, new) = (new.pk(), Arc::new(new));
    rows.iter()
        .map(|row| Arc::clone(if row.pk() == pk { &new } else { row }))
        .collect()
}

fn without<R: Row>(rows: &[Arc<R>], pk: &Segment) -> Vec<Arc<R>> {
    rows.iter().filter(|row| row.pk() != *pk).cloned().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use bedside_query::{Membership, RouteAction, RowChange, route};
    use serde_json::json;

    use super::*;

    fn columns(version: i64, notes: &str) -> Value {
        json!({
            "id": Uuid::from_u128(7), "mrn": "MRN-7", "first_name": "Ada", "last_name": "Okafor",
            "date_of_birth": "1980-01-01", "sex": "female", "status": "admitted", "ward": "Surgery",
            "clinician_id": null, "notes": notes, "version": version,
            "created_at": "2026-01-01T00:00:00+00:00", "updated_at": format!("2026-01-0{version}T00:00:00+00:00"),
            "search_text": "okafor ada",
        })
    }

    fn patient(version: i64, notes: &str) -> Patient {
        let Value::Object(columns) = columns(version, notes) else {
            panic!("an object")
        };
        Patient::from_columns(&columns).unwrap()
    }

    fn action(held: &Patient, change: Value) -> RouteAction {
        let change = RowChange::update("patients", Uuid::from_u128(7), change);
        let membership = Membership {
            held: Some(held),
            rows: 1,
        };
        route(&change, &patients(), membership)
    }

    #[test]
    fn the_echo_of_what_is_held_changes_nothing() {
        let held = patient(3, "calm");
        assert_eq!(action(&held, columns(3, "calm")), RouteAction::Ignore);
        assert_eq!(
            action(&held, columns(2, "older")),
            RouteAction::Ignore,
            "old news"
        );
    }

    #[test]
    fn somebody_elses_change_of_the_same_row_is_taken_in() {
        assert_eq!(
            action(&patient(3, "calm"), columns(4, "restless")),
            RouteAction::Patch
        );
    }

    #[test]
    fn a_form_keeps_its_patients_name_until_it_is_about_somebody_else() {
        let form = |patient: u128, status: &str| {
            json!({
                "id": Uuid::from_u128(1), "patient_id": Uuid::from_u128(patient), "form_type": "vitals",
                "status": status, "answers": {}, "submitted_by": null, "reviewed_by": null, "version": 2,
                "created_at": "", "updated_at": "", "submitted_at": null,
            })
        };
        let columns = |value: Value| value.as_object().cloned().unwrap();
        let named = json!({"id": Uuid::from_u128(7), "mrn": "MRN-7", "first_name": "Ada", "last_name": "Okafor"});
        let mut held = FormSubmission::from_columns(&columns(form(7, "draft"))).unwrap();
        held.patient = serde_json::from_value(named).unwrap();
        let merged = held.merge(&columns(form(7, "submitted"))).unwrap();
        assert_eq!(merged.about(), "Okafor, Ada");
        assert!(held.merge(&columns(form(8, "submitted"))).is_err());
    }

    #[test]
    fn a_row_that_does_not_read_is_no_row() {
        let mut missing = columns(3, "calm").as_object().cloned().unwrap();
        missing.remove("mrn");
        assert!(patient(3, "calm").merge(&missing).is_err());
        let mut wrong = columns(3, "calm").as_object().cloned().unwrap();
        wrong.insert("version".to_owned(), json!("three"));
        assert!(Patient::from_columns(&wrong).is_err());
    }
}
