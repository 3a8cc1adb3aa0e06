//! Rooms: channels for presence and broadcast. The options, and what is heard; all values.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::{Ready, Refusal};
use crate::gap::Gap;
use crate::wire::Replay;

/// Who may enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Access {
    /// Whoever knows the name.
    #[default]
    Public,
    /// Whom the policies on `realtime.messages` let in. A public and a private room of one name are different rooms.
    Private,
}

/// What a room is and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) presence: Option<String>,
    pub(crate) own: bool,
    pub(crate) acknowledged: bool,
    pub(crate) replay: Option<Replay>,
}

impl Room {
    /// A public room, by its name without the `realtime:` prefix.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            access: Access::Public,
            presence: None,
            own: false,
            acknowledged: false,
            replay: None,
        }
    }

    /// Who may enter; everybody unless told.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Shows who is here, this client under `key`; an empty key lets the server choose one.
    #[must_use]
    pub fn presence(mut self, key: impl Into<String>) -> Self {
        self.presence = Some(key.into());
        self
    }

    /// Own broadcasts come back too.
    #[must_use]
    pub fn echoed(mut self) -> Self {
        self.own = true;
        self
    }

    /// The server confirms each broadcast.
    #[must_use]
    pub fn acknowledged(mut self) -> Self {
        self.acknowledged = true;
        self
    }

    /// Asks for stored messages since a Unix millisecond, 1 to 25 of them; private rooms only. After a loss the
    /// client asks again, from the last message it has: at most 25 missed messages come back by themselves.
    #[must_use]
    pub fn replay(mut self, since: u64, limit: u8) -> Self {
        self.replay = Some(Replay {
            since,
            limit: limit.clamp(1, 25),
        });
        self
    }

    /// The room's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a holder of a room hears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RoomEvent {
    /// Inside: messages from here on arrive. Ends a gap, if there was one.
    Ready(Ready),
    /// Outside again; messages are missed until the next ready. The server keeps only what the database sent.
    Gap(Gap),
    /// Somebody said something.
    Message(Message),
    /// Who is here changed.
    Presence(PresenceChange),
    /// The server doesn't let this client in, or another holder of the room wants it differently.
    Refused(Refusal),
}

/// A broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender's name for it.
    pub event: String,
    /// What was said.
    pub payload: Payload,
    /// The database's number for it, when it came from there.
    pub id: Option<String>,
    /// It was said before this client came.
    pub replayed: bool,
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// JSON text, unread.
    Json(String),
    /// Bytes, from a binary broadcast.
    Bytes(Vec<u8>),
    /// Nothing.
    Absent,
}

impl Payload {
    /// Reads JSON as a type.
    ///
    /// # Errors
    /// When it is no JSON, or does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self {
            Self::Json(text) => serde_json::from_str(text),
            Self::Bytes(bytes) => serde_json::from_slice(bytes),
            Self::Absent => serde_json::from_str("null"),
        }
    }
}

/// One appearance of somebody: the same key may appear several times, once a tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The server's number for this appearance.
    pub reference: String,
    /// What was tracked, as a JSON object.
    pub json: String,
}

/// Everybody in a room, by key.
pub type PresenceState = BTreeMap<String, Vec<Presence>>;

/// What a diff or a new state changed. An update is one entry, not a leave and a join.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChange {
    /// Came.
    pub joined: Vec<(String, Presence)>,
    /// Went.
    pub left: Vec<(String, Presence)>,
    /// Still here, with other words.
    pub updated: Vec<(String, Presence)>,
}

impl PresenceChange {
    /// Nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.updated.is_empty()
    }
}

/// Why a push did not arrive, as far as can be known.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PushError {
    /// Not in the room, and there is no other way to the server.
    #[error("not in the room")]
    NotJoined,
    /// The server said no; the text is a hint.
    #[error("refused by the server: {0}")]
    Refused(String),
    /// No confirmation came; it may have arrived.
    #[error("not confirmed")]
    Unconfirmed,
    /// A name too long for a binary frame, or the payload could not be written as JSON.
    #[error("cannot be written as a frame")]
    Unwritable,
}
