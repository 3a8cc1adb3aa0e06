//! What pages ask: each question with its key, the tables it follows, and its true answer for a person at a moment, in the
//! app's own types.

use std::collections::BTreeMap;
use std::sync::Arc;

use bedside::data::{DataError, Page};
use bedside::model::form_submission::PatientName;
use bedside::model::{
    FormStatus, FormSubmission, FormType, Patient, PatientStatus, Profile, Sex, WARDS,
};
use bedside::sync::Table;
use bedside::sync::outbox::Change;
use bedside_query::{QueryKey, QueryView, query_key};
use serde_json::json;
use uuid::Uuid;

use crate::database::{Row, Snapshot, User};

/// A query of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    Profile(User),
    Directory,
    Patients(Option<PatientStatus>),
    Patient(u32),
    CountPatients(PatientStatus),
    Forms,
    FormsOf(u32),
    Form(u32),
    WaitingForms,
}

/// An answer, in the types that the app's queries hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Profile(Arc<Profile>),
    Directory(Arc<Vec<Arc<Profile>>>),
    Patient(Arc<Patient>),
    Patients(Arc<Page<Arc<Patient>>>),
    Form(Arc<FormSubmission>),
    Forms(Arc<Page<Arc<FormSubmission>>>),
    Count(Arc<usize>),
}

/// What a list holds of a row, in the parts that change with commits of their own.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    Profile(Arc<Profile>),
    Patient(Arc<Patient>),
    Form(Box<FormSubmission>),
    PatientOfForm(Option<PatientName>),
}

impl Answer {
    /// The rows of a list by their keys, each in its parts; nothing else has any.
    pub fn rows(&self) -> Option<BTreeMap<(Uuid, u8), Listed>> {
        let listed = match self {
            Answer::Directory(rows) => rows
                .iter()
                .map(|row| ((row.id, 0), Listed::Profile(Arc::clone(row))))
                .collect(),
            Answer::Patients(page) => page
                .rows
                .iter()
                .map(|row| ((row.id, 0), Listed::Patient(Arc::clone(row))))
                .collect(),
            Answer::Forms(page) => page.rows.iter().flat_map(form_parts).collect(),
            Answer::Profile(_) | Answer::Patient(_) | Answer::Form(_) | Answer::Count(_) => {
                return None;
            }
        };
        Some(listed)
    }
}

fn form_parts(row: &Arc<FormSubmission>) -> [((Uuid, u8), Listed); 2] {
    let mut own = FormSubmission::clone(row);
    let patient = own.patient.take();
    [
        ((row.id, 0), Listed::Form(Box::new(own))),
        ((row.id, 1), Listed::PatientOfForm(patient)),
    ]
}

/// A type that an answer can hold.
pub trait Answers: PartialEq + Clone + Send + Sync + 'static {
    fn of(answer: Answer) -> Option<Arc<Self>>;
}

macro_rules! answers {
    ($($variant:ident($held:ty);)+) => {
        $(impl Answers for $held {
            fn of(answer: Answer) -> Option<Arc<Self>> {
                match answer {
                    Answer::$variant(held) => Some(held),
                    _ => None,
                }
            }
        })+
    };
}

answers! {
    Profile(Profile);
    Directory(Vec<Arc<Profile>>);
    Patient(Patient);
    Patients(Page<Arc<Patient>>);
    Form(FormSubmission);
    Forms(Page<Arc<FormSubmission>>);
    Count(usize);
}

impl Question {
    pub fn key(self) -> QueryKey {
        match self {
            Question::Profile(user) => query_key!["profiles", "one", Row::Person(user).id()],
            Question::Directory => query_key!["profiles", "list"],
            Question::Patients(status) => {
                query_key!["patients", "list", status.map(PatientStatus::word)]
            }
            Question::Patient(number) => query_key!["patients", "one", Row::Patient(number).id()],
            Question::CountPatients(status) => query_key!["patients", "count", status.word()],
            Question::Forms => query_key!["form_submissions", "list"],
            Question::FormsOf(number) => {
                query_key!["form_submissions", "list", Row::Patient(number).id()]
            }
            Question::Form(number) => query_key!["form_submissions", "one", Row::Form(number).id()],
            Question::WaitingForms => query_key!["form_submissions", "count", "waiting"],
        }
    }

    /// The key of the query that shows a change's patient alone.
    pub fn key_of(change: &Change) -> QueryKey {
        query_key!["patients", "one", change.row]
    }

    /// The tables that a page says it looks at.
    pub const fn tables(self) -> &'static [Table] {
        match self {
            Question::Profile(_) | Question::Directory => &[Table::Profiles],
            Question::Patients(_) | Question::Patient(_) | Question::CountPatients(_) => {
                &[Table::Patients]
            }
            Question::Forms | Question::FormsOf(_) | Question::Form(_) => {
                &[Table::FormSubmissions, Table::Patients]
            }
            Question::WaitingForms => &[Table::FormSubmissions],
        }
    }

    /// What the database says to this person.
    ///
    /// # Errors
    /// [`DataError::NotFound`] for a single row that is not there, or not for them.
    pub fn answer(self, snapshot: &Snapshot, user: User) -> Result<Answer, DataError> {
        let patients = |fits: &dyn Fn(PatientStatus) -> bool| -> Vec<u32> {
            let seen = |number: &u32| snapshot.sees_patient(user, *number);
            let rows = snapshot.patients.iter();
            rows.filter(|(number, row)| seen(number) && fits(row.status))
                .map(|(number, _)| *number)
                .collect()
        };
        let forms = |fits: &dyn Fn(u32) -> bool| {
            let rows = snapshot.forms.iter();
            let rows: Vec<Arc<FormSubmission>> = rows
                .filter(|(number, row)| snapshot.sees_form(user, **number) && fits(row.patient))
                .filter_map(|(number, _)| form(snapshot, user, *number).map(Arc::new))
                .collect();
            let total = rows.len();
            Answer::Forms(Arc::new(Page {
                rows,
                total,
                from: 0,
                unreadable: 0,
            }))
        };
        let one = |answer: Option<Answer>| answer.ok_or(DataError::NotFound);
        match self {
            Question::Profile(other) => {
                let seen = snapshot.sees(user, Row::Person(other));
                one(seen
                    .then(|| profile(snapshot, user, other))
                    .flatten()
                    .map(|profile| Answer::Profile(Arc::new(profile))))
            }
            Question::Directory => {
                let people = (0..snapshot.people.len())
                    .filter(|other| snapshot.sees(user, Row::Person(*other)))
                    .filter_map(|other| profile(snapshot, user, other).map(Arc::new));
                Ok(Answer::Directory(Arc::new(people.collect())))
            }
            Question::Patients(status) => {
                let rows: Vec<Arc<Patient>> =
                    patients(&|own| status.is_none_or(|status| status == own))
                        .into_iter()
                        .filter_map(|number| patient(snapshot, user, number).map(Arc::new))
                        .collect();
                let total = rows.len();
                Ok(Answer::Patients(Arc::new(Page {
                    rows,
                    total,
                    from: 0,
                    unreadable: 0,
                })))
            }
            Question::Patient(number) => {
                let seen = snapshot.sees_patient(user, number);
                let row = seen.then(|| patient(snapshot, user, number)).flatten();
                one(row.map(|row| Answer::Patient(Arc::new(row))))
            }
            Question::CountPatients(status) => {
                let count = patients(&|own| own == status).len();
                Ok(Answer::Count(Arc::new(count)))
            }
            Question::Forms => Ok(forms(&|_| true)),
            Question::FormsOf(patient) => Ok(forms(&|own| own == patient)),
            Question::Form(number) => {
                let seen = snapshot.sees_form(user, number);
                let row = seen.then(|| form(snapshot, user, number)).flatten();
                one(row.map(|row| Answer::Form(Arc::new(row))))
            }
            Question::WaitingForms => {
                let waits = |number: &&u32, status: FormStatus| {
                    status == FormStatus::Submitted && snapshot.sees_form(user, **number)
                };
                let rows = snapshot.forms.iter();
                let count = rows
                    .filter(|(number, row)| waits(number, row.status))
                    .count();
                Ok(Answer::Count(Arc::new(count)))
            }
        }
    }

    /// What the cache holds for this question.
    pub fn held(self, view: &QueryView) -> Option<Answer> {
        match self {
            Question::Profile(_) => view.data().map(Answer::Profile),
            Question::Directory => view.data().map(Answer::Directory),
            Question::Patients(_) => view.data().map(Answer::Patients),
            Question::Patient(_) => view.data().map(Answer::Patient),
            Question::Forms | Question::FormsOf(_) => view.data().map(Answer::Forms),
            Question::Form(_) => view.data().map(Answer::Form),
            Question::CountPatients(_) | Question::WaitingForms => view.data().map(Answer::Count),
        }
    }
}

/// Whose eyes a row was read for: it stands in a column, so that a row of somebody else is known wherever it turns up.
pub fn mark(user: User) -> String {
    format!("for {user}")
}

/// A row as the feed sends it to a reader: without what a query joins to it.
pub fn record(snapshot: &Snapshot, reader: User, row: Row) -> Option<serde_json::Value> {
    match row {
        Row::Person(user) => serde_json::to_value(profile(snapshot, reader, user)?),
        Row::Patient(number) => serde_json::to_value(patient(snapshot, reader, number)?),
        Row::Form(number) => {
            let mut row = form(snapshot, reader, number)?;
            row.patient = None;
            serde_json::to_value(row)
        }
        Row::Beat => return None,
    }
    .ok()
}

/// Whether every row of what is held was read for this person.
pub fn is_for(view: &QueryView, user: User) -> bool {
    let mark = mark(user);
    let patient = |row: &Patient| row.notes == mark;
    let form = |row: &FormSubmission| row.review_comment == mark;
    let profile = |row: &Profile| row.email == mark;
    view.data::<Patient>().is_none_or(|row| patient(&row))
        && view.data::<FormSubmission>().is_none_or(|row| form(&row))
        && view.data::<Profile>().is_none_or(|row| profile(&row))
        && view
            .data::<Page<Arc<Patient>>>()
            .is_none_or(|page| page.rows.iter().all(|row| patient(row)))
        && view
            .data::<Page<Arc<FormSubmission>>>()
            .is_none_or(|page| page.rows.iter().all(|row| form(row)))
        && view
            .data::<Vec<Arc<Profile>>>()
            .is_none_or(|rows| rows.iter().all(|row| profile(row)))
}

fn profile(snapshot: &Snapshot, reader: User, user: User) -> Option<Profile> {
    let row = snapshot.people.get(user)?;
    Some(Profile {
        id: Row::Person(user).id(),
        email: mark(reader),
        full_name: String::new(),
        role: row.role,
        active: row.active,
        updated_at: row.version.to_string(),
        version: row.version,
    })
}

pub fn patient(snapshot: &Snapshot, reader: User, number: u32) -> Option<Patient> {
    let row = snapshot.patients.get(&number)?;
    Some(Patient {
        id: Row::Patient(number).id(),
        mrn: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        date_of_birth: String::new(),
        sex: Sex::NotKnown,
        status: row.status,
        ward: WARDS
            .get(usize::from(row.ward))
            .map(|ward| (*ward).to_owned())
            .unwrap_or_default(),
        clinician_id: row.clinician.map(|user| Row::Person(user).id()),
        notes: mark(reader),
        version: row.version,
        created_at: String::new(),
        updated_at: String::new(),
    })
}

pub fn form(snapshot: &Snapshot, reader: User, number: u32) -> Option<FormSubmission> {
    let row = snapshot.forms.get(&number)?;
    let about = snapshot.patients.get(&row.patient)?;
    Some(FormSubmission {
        id: Row::Form(number).id(),
        patient_id: Row::Patient(row.patient).id(),
        form_type: FormType::Intake,
        status: row.status,
        answers: json!({"pulse": row.answers[0], "pain": row.answers[1]}),
        review_comment: mark(reader),
        submitted_by: None,
        reviewed_by: None,
        changed_by: None,
        version: row.version,
        created_at: String::new(),
        updated_at: String::new(),
        submitted_at: None,
        patient: Some(PatientName {
            id: Row::Patient(row.patient).id(),
            // A joined column that changes with the patient's row.
            mrn: about.version.to_string(),
            first_name: String::new(),
            last_name: String::new(),
        }),
    })
}
