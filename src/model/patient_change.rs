//! A step in the history of a patient's record, and how it reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{PatientField, Version};

/// One row of `patient_changes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientChange {
    pub patient_id: Uuid,
    pub version: Version,
    /// Nobody for an import.
    pub changed_by: Option<Uuid>,
    pub changed_at: String,
    /// By column, what it held and what it holds; empty for the registration.
    pub changes: BTreeMap<String, (Option<String>, Option<String>)>,
}

/// A column's step, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub label: String,
    pub before: String,
    pub after: String,
    /// A long text: both versions are better compared than read one after the other.
    pub long: bool,
}

impl PatientChange {
    /// Whether the record began with it.
    pub fn is_registration(&self) -> bool {
        self.changes.is_empty()
    }

    /// The steps in words. `name` gives a person's name.
    pub fn steps(&self, name: impl Fn(Option<Uuid>) -> String) -> Vec<Step> {
        let step = |(column, (before, after)): (&String, &(Option<String>, Option<String>))| {
            let reads = |value: &Option<String>| {
                let text = value.as_deref().unwrap_or_default();
                match PatientField::of_column(column) {
                    Some(field) => field.reading(text),
                    None if column == "clinician_id" => {
                        name(value.as_deref().and_then(|id| Uuid::parse_str(id).ok()))
                    }
                    None => text.to_owned(),
                }
            };
            let label = match (PatientField::of_column(column), column.as_str()) {
                (Some(field), _) => field.label().to_owned(),
                (None, "clinician_id") => "Clinician".to_owned(),
                (None, "mrn") => "Record number".to_owned(),
                (None, other) => other.replace('_', " "),
            };
            let long = column == PatientField::Notes.column();
            let plain = |value: &Option<String>| value.clone().unwrap_or_default();
            Step {
                label,
                before: if long { plain(before) } else { reads(before) },
                after: if long { plain(after) } else { reads(after) },
                long,
            }
        };
        self.changes.iter().map(step).collect()
    }
}

/// Older histories kept only this many characters of a long text.
const KEPT: usize = 1_000;

/// Who brought a field to the text that it holds, as far as these steps tell, the latest first. Nobody's, if another text came last.
pub fn author_of(steps: &[PatientChange], field: PatientField, text: &str) -> Option<Uuid> {
    let step = steps
        .iter()
        .find(|step| step.changes.contains_key(field.column()))?;
    let (_, after) = step.changes.get(field.column())?;
    let after = after.as_deref().unwrap_or_default();
    let same = after == text || (after.chars().count() == KEPT && text.starts_with(after));
    step.changed_by.filter(|_| same)
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

    fn change(changes: &str) -> PatientChange {
        serde_json::from_str(&format!(
            r#"{{"id":7,"patient_id":"00000000-0000-4000-b000-000000000001","version":3,"changed_by":null,"changed_at":"2026-01-01T00:00:00+00:00","changes":{changes}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_status_reads_as_people_say_it() {
        let steps = change(r#"{"status":["admitted","discharged"]}"#).steps(|_| String::new());
        assert_eq!(steps[0].label, "Status");
        assert_eq!(
            (steps[0].before.as_str(), steps[0].after.as_str()),
            ("Admitted", "Discharged")
        );
    }

    #[test]
    fn a_hand_over_names_people() {
        let steps = change(r#"{"clinician_id":[null,"00000000-0000-4000-a000-000000000001"]}"#)
            .steps(|id| id.map_or("Unassigned".to_owned(), |_| "Ana".to_owned()));
        assert_eq!(
            (steps[0].before.as_str(), steps[0].after.as_str()),
            ("Unassigned", "Ana")
        );
    }

    #[test]
    fn a_text_is_whose_step_made_it_and_nobodys_when_the_history_is_behind() {
        let by = |author: u128, changes: &str| PatientChange {
            changed_by: Some(Uuid::from_u128(author)),
            ..change(changes)
        };
        let steps = [
            by(1, r#"{"ward":["Surgery","Oncology"]}"#),
            by(2, r#"{"notes":["","calm"],"ward":["Maternity","Surgery"]}"#),
        ];
        let author = |field, text| author_of(&steps, field, text).map(|id| id.as_u128());
        assert_eq!(author(PatientField::Ward, "Oncology"), Some(1));
        assert_eq!(author(PatientField::Notes, "calm"), Some(2));
        assert_eq!(author(PatientField::Notes, "awake"), None);
        assert_eq!(author(PatientField::LastName, "Marsh"), None);
    }

    #[test]
    fn a_long_text_is_compared_as_a_whole() {
        let text = |tail: &str| "x".repeat(KEPT) + tail;
        let step = |after: String| PatientChange {
            changed_by: Some(Uuid::from_u128(1)),
            changes: BTreeMap::from([("notes".to_owned(), (None, Some(after)))]),
            ..change("{}")
        };
        let author =
            |after: String, text: String| author_of(&[step(after)], PatientField::Notes, &text);
        assert!(author(text(" calm"), text(" calm")).is_some());
        assert!(author(text(" calm"), text(" awake")).is_none());
        // An older history ends where it was cut off.
        assert!(author(text(""), text(" calm")).is_some());
    }

    #[test]
    fn a_column_of_a_later_schema_is_still_named() {
        let steps = change(r#"{"blood_group":["A","B"]}"#).steps(|_| String::new());
        assert_eq!(steps[0].label, "blood group");
        assert!(change("{}").is_registration());
    }
}
