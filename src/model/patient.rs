//! A patient, and the fields that people edit.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{CalendarDate, Version, word::words};

/// The wards of the clinic, as the database spells them.
pub const WARDS: &[&str] = &[
    "Cardiology",
    "Emergency",
    "Geriatrics",
    "Intensive Care",
    "Maternity",
    "Neurology",
    "Oncology",
    "Orthopaedics",
    "Paediatrics",
    "Surgery",
];

words! {
    /// Where a patient is in their stay.
    PatientStatus {
        Waiting = "waiting", "Waiting";
        Admitted = "admitted", "Admitted";
        Observation = "observation", "Observation";
        Discharged = "discharged", "Discharged";
    }
}

words! {
    /// A patient's recorded sex.
    Sex {
        Female = "female", "Female";
        Male = "male", "Male";
        Other = "other", "Other";
        NotKnown = "unknown", "Not known";
    }
}

/// How many characters the notes may have.
pub const NOTES_LIMIT: usize = 10_000;

/// One row of `patients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    pub id: Uuid,
    /// Medical record number.
    pub mrn: String,
    pub first_name: String,
    pub last_name: String,
    /// `YYYY-MM-DD`; read it with [`CalendarDate::parse`].
    pub date_of_birth: String,
    pub sex: Sex,
    pub status: PatientStatus,
    pub ward: String,
    /// Who is responsible; nobody yet when `None`.
    pub clinician_id: Option<Uuid>,
    pub notes: String,
    pub version: Version,
    pub created_at: String,
    pub updated_at: String,
}

/// What people edit of a patient, in the order of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatientField {
    FirstName,
    LastName,
    DateOfBirth,
    Sex,
    Status,
    Ward,
    Notes,
}

/// Why a text can't be stored in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("is needed")]
    Missing,
    #[error("is longer than {0} characters")]
    TooLong(usize),
    #[error("is not a date of the calendar")]
    NotADate,
    #[error("lies before 1880")]
    TooEarly,
    #[error("lies in the future")]
    InTheFuture,
    #[error("has 3 to 32 capitals, digits and hyphens, and begins with none of the latter")]
    NotANumber,
}

/// Checks a record number as the database does.
///
/// ```
/// use bedside::model::patient::check_mrn;
/// assert!(check_mrn("BH-107919").is_ok());
/// assert!(check_mrn("-1").is_err());
/// ```
pub fn check_mrn(typed: &str) -> Result<(), FieldError> {
    let letters = typed
        .chars()
        .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '-');
    match typed.len() {
        0 => Err(FieldError::Missing),
        3..=32 if letters && !typed.starts_with('-') => Ok(()),
        _ => Err(FieldError::NotANumber),
    }
}

impl PatientField {
    pub const ALL: &'static [Self] = &[
        Self::FirstName,
        Self::LastName,
        Self::DateOfBirth,
        Self::Sex,
        Self::Status,
        Self::Ward,
        Self::Notes,
    ];

    /// The column that holds the field.
    pub const fn column(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::Status => "status",
            Self::Ward => "ward",
            Self::Notes => "notes",
        }
    }

    /// The field that a column holds.
    pub fn of_column(column: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|field| field.column() == column)
    }

    /// The name of the field for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FirstName => "First name",
            Self::LastName => "Last name",
            Self::DateOfBirth => "Date of birth",
            Self::Sex => "Sex",
            Self::Status => "Status",
            Self::Ward => "Ward",
            Self::Notes => "Notes",
        }
    }

    /// A value as people read it, where that differs from how it is stored.
    pub fn reading(self, stored: &str) -> String {
        match self {
            Self::Sex => Sex::from_word(stored).label().to_owned(),
            Self::Status => PatientStatus::from_word(stored).label().to_owned(),
            Self::DateOfBirth => {
                CalendarDate::parse(stored).map_or_else(|_| stored.to_owned(), CalendarDate::label)
            }
            _ if stored.is_empty() => "(empty)".to_owned(),
            _ => stored.to_owned(),
        }
    }

    /// Checks a field together with the others: a person with a single name has it in either name field.
    pub fn check_among<'a>(
        self,
        typed: impl Fn(Self) -> &'a str,
        today: CalendarDate,
    ) -> Result<(), FieldError> {
        let is_name = matches!(self, Self::FirstName | Self::LastName);
        let blank = |field: Self| typed(field).trim().is_empty();
        if is_name && blank(Self::FirstName) && blank(Self::LastName) {
            return Err(FieldError::Missing);
        }
        self.check(typed(self), today)
    }

    /// Checks what the database would refuse, where it is typed. `today` bounds the date of birth.
    pub fn check(self, typed: &str, today: CalendarDate) -> Result<(), FieldError> {
        match self {
            Self::FirstName | Self::LastName => {
                if typed.trim().chars().count() > 100 {
                    Err(FieldError::TooLong(100))
                } else {
                    Ok(())
                }
            }
            Self::Notes if typed.chars().count() > NOTES_LIMIT => {
                Err(FieldError::TooLong(NOTES_LIMIT))
            }
            Self::Ward if typed.is_empty() => Err(FieldError::Missing),
            Self::DateOfBirth => {
                if typed.is_empty() {
                    return Err(FieldError::Missing);
                }
                let date = CalendarDate::parse(typed).map_err(|_| FieldError::NotADate)?;
                if date.year < 1880 {
                    Err(FieldError::TooEarly)
                } else if date > today {
                    Err(FieldError::InTheFuture)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// What is stored for what was typed: the database refuses blanks around a name.
    pub fn stored(self, typed: &str) -> String {
        match self {
            Self::FirstName | Self::LastName => typed.trim().to_owned(),
            _ => typed.to_owned(),
        }
    }
}

impl Patient {
    /// Last name first, as lists are sorted.
    pub fn listed_name(&self) -> String {
        listed_name(&self.last_name, &self.first_name)
    }

    /// First name first, as a person is greeted.
    pub fn full_name(&self) -> String {
        full_name(&self.first_name, &self.last_name)
    }

    /// The age in whole years; `None` for a date that makes no sense.
    pub fn age_on(&self, today: CalendarDate) -> Option<u16> {
        CalendarDate::parse(&self.date_of_birth)
            .ok()?
            .years_until(today)
    }

    /// The stored text of a field.
    pub fn text(&self, field: PatientField) -> String {
        match field {
            PatientField::FirstName => self.first_name.clone(),
            PatientField::LastName => self.last_name.clone(),
            PatientField::DateOfBirth => self.date_of_birth.clone(),
            PatientField::Sex => self.sex.word().to_owned(),
            PatientField::Status => self.status.word().to_owned(),
            PatientField::Ward => self.ward.clone(),
            PatientField::Notes => self.notes.clone(),
        }
    }

    /// The row as it will be once changes are stored. A word that this build does not know leaves its field as it is.
    pub fn with(&self, changes: &[(PatientField, String)]) -> Self {
        let mut row = self.clone();
        for (field, typed) in changes {
            let text = field.stored(typed);
            match field {
                PatientField::FirstName => row.first_name = text,
                PatientField::LastName => row.last_name = text,
                PatientField::DateOfBirth => row.date_of_birth = text,
                PatientField::Ward => row.ward = text,
                PatientField::Notes => row.notes = text,
                PatientField::Sex => match Sex::from_word(&text) {
                    Sex::Unknown => {}
                    sex => row.sex = sex,
                },
                PatientField::Status => match PatientStatus::from_word(&text) {
                    PatientStatus::Unknown => {}
                    status => row.status = status,
                },
            }
        }
        row
    }

    /// The fields that people edit, with their stored texts.
    pub fn texts(&self) -> impl Iterator<Item = (PatientField, String)> + '_ {
        PatientField::ALL
            .iter()
            .map(|field| (*field, self.text(*field)))
    }
}

/// A name as lists show it, last name first. Either part may be empty.
///
/// ```
/// use bedside::model::patient::listed_name;
/// assert_eq!(listed_name("Okafor", "Ada"), "Okafor, Ada");
/// assert_eq!(listed_name("Suharto", ""), "Suharto");
/// ```
pub fn listed_name(last: &str, first: &str) -> String {
    joined(last, ", ", first)
}

/// A name as people say it. Either part may be empty.
pub fn full_name(first: &str, last: &str) -> String {
    joined(first, " ", last)
}

fn joined(one: &str, between: &str, other: &str) -> String {
    let between = if one.is_empty() || other.is_empty() {
        ""
    } else {
        between
    };
    format!("{one}{between}{other}")
}

/// The columns to send for changed fields; nothing that was not changed travels, so that nothing else is overwritten.
///
/// ```
/// use bedside::model::patient::{PatientField, columns};
/// let body = columns([(PatientField::LastName, " Okafor ".to_owned())]);
/// assert_eq!(body.to_string(), r#"{"last_name":"Okafor"}"#);
/// ```
pub fn columns(changes: impl IntoIterator<Item = (PatientField, String)>) -> Value {
    let columns: Map<String, Value> = changes
        .into_iter()
        .map(|(field, typed)| {
            (
                field.column().to_owned(),
                Value::String(field.stored(&typed)),
            )
        })
        .collect();
    Value::Object(columns)
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

    const ROW: &str = r#"{"id":"00000000-0000-4000-b000-000000000001","mrn":"BD-1","first_name":"Ines","last_name":"Marsh",
        "date_of_birth":"1956-03-09","sex":"female","status":"admitted","ward":"Cardiology","clinician_id":null,"notes":"",
        "version":3,"created_at":"2026-01-01T00:00:00+00:00","updated_at":"2026-01-01T00:00:00+00:00","added_later":true}"#;

    fn today() -> CalendarDate {
        CalendarDate::parse("2026-11-22").unwrap()
    }

    #[test]
    fn a_row_is_read_even_with_a_column_of_a_later_schema() {
        let patient: Patient = serde_json::from_str(ROW).unwrap();
        assert_eq!(patient.listed_name(), "Marsh, Ines");
        assert_eq!(patient.age_on(today()), Some(70));
    }

    #[test]
    fn a_status_of_a_later_schema_does_not_spoil_the_row() {
        let patient: Patient =
            serde_json::from_str(&ROW.replace("admitted", "transferred")).unwrap();
        assert_eq!(patient.status, PatientStatus::Unknown);
    }

    #[test]
    fn a_changed_row_reads_back_what_was_typed() {
        let patient: Patient = serde_json::from_str(ROW).unwrap();
        for field in PatientField::ALL {
            let text = match field {
                PatientField::Sex => "other",
                PatientField::Status => "observation",
                PatientField::DateOfBirth => "1999-01-31",
                _ => "Surgery",
            };
            assert_eq!(
                patient.with(&[(*field, text.to_owned())]).text(*field),
                text,
                "{field:?}"
            );
        }
        assert_eq!(
            patient
                .with(&[(PatientField::Status, "lost".to_owned())])
                .status,
            PatientStatus::Admitted
        );
    }

    #[test]
    fn an_absurd_date_has_no_age() {
        let mut patient: Patient = serde_json::from_str(ROW).unwrap();
        patient.date_of_birth = "0000-99-99".to_owned();
        assert_eq!(patient.age_on(today()), None);
    }

    #[test]
    fn a_single_name_is_enough_and_no_name_is_not() {
        let check = |field: PatientField, first: &'static str, last: &'static str| {
            let typed = |asked| match asked {
                PatientField::FirstName => first,
                _ => last,
            };
            field.check_among(typed, today())
        };
        for field in [PatientField::FirstName, PatientField::LastName] {
            assert_eq!(check(field, "Suharto", ""), Ok(()));
            assert_eq!(check(field, " ", "Suharto"), Ok(()));
            assert_eq!(check(field, " ", ""), Err(FieldError::Missing));
        }
        assert_eq!(full_name("", "Suharto"), "Suharto");
        assert_eq!(listed_name("", "Suharto"), "Suharto");
    }

    #[test]
    fn each_field_refuses_what_the_database_would() {
        let check = |field: PatientField, typed: &str| field.check(typed, today());
        assert_eq!(
            check(PatientField::FirstName, &"x".repeat(101)),
            Err(FieldError::TooLong(100))
        );
        assert_eq!(
            check(PatientField::DateOfBirth, ""),
            Err(FieldError::Missing)
        );
        assert_eq!(
            check(PatientField::DateOfBirth, "1879-12-31"),
            Err(FieldError::TooEarly)
        );
        assert_eq!(
            check(PatientField::DateOfBirth, "2026-11-23"),
            Err(FieldError::InTheFuture)
        );
        assert_eq!(
            check(PatientField::Notes, &"é".repeat(10_001)),
            Err(FieldError::TooLong(10_000))
        );
        assert_eq!(check(PatientField::Notes, &"é".repeat(10_000)), Ok(()));
        assert_eq!(check(PatientField::LastName, "O'Neill-Şahin 👩🏽"), Ok(()));
    }
}
