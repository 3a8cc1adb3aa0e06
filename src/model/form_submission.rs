//! A form that somebody fills in about a patient, and where it is on its way to approval.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::patient::listed_name;
use super::{Version, word::words};

words! {
    /// What a form is for.
    FormType {
        Intake = "intake", "Intake";
        Vitals = "vitals", "Vitals";
        Consent = "consent", "Consent";
        Discharge = "discharge", "Discharge";
    }
}

words! {
    /// Where a form is on its way.
    FormStatus {
        Draft = "draft", "Draft";
        Submitted = "submitted", "Submitted";
        InReview = "in_review", "In review";
        Approved = "approved", "Approved";
        Returned = "returned", "Returned";
    }
}

/// One row of `form_submissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormSubmission {
    pub id: Uuid,
    pub patient_id: Uuid,
    pub form_type: FormType,
    pub status: FormStatus,
    /// What was filled in, an object by question.
    pub answers: Value,
    /// What the reviewer asks for.
    #[serde(default)]
    pub review_comment: String,
    /// Who submitted it; while it is a draft, who is writing it.
    pub submitted_by: Option<Uuid>,
    pub reviewed_by: Option<Uuid>,
    /// Who changed it last.
    #[serde(default)]
    pub changed_by: Option<Uuid>,
    pub version: Version,
    pub created_at: String,
    pub updated_at: String,
    /// `None` exactly while it is a draft.
    pub submitted_at: Option<String>,
    /// The patient's name, where the query asked for it; a change from the feed has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientName>,
}

/// Who a form is about, as far as a list needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientName {
    pub id: Uuid,
    pub mrn: String,
    pub first_name: String,
    pub last_name: String,
}

impl FormSubmission {
    /// Who it is about, last name first, as lists are read.
    pub fn about(&self) -> String {
        self.patient.as_ref().map_or_else(
            || "Patient".to_owned(),
            |patient| listed_name(&patient.last_name, &patient.first_name),
        )
    }

    /// The answers as lines of text, in the order the server gives them.
    pub fn lines(&self) -> Vec<(String, String)> {
        let Value::Object(answers) = &self.answers else {
            return Vec::new();
        };
        answers
            .iter()
            .map(|(question, answer)| (reading(question), plain(answer)))
            .collect()
    }
}

/// A key of the answers as people read it.
pub fn reading(key: &str) -> String {
    let spaced = key.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// An answer of any shape as plain text.
pub fn plain(answer: &Value) -> String {
    match answer {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.trim().is_empty() => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| format!("{}: {}", reading(key), plain(value)))
            .collect::<Vec<_>>()
            .join(", "),
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
    use super::*;
    use serde_json::json;

    #[test]
    fn any_answer_reads_as_plain_text() {
        assert_eq!(plain(&json!(null)), "–");
        assert_eq!(plain(&json!(true)), "Yes");
        assert_eq!(plain(&json!(["a", 1, "<b>"])), "a, 1, <b>");
        assert_eq!(plain(&json!({"systolic_mmhg": 120})), "Systolic mmhg: 120");
    }

    #[test]
    fn an_empty_key_is_no_reason_to_stop() {
        assert_eq!(reading(""), "");
    }
}
