//! What the feed's own words mean to the sync: pure translations from the Realtime client's events.

use bedside_realtime::{BindingEvent, Change, Message, RoomEvent, Status};
use serde::Deserialize;

use super::core::{Lost, Told, Trust};
use super::registry::Table;
use super::router::Heard;

/// The event by which the database says that rights were lost.
const REVOKED: &str = "access_revoked";

/// The private room of a person.
pub fn room_of(user: &str) -> String {
    format!("user:{user}")
}

/// What a table's binding said.
pub fn heard(table: Table, event: &BindingEvent) -> Heard {
    match event {
        BindingEvent::Change(change) => row(table, change),
        BindingEvent::Ready(_) => Heard::Ready,
        // The status says so, and polling stands in.
        BindingEvent::Gap(_) | BindingEvent::Refused(_) => Heard::Gap,
    }
}

/// What a change says about which row. Its values are not used: the database is asked again, under this person's rights.
fn row(table: Table, change: &Change) -> Heard {
    let row = change
        .keyed_record()
        .and_then(|record| record.text(table.primary_key()));
    row.map_or(Heard::Unclear, |row| Heard::Row(row.into_owned()))
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
        _ => Trust::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use bedside_realtime::Payload;

    use super::*;

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
