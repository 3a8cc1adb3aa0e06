//! What one change of one row means for one query: a pure function, so that it can be tested against recomputing everything.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::compare::{Collation, compare};
use super::dep::{TableDep, Window};
use crate::key::Segment;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came into being.
    Insert,
    /// It changed.
    Update,
    /// It is gone.
    Delete,
}

/// What is known of a changed row.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Nothing but its key: a deletion.
    Key,
    /// Its columns. Columns that are left out have not changed; an inserted row must have all of them.
    Columns(Map<String, Value>),
    /// Columns may be missing though they changed: nothing can be decided from it.
    Doubtful,
}

/// A change of one row, from wherever changes come.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChange {
    /// The table.
    pub table: Arc<str>,
    /// What happened.
    pub kind: ChangeKind,
    /// The row's primary key. A key of several columns is a list.
    pub pk: Segment,
    /// What is known of the row now.
    pub record: Record,
}

impl RowChange {
    fn of(kind: ChangeKind, table: &str, pk: Segment, record: Value) -> Self {
        let record = match record {
            Value::Object(columns) => Record::Columns(columns),
            _ => Record::Doubtful,
        };
        Self {
            table: table.into(),
            kind,
            pk,
            record,
        }
    }

    /// A new row. A `record` that is not an object is doubtful.
    #[must_use]
    pub fn insert(table: &str, pk: impl Into<Segment>, record: Value) -> Self {
        Self::of(ChangeKind::Insert, table, pk.into(), record)
    }

    /// A changed row. A `record` that is not an object is doubtful.
    #[must_use]
    pub fn update(table: &str, pk: impl Into<Segment>, record: Value) -> Self {
        Self::of(ChangeKind::Update, table, pk.into(), record)
    }

    /// A row that is gone.
    #[must_use]
    pub fn delete(table: &str, pk: impl Into<Segment>) -> Self {
        Self {
            table: table.into(),
            kind: ChangeKind::Delete,
            pk: pk.into(),
            record: Record::Key,
        }
    }

    /// A change of a row of which too little is known.
    #[must_use]
    pub fn doubtful(kind: ChangeKind, table: &str, pk: impl Into<Segment>) -> Self {
        Self {
            table: table.into(),
            kind,
            pk: pk.into(),
            record: Record::Doubtful,
        }
    }

    pub(crate) fn column(&self, name: &str) -> Option<Segment> {
        match &self.record {
            Record::Columns(columns) => columns.get(name).map(|value| Segment::from(value.clone())),
            Record::Key | Record::Doubtful => None,
        }
    }
}

/// Something that has columns.
pub trait Columns {
    /// The value of a column; `None` if there is no such column here.
    fn column(&self, name: &str) -> Option<Segment>;
}

/// What a query holds, as far as one row is concerned.
#[derive(Clone, Copy, Default)]
pub struct Membership<'a> {
    /// The row, if the query holds it.
    pub held: Option<&'a dyn Columns>,
    /// How many rows the query holds.
    pub rows: usize,
}

/// What a change means for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAction {
    /// Nothing.
    Ignore,
    /// The row changes where it is.
    Patch,
    /// The row changes, and its place may.
    Move,
    /// The row comes in at its place, if that is in the window.
    Insert,
    /// The row leaves.
    Remove,
    /// The row leaves, and one from beyond the window takes its place: fetch.
    RemoveAndRefill,
    /// It cannot be told from here: fetch.
    Invalidate,
}

/// Decides what a change means for a query that depends on its table. When in doubt, [`RouteAction::Invalidate`].
///
/// ```
/// use bedside_query::{route, Condition, Membership, Predicate, RouteAction, RowChange, TableDep};
/// use serde_json::json;
///
/// let dep = TableDep::rows("patients").matching(Predicate::all().and("ward", Condition::Eq("4B".into())));
/// let not_a_member = Membership { held: None, rows: 20 };
///
/// let arrives = RowChange::update("patients", 7, json!({"id": 7, "ward": "4B"}));
/// assert_eq!(route(&arrives, &dep, not_a_member), RouteAction::Insert);
/// let elsewhere = RowChange::update("patients", 7, json!({"id": 7, "ward": "5A"}));
/// assert_eq!(route(&elsewhere, &dep, not_a_member), RouteAction::Ignore);
/// ```
#[must_use]
pub fn route(change: &RowChange, dep: &TableDep, membership: Membership<'_>) -> RouteAction {
    use RouteAction::{Ignore, Insert, Invalidate, Move, Patch, Remove, RemoveAndRefill};
    if !dep.shape.is_patchable() || dep.predicate.is_opaque() || change.record == Record::Doubtful {
        return Invalidate;
    }
    let full = matches!(dep.window, Window::First(limit) if membership.rows >= limit);
    let leave = if full { RemoveAndRefill } else { Remove };
    if change.kind == ChangeKind::Delete {
        return if membership.held.is_some() {
            leave
        } else {
            Ignore
        };
    }
    let column = |name: &str| {
        change
            .column(name)
            .or_else(|| membership.held.and_then(|held| held.column(name)))
    };
    if let (Some(version), Some(held)) = (&dep.version, membership.held)
        && let (Some(new), Some(old)) = (change.column(version), held.column(version))
        && compare(&new, &old, Collation::Bytes) == Some(Ordering::Less)
    {
        return Ignore;
    }
    match (membership.held, dep.predicate.accepts(column)) {
        (_, None) => Invalidate,
        (None, Some(false)) => Ignore,
        // Without an order, which rows a window shows is the database's whim.
        (None, Some(true)) if dep.order.is_empty() && dep.window != Window::All => Invalidate,
        (None, Some(true)) => Insert,
        (Some(_), Some(false)) => leave,
        (Some(held), Some(true)) => {
            let changed = |name: &str| {
                change
                    .column(name)
                    .is_some_and(|new| held.column(name) != Some(new))
            };
            let moves = dep.order.iter().any(|order| changed(&order.column));
            let reads = |name: &str| {
                dep.columns
                    .as_ref()
                    .is_none_or(|columns| columns.iter().any(|read| **read == *name))
            };
            let Record::Columns(columns) = &change.record else {
                return Invalidate;
            };
            if moves {
                Move
            } else if columns.keys().any(|name| reads(name) && changed(name)) {
                Patch
            } else {
                Ignore
            }
        }
    }
}

/// The order of two rows under a dependency, `None` if it is not certain. Nulls are the largest, as in the database.
pub(crate) fn order(dep: &TableDep, a: &dyn Columns, b: &dyn Columns) -> Option<Ordering> {
    for by in &dep.order {
        let (a, b) = (a.column(&by.column)?, b.column(&by.column)?);
        let ascending = match (&a, &b) {
            (Segment::Null, Segment::Null) => Ordering::Equal,
            (Segment::Null, _) => Ordering::Greater,
            (_, Segment::Null) => Ordering::Less,
            _ => compare(&a, &b, by.collation)?,
        };
        let order = if by.descending {
            ascending.reverse()
        } else {
            ascending
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}
