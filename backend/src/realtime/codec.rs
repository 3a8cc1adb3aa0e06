//! Frames to messages and back, in both serializers: `vsn` 1.0.0 (JSON objects) and 2.0.0 (JSON arrays and binary
//! frames of the kinds 0 to 4). Pure; it must never know what a message means.

use axum::extract::ws::{Message as Frame, Utf8Bytes};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Which serializer a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

/// A message from a client. Refs and topic are kept as they came, whatever their type: they are echoed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incoming {
    pub(crate) join_ref: Value,
    pub(crate) reference: Value,
    pub(crate) topic: Value,
    pub(crate) event: Value,
    pub(crate) payload: Payload,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    Json(Value),
    /// Kind 0: raw bytes under any event.
    Binary(Bytes),
    /// Kind 3: a broadcast with its event's name outside of the payload.
    User(UserBroadcast),
}

/// A broadcast in the form of the binary kinds 3 and 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserBroadcast {
    pub(crate) event: String,
    /// Empty or a JSON object.
    pub(crate) metadata: Bytes,
    pub(crate) encoding: Encoding,
    pub(crate) payload: Bytes,
}

/// How to read the payload of a [`UserBroadcast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Json,
}

/// Why a frame is no message. Such frames are dropped in silence, as the real server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("not JSON")]
    NotJson,
    #[error("not the shape of this serializer")]
    Shape,
    #[error("a binary frame shorter than it says, or of an unknown kind")]
    Binary,
}

/// Reads a text frame.
pub(crate) fn decode_text(version: Version, text: &str) -> Result<Incoming, Malformed> {
    let value: Value = serde_json::from_str(text).map_err(|_| Malformed::NotJson)?;
    match (version, value) {
        (Version::V1, Value::Object(mut object)) => {
            let mut take = |key| object.remove(key).ok_or(Malformed::Shape);
            Ok(Incoming {
                topic: take("topic")?,
                event: take("event")?,
                payload: Payload::Json(take("payload")?),
                reference: take("ref")?,
                join_ref: take("join_ref").unwrap_or(Value::Null),
            })
        }
        (Version::V2, Value::Array(items)) => {
            let mut items = items.into_iter();
            let mut next = || items.next().ok_or(Malformed::Shape);
            Ok(Incoming {
                join_ref: next()?,
                reference: next()?,
                topic: next()?,
                event: next()?,
                payload: Payload::Json(next()?),
            })
        }
        _ => Err(Malformed::Shape),
    }
}

/// Reads a binary frame; only the second serializer has any.
pub(crate) fn decode_binary(version: Version, bytes: &Bytes) -> Result<Incoming, Malformed> {
    if version == Version::V1 {
        return Err(Malformed::Shape);
    }
    let mut cursor = Cursor { bytes, at: 0 };
    match cursor.byte()? {
        0 => {
            let (join_ref, reference, topic, event) = (
                cursor.byte()?,
                cursor.byte()?,
                cursor.byte()?,
                cursor.byte()?,
            );
            Ok(Incoming {
                join_ref: cursor.text(join_ref)?.into(),
                reference: cursor.text(reference)?.into(),
                topic: cursor.text(topic)?.into(),
                event: cursor.text(event)?.into(),
                payload: Payload::Binary(cursor.rest()),
            })
        }
        3 => {
            let (join_ref, reference, topic) = (cursor.byte()?, cursor.byte()?, cursor.byte()?);
            let (event, metadata) = (cursor.byte()?, cursor.byte()?);
            let encoding = match cursor.byte()? {
                0 => Encoding::Raw,
                1 => Encoding::Json,
                _ => return Err(Malformed::Binary),
            };
            let (join_ref, reference) = (cursor.text(join_ref)?, cursor.text(reference)?);
            let (topic, event) = (cursor.text(topic)?, cursor.text(event)?);
            let metadata = cursor.slice(usize::from(metadata))?;
            let payload = cursor.rest();
            if encoding == Encoding::Json && serde_json::from_slice::<&RawValue>(&payload).is_err()
            {
                return Err(Malformed::NotJson);
            }
            Ok(Incoming {
                join_ref: join_ref.into(),
                reference: reference.into(),
                topic: topic.into(),
                event: "broadcast".into(),
                payload: Payload::User(UserBroadcast {
                    event,
                    metadata,
                    encoding,
                    payload,
                }),
            })
        }
        _ => Err(Malformed::Binary),
    }
}

struct Cursor<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).copied().ok_or(Malformed::Binary)?;
        self.at += 1;
        Ok(byte)
    }

    fn slice(&mut self, length: usize) -> Result<Bytes, Malformed> {
        let end = self.at + length;
        if end > self.bytes.len() {
            return Err(Malformed::Binary);
        }
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }

    fn text(&mut self, length: u8) -> Result<String, Malformed> {
        let slice = self.slice(usize::from(length))?;
        String::from_utf8(slice.to_vec()).map_err(|_| Malformed::Binary)
    }

    fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.at.min(self.bytes.len())..);
        self.at = self.bytes.len();
        rest
    }
}

/// A text frame with a payload that is JSON text already.
pub(crate) fn encode_raw(
    version: Version,
    join_ref: &Value,
    reference: &Value,
    topic: &str,
    event: &str,
    payload: &str,
) -> Frame {
    let (topic, event) = (Value::from(topic), Value::from(event));
    let text = match version {
        Version::V1 => {
            format!(r#"{{"event":{event},"payload":{payload},"ref":{reference},"topic":{topic}}}"#)
        }
        Version::V2 => format!("[{join_ref},{reference},{topic},{event},{payload}]"),
    };
    Frame::Text(Utf8Bytes::from(text))
}

/// A reply: `phx_reply` with a status and a response. The topic is echoed, even when it is no text.
pub(crate) fn reply(
    version: Version,
    join_ref: &Value,
    reference: &Value,
    topic: &Value,
    status: &str,
    response: &Value,
) -> Frame {
    let payload = json!({ "response": response, "status": status });
    let text = match version {
        Version::V1 => format!(
            r#"{{"event":"phx_reply","payload":{payload},"ref":{reference},"topic":{topic}}}"#
        ),
        Version::V2 => format!(r#"[{join_ref},{reference},{topic},"phx_reply",{payload}]"#),
    };
    Frame::Text(Utf8Bytes::from(text))
}

/// Kind 4, or nothing when a part is longer than its one length byte can say.
pub(crate) fn encode_user(topic: &str, broadcast: &UserBroadcast) -> Option<Frame> {
    let sizes = [topic.len(), broadcast.event.len(), broadcast.metadata.len()]
        .map(|size| u8::try_from(size).ok());
    let [Some(topic_size), Some(event_size), Some(metadata_size)] = sizes else {
        return None;
    };
    let mut out = BytesMut::with_capacity(64 + topic.len() + broadcast.payload.len());
    out.put_slice(&[4, topic_size, event_size, metadata_size]);
    out.put_u8(match broadcast.encoding {
        Encoding::Raw => 0,
        Encoding::Json => 1,
    });
    out.put_slice(topic.as_bytes());
    out.put_slice(broadcast.event.as_bytes());
    out.put_slice(&broadcast.metadata);
    out.put_slice(&broadcast.payload);
    Some(Frame::Binary(out.freeze()))
}

/// Kind 2: bytes under an event, as kind 0 brought them.
pub(crate) fn encode_binary(topic: &str, event: &str, payload: &[u8]) -> Option<Frame> {
    let sizes = [topic.len(), event.len()].map(|size| u8::try_from(size).ok());
    let [Some(topic_size), Some(event_size)] = sizes else {
        return None;
    };
    let mut out = BytesMut::with_capacity(8 + topic.len() + payload.len());
    out.put_slice(&[2, topic_size, event_size]);
    out.put_slice(topic.as_bytes());
    out.put_slice(event.as_bytes());
    out.put_slice(payload);
    Some(Frame::Binary(out.freeze()))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn both_serializers_read_the_same_message() {
        let one = decode_text(
            Version::V1,
            r#"{"topic":"t","event":"e","payload":{"n":1.50},"ref":"2","join_ref":"1"}"#,
        );
        let two = decode_text(Version::V2, r#"["1","2","t","e",{"n":1.50},"extra"]"#);
        assert_eq!(one, two);
        assert_eq!(
            one.unwrap().payload,
            Payload::Json(serde_json::from_str(r#"{"n":1.50}"#).unwrap())
        );
    }

    #[test]
    fn a_v1_message_needs_all_but_the_join_ref() {
        let whole = r#"{"topic":"t","event":"e","payload":{},"ref":null}"#;
        assert_eq!(
            decode_text(Version::V1, whole).unwrap().join_ref,
            Value::Null
        );
        assert_eq!(
            decode_text(Version::V1, r#"{"topic":"t"}"#),
            Err(Malformed::Shape)
        );
    }

    #[test]
    fn garbage_is_named_and_never_a_message() {
        for text in [
            "{nope",
            "",
            "5",
            "null",
            "\"x\"",
            "[]",
            "{}",
            r#"["1","2","t"]"#,
        ] {
            assert!(decode_text(Version::V1, text).is_err(), "{text}");
            assert!(decode_text(Version::V2, text).is_err(), "{text}");
        }
        for bytes in [
            &[][..],
            &[255, 0, 1],
            &[3],
            &[3, 9, 9, 9, 9, 9, 1],
            &[3, 0, 0, 0, 0, 0, 7],
            &[0, 1, 1, 1],
        ] {
            assert!(
                decode_binary(Version::V2, &Bytes::copy_from_slice(bytes)).is_err(),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn every_prefix_of_a_binary_push_is_refused_or_read_without_a_panic() {
        let mut whole = vec![3, 1, 1, 1, 1, 2, 1, b'1', b'2', b't', b'e', b'{', b'}'];
        whole.extend_from_slice(b"{\"x\":1}");
        for end in 0..whole.len() {
            let _ = decode_binary(Version::V2, &Bytes::copy_from_slice(&whole[..end]));
        }
        let read = decode_binary(Version::V2, &Bytes::from(whole)).unwrap();
        let Payload::User(broadcast) = read.payload else {
            panic!("not a user broadcast")
        };
        assert_eq!(
            (broadcast.event.as_str(), broadcast.payload.as_ref()),
            ("e", br#"{"x":1}"#.as_ref())
        );
    }

    #[test]
    fn no_sequence_of_bytes_is_worse_than_malformed() {
        // A small generator of its own: the seed is the loop's number, so a failure names it.
        for seed in 0..20_000_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let bytes: Vec<u8> = (0..seed % 40)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    if state % 3 == 0 {
                        (state >> 8) as u8 % 6
                    } else {
                        (state >> 8) as u8
                    }
                })
                .collect();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let bytes = Bytes::from(bytes);
            for version in [Version::V1, Version::V2] {
                let _ = decode_binary(version, &bytes);
                assert!(decode_text(version, &text).is_err(), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_user_broadcast_is_written_as_the_layout_says() {
        let broadcast = UserBroadcast {
            event: "ev".to_owned(),
            metadata: Bytes::from_static(b"{}"),
            encoding: Encoding::Json,
            payload: Bytes::from_static(b"[1]"),
        };
        let Some(Frame::Binary(bytes)) = encode_user("top", &broadcast) else {
            panic!("not binary")
        };
        assert_eq!(bytes.as_ref(), b"\x04\x03\x02\x02\x01topev{}[1]");
        assert!(encode_user(&"x".repeat(256), &broadcast).is_none());
    }

    #[test]
    fn the_first_serializer_never_shows_a_join_ref() {
        let frame = encode_raw(Version::V1, &"1".into(), &Value::Null, "t", "system", "{}");
        assert_eq!(
            frame.to_text().unwrap(),
            r#"{"event":"system","payload":{},"ref":null,"topic":"t"}"#
        );
        let frame = encode_raw(Version::V2, &"1".into(), &Value::Null, "t", "system", "{}");
        assert_eq!(frame.to_text().unwrap(), r#"["1",null,"t","system",{}]"#);
    }
}
