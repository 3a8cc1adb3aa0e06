//! Keys: short lists of segments that name queries. Knows nothing of the store; the interner gives segments the small
//! numbers by which the store orders them.

mod intern;
mod names;
mod segment;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use intern::{Interner, SegmentId};
pub use segment::{KeyError, Segment};

/// The name of a query: a short list of [`Segment`]s, cheap to clone, made with [`query_key!`](crate::query_key).
///
/// A key is a path: `["patients"]` is a prefix of `["patients", "list"]`, and whole families of queries are invalidated,
/// removed or counted by their prefix (rule 7).
///
/// ```
/// use bedside_query::query_key;
///
/// let key = query_key!["patients", "detail", 7];
/// assert_eq!(key.to_string(), r#"["patients","detail",7]"#);
/// assert!(query_key!["patients"].is_prefix_of(&key));
/// assert_eq!(key, query_key!["patients", "detail"].child(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueryKey(Arc<[Segment]>);

impl QueryKey {
    /// A key of these segments.
    #[must_use]
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> Self {
        Self(segments.into_iter().collect())
    }

    /// The segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This key with one more segment.
    #[must_use]
    pub fn child(&self, segment: impl Into<Segment>) -> Self {
        Self(self.0.iter().cloned().chain([segment.into()]).collect())
    }

    /// Whether a filter on this key as a prefix selects `other` (rules 7 to 9): each segment accepts its counterpart, and a
    /// filter longer than the key matches nothing.
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len()
            && self.0.iter().zip(other.0.iter()).all(|(w, h)| w.accepts(h))
    }

    /// The key as a JSON list.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Array(self.0.iter().map(Segment::to_json).collect())
    }
}

impl fmt::Display for QueryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl From<&QueryKey> for QueryKey {
    fn from(key: &QueryKey) -> Self {
        key.clone()
    }
}

/// A [`QueryKey`] of the given segments: text, integers, booleans, UUIDs, `Option`s of them, `Vec`s of them, JSON values,
/// and anything that serializes, through [`Segment::json`].
///
/// ```
/// use bedside_query::query_key;
/// use serde_json::json;
///
/// let key = query_key!["patients", "list", json!({"ward": "4B", "page": 2})];
/// assert_eq!(key.segments().len(), 3);
/// assert_eq!(query_key![].segments().len(), 0);
/// ```
#[macro_export]
macro_rules! query_key {
    ($($segment:expr),* $(,)?) => {
        $crate::QueryKey::new([$($crate::Segment::from($segment)),*])
    };
}
