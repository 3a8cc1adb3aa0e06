//! What the client says. A join payload is built when it is sent, never kept: a kept one holds an old token.

use serde::{Deserialize, Serialize};

use serde_json::value::RawValue;

use super::{Vsn, binary};
use crate::binding::Binding;

/// The payload of `phx_join`.
#[derive(Debug, Serialize)]
pub struct JoinPayload<'a> {
    /// What the channel is for.
    pub config: JoinConfig<'a>,
    /// Whose rights it has; without one, those of the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<&'a str>,
}

/// The `config` of a join.
#[derive(Debug, Serialize)]
pub struct JoinConfig<'a> {
    /// Broadcast options.
    pub broadcast: BroadcastConfig,
    /// Presence options.
    pub presence: PresenceConfig<'a>,
    /// Row changes to listen to.
    pub postgres_changes: Vec<&'a Binding>,
    /// Whether the policies on `realtime.messages` decide.
    pub private: bool,
}

/// Broadcast options of a join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BroadcastConfig {
    /// The server answers each broadcast.
    pub ack: bool,
    /// The sender gets its own broadcasts back.
    #[serde(rename = "self")]
    pub own: bool,
    /// Stored messages wanted after the join; private channels only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// Which stored messages a join asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Unix milliseconds; the server keeps 72 hours.
    pub since: u64,
    /// 1 to 25.
    pub limit: u8,
}

/// Presence options of a join.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PresenceConfig<'a> {
    /// Under which key this client shows; empty lets the server choose one.
    pub key: &'a str,
    /// Without it the server sends no state.
    pub enabled: bool,
}

/// A frame from the client.
#[derive(Clone, PartialEq, Eq)]
pub enum Outbound {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
}

impl std::fmt::Debug for Outbound {
    // A frame may carry a token or a patient: only its size is for logs.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Binary(bytes) => write!(formatter, "Binary({} bytes)", bytes.len()),
        }
    }
}

#[derive(Serialize)]
struct ObjectFrame<'a, P: Serialize> {
    topic: &'a str,
    event: &'a str,
    payload: &'a P,
    #[serde(rename = "ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_ref: Option<&'a str>,
}

impl Outbound {
    /// A push, as text.
    #[must_use]
    pub fn push<P: Serialize>(
        vsn: Vsn,
        join_ref: Option<&str>,
        reference: &str,
        topic: &str,
        event: &str,
        payload: &P,
    ) -> Self {
        let text = match vsn {
            Vsn::V1 => serde_json::to_string(&ObjectFrame {
                topic,
                event,
                payload,
                reference,
                join_ref,
            }),
            Vsn::V2 => serde_json::to_string(&(join_ref, reference, topic, event, payload)),
        };
        // Serialising strings, booleans and checked JSON text cannot fail; an empty frame is ignored by servers.
        Self::Text(text.unwrap_or_default())
    }

    /// A broadcast of raw bytes; `None` in version 1.0.0 and when a name is longer than 255 bytes.
    #[must_use]
    pub fn bytes(
        vsn: Vsn,
        join_ref: &str,
        reference: &str,
        topic: &str,
        event: &str,
        payload: &[u8],
    ) -> Option<Self> {
        match vsn {
            Vsn::V1 => None,
            Vsn::V2 => binary::encode_broadcast(join_ref, reference, topic, event, 0, payload)
                .map(Self::Binary),
        }
    }
}

/// The payload of a broadcast or presence push.
#[derive(Debug, Serialize)]
pub(crate) struct TypedPush<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<&'a RawValue>,
}

/// The payload of an `access_token` push.
#[derive(Serialize)]
pub(crate) struct TokenPush<'a> {
    pub access_token: &'a str,
}

/// `{}`
#[derive(Serialize)]
pub(crate) struct Empty {}
