//! Text frames: arrays in version 2.0.0, objects in 1.0.0.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::inbound::TextCow;
use super::{Body, DecodeError, Inbound};

/// A reference as the server echoes it: text, a number, or nothing. Anything else answers no push of ours.
fn reference(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let text = raw?.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str::<TextCow<'_>>(text)
            .ok()
            .map(|text| text.0),
        b'0'..=b'9' => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

pub(super) fn decode_v2(text: &str) -> Result<Inbound<'_>, DecodeError> {
    match serde_json::from_str::<ArrayFrame<'_>>(text) {
        Ok(frame) => Ok(frame.0),
        // The one-pass reader stops at a change of unknown shape; the frame around it may still be sound.
        Err(_) => serde_json::from_str::<(
            Option<&RawValue>,
            Option<&RawValue>,
            TextCow<'_>,
            TextCow<'_>,
            &RawValue,
        )>(text)
        .map(|(join_ref, own, topic, event, payload)| Inbound {
            join_ref: reference(join_ref),
            reference: reference(own),
            topic: topic.0,
            body: Body::read(event.0, payload),
        })
        .map_err(|_| DecodeError::Shape),
    }
}

/// A frame read in one pass: row changes, the bulk of all frames, are not scanned a second time.
struct ArrayFrame<'a>(Inbound<'a>);

impl<'de> Deserialize<'de> for ArrayFrame<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor).map(Self)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Inbound<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[join_ref, ref, topic, event, payload]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
            seq.next_element()?
                .ok_or_else(|| A::Error::custom("too short"))
        }
        let join_ref = reference(next::<Option<&'de RawValue>, A>(&mut seq)?);
        let own = reference(next::<Option<&'de RawValue>, A>(&mut seq)?);
        let topic = next::<TextCow<'de>, A>(&mut seq)?.0;
        let event = next::<TextCow<'de>, A>(&mut seq)?.0;
        let body = if event == "postgres_changes" {
            Body::Change(next(&mut seq)?)
        } else {
            Body::read(event, next(&mut seq)?)
        };
        Ok(Inbound {
            join_ref,
            reference: own,
            topic,
            body,
        })
    }
}

#[derive(Deserialize)]
struct ObjectFrame<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(borrow, default, rename = "ref")]
    reference: Option<&'a RawValue>,
    #[serde(borrow, default)]
    join_ref: Option<&'a RawValue>,
}

pub(super) fn decode_v1(text: &str) -> Result<Inbound<'_>, DecodeError> {
    let frame: ObjectFrame<'_> = serde_json::from_str(text).map_err(|_| DecodeError::Shape)?;
    Ok(Inbound {
        join_ref: reference(frame.join_ref),
        reference: reference(frame.reference),
        topic: frame.topic,
        body: Body::read(frame.event, frame.payload),
    })
}
