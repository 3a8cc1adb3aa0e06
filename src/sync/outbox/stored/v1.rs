//! Version 1: whatever the types of its time derived, without a version field. Only read.

use serde::Deserialize;
use uuid::Uuid;

use crate::data::DataError;
use crate::model::Version;
use crate::sync::Table;
use crate::sync::outbox::change::{self, Columns};
use crate::sync::outbox::entry;
use crate::sync::outbox::merge::Conflict;

#[derive(Deserialize)]
pub struct Entry {
    id: Uuid,
    number: u64,
    change: Change,
    attempts: u32,
    standing: Standing,
}

#[derive(Deserialize)]
struct Change {
    table: Tables,
    row: Uuid,
    write: Write,
    columns: Columns,
    title: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tables {
    Profiles,
    Patients,
    FormSubmissions,
}

#[derive(Deserialize)]
enum Write {
    Create,
    Update { version: Version, base: Columns },
}

#[derive(Deserialize)]
enum Standing {
    Queued,
    Sending,
    Conflict(Clash),
    Failed(Reason),
}

#[derive(Deserialize)]
struct Clash {
    version: Version,
    fields: Vec<Field>,
    row: Columns,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    base: serde_json::Value,
    mine: serde_json::Value,
    theirs: serde_json::Value,
}

#[derive(Deserialize)]
enum Reason {
    Offline,
    TimedOut,
    SignedOut,
    Forbidden(String),
    NotFound,
    Conflict,
    RateLimited,
    Refused { code: String, message: String },
    Server { status: u16 },
    Unreadable,
}

impl From<Entry> for entry::Entry {
    fn from(entry: Entry) -> Self {
        let change = entry.change;
        Self {
            id: entry.id,
            number: entry.number,
            change: change::Change {
                table: match change.table {
                    Tables::Profiles => Table::Profiles,
                    Tables::Patients => Table::Patients,
                    Tables::FormSubmissions => Table::FormSubmissions,
                },
                row: change.row,
                write: match change.write {
                    Write::Create => change::Write::Create,
                    Write::Update { version, base } => change::Write::Update { version, base },
                },
                columns: change.columns,
                title: change.title,
            },
            attempts: entry.attempts,
            standing: match entry.standing {
                Standing::Queued => entry::Standing::Queued,
                Standing::Sending => entry::Standing::Sending,
                Standing::Conflict(clash) => entry::Standing::Conflict(entry::Clash {
                    version: clash.version,
                    fields: clash.fields.into_iter().map(Conflict::from).collect(),
                    row: clash.row,
                }),
                Standing::Failed(reason) => entry::Standing::Failed(reason.into()),
            },
            replaces: Vec::new(),
        }
    }
}

impl From<Field> for Conflict {
    fn from(field: Field) -> Self {
        Self {
            field: field.field,
            base: field.base,
            mine: field.mine,
            theirs: field.theirs,
        }
    }
}

impl From<Reason> for DataError {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Offline => Self::Offline,
            Reason::TimedOut => Self::TimedOut,
            Reason::SignedOut => Self::SignedOut,
            Reason::Forbidden(message) => Self::Forbidden(message),
            Reason::NotFound => Self::NotFound,
            Reason::Conflict => Self::Conflict,
            Reason::RateLimited => Self::RateLimited,
            Reason::Refused { code, message } => Self::Refused { code, message },
            Reason::Server { status } => Self::Server { status },
            Reason::Unreadable => Self::Unreadable,
        }
    }
}
