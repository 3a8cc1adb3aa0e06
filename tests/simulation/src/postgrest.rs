//! What the model database answers to the outbox, as PostgREST does: rights first, then the version, then the rules of the
//! row; and no save counts twice.

use bedside::data::DataError;
use bedside::model::{FormStatus, PatientStatus, Role, WARDS};
use bedside::sync::outbox::Columns;
use bedside::sync::outbox::queue::{Reply, Request};
use bedside_realtime::ChangeKind;
use serde_json::Value;
use uuid::Uuid;

use crate::database::{Database, FormRow, PatientRow, Row, Snapshot, User};
use crate::question;

/// What a request came to.
pub struct Answered {
    pub reply: Reply,
    /// It changed the database.
    pub committed: bool,
}

impl Database {
    /// Does what a person's request says.
    pub fn request(&mut self, at: u64, user: User, request: &Request) -> Answered {
        let said = |reply| Answered {
            reply,
            committed: false,
        };
        let done = match request {
            Request::Read { table, row } => {
                let row = Row::of(*table, *row).and_then(|row| read(&self.now(), user, row));
                return said(row.map_or(Reply::NoRow, Reply::Row));
            }
            Request::Insert { table, columns } => {
                let id = columns.get("id").and_then(Value::as_str);
                let row = id
                    .and_then(|id| Uuid::parse_str(id).ok())
                    .and_then(|id| Row::of(*table, id));
                match row {
                    Some(row) => self.insert(at, user, row, columns),
                    None => Err(refused("22P02", "not a key")),
                }
            }
            Request::Update {
                table,
                row,
                version,
                columns,
            } => match Row::of(*table, *row) {
                Some(row) => self.update(at, user, row, *version, columns),
                None => Err(Reply::NoRow),
            },
        };
        match done {
            Ok(row) => Answered {
                reply: read(&self.now(), user, row).map_or(Reply::NoRow, Reply::Row),
                committed: true,
            },
            Err(reply) => said(reply),
        }
    }

    fn insert(&mut self, at: u64, user: User, row: Row, columns: &Columns) -> Result<Row, Reply> {
        self.once(columns)?;
        let mut after = Snapshot::clone(&self.now());
        let role = role_of(&after, user);
        let there = match row {
            Row::Patient(number) => after.patients.contains_key(&number),
            Row::Form(number) => after.forms.contains_key(&number),
            _ => false,
        };
        match row {
            Row::Patient(number) if may_write(role) => {
                let mut made = PatientRow {
                    clinician: (role == Some(Role::Clinician)).then_some(user),
                    status: PatientStatus::Waiting,
                    ward: 0,
                    version: 1,
                };
                set_patient(&mut made, columns)?;
                after.patients.insert(number, made);
            }
            Row::Form(number) if may_write(role) => {
                let patient = columns
                    .get("patient_id")
                    .and_then(Value::as_str)
                    .and_then(|id| Uuid::parse_str(id).ok())
                    .and_then(|id| Row::of(bedside::sync::Table::Patients, id));
                let Some(Row::Patient(patient)) = patient.filter(|row| after.sees(user, *row))
                else {
                    return Err(forbidden());
                };
                let mut made = FormRow {
                    patient,
                    status: FormStatus::Draft,
                    answers: [0, 0],
                    version: 1,
                };
                set_form(&mut made, columns, role)?;
                after.forms.insert(number, made);
            }
            _ => return Err(forbidden()),
        }
        if there {
            return Err(refused(
                "23505",
                "duplicate key value violates unique constraint \"pkey\"",
            ));
        }
        self.have(columns);
        self.commit(at, after, row, ChangeKind::Insert);
        Ok(row)
    }

    fn update(
        &mut self,
        at: u64,
        user: User,
        row: Row,
        version: i64,
        columns: &Columns,
    ) -> Result<Row, Reply> {
        let mut after = Snapshot::clone(&self.now());
        let role = role_of(&after, user);
        if !may_write(role) || !after.sees(user, row) {
            return Err(Reply::NoRow);
        }
        match row {
            Row::Patient(number) => {
                let held = after.patients.get_mut(&number);
                let held = held
                    .filter(|held| held.version == version)
                    .ok_or(Reply::NoRow)?;
                self.once(columns)?;
                set_patient(held, columns)?;
                held.version += 1;
            }
            Row::Form(number) => {
                let held = after.forms.get_mut(&number);
                let held = held
                    .filter(|held| held.version == version)
                    .ok_or(Reply::NoRow)?;
                self.once(columns)?;
                set_form(held, columns, role)?;
                held.version += 1;
            }
            _ => return Err(Reply::NoRow),
        }
        self.have(columns);
        self.commit(at, after, row, ChangeKind::Update);
        Ok(row)
    }

    fn once(&self, columns: &Columns) -> Result<(), Reply> {
        match name_of(columns) {
            Some(name) if self.saves.contains(&name) => Err(refused(
                "23505",
                "duplicate key value violates unique constraint \"saves_pkey\"",
            )),
            _ => Ok(()),
        }
    }

    fn have(&mut self, columns: &Columns) {
        self.saves.extend(name_of(columns));
    }
}

/// A row as a person is shown it.
pub fn read(snapshot: &Snapshot, user: User, row: Row) -> Option<Columns> {
    if !snapshot.sees(user, row) {
        return None;
    }
    let row = match row {
        Row::Patient(number) => serde_json::to_value(question::patient(snapshot, user, number)?),
        Row::Form(number) => {
            let mut form = question::form(snapshot, user, number)?;
            // A save's reply has no joined columns.
            form.patient = None;
            serde_json::to_value(form)
        }
        Row::Person(_) | Row::Beat => return None,
    };
    match row {
        Ok(Value::Object(columns)) => Some(columns),
        _ => None,
    }
}

fn role_of(snapshot: &Snapshot, user: User) -> Option<Role> {
    let row = snapshot.people.get(user).filter(|row| row.active);
    row.map(|row| row.role)
}

fn may_write(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Admin | Role::Clinician))
}

fn name_of(columns: &Columns) -> Option<Uuid> {
    Uuid::parse_str(columns.get("save_id")?.as_str()?).ok()
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::Trouble(DataError::Refused {
        code: code.to_owned(),
        message: message.to_owned(),
    })
}

fn forbidden() -> Reply {
    Reply::Trouble(DataError::Forbidden(String::new()))
}

fn set_patient(row: &mut PatientRow, columns: &Columns) -> Result<(), Reply> {
    if let Some(status) = columns.get("status").and_then(Value::as_str) {
        row.status = PatientStatus::from_word(status);
    }
    if let Some(ward) = columns.get("ward").and_then(Value::as_str) {
        let place = WARDS.iter().position(|known| *known == ward);
        row.ward = place
            .and_then(|place| u8::try_from(place).ok())
            .ok_or_else(|| refused("23514", "no such ward"))?;
    }
    Ok(())
}

fn set_form(row: &mut FormRow, columns: &Columns, role: Option<Role>) -> Result<(), Reply> {
    if let Some(status) = columns.get("status").and_then(Value::as_str) {
        row.status = FormStatus::from_word(status);
    }
    if let Some(answers) = columns.get("answers") {
        if row.status == FormStatus::Approved && role != Some(Role::Admin) {
            return Err(forbidden());
        }
        let answer = |key: &str| {
            answers
                .get(key)
                .and_then(Value::as_u64)
                .and_then(|answer| u8::try_from(answer).ok())
        };
        row.answers = [answer("pulse").unwrap_or(0), answer("pain").unwrap_or(0)];
    }
    Ok(())
}
