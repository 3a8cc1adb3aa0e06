//! Row changes in the order in which servers write them, read by comparing with what must come next.
//!
//! Servers sort the keys of a frame, so where everything stands is known; looking each key up took three times as
//! long. The row, the largest part, is not even passed: its end is known by what follows it. A frame in any other
//! order is nothing here, and left to the reader that takes any.

use super::change::ChangeFrame;
use super::scan::Scan;

/// What is certain before and behind a row.
pub(super) const OPENS: &str = "[null,null,\"";
const CARRIES: &str = ",\"postgres_changes\",{\"data\":{\"columns\":";
const COMMITTED: &str = ",\"commit_timestamp\":";
const ROW: &str = ",\"record\":";
const SCHEMA: &str = ",\"schema\":\"";
const TABLE: &str = ",\"table\":\"";
const KIND: &str = ",\"type\":\"";
const IDS: &str = "},\"ids\":";
const CLOSES: &str = "}]";

/// Reads a frame up to its columns; gives its topic.
pub(super) fn topic<'a>(scan: &mut Scan<'a>) -> Option<&'a str> {
    scan.exactly(OPENS)?;
    let topic = scan.plain()?;
    scan.exactly(CARRIES).map(|()| topic)
}

/// Reads the columns.
pub(super) fn columns<'a>(scan: &mut Scan<'a>) -> Option<&'a str> {
    let columns = scan.array_before(COMMITTED)?;
    scan.rest().starts_with(COMMITTED).then_some(columns)
}

/// Reads a frame up to its row, or to where that would be; gives its topic too.
pub(super) fn begin<'a>(scan: &mut Scan<'a>) -> Option<(&'a str, ChangeFrame<'a>)> {
    let topic = topic(scan)?;
    let columns = columns(scan)?;
    let change = before_row(scan)?;
    Some((
        topic,
        ChangeFrame {
            columns: Some(columns),
            ..change
        },
    ))
}

/// Reads what stands between the columns and the row.
pub(super) fn before_row<'a>(scan: &mut Scan<'a>) -> Option<ChangeFrame<'a>> {
    let mut change = ChangeFrame::default();
    scan.exactly(COMMITTED)?;
    change.timestamp = scan.present()?;
    scan.exactly(",\"errors\":")?;
    change.errors = scan.present()?;
    if scan.exactly(",\"old_record\":").is_some() {
        change.old_record = scan.present()?;
    }
    Some(change)
}

/// Goes on to a row.
pub(super) fn at_row(scan: &mut Scan<'_>) -> Option<()> {
    scan.exactly(ROW)?;
    scan.rest().starts_with('{').then_some(())
}

/// Where the row ends, by what follows it. In a string, its quotes would be escaped; in the row, what follows it would
/// not end the frame.
pub(super) fn row_ends(text: &str) -> Option<usize> {
    let mut before = text.as_bytes();
    loop {
        let at = before.iter().rposition(|byte| *byte == b'}')?;
        if text.get(at + 1..)?.starts_with(SCHEMA) {
            return Some(at + 1);
        }
        before = before.get(..at)?;
    }
}

/// Reads what follows a row, to the end of the frame.
pub(super) fn end<'a>(mut change: ChangeFrame<'a>, scan: &mut Scan<'a>) -> Option<ChangeFrame<'a>> {
    scan.exactly(SCHEMA)?;
    change.schema = Some(scan.plain()?.into());
    scan.exactly(TABLE)?;
    change.table = Some(scan.plain()?.into());
    scan.exactly(KIND)?;
    change.kind = Some(scan.plain()?.into());
    scan.exactly(IDS)?;
    let ids = scan.rest().strip_suffix(CLOSES)?;
    let numbers = ids.strip_prefix('[')?.strip_suffix(']')?;
    let is_list = |byte: u8| byte.is_ascii_digit() || byte == b',';
    change.ids = numbers.bytes().all(is_list).then_some(ids);
    change.ids.is_some().then_some(change)
}
