//! Text frames: arrays in version 2.0.0, objects in 1.0.0.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::far::FarRecord;
use super::inbound::TextCow;
use super::scan::Scan;
use super::{Body, ChangeFrame, DecodeError, Inbound, Opening, usual};

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

/// `[join_ref, ref, topic, event, payload]`
pub(super) fn decode_v2(text: &str) -> Result<Inbound<'_>, DecodeError> {
    // Row changes are the bulk of all frames; one of unknown shape may still be a frame.
    change(text).map_or_else(|| any(text), Ok)
}

fn any(text: &str) -> Result<Inbound<'_>, DecodeError> {
    type Frame<'a> = (
        Option<&'a RawValue>,
        Option<&'a RawValue>,
        TextCow<'a>,
        TextCow<'a>,
        &'a RawValue,
    );
    let (join_ref, own, topic, event, payload): Frame<'_> =
        serde_json::from_str(text).map_err(|_| DecodeError::Shape)?;
    Ok(Inbound {
        join_ref: reference(join_ref),
        reference: reference(own),
        topic: topic.0,
        body: Body::read(event.0, payload),
    })
}

fn change(text: &str) -> Option<Inbound<'_>> {
    usual_change(text).or_else(|| any_change(text))
}

/// A row change as servers write them.
fn usual_change(text: &str) -> Option<Inbound<'_>> {
    let mut scan = Scan::new(text);
    let (topic, change) = usual::begin(&mut scan)?;
    let change = finish(change, scan)?;
    Some(told(Cow::Borrowed(topic), change))
}

/// Reads a row and what follows it.
fn finish<'a>(mut change: ChangeFrame<'a>, mut scan: Scan<'a>) -> Option<ChangeFrame<'a>> {
    if usual::at_row(&mut scan).is_some() {
        let rest = scan.rest();
        let (row, tail) = rest.split_at_checked(usual::row_ends(rest)?)?;
        change.record = Some(row);
        scan = Scan::new(tail);
    }
    usual::end(change, &mut scan)
}

/// A change whose beginning is known.
pub(super) fn decode_opened<'a>(opening: &'a Arc<Opening>, rest: &'a str) -> Option<Inbound<'a>> {
    let mut scan = Scan::new(rest);
    let mut change = finish(usual::before_row(&mut scan)?, scan)?;
    change.opening = Some(opening);
    Some(told(Cow::Borrowed(opening.topic()), change))
}

/// A row change in any order.
fn any_change(text: &str) -> Option<Inbound<'_>> {
    let mut scan = Scan::new(text);
    scan.pass(b'[')?;
    scan.value()?;
    scan.pass(b',')?;
    scan.value()?;
    scan.pass(b',')?;
    let topic = scan.string()?;
    scan.pass(b',')?;
    (scan.string()? == "postgres_changes").then_some(())?;
    scan.pass(b',')?;
    let change = ChangeFrame::read(&mut scan)?;
    scan.pass(b']')?;
    scan.is_done().then(|| told(topic, change))
}

/// A change answers nobody.
fn told<'a>(topic: Cow<'a, str>, change: ChangeFrame<'a>) -> Inbound<'a> {
    Inbound {
        join_ref: None,
        reference: None,
        topic,
        body: Body::Change(change),
    }
}

/// Where the new row of a change begins, if this much of its frame reaches there.
pub(super) fn row_begins(head: &str) -> Option<usize> {
    let mut scan = Scan::new(head);
    usual::begin(&mut scan)?;
    usual::at_row(&mut scan)?;
    Some(scan.at())
}

/// A change whose row is elsewhere, from what stands before and behind it.
pub(super) fn decode_apart<'a>(
    head: &'a str,
    tail: &'a str,
    row: &'a FarRecord,
) -> Option<Inbound<'a>> {
    let (topic, mut change) = usual::begin(&mut Scan::new(head))?;
    change.far = Some(row);
    let change = usual::end(change, &mut Scan::new(tail))?;
    Some(told(Cow::Borrowed(topic), change))
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
