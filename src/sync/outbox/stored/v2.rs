//! Version 2: what this app writes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Unreadable;
use crate::data::DataError;
use crate::model::Version;
use crate::sync::Table;
use crate::sync::outbox::change::{self, Columns};
use crate::sync::outbox::entry;
use crate::sync::outbox::merge::Conflict;

pub const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
pub struct Entry {
    format: u32,
    id: Uuid,
    number: u64,
    table: String,
    row: Uuid,
    title: String,
    write: Write,
    columns: Columns,
    attempts: u32,
    standing: Standing,
    #[serde(default)]
    replaces: Vec<Uuid>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Write {
    Create,
    Update { version: Version, base: Columns },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Queued,
    Sending,
    Conflict {
        version: Version,
        fields: Vec<Field>,
        row: Columns,
    },
    Failed(Reason),
}

#[derive(Serialize, Deserialize)]
struct Field {
    field: String,
    base: serde_json::Value,
    mine: serde_json::Value,
    theirs: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
enum Reason {
    Offline,
    TimedOut,
    SignedOut,
    Forbidden {
        message: String,
    },
    NotFound,
    Conflict,
    RateLimited,
    Refused {
        code: String,
        message: String,
    },
    Server {
        status: u16,
    },
    #[serde(other)]
    Unreadable,
}

impl From<&entry::Entry> for Entry {
    fn from(held: &entry::Entry) -> Self {
        let change = &held.change;
        Self {
            format: FORMAT,
            id: held.id,
            number: held.number,
            table: change.table.name().to_owned(),
            row: change.row,
            title: change.title.clone(),
            write: match &change.write {
                change::Write::Create => Write::Create,
                change::Write::Update { version, base } => Write::Update {
                    version: *version,
                    base: base.clone(),
                },
            },
            columns: change.columns.clone(),
            attempts: held.attempts,
            standing: match &held.standing {
                entry::Standing::Queued => Standing::Queued,
                entry::Standing::Sending => Standing::Sending,
                entry::Standing::Conflict(clash) => Standing::Conflict {
                    version: clash.version,
                    fields: clash.fields.iter().cloned().map(Field::from).collect(),
                    row: clash.row.clone(),
                },
                entry::Standing::Failed(error) => Standing::Failed(error.clone().into()),
            },
            replaces: held.replaces.clone(),
        }
    }
}

impl TryFrom<Entry> for entry::Entry {
    type Error = Unreadable;

    fn try_from(entry: Entry) -> Result<Self, Unreadable> {
        Ok(Self {
            id: entry.id,
            number: entry.number,
            change: change::Change {
                table: Table::named(&entry.table).ok_or(Unreadable::UnknownTable)?,
                row: entry.row,
                write: match entry.write {
                    Write::Create => change::Write::Create,
                    Write::Update { version, base } => change::Write::Update { version, base },
                },
                columns: entry.columns,
                title: entry.title,
            },
            attempts: entry.attempts,
            standing: match entry.standing {
                Standing::Queued => entry::Standing::Queued,
                Standing::Sending => entry::Standing::Sending,
                Standing::Conflict {
                    version,
                    fields,
                    row,
                } => entry::Standing::Conflict(entry::Clash {
                    version,
                    fields: fields.into_iter().map(Conflict::from).collect(),
                    row,
                }),
                Standing::Failed(reason) => entry::Standing::Failed(reason.into()),
            },
            replaces: entry.replaces,
        })
    }
}

impl From<Conflict> for Field {
    fn from(conflict: Conflict) -> Self {
        Self {
            field: conflict.field,
            base: conflict.base,
            mine: conflict.mine,
            theirs: conflict.theirs,
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

impl From<DataError> for Reason {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Offline => Self::Offline,
            DataError::TimedOut => Self::TimedOut,
            DataError::SignedOut => Self::SignedOut,
            DataError::Forbidden(message) => Self::Forbidden { message },
            DataError::NotFound => Self::NotFound,
            DataError::Conflict => Self::Conflict,
            DataError::RateLimited => Self::RateLimited,
            DataError::Refused { code, message } => Self::Refused { code, message },
            DataError::Server { status } => Self::Server { status },
            DataError::Unreadable => Self::Unreadable,
        }
    }
}

impl From<Reason> for DataError {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Offline => Self::Offline,
            Reason::TimedOut => Self::TimedOut,
            Reason::SignedOut => Self::SignedOut,
            Reason::Forbidden { message } => Self::Forbidden(message),
            Reason::NotFound => Self::NotFound,
            Reason::Conflict => Self::Conflict,
            Reason::RateLimited => Self::RateLimited,
            Reason::Refused { code, message } => Self::Refused { code, message },
            Reason::Server { status } => Self::Server { status },
            Reason::Unreadable => Self::Unreadable,
        }
    }
}
