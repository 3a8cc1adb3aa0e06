//! What a screen shall show while saves are on their way: the database's answer with each of them laid over the rows that it has.
//! Written apart from the app's own overlay, to be compared with it.

use std::sync::Arc;

use bedside::data::Page;
use bedside::model::{FormStatus, FormSubmission, Patient, PatientStatus};
use bedside::sync::Table;
use bedside::sync::outbox::{Change, Columns, Write};
use serde_json::Value;
use uuid::Uuid;

use crate::question::Answer;

/// Saves on their way, in the order in which they were laid.
pub type Laid = Vec<(Uuid, Change)>;

/// Whether this is what a screen may hold for an answer. A row that is shown alone has every save laid over it, a list those that
/// were made since it was first asked for.
pub fn fits(held: &Answer, answer: &Answer, laid: &Laid) -> bool {
    let alone = matches!(held, Answer::Patient(_) | Answer::Form(_));
    let first = if alone { 0 } else { laid.len() };
    (0..=first).any(|from| {
        let since = laid.get(from..).unwrap_or_default();
        since.is_empty() && held == answer
            || !since.is_empty() && *held == shown(answer.clone(), since)
    })
}

/// An answer with these laid over it.
pub fn shown(answer: Answer, laid: &[(Uuid, Change)]) -> Answer {
    laid.iter()
        .fold(answer, |answer, (_, change)| match change.table {
            Table::Patients => over_patients(answer, change),
            Table::FormSubmissions => over_forms(answer, change),
            Table::Profiles => answer,
        })
}

fn over_patients(answer: Answer, change: &Change) -> Answer {
    match answer {
        Answer::Patient(row) if row.id == change.row => {
            Answer::Patient(Arc::new(patient(&row, change)))
        }
        Answer::Patients(page) => Answer::Patients(over(
            page,
            |row| row.id == change.row,
            |row| patient(row, change),
        )),
        answer => answer,
    }
}

fn over_forms(answer: Answer, change: &Change) -> Answer {
    match answer {
        Answer::Form(row) if row.id == change.row => Answer::Form(Arc::new(form(&row, change))),
        Answer::Forms(page) => Answer::Forms(over(
            page,
            |row| row.id == change.row,
            |row| form(row, change),
        )),
        answer => answer,
    }
}

fn over<T>(
    page: Arc<Page<Arc<T>>>,
    is: impl Fn(&T) -> bool,
    with: impl Fn(&T) -> T,
) -> Arc<Page<Arc<T>>> {
    let rows = page.rows.iter();
    let rows = rows.map(|row| {
        if is(row) {
            Arc::new(with(row))
        } else {
            Arc::clone(row)
        }
    });
    Arc::new(Page {
        rows: rows.collect(),
        from: page.from,
        total: page.total,
        unreadable: page.unreadable,
    })
}

fn text<'a>(change: &'a Change, column: &str) -> Option<&'a str> {
    change.columns.get(column).and_then(Value::as_str)
}

fn patient(row: &Patient, change: &Change) -> Patient {
    let mut row = row.clone();
    if change.write != Write::Create {
        if let Some(status) = text(change, "status") {
            row.status = PatientStatus::from_word(status);
        }
        if let Some(ward) = text(change, "ward") {
            row.ward = ward.to_owned();
        }
    }
    row
}

fn form(row: &FormSubmission, change: &Change) -> FormSubmission {
    let mut row = row.clone();
    let Write::Update { base, .. } = &change.write else {
        return row;
    };
    if let Some(status) = text(change, "status") {
        row.status = FormStatus::from_word(status);
    }
    if let Some(answers) = row.answers.as_object_mut() {
        for (key, mine) in own(change.columns.get("answers"), base.get("answers")) {
            answers.insert(key.clone(), mine.clone());
        }
    }
    row
}

/// The keys that a save changed, with their new values.
pub fn own<'a>(mine: Option<&'a Value>, base: Option<&Value>) -> Vec<(&'a String, &'a Value)> {
    let mine = mine
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Columns::iter);
    mine.filter(|(key, value)| base.and_then(|base| base.get(key.as_str())) != Some(*value))
        .collect()
}
