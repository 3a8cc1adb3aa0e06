//! Carrying a routed change out on a query's data, with the row type known here and nowhere above.

use std::cmp::Ordering;
use std::sync::Arc;

use super::list::Rows;
use super::row::Row;
use crate::core::value::Value;
use crate::deps::{
    ChangeKind, Columns, Membership, Record, RouteAction, RowChange, TableDep, Window, order, route,
};
use crate::key::Segment;

/// What a change made of a query's data.
pub(crate) enum Patched {
    /// Nothing: it does not touch the query.
    Same,
    /// This.
    Data(Value, Delta),
    /// This, but it is not all: fetch, too.
    DataAndFetch(Value, Delta),
    /// It cannot be told: fetch.
    Fetch,
}

/// Which primary keys came into the data and left it.
#[derive(Default)]
pub(crate) struct Delta {
    pub(crate) joined: Option<Segment>,
    pub(crate) left: Option<Segment>,
}

impl Delta {
    fn left(pk: &Segment) -> Self {
        Self {
            joined: None,
            left: Some(pk.clone()),
        }
    }

    fn joined(pk: &Segment) -> Self {
        Self {
            joined: Some(pk.clone()),
            left: None,
        }
    }
}

/// How changes reach the data of a query, its type erased.
#[derive(Clone, Copy)]
pub(crate) struct RowOps {
    /// Every primary key in the data.
    pub(crate) members: fn(&Value, &mut dyn FnMut(Segment)),
    /// New data, with what did not change taken from the old (rule 71).
    pub(crate) share: fn(&Value, Value) -> Value,
    /// The data after a change.
    pub(crate) apply: fn(&Value, &TableDep, &RowChange) -> Patched,
}

impl RowOps {
    /// Data that is a list of rows.
    pub(crate) fn list<R: Row>() -> Self {
        Self {
            members: |value, each| {
                if let Some(rows) = value.downcast_ref::<Rows<R>>() {
                    rows.iter().for_each(|row| each(row.pk()));
                }
            },
            share: |old, new| match (old.downcast_ref::<Rows<R>>(), new.downcast_ref::<Rows<R>>()) {
                (Some(old), Some(rows)) => Arc::new(rows.clone().sharing(old)),
                _ => new,
            },
            apply: |value, dep, change| match value.downcast_ref::<Rows<R>>() {
                Some(rows) => apply_to_list(rows, dep, change),
                None => Patched::Fetch,
            },
        }
    }

    /// Data that is one row. It can change, but neither come nor go.
    pub(crate) fn single<R: Row>() -> Self {
        Self {
            members: |value, each| {
                if let Some(row) = value.downcast_ref::<R>() {
                    each(row.pk());
                }
            },
            share: |_, new| new,
            apply: |value, dep, change| match value.downcast_ref::<R>() {
                Some(row) => apply_to_row(row, dep, change),
                None => Patched::Fetch,
            },
        }
    }
}

fn apply_to_row<R: Row>(held: &R, dep: &TableDep, change: &RowChange) -> Patched {
    let member = held.pk() == change.pk;
    let membership = Membership {
        held: member.then_some(held as &dyn Columns),
        rows: 1,
    };
    match route(change, dep, membership) {
        RouteAction::Ignore => Patched::Same,
        RouteAction::Patch | RouteAction::Move => match merged(held, change) {
            Some(row) => Patched::Data(Arc::new(row), Delta::default()),
            None => Patched::Fetch,
        },
        // Another row matches now, or this one no longer does: only the source knows what is there instead.
        _ => Patched::Fetch,
    }
}

pub(super) fn merged<R: Row>(held: &R, change: &RowChange) -> Option<R> {
    match &change.record {
        Record::Columns(columns) => held.merge(columns).ok(),
        Record::Key | Record::Doubtful => None,
    }
}

fn apply_to_list<R: Row>(rows: &Rows<R>, dep: &TableDep, change: &RowChange) -> Patched {
    let held = rows.get(&change.pk);
    let membership = Membership {
        held: held.map(|row| row.as_ref() as &dyn Columns),
        rows: rows.len(),
    };
    let full = matches!(dep.window, Window::First(limit) if rows.len() >= limit);
    let data = |rows: Rows<R>, delta: Delta| Patched::Data(Arc::new(rows), delta);
    match route(change, dep, membership) {
        RouteAction::Ignore => Patched::Same,
        RouteAction::Invalidate => Patched::Fetch,
        RouteAction::Remove => data(rows.remove(&change.pk), Delta::left(&change.pk)),
        RouteAction::RemoveAndRefill => {
            Patched::DataAndFetch(Arc::new(rows.remove(&change.pk)), Delta::left(&change.pk))
        }
        RouteAction::Patch => match held.and_then(|held| merged(held.as_ref(), change)) {
            Some(row) => data(rows.replace(&change.pk, row), Delta::default()),
            None => Patched::Fetch,
        },
        RouteAction::Move => {
            let Some(row) = held.and_then(|held| merged(held.as_ref(), change)) else {
                return Patched::Fetch;
            };
            let rest = rows.remove(&change.pk);
            match position(&rest, dep, &row) {
                // Last in a full window: a row from beyond may come before it now.
                Some(at) if full && at >= rest.len() => {
                    Patched::DataAndFetch(Arc::new(rest.insert(at, row)), Delta::default())
                }
                Some(at) => data(rest.insert(at, row), Delta::default()),
                None => Patched::Fetch,
            }
        }
        RouteAction::Insert => {
            let Record::Columns(columns) = &change.record else {
                return Patched::Fetch;
            };
            let Ok(row) = R::from_columns(columns) else {
                return Patched::Fetch;
            };
            if dep.order.is_empty() && change.kind == ChangeKind::Update {
                // Its place is where the source puts it; at the end is as good as any.
                return data(rows.insert(rows.len(), row), Delta::joined(&change.pk));
            }
            let Some(at) = position(rows, dep, &row) else {
                return Patched::Fetch;
            };
            match dep.window {
                // Just past a full window it stays out; but a tie with the last row is the source's to break.
                Window::First(limit) if at >= limit => match rows.at(at.saturating_sub(1)) {
                    Some(last) if order(dep, &row, last.as_ref()) == Some(Ordering::Greater) => {
                        Patched::Same
                    }
                    _ => Patched::Fetch,
                },
                Window::First(limit) => {
                    let left = rows
                        .at(limit.saturating_sub(1))
                        .filter(|_| full)
                        .map(|row| row.pk());
                    let delta = Delta {
                        left,
                        ..Delta::joined(&change.pk)
                    };
                    data(rows.insert(at, row).truncate(limit), delta)
                }
                Window::All => data(rows.insert(at, row), Delta::joined(&change.pk)),
            }
        }
    }
}

/// Where a row belongs in an ordered list: after all rows that are not greater. `None` if some comparison is a doubt.
fn position<R: Row>(rows: &Rows<R>, dep: &TableDep, row: &R) -> Option<usize> {
    if dep.order.is_empty() {
        return Some(rows.len());
    }
    let (mut low, mut high) = (0, rows.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match order(dep, rows.at(middle)?.as_ref(), row)? {
            Ordering::Greater => high = middle,
            Ordering::Less | Ordering::Equal => low = middle + 1,
        }
    }
    Some(low)
}
