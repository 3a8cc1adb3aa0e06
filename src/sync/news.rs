//! What the feed's own words mean to the sync: pure translations from the Realtime client's events.

use bedside_query::RowChange;
use bedside_realtime::{
    BindingEvent, Change, ChangeKind, DegradedReason, Message, RoomEvent, Status,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::core::{Lost, Told, Trust};
use super::registry::Table;
use super::router::Heard;
use super::tally::{Fault, is_future, unix_millis};

/// The event by which the database says that rights were lost.
const REVOKED: &str = "access_revoked";

/// The private room of a person.
pub fn room_of(user: &str) -> String {
    format!("user:{user}")
}

/// What a table's binding said.
pub fn heard(table: Table, event: &BindingEvent) -> Heard {
    match event {
        BindingEvent::Change(change) => row(table, change).map_or(Heard::Unclear, Heard::Row),
        BindingEvent::Ready(_) => Heard::Ready,
        // The status says so, and polling stands in.
        BindingEvent::Gap(_) | BindingEvent::Refused(_) => Heard::Gap,
    }
}

/// Why a change can't be taken at its word, if it can't; `now` in Unix milliseconds.
pub fn fault(table: Table, change: &Change, now: u64) -> Option<Fault> {
    if committed(change).is_some_and(|committed| is_future(committed, now)) {
        return Some(Fault::Future);
    }
    row(table, change).err()
}

/// When a change was committed, in Unix milliseconds.
pub fn committed(change: &Change) -> Option<u64> {
    unix_millis(change.commit_timestamp()?)
}

/// The changed row. Realtime has sent it under this person's rights, and only a whole row is taken at its word.
fn row(table: Table, change: &Change) -> Result<RowChange, Fault> {
    if change.table() != table.name() {
        return Err(Fault::UnknownTable);
    }
    if change.fault.is_some() {
        return Err(Fault::Truncated);
    }
    let key = change
        .keyed_record()
        .and_then(|record| record.text(table.primary_key()));
    let key = key.ok_or(Fault::NoKey)?;
    let key = Uuid::parse_str(&key).map_err(|_| Fault::Unreadable)?;
    if change.kind == ChangeKind::Delete {
        return Ok(RowChange::delete(table.name(), key));
    }
    if change.is_partial() {
        return Err(Fault::Truncated);
    }
    let record = change.record().filter(|record| table.reads(record));
    let columns: Map<String, Value> = record
        .and_then(|record| record.decode().ok())
        .ok_or(Fault::Unreadable)?;
    let columns = Value::Object(columns);
    Ok(match change.kind {
        ChangeKind::Insert => RowChange::insert(table.name(), key, columns),
        ChangeKind::Update | ChangeKind::Delete => RowChange::update(table.name(), key, columns),
    })
}

/// What the private room said, if it is of any interest.
pub fn told(event: &RoomEvent) -> Option<Told> {
    match event {
        RoomEvent::Ready(_) => Some(Told::Ready),
        RoomEvent::Message(message) if message.event == REVOKED => {
            Some(Told::Revoked(revoked(message)))
        }
        RoomEvent::Message(_)
        | RoomEvent::Gap(_)
        | RoomEvent::Presence(_)
        | RoomEvent::Refused(_) => None,
    }
}

/// Which rows a message takes away. What can't be read takes everything: a row too many is fetched again, a row too few
/// stays in sight of somebody who may not see it.
fn revoked(message: &Message) -> Lost {
    #[derive(Deserialize)]
    struct Revoked {
        table: String,
        id: Option<String>,
    }
    let Ok(Revoked { table, id }) = message.payload.decode() else {
        return Lost::Everything;
    };
    // The server gives every message an id: only beside a table's name is it a row's.
    match (Table::named(&table), id) {
        (Some(table), Some(id)) => Lost::Row(table, id),
        _ => Lost::Everything,
    }
}

/// How far a status can be trusted.
pub fn trust(status: &Status) -> Trust {
    match status {
        Status::Live => Trust::Live,
        Status::Degraded(
            DegradedReason::FeedSilent
            | DegradedReason::EchoMissing
            | DegradedReason::ChangesMissed,
        ) => Trust::Broken,
        _ => Trust::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use bedside_realtime::Payload;
    use bedside_realtime::wire::{Body, Vsn, decode_text};
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_795_366_800_000;

    fn whole() -> Value {
        json!({
            "id": Uuid::from_u128(7), "email": "ada@bedside.test", "full_name": "Ada", "role": "viewer", "active": true,
            "updated_at": "2026-11-22T17:00:00+00:00",
        })
    }

    /// A change of a profile, and what is different about it.
    fn change(different: impl FnOnce(&mut Value)) -> Option<Change> {
        let mut data = json!({
            "schema": "public", "table": "profiles", "type": "UPDATE", "commit_timestamp": "2026-11-22T17:00:00Z",
            "columns": [{"name": "id", "type": "uuid"}, {"name": "full_name", "type": "text"}],
            "record": whole(), "old_record": {"id": Uuid::from_u128(7)}, "errors": null,
        });
        different(&mut data);
        let payload = json!({"ids": [1], "data": data});
        let text = json!([null, null, "realtime:t", "postgres_changes", payload]).to_string();
        match decode_text(Vsn::V2, &text).ok()?.body {
            Body::Change(frame) => frame.to_change(),
            _ => None,
        }
    }

    fn fault_of(different: impl FnOnce(&mut Value)) -> Option<Fault> {
        change(different).and_then(|change| fault(Table::Profiles, &change, NOW))
    }

    fn heard_of(different: impl FnOnce(&mut Value)) -> Option<Heard> {
        change(different).map(|change| heard(Table::Profiles, &BindingEvent::Change(change.into())))
    }

    #[test]
    fn a_whole_row_is_taken_at_its_word() {
        assert_eq!(fault_of(|_| {}), None);
        let row = RowChange::update("profiles", Uuid::from_u128(7), whole());
        assert_eq!(heard_of(|_| {}), Some(Heard::Row(row)));
    }

    #[test]
    fn a_deletion_needs_no_more_than_the_key() {
        let gone = Heard::Row(RowChange::delete("profiles", Uuid::from_u128(7)));
        let different = |data: &mut Value| {
            data["type"] = json!("DELETE");
            data["record"] = Value::Null;
        };
        assert_eq!(heard_of(different), Some(gone));
    }

    #[test]
    fn what_cannot_be_taken_at_its_word_puts_the_whole_table_in_question() {
        type Different = fn(&mut Value);
        let cases: [(Fault, Different); 7] = [
            (Fault::UnknownTable, |data| data["table"] = json!("beds")),
            (Fault::NoKey, |data| {
                data["record"] = json!({"full_name": "Ada"})
            }),
            (Fault::NoKey, |data| data["record"] = Value::Null),
            (Fault::Unreadable, |data| data["record"]["id"] = json!(7)),
            (Fault::Unreadable, |data| {
                data["record"]["active"] = json!("perhaps")
            }),
            (Fault::Truncated, |data| {
                data["errors"] = json!(["Error 413: Payload Too Large"])
            }),
            (Fault::Truncated, |data| {
                if let Some(record) = data["record"].as_object_mut() {
                    record.remove("full_name");
                }
            }),
        ];
        for (fault, different) in cases {
            assert_eq!(fault_of(different), Some(fault));
            assert_eq!(heard_of(different), Some(Heard::Unclear), "{fault:?}");
        }
        let future = |data: &mut Value| data["commit_timestamp"] = json!("2026-11-22T18:00:00Z");
        assert_eq!(fault_of(future), Some(Fault::Future));
    }

    fn message(payload: &str) -> RoomEvent {
        RoomEvent::Message(Message {
            event: REVOKED.to_owned(),
            payload: Payload::Json(payload.to_owned()),
            id: None,
            replayed: false,
        })
    }

    fn lost(payload: &str) -> Option<Told> {
        told(&message(payload))
    }

    #[test]
    fn a_named_row_is_taken_alone() {
        let row = Lost::Row(Table::Patients, "7".to_owned());
        assert_eq!(
            lost(r#"{"table":"patients","id":"7"}"#),
            Some(Told::Revoked(row))
        );
    }

    #[test]
    fn the_servers_own_id_of_a_message_about_everything_is_no_row() {
        let everything = Some(Told::Revoked(Lost::Everything));
        assert_eq!(lost(r#"{"table":"*","id":"7"}"#), everything);
    }

    #[test]
    fn what_cannot_be_read_takes_everything() {
        let everything = Some(Told::Revoked(Lost::Everything));
        for payload in [
            "null",
            "[]",
            "{}",
            r#"{"table":7}"#,
            r#"{"table":"patients"}"#,
            "not json",
        ] {
            assert_eq!(lost(payload), everything, "{payload}");
        }
    }

    #[test]
    fn other_messages_mean_nothing() {
        let other = RoomEvent::Message(Message {
            event: "typing".to_owned(),
            payload: Payload::Absent,
            id: None,
            replayed: false,
        });
        assert_eq!(told(&other), None);
    }
}
