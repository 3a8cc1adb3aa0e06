//! Text frames: arrays in version 2.0.0, objects in 1.0.0.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::change::Row;
use super::far::FarRecord;
use super::inbound::TextCow;
use super::scan::Scan;
use super::{Body, ChangeFrame, DecodeError, Inbound};

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

/// What stands before a row change's payload: the topic, since a change answers nobody.
fn heading<'a>(scan: &mut Scan<'a>) -> Option<Cow<'a, str>> {
    scan.pass(b'[')?;
    scan.value()?;
    scan.pass(b',')?;
    scan.value()?;
    scan.pass(b',')?;
    let topic = scan.string()?;
    scan.pass(b',')?;
    (scan.string()? == "postgres_changes").then_some(())?;
    scan.pass(b',')?;
    Some(topic)
}

fn frame<'a>(
    mut rest: Scan<'a>,
    topic: Cow<'a, str>,
    change: ChangeFrame<'a>,
) -> Option<Inbound<'a>> {
    rest.pass(b']')?;
    let body = Body::Change(change);
    let (join_ref, reference) = (None, None);
    rest.is_done().then_some(Inbound {
        join_ref,
        reference,
        topic,
        body,
    })
}

fn change(text: &str) -> Option<Inbound<'_>> {
    around_row(text).or_else(|| {
        let mut scan = Scan::new(text);
        let topic = heading(&mut scan)?;
        let change = ChangeFrame::read(&mut scan)?;
        frame(scan, topic, change)
    })
}

/// What follows a row. In a string, its quotes would be escaped; in the row, what follows it would not end the frame.
const AFTER_ROW: &[u8] = b"},\"schema\":";

/// Where the row ends, by what follows it.
pub(super) fn row_ends(tail: &str) -> Option<usize> {
    let mut windows = tail.as_bytes().windows(AFTER_ROW.len());
    let at = windows.rposition(|window| window.first() == Some(&b'}') && window == AFTER_ROW)?;
    Some(at + 1)
}

/// Reads a change from both of its ends, so that its row, the largest part, is not even passed.
fn around_row(text: &str) -> Option<Inbound<'_>> {
    let (begun, topic, at) = before_row(text)?;
    let rest = text.get(at..)?;
    let (row, tail) = rest.split_at_checked(row_ends(rest)?)?;
    behind_row(begun, topic, tail, Row::Here(row))
}

/// What stands before the row of a change, and where that begins.
fn before_row(head: &str) -> Option<(ChangeFrame<'_>, Cow<'_, str>, usize)> {
    let mut scan = Scan::new(head);
    let topic = heading(&mut scan)?;
    let begun = ChangeFrame::before_row(&mut scan)?;
    scan.clone().pass(b'{')?;
    Some((begun, topic, scan.at()))
}

fn behind_row<'a>(
    begun: ChangeFrame<'a>,
    topic: Cow<'a, str>,
    tail: &'a str,
    row: Row<'a>,
) -> Option<Inbound<'a>> {
    let mut scan = Scan::new(tail);
    let change = begun.after_row(&mut scan, row)?;
    frame(scan, topic, change)
}

/// Where the new row of a change begins, if this much of its frame reaches there.
pub(super) fn row_begins(head: &str) -> Option<usize> {
    before_row(head).map(|(_, _, at)| at)
}

/// A change whose row is elsewhere, from what stands before and behind it.
pub(super) fn decode_apart<'a>(
    head: &'a str,
    tail: &'a str,
    row: &'a FarRecord,
) -> Option<Inbound<'a>> {
    let (begun, topic, _) = before_row(head)?;
    behind_row(begun, topic, tail, Row::Far(row))
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
