//! An entry as it is written to disk. Saves outlive the app that made them: an update must be able to read what an earlier version
//! wrote, so the format is spelled out here and does not follow the types it is read into.
//!
//! A format that changes gets the next number, its own module, and a test that reads literal JSON of the previous one. A record of a
//! later version is an error, never an empty entry: the reader leaves it on disk.

mod v1;
mod v2;

use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use super::entry::Entry;

/// Why a record can't be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    #[error("written by a later version of the app (format {0})")]
    Later(u32),
    #[error("not an entry: {0}")]
    NotAnEntry(#[from] serde_json::Error),
    #[error("of a table that this version of the app doesn't know")]
    UnknownTable,
}

/// Which version a record has; none in the first.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default = "first")]
    format: u32,
}

const fn first() -> u32 {
    1
}

/// Which save a record is of, as far as that can be told of any version.
#[derive(Deserialize)]
struct Named {
    id: Uuid,
}

/// The record of an entry, in the current format.
pub fn write(entry: &Entry) -> Result<Vec<u8>, Unreadable> {
    Ok(serde_json::to_vec(&v2::Entry::from(entry))?)
}

/// The entry of a record of any version up to the current one.
pub fn read(record: &[u8]) -> Result<Entry, Unreadable> {
    let Versioned { format } = serde_json::from_slice(record)?;
    match format {
        1 => Ok(serde_json::from_slice::<v1::Entry>(record)?.into()),
        v2::FORMAT => serde_json::from_slice::<v2::Entry>(record)?.try_into(),
        later => Err(Unreadable::Later(later)),
    }
}

/// The id in a record that can't be read otherwise.
pub fn id(record: &[u8]) -> Option<Uuid> {
    serde_json::from_slice::<Named>(record)
        .ok()
        .map(|named| named.id)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use serde_json::{Value, json};

    use super::*;
    use crate::data::DataError;
    use crate::sync::Table;
    use crate::sync::outbox::change::{Change, Write};
    use crate::sync::outbox::entry::{Clash, Standing};
    use crate::sync::outbox::merge::Conflict;

    fn columns(json: Value) -> serde_json::Map<String, Value> {
        json.as_object().cloned().unwrap()
    }

    /// An update of a patient in each standing, and a new patient, as the app has them in memory.
    fn entries() -> Vec<Entry> {
        let conflict = Standing::Conflict(Clash {
            version: 5,
            fields: vec![Conflict {
                field: "ward".to_owned(),
                base: json!("Surgery"),
                mine: json!("Oncology"),
                theirs: json!("Maternity"),
            }],
            row: columns(json!({"id": "7", "version": 5, "ward": "Maternity"})),
        });
        let refused = Standing::Failed(DataError::Refused {
            code: "23514".to_owned(),
            message: "no such ward".to_owned(),
        });
        let forbidden = Standing::Failed(DataError::Forbidden("not yours".to_owned()));
        let stands = [
            Standing::Queued,
            Standing::Sending,
            conflict,
            refused,
            forbidden,
            Standing::Failed(DataError::NotFound),
            Standing::Failed(DataError::Server { status: 500 }),
        ];
        let mut entries: Vec<Entry> = stands
            .into_iter()
            .map(|standing| Entry {
                id: Uuid::from_u128(1),
                number: 1_700_000_000_000,
                change: Change {
                    table: Table::Patients,
                    row: Uuid::from_u128(7),
                    write: Write::Update {
                        version: 3,
                        base: columns(json!({"ward": "Surgery"})),
                    },
                    columns: columns(json!({"ward": "Oncology"})),
                    title: "Marsh, Ines".to_owned(),
                },
                attempts: 2,
                standing,
                replaces: Vec::new(),
            })
            .collect();
        entries.push(Entry {
            id: Uuid::from_u128(2),
            number: 1_700_000_000_001,
            change: Change::create(
                Table::FormSubmissions,
                Uuid::from_u128(8),
                columns(json!({"form_type": "vitals", "answers": {"pulse": 72}})),
                "Vitals, Marsh, Ines",
            ),
            attempts: 0,
            standing: Standing::Queued,
            replaces: Vec::new(),
        });
        entries
    }

    /// The same, as version 1 wrote them. Literal: these records are on people's disks, and no change of a type may change them.
    const FIRST: [&str; 8] = [
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":"Queued"}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":"Sending"}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":{"Conflict":{"version":5,"fields":[{"field":"ward","base":"Surgery","mine":"Oncology","theirs":"Maternity"}],"row":{"id":"7","version":5,"ward":"Maternity"}}}}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":{"Failed":{"Refused":{"code":"23514","message":"no such ward"}}}}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":{"Failed":{"Forbidden":"not yours"}}}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":{"Failed":"NotFound"}}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"change":{"table":"patients","row":"00000000-0000-0000-0000-000000000007","write":{"Update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"title":"Marsh, Ines"},"attempts":2,"standing":{"Failed":{"Server":{"status":500}}}}"#,
        r#"{"id":"00000000-0000-0000-0000-000000000002","number":1700000000001,"change":{"table":"form_submissions","row":"00000000-0000-0000-0000-000000000008","write":"Create","columns":{"form_type":"vitals","answers":{"pulse":72}},"title":"Vitals, Marsh, Ines"},"attempts":0,"standing":"Queued"}"#,
    ];

    /// Two of them as version 2 writes them.
    const SECOND: [&str; 2] = [
        r#"{"format":2,"id":"00000000-0000-0000-0000-000000000001","number":1700000000000,"table":"patients","row":"00000000-0000-0000-0000-000000000007","title":"Marsh, Ines","write":{"update":{"version":3,"base":{"ward":"Surgery"}}},"columns":{"ward":"Oncology"},"attempts":2,"standing":{"failed":{"reason":"refused","code":"23514","message":"no such ward"}},"replaces":[]}"#,
        r#"{"format":2,"id":"00000000-0000-0000-0000-000000000002","number":1700000000001,"table":"form_submissions","row":"00000000-0000-0000-0000-000000000008","title":"Vitals, Marsh, Ines","write":"create","columns":{"form_type":"vitals","answers":{"pulse":72}},"attempts":0,"standing":"queued","replaces":[]}"#,
    ];

    #[test]
    fn entries_of_version_1_are_read() {
        for (record, entry) in FIRST.into_iter().zip(entries()) {
            assert_eq!(read(record.as_bytes()).unwrap(), entry, "{record}");
        }
    }

    #[test]
    fn entries_of_version_2_are_read_and_written_as_they_were() {
        let entries = entries();
        for (record, entry) in SECOND.into_iter().zip([&entries[3], &entries[7]]) {
            assert_eq!(read(record.as_bytes()).unwrap(), *entry, "{record}");
            let written: Value = serde_json::from_slice(&write(entry).unwrap()).unwrap();
            assert_eq!(written, serde_json::from_str::<Value>(record).unwrap());
        }
    }

    #[test]
    fn every_entry_comes_back_as_it_was_written() {
        for mut entry in entries() {
            entry.replaces = vec![Uuid::from_u128(3)];
            assert_eq!(read(&write(&entry).unwrap()).unwrap(), entry);
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_no_entry_and_still_has_its_id() {
        let record = br#"{"format":3,"id":"00000000-0000-0000-0000-000000000001","all":"new"}"#;
        assert!(matches!(read(record), Err(Unreadable::Later(3))));
        assert_eq!(id(record), Some(Uuid::from_u128(1)));
    }

    #[test]
    fn what_is_no_entry_is_an_error() {
        for record in [
            "",
            "{",
            "null",
            "{}",
            "[]",
            r#"{"format":2}"#,
            r#"{"format":"x"}"#,
        ] {
            assert!(read(record.as_bytes()).is_err(), "{record}");
        }
        let unknown = SECOND[0].replace("\"patients\"", "\"beds\"");
        assert!(matches!(
            read(unknown.as_bytes()),
            Err(Unreadable::UnknownTable)
        ));
    }

    #[test]
    fn a_reason_that_this_version_does_not_know_is_still_a_refusal() {
        let record = SECOND[0].replace("\"refused\"", "\"embargoed\"");
        let entry = read(record.as_bytes()).unwrap();
        assert_eq!(entry.standing, Standing::Failed(DataError::Unreadable));
    }
}
