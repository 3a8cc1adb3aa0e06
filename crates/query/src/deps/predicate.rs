//! Which rows a query reads: a conjunction of simple conditions, or something that cannot be evaluated here.

use std::cmp::Ordering;

use super::compare::{Collation, compare, equal};
use crate::key::Segment;

/// One condition on one column, with SQL's meaning: nothing but `IsNull` accepts a null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `column = value`
    Eq(Segment),
    /// `column <> value`
    Neq(Segment),
    /// `column < value`
    Lt(Segment),
    /// `column <= value`
    Lte(Segment),
    /// `column > value`
    Gt(Segment),
    /// `column >= value`
    Gte(Segment),
    /// `column in (values)`
    In(Vec<Segment>),
    /// `column is null`
    IsNull,
    /// `column is not null`
    IsNotNull,
}

/// Which rows of a table a query reads.
///
/// ```
/// use bedside_query::{Condition, Predicate};
///
/// let open = Predicate::all().and("status", Condition::Eq("open".into())).and("ward", Condition::In(vec!["4A".into(), "4B".into()]));
/// assert_eq!(open.accepts(|column| Some(if column == "status" { "open".into() } else { "4B".into() })), Some(true));
/// assert_eq!(open.accepts(|_| None), None, "a column that is not there leaves it open");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Predicate {
    conditions: Vec<(Box<str>, Condition)>,
    opaque: bool,
}

impl Predicate {
    /// Every row.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Rows chosen by something that cannot be evaluated here, such as a full-text search or a join.
    #[must_use]
    pub fn opaque() -> Self {
        Self {
            conditions: Vec::new(),
            opaque: true,
        }
    }

    /// And this condition on this column.
    #[must_use]
    pub fn and(mut self, column: &str, condition: Condition) -> Self {
        self.conditions.push((column.into(), condition));
        self
    }

    /// Whether it cannot be evaluated here.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Whether it accepts a row whose columns the closure gives. `None`: not certain.
    #[must_use]
    pub fn accepts(&self, column: impl Fn(&str) -> Option<Segment>) -> Option<bool> {
        if self.opaque {
            return None;
        }
        let mut certain = true;
        for (name, condition) in &self.conditions {
            match column(name).and_then(|value| condition.accepts(&value)) {
                // One refusal settles it, whatever is not certain about the others.
                Some(false) => return Some(false),
                Some(true) => {}
                None => certain = false,
            }
        }
        certain.then_some(true)
    }

    /// The values that a row must have one of in one column, to be accepted: what an index can use.
    pub(super) fn values(&self) -> Option<(&str, Vec<&Segment>)> {
        if self.opaque {
            return None;
        }
        self.conditions
            .iter()
            .find_map(|(column, condition)| match condition {
                Condition::Eq(value) => Some((column.as_ref(), vec![value])),
                Condition::In(values) => Some((column.as_ref(), values.iter().collect())),
                _ => None,
            })
    }
}

impl Condition {
    fn accepts(&self, value: &Segment) -> Option<bool> {
        if *value == Segment::Null {
            return Some(matches!(self, Self::IsNull));
        }
        let order = |to: &Segment| compare(value, to, Collation::Unknown);
        match self {
            Self::IsNull => Some(false),
            Self::IsNotNull => Some(true),
            Self::Eq(to) => equal(value, to),
            Self::Neq(to) if *to == Segment::Null => Some(false),
            Self::Neq(to) => equal(value, to).map(|same| !same),
            Self::In(list) => {
                let answers: Vec<_> = list.iter().map(|to| equal(value, to)).collect();
                if answers.contains(&Some(true)) {
                    Some(true)
                } else {
                    (!answers.contains(&None)).then_some(false)
                }
            }
            Self::Lt(Segment::Null)
            | Self::Lte(Segment::Null)
            | Self::Gt(Segment::Null)
            | Self::Gte(Segment::Null) => Some(false),
            Self::Lt(to) => order(to).map(Ordering::is_lt),
            Self::Lte(to) => order(to).map(Ordering::is_le),
            Self::Gt(to) => order(to).map(Ordering::is_gt),
            Self::Gte(to) => order(to).map(Ordering::is_ge),
        }
    }
}
