//! One event for many sockets: encoded at most once for each serializer, however many receive it.

use std::sync::OnceLock;

use axum::extract::ws::Message as Frame;
use bytes::Bytes;
use serde_json::Value;

use super::codec::{self, Encoding, UserBroadcast, Version};
use super::notation;

/// An event on its way to the members of a room or to one subscriber.
#[derive(Debug)]
pub(crate) struct Fanout {
    topic: String,
    kind: Kind,
    body: Body,
    v1: OnceLock<Option<Frame>>,
    v2: OnceLock<Option<Frame>>,
}

/// What kind of event it is; limits count broadcasts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Broadcast,
    Presence,
    Change,
}

/// What it carries.
#[derive(Debug)]
pub(crate) enum Body {
    /// An event and its payload as JSON text.
    Json {
        event: &'static str,
        payload: String,
    },
    /// A broadcast that came in binary or from the database.
    User(UserBroadcast),
    /// Bytes under the event `broadcast`.
    Binary(Bytes),
}

impl Fanout {
    pub(crate) fn new(topic: String, kind: Kind, body: Body) -> Self {
        Self {
            topic,
            kind,
            body,
            v1: OnceLock::new(),
            v2: OnceLock::new(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// About how many bytes it occupies while it waits.
    pub(crate) fn weight(&self) -> usize {
        64 + match &self.body {
            Body::Json { payload, .. } => payload.len(),
            Body::User(broadcast) => broadcast.payload.len(),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    /// The frame for a serializer; none when it cannot carry this.
    pub(crate) fn frame(&self, version: Version) -> Option<Frame> {
        let cell = match version {
            Version::V1 => &self.v1,
            Version::V2 => &self.v2,
        };
        cell.get_or_init(|| self.encode(version)).clone()
    }

    fn encode(&self, version: Version) -> Option<Frame> {
        let text = |event, payload: &str| {
            codec::encode_raw(
                version,
                &Value::Null,
                &Value::Null,
                &self.topic,
                event,
                payload,
            )
        };
        match (&self.body, version) {
            (Body::Json { event, payload }, _) => Some(text(event, payload)),
            (Body::User(broadcast), Version::V2) => codec::encode_user(&self.topic, broadcast)
                .or_else(|| user_as_json(broadcast).map(|payload| text("broadcast", &payload))),
            (Body::User(broadcast), Version::V1) => {
                user_as_json(broadcast).map(|payload| text("broadcast", &payload))
            }
            (Body::Binary(bytes), Version::V2) => {
                codec::encode_binary(&self.topic, "broadcast", bytes)
            }
            // What the real server sends here is no JSON; clients have to live with it.
            (Body::Binary(_), Version::V1) => {
                Some(text("broadcast", "%{error: \"unable to parse response\"}"))
            }
        }
    }
}

/// A user broadcast as the payload of a text frame; raw bytes have no such form.
pub(crate) fn user_as_json(broadcast: &UserBroadcast) -> Option<String> {
    if broadcast.encoding == Encoding::Raw {
        return None;
    }
    let payload = std::str::from_utf8(&broadcast.payload).ok()?;
    let meta = match std::str::from_utf8(&broadcast.metadata).ok()? {
        "" => String::new(),
        metadata => format!(r#""meta":{metadata},"#),
    };
    let event = notation::string_json(&broadcast.event);
    Some(format!(
        r#"{{"event":{event},{meta}"payload":{payload},"type":"broadcast"}}"#
    ))
}
