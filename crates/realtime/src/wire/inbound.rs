//! What a frame from the server says, still without any meaning for a channel.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::change::ChangeFrame;
use super::scan::Scan;

/// One frame from the server. Text is borrowed from the frame where JSON allows it.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// The join that this frame belongs to; never sent in version 1.0.0, and `None` in fan-out frames.
    pub join_ref: Option<Cow<'a, str>>,
    /// The reference of the push that this frame answers. In `phx_close` and `phx_error`: the join's reference.
    pub reference: Option<Cow<'a, str>>,
    /// The channel's topic, with its `realtime:` prefix; `phoenix` for the socket's own.
    pub topic: Cow<'a, str>,
    /// What it says.
    pub body: Body<'a>,
}

/// The payload, by event.
#[derive(Debug)]
pub enum Body<'a> {
    /// `phx_reply`
    Reply(Reply<'a>),
    /// `system`
    System(System<'a>),
    /// `postgres_changes`
    Change(ChangeFrame<'a>),
    /// `presence_state`: the JSON object of keys.
    PresenceState(&'a RawValue),
    /// `presence_diff`: the JSON object of joins and leaves.
    PresenceDiff(&'a RawValue),
    /// `broadcast`, from text or binary frames alike.
    Broadcast(Broadcast<'a>),
    /// `phx_close`: the channel ended, on purpose.
    Close,
    /// `phx_error`: the channel crashed.
    Error,
    /// An event this client does not know, or one whose payload has an unknown shape.
    Unknown {
        /// The event's name.
        event: Cow<'a, str>,
    },
}

/// The answer to a push.
#[derive(Debug)]
pub struct Reply<'a> {
    /// `status` was `ok`.
    pub ok: bool,
    /// The response. Mostly an object, but a string for `payload_size_exceeded`.
    pub response: Option<&'a RawValue>,
}

impl<'a> Reply<'a> {
    /// The reason of a refusal, wherever the server put it.
    #[must_use]
    pub fn reason(&self) -> Cow<'a, str> {
        #[derive(Deserialize)]
        struct Reason<'a> {
            #[serde(borrow)]
            reason: Option<Cow<'a, str>>,
        }
        let Some(raw) = self.response else {
            return Cow::Borrowed("");
        };
        if let Ok(Reason {
            reason: Some(reason),
        }) = serde_json::from_str(raw.get())
        {
            return reason;
        }
        serde_json::from_str::<TextCow<'a>>(raw.get())
            .map_or(Cow::Borrowed(raw.get()), |text| text.0)
    }
}

/// A word of the server about a channel or its replication.
#[derive(Debug, Deserialize)]
pub struct System<'a> {
    /// `postgres_changes`, `system`, or something newer.
    #[serde(borrow, default)]
    pub extension: Cow<'a, str>,
    /// `ok` or `error`.
    #[serde(borrow, default)]
    pub status: Cow<'a, str>,
    /// Text for people; only hints are read from it.
    #[serde(borrow, default)]
    pub message: Cow<'a, str>,
}

/// A message of a room.
#[derive(Debug)]
pub struct Broadcast<'a> {
    /// The sender's name for it.
    pub event: Cow<'a, str>,
    /// JSON or bytes.
    pub payload: BroadcastBytes<'a>,
    /// `meta`, when the message came from the database or is a replay.
    pub meta: Option<&'a RawValue>,
}

/// The payload of a broadcast.
#[derive(Debug)]
pub enum BroadcastBytes<'a> {
    /// JSON text.
    Json(&'a RawValue),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// The sender left it out.
    Absent,
}

/// Text that borrows when it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct TextCow<'a>(#[serde(borrow)] pub Cow<'a, str>);

#[derive(Deserialize)]
struct ReplyShape<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BroadcastShape<'a> {
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

impl<'a> Body<'a> {
    /// Reads the payload of `event`; what doesn't fit becomes [`Body::Unknown`].
    pub(super) fn read(event: Cow<'a, str>, payload: &'a RawValue) -> Self {
        let text = payload.get();
        let read = match event.as_ref() {
            "postgres_changes" => ChangeFrame::read(&mut Scan::new(text)).map(Body::Change),
            "phx_reply" => {
                serde_json::from_str(text)
                    .ok()
                    .map(|ReplyShape { status, response }| {
                        Body::Reply(Reply {
                            ok: status == "ok",
                            response,
                        })
                    })
            }
            "system" => serde_json::from_str(text).ok().map(Body::System),
            "presence_state" => Some(Body::PresenceState(payload)),
            "presence_diff" => Some(Body::PresenceDiff(payload)),
            "phx_close" => Some(Body::Close),
            "phx_error" => Some(Body::Error),
            "broadcast" => serde_json::from_str(text)
                .ok()
                .map(|shape: BroadcastShape<'a>| {
                    Body::Broadcast(Broadcast {
                        event: shape.event.unwrap_or_default(),
                        payload: shape
                            .payload
                            .map_or(BroadcastBytes::Absent, BroadcastBytes::Json),
                        meta: shape.meta,
                    })
                }),
            _ => None,
        };
        read.unwrap_or(Body::Unknown { event })
    }
}
