//! One segment of a key and the canonical form of JSON inside a key. Knows nothing of queries or of the store:
//! values come in through `From`, equality and order are by canonical form.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Objects and lists nested deeper than this keep their text from there on, so that no key can exhaust the stack.
const DEEPEST: usize = 64;

/// One segment of a [`QueryKey`](crate::QueryKey).
///
/// Two segments are equal exactly if they have the same type and the same canonical value: `"1"` is not `1` (rule 5), a
/// UUID is not its text, and the order of an object's properties never counts (rule 2).
///
/// ```
/// use bedside_query::Segment;
/// use serde_json::json;
///
/// assert_eq!(Segment::from(json!({"a": 1, "b": 2})), Segment::from(json!({"b": 2, "a": 1})));
/// assert_ne!(Segment::from("1"), Segment::from(1));
/// assert_eq!(Segment::from(f64::NAN), Segment::Null);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Segment {
    /// JSON's null; also `None` and every number that is not finite (rule 4).
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// Any other number, as its shortest decimal text: a fraction, or an integer past 64 bits.
    Number(Arc<str>),
    /// Text.
    Str(Arc<str>),
    /// A UUID.
    Uuid(Uuid),
    /// A list; the order of its elements counts.
    #[non_exhaustive]
    List(Arc<[Segment]>),
    /// An object, its properties sorted by name. A property that is null in JSON stays; leave it out to have it absent.
    #[non_exhaustive]
    Object(Arc<[(Arc<str>, Segment)]>),
}

/// Why a value cannot be part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The value's own `Serialize` refused, or a map has keys that are not text. Use another type in the key.
    #[error("the value has no JSON form: {0}")]
    NotJson(String),
}

impl Segment {
    /// The canonical segment of anything that serializes to JSON: a filter struct, a list of ids.
    ///
    /// # Errors
    /// [`KeyError::NotJson`] if the value has no JSON form.
    ///
    /// ```
    /// use bedside_query::{query_key, Segment};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Filter { ward: &'static str, #[serde(skip_serializing_if = "Option::is_none")] status: Option<&'static str> }
    ///
    /// let filter = Segment::json(&Filter { ward: "4B", status: None })?;
    /// assert_eq!(query_key!["patients", filter].to_string(), r#"["patients",{"ward":"4B"}]"#);
    /// # Ok::<(), bedside_query::KeyError>(())
    /// ```
    pub fn json(value: &impl Serialize) -> Result<Self, KeyError> {
        serde_json::to_value(value)
            .map(|value| Self::canonical(&value, 0))
            .map_err(|error| KeyError::NotJson(error.to_string()))
    }

    fn canonical(value: &Value, depth: usize) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| Self::number(&number.to_string()), Self::Int),
            Value::String(text) => Self::Str(text.as_str().into()),
            Value::Array(_) | Value::Object(_) if depth >= DEEPEST => {
                Self::Str(flat_text(value).into())
            }
            Value::Array(items) => Self::List(
                items
                    .iter()
                    .map(|v| Self::canonical(v, depth + 1))
                    .collect(),
            ),
            Value::Object(map) => {
                let mut properties: Vec<(Arc<str>, Self)> = map
                    .iter()
                    .map(|(name, v)| (name.as_str().into(), Self::canonical(v, depth + 1)))
                    .collect();
                // serde_json keeps insertion order when any crate of the build turns that feature on.
                properties.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Object(properties.into())
            }
        }
    }

    /// A list of these, or its text if they are as deep as a key may be.
    fn list(items: Vec<Self>) -> Self {
        let depth = items.iter().map(Self::depth).max().unwrap_or(0);
        if depth < DEEPEST {
            return Self::List(items.into());
        }
        Self::Str(
            Value::Array(items.iter().map(Self::to_json).collect())
                .to_string()
                .into(),
        )
    }

    fn depth(&self) -> usize {
        let inner = match self {
            Self::List(items) => items.iter().map(Self::depth).max(),
            Self::Object(properties) => properties.iter().map(|(_, value)| value.depth()).max(),
            _ => return 0,
        };
        1 + inner.unwrap_or(0)
    }

    /// The segment of a number's text, so that `1`, `1.0` and `1e0` are one segment whatever type they came from.
    fn number(text: &str) -> Self {
        if let Ok(int) = text.parse::<i64>() {
            return Self::Int(int);
        }
        if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Self::Number(text.into());
        }
        text.parse::<f64>()
            .map_or_else(|_| Self::Number(text.into()), Self::from)
    }

    /// Whether `self`, as part of a filter, accepts `other`: objects match as subsets at every depth, lists as
    /// prefixes, everything else by equality (rules 7 to 9). A filter's null also accepts an absent property (rule 8).
    ///
    /// ```
    /// use bedside_query::Segment;
    /// use serde_json::json;
    ///
    /// let held = Segment::from(json!({"ward": "4B", "page": {"size": 20, "at": 3}}));
    /// assert!(Segment::from(json!({"page": {"at": 3}})).accepts(&held));
    /// assert!(!Segment::from(json!({"page": {"at": 4}})).accepts(&held));
    /// ```
    #[must_use]
    pub fn accepts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(wanted), Self::Object(held)) => wanted.iter().all(|(name, want)| {
                match held.binary_search_by(|(n, _)| n.cmp(name)) {
                    Ok(at) => held.get(at).is_some_and(|(_, value)| want.accepts(value)),
                    Err(_) => *want == Self::Null,
                }
            }),
            (Self::List(wanted), Self::List(held)) => {
                wanted.len() <= held.len()
                    && wanted.iter().zip(held.iter()).all(|(w, h)| w.accepts(h))
            }
            _ => self == other,
        }
    }

    /// Whether equality and [`accepts`](Self::accepts) agree for this segment, so that an index lookup can stand for it.
    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Object(_))
    }

    /// The segment as JSON. A UUID becomes its text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::from(*int),
            Self::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_string()))
            }
            Self::Str(text) => Value::String(text.to_string()),
            Self::Uuid(uuid) => Value::String(uuid.to_string()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Object(properties) => Value::Object(
                properties
                    .iter()
                    .map(|(name, v)| (name.to_string(), v.to_json()))
                    .collect(),
            ),
        }
    }
}

/// JSON of any depth as text, properties in order of their names. A loop, because a recursion as deep as the value could
/// exhaust the stack.
fn flat_text(value: &Value) -> String {
    enum Piece<'a> {
        Value(&'a Value),
        Name(&'a str),
        Mark(char),
    }
    let mut text = String::new();
    // What is still to be written, the next at the end.
    let mut rest = vec![Piece::Value(value)];
    while let Some(piece) = rest.pop() {
        match piece {
            Piece::Mark(mark) => text.push(mark),
            Piece::Name(name) => {
                text.push_str(&Value::from(name).to_string());
                text.push(':');
            }
            Piece::Value(Value::Array(items)) => {
                text.push('[');
                rest.push(Piece::Mark(']'));
                for item in items.iter().rev() {
                    rest.extend([Piece::Mark(','), Piece::Value(item)]);
                }
            }
            Piece::Value(Value::Object(properties)) => {
                text.push('{');
                rest.push(Piece::Mark('}'));
                let mut properties: Vec<_> = properties.iter().collect();
                properties.sort_unstable_by(|a, b| b.0.cmp(a.0));
                for (name, value) in properties {
                    rest.extend([Piece::Mark(','), Piece::Value(value), Piece::Name(name)]);
                }
            }
            Piece::Value(scalar) => text.push_str(&scalar.to_string()),
        }
    }
    text
}

macro_rules! from_int {
    ($($small:ty),*; $($wide:ty),*) => {
        $(impl From<$small> for Segment {
            fn from(int: $small) -> Self { Self::Int(i64::from(int)) }
        })*
        $(impl From<$wide> for Segment {
            fn from(int: $wide) -> Self {
                i64::try_from(int).map_or_else(|_| Self::Number(int.to_string().into()), Self::Int)
            }
        })*
    };
}
from_int!(i8, i16, i32, i64, u8, u16, u32; u64, i128, u128, usize, isize);

impl From<f64> for Segment {
    fn from(number: f64) -> Self {
        // 2^53: every integral float below is exact, so it is the same key as the integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if !number.is_finite() {
            Self::Null
        } else if number.fract() == 0.0 && number.abs() <= EXACT {
            // In range by the comparison above; the cast is exact.
            #[allow(clippy::cast_possible_truncation)]
            Self::Int(number as i64)
        } else {
            Self::Number(number.to_string().into())
        }
    }
}

impl From<bool> for Segment {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Segment {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Segment {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<&String> for Segment {
    fn from(text: &String) -> Self {
        Self::Str(text.as_str().into())
    }
}

impl From<Arc<str>> for Segment {
    fn from(text: Arc<str>) -> Self {
        Self::Str(text)
    }
}

impl From<Uuid> for Segment {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl From<Value> for Segment {
    fn from(value: Value) -> Self {
        Self::canonical(&value, 0)
    }
}

impl From<&Segment> for Segment {
    fn from(segment: &Segment) -> Self {
        segment.clone()
    }
}

impl<S: Into<Segment>> From<Option<S>> for Segment {
    fn from(option: Option<S>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

impl<S: Into<Segment>> From<Vec<S>> for Segment {
    fn from(list: Vec<S>) -> Self {
        Self::list(list.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use serde_json::json;

    use super::*;

    fn check_same(a: impl Into<Segment>, b: impl Into<Segment>) {
        assert_eq!(a.into(), b.into());
    }

    #[test]
    fn one_number_is_one_segment_whatever_type_it_came_from() {
        check_same(1_u8, 1_i64);
        check_same(json!(1.0), 1);
        check_same(1.5, json!(1.5));
        check_same(json!(u64::MAX), u64::MAX);
        check_same(-0.0, 0);
    }

    #[test]
    fn huge_integers_keep_all_digits() {
        let near = u128::MAX - 1;
        assert_ne!(Segment::from(u128::MAX), Segment::from(near));
        assert_eq!(
            Segment::from(u128::MAX),
            Segment::Number(u128::MAX.to_string().into())
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_null() {
        check_same(f64::NAN, Segment::Null);
        check_same(f64::INFINITY, Segment::Null);
    }

    #[test]
    fn a_value_nested_past_the_limit_is_still_one_key() {
        let deep = |leaf: i32| (0..500).fold(json!(leaf), |inner, _| Value::Array(vec![inner]));
        check_same(deep(1), deep(1));
        assert_ne!(Segment::from(deep(1)), Segment::from(deep(2)));
    }

    #[test]
    fn lists_put_into_lists_are_no_deeper_than_the_limit() {
        let deep = |leaf: i32| (0..500).fold(Segment::from(leaf), |inner, _| vec![inner].into());
        assert!(deep(1).depth() <= DEEPEST);
        assert_ne!(deep(1), deep(2));
    }

    #[test]
    fn the_order_of_properties_counts_as_little_past_the_limit() {
        let nest = |leaf: Value| (0..100).fold(leaf, |inner, _| json!([inner]));
        let a = serde_json::from_str(r#"{"a":[1,{}],"b":"\\\"x"}"#).unwrap();
        let b = serde_json::from_str(r#"{"b":"\\\"x","a":[1,{}]}"#).unwrap();
        check_same(nest(a), nest(b));
    }
}
