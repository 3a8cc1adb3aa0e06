//! Binary frames: broadcasts, in version 2.0.0 only. Every length is one byte, so names hold at most 255.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::inbound::BroadcastBytes;
use super::{Body, Broadcast, DecodeError, Inbound};

const BROADCAST: u8 = 2;
const USER_BROADCAST_PUSH: u8 = 3;
const USER_BROADCAST: u8 = 4;

/// Hands out slices of a frame; every step may find that there is no more.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Binary)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u8) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(usize::from(length))
            .ok_or(DecodeError::Binary)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self, length: u8) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Binary)
    }
}

fn json(bytes: &[u8]) -> Result<&RawValue, DecodeError> {
    serde_json::from_slice(bytes).map_err(|_| DecodeError::Binary)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Inbound<'_>, DecodeError> {
    let mut cursor = Cursor(bytes);
    let (topic, broadcast) = match cursor.byte()? {
        USER_BROADCAST => {
            let (topic, event, meta) = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
            let encoding = cursor.byte()?;
            let topic = cursor.text(topic)?;
            let event = cursor.text(event)?;
            let meta = match cursor.take(meta)? {
                [] => None,
                bytes => Some(json(bytes)?),
            };
            let payload = match encoding {
                1 => BroadcastBytes::Json(json(cursor.0)?),
                _ => BroadcastBytes::Bytes(cursor.0),
            };
            (
                topic,
                Broadcast {
                    event: Cow::Borrowed(event),
                    payload,
                    meta,
                },
            )
        }
        BROADCAST => {
            let (topic, event) = (cursor.byte()?, cursor.byte()?);
            let topic = cursor.text(topic)?;
            let event = cursor.text(event)?;
            (
                topic,
                Broadcast {
                    event: Cow::Borrowed(event),
                    payload: BroadcastBytes::Bytes(cursor.0),
                    meta: None,
                },
            )
        }
        kind => return Err(DecodeError::Kind(kind)),
    };
    Ok(Inbound {
        join_ref: None,
        reference: None,
        topic: Cow::Borrowed(topic),
        body: Body::Broadcast(broadcast),
    })
}

/// Writes a broadcast of raw bytes or JSON; `None` when a name is longer than 255 bytes.
pub(super) fn encode_broadcast(
    join_ref: &str,
    reference: &str,
    topic: &str,
    event: &str,
    encoding: u8,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let length = |text: &str| u8::try_from(text.len()).ok();
    let mut frame = vec![
        USER_BROADCAST_PUSH,
        length(join_ref)?,
        length(reference)?,
        length(topic)?,
        length(event)?,
        0,
        encoding,
    ];
    for text in [join_ref, reference, topic, event] {
        frame.extend_from_slice(text.as_bytes());
    }
    frame.extend_from_slice(payload);
    Some(frame)
}
