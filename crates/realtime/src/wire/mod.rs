//! The wire: frames as the server writes them, both protocol versions, text and binary.
//!
//! Bytes come in, [`Inbound`] goes out, and the other way round. Nothing here knows what a frame means for a
//! channel or a binding, and nothing here fails on content that it does not know: only on what is not a frame.

mod binary;
mod change;
mod far;
mod inbound;
mod opening;
mod outbound;
mod record;
mod scan;
mod text;
mod usual;
mod whole;

pub use change::{Change, ChangeFault, ChangeFrame, ChangeKind, Column};
pub use far::{FarFrame, FarText};
pub use inbound::{Body, Broadcast, BroadcastBytes, Inbound, Reply, System};
pub use opening::Opening;
pub use outbound::{BroadcastConfig, JoinConfig, JoinPayload, Outbound, PresenceConfig, Replay};
pub(crate) use outbound::{Empty, TokenPush, TypedPush};
pub use record::{Field, Fields, Record};

use std::sync::Arc;

use thiserror::Error;

/// The protocol version: how frames are laid out. The server takes 1.0.0 when the URL names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vsn {
    /// JSON objects. The server never says `join_ref` here, so generations of one topic look alike.
    V1,
    /// JSON arrays, and binary frames for broadcasts.
    #[default]
    V2,
}

impl Vsn {
    /// The value of the URL's `vsn` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0.0",
            Self::V2 => "2.0.0",
        }
    }
}

/// Why bytes are not a frame. None of these is fatal: the frame is counted, traced and dropped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not JSON, or not the array or object of this protocol version.
    #[error("not a frame of this protocol version")]
    Shape,
    /// A binary frame whose lengths point outside it, or whose text is not UTF-8.
    #[error("a binary frame that contradicts itself")]
    Binary,
    /// A binary frame of a kind that a client does not receive.
    #[error("unknown binary kind {0}")]
    Kind(u8),
}

/// Reads a text frame.
///
/// # Errors
/// [`DecodeError::Shape`] when the text is not a frame of `vsn`.
///
/// ```
/// use bedside_realtime::wire::{decode_text, Body, Vsn};
/// let frame = decode_text(Vsn::V2, r#"["1","1","realtime:a","phx_close",{}]"#)?;
/// assert_eq!(frame.topic, "realtime:a");
/// assert!(matches!(frame.body, Body::Close));
/// # Ok::<(), bedside_realtime::wire::DecodeError>(())
/// ```
pub fn decode_text(vsn: Vsn, text: &str) -> Result<Inbound<'_>, DecodeError> {
    match vsn {
        Vsn::V1 => text::decode_v1(text),
        Vsn::V2 => text::decode_v2(text),
    }
}

/// Reads a text frame of version 2.0.0 whose beginning is known from another one. `None` when it is no row change in the
/// order in which servers write them: then the two texts, put together, may still be a frame.
#[must_use]
pub fn decode_opened<'a>(opening: &'a Arc<Opening>, rest: &'a str) -> Option<Inbound<'a>> {
    text::decode_opened(opening, rest)
}

/// Reads a binary frame. Only broadcasts travel this way.
///
/// # Errors
/// [`DecodeError::Binary`] or [`DecodeError::Kind`].
pub fn decode_binary(bytes: &[u8]) -> Result<Inbound<'_>, DecodeError> {
    binary::decode(bytes)
}
