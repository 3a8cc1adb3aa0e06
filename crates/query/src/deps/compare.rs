//! Comparing two column values as the database would, or admitting that it cannot be known here. A wrong guess shows a
//! wrong list; a doubt costs one request.

use std::cmp::Ordering;

use crate::key::Segment;

/// How a text column is ordered in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Collation {
    /// Not known here: two texts are ordered only if byte order and plain alphabetical order agree on them.
    #[default]
    Unknown,
    /// By bytes: `collate "C"`, UUIDs, and times written in one format and zone.
    Bytes,
}

/// The order of two values, `None` if it is not certain. Null compares with nothing, as in SQL.
pub(crate) fn compare(a: &Segment, b: &Segment, collation: Collation) -> Option<Ordering> {
    use Segment::{Bool, Int, Number, Str, Uuid};
    match (a, b) {
        (Bool(a), Bool(b)) => Some(a.cmp(b)),
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Int(_) | Number(_), Int(_) | Number(_)) => numbers(a, b),
        (Uuid(a), Uuid(b)) => Some(a.cmp(b)),
        (Uuid(a), Str(b)) => Some(a.to_string().as_str().cmp(b)),
        (Str(a), Uuid(b)) => Some(a.as_ref().cmp(b.to_string().as_str())),
        (Str(a), Str(b)) => texts(a, b, collation),
        _ => None,
    }
}

/// Whether two values are equal, `None` if that is not certain.
pub(crate) fn equal(a: &Segment, b: &Segment) -> Option<bool> {
    match (a, b) {
        (Segment::Str(a), Segment::Str(b)) => Some(a == b),
        (Segment::Null, _) | (_, Segment::Null) => Some(false),
        (Segment::Object(_) | Segment::List(_), _) | (_, Segment::Object(_) | Segment::List(_)) => {
            None
        }
        _ => compare(a, b, Collation::Bytes).map(Ordering::is_eq),
    }
}

fn numbers(a: &Segment, b: &Segment) -> Option<Ordering> {
    if a == b {
        return Some(Ordering::Equal);
    }
    let (near_a, near_b) = (float(a)?, float(b)?);
    // Different digits that are one float: too close to tell without arbitrary precision.
    near_a.partial_cmp(&near_b).filter(|order| order.is_ne())
}

fn float(value: &Segment) -> Option<f64> {
    match value {
        // Rounding keeps the order, and ties are doubts.
        #[allow(clippy::cast_precision_loss)]
        Segment::Int(int) => Some(*int as f64),
        Segment::Number(text) => text.parse().ok(),
        _ => None,
    }
}

fn texts(a: &str, b: &str, collation: Collation) -> Option<Ordering> {
    let by_bytes = a.cmp(b);
    if collation == Collation::Bytes || by_bytes.is_eq() {
        return Some(by_bytes);
    }
    // Locales differ on accents, punctuation and case, but all agree on these.
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain(a) || !plain(b) {
        return None;
    }
    let folded = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
    (folded == by_bytes).then_some(by_bytes)
}
