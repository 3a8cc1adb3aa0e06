//! Data that shows some rows of a table among other things, such as a page of a longer list with its total. What it shows can be
//! patched; what it leaves out is the source's to say.

use std::sync::Arc;

use super::patch::{Delta, Patched, RowOps, merged};
use super::row::Row;
use crate::deps::{ChangeKind, Columns, Membership, RouteAction, RowChange, TableDep, route};
use crate::key::Segment;

/// What a type must be able to do to have its rows patched by
/// [`QueryOptions::row_set`](crate::QueryOptions::row_set).
///
/// ```
/// use bedside_query::{Row, RowSet, Segment};
///
/// #[derive(Clone, PartialEq)]
/// struct Page<R> { rows: Vec<R>, total: usize }
///
/// impl<R: Row> RowSet for Page<R> {
///     type Row = R;
///     fn get(&self, pk: &Segment) -> Option<&R> {
///         self.rows.iter().find(|row| row.pk() == *pk)
///     }
///     fn each_pk(&self, each: &mut dyn FnMut(Segment)) {
///         self.rows.iter().for_each(|row| each(row.pk()));
///     }
///     fn replace(&self, row: R) -> Self {
///         let put = |held: &R| if held.pk() == row.pk() { row.clone() } else { held.clone() };
///         Self { rows: self.rows.iter().map(put).collect(), total: self.total }
///     }
///     fn remove(&self, pk: &Segment) -> Self {
///         let rows = self.rows.iter().filter(|row| row.pk() != *pk).cloned().collect();
///         Self { rows, total: self.total.saturating_sub(1) }
///     }
///     fn is_whole(&self) -> bool {
///         self.rows.len() == self.total
///     }
/// }
/// ```
pub trait RowSet: PartialEq + Send + Sync + 'static {
    /// What its rows are.
    type Row: Row;

    /// The row with this primary key, if it is shown.
    fn get(&self, pk: &Segment) -> Option<&Self::Row>;

    /// Gives the primary key of every row that is shown.
    fn each_pk(&self, each: &mut dyn FnMut(Segment));

    /// The same with `row` in the place of the row with its primary key.
    #[must_use]
    fn replace(&self, row: Self::Row) -> Self;

    /// The same without this row, and one less in any total.
    #[must_use]
    fn remove(&self, pk: &Segment) -> Self;

    /// Whether every row that matches is shown, so that one which is not shown is known not to match.
    fn is_whole(&self) -> bool;
}

impl RowOps {
    /// Data that shows some rows.
    pub(crate) fn set<S: RowSet>() -> Self {
        Self {
            members: |value, each| {
                if let Some(set) = value.downcast_ref::<S>() {
                    set.each_pk(each);
                }
            },
            share: |_, new| new,
            apply: |value, dep, change| match value.downcast_ref::<S>() {
                Some(set) => apply_to_set(set, dep, change),
                None => Patched::Fetch,
            },
        }
    }
}

fn apply_to_set<S: RowSet>(set: &S, dep: &TableDep, change: &RowChange) -> Patched {
    let held = set.get(&change.pk);
    let membership = Membership {
        held: held.map(|row| row as &dyn Columns),
        rows: usize::MAX,
    };
    let patched = || merged(held?, change).map(|row| Arc::new(set.replace(row)) as _);
    match route(change, dep, membership) {
        // A row that does not match now may have been counted before, out of sight.
        RouteAction::Ignore
            if held.is_some() || change.kind == ChangeKind::Insert || set.is_whole() =>
        {
            Patched::Same
        }
        RouteAction::Patch => match patched() {
            Some(data) => Patched::Data(data, Delta::default()),
            None => Patched::Fetch,
        },
        // True at once; where it belongs now is the source's to say.
        RouteAction::Move => match patched() {
            Some(data) => Patched::DataAndFetch(data, Delta::default()),
            None => Patched::Fetch,
        },
        RouteAction::Remove | RouteAction::RemoveAndRefill => {
            let data = Arc::new(set.remove(&change.pk));
            let delta = Delta {
                joined: None,
                left: Some(change.pk.clone()),
            };
            if set.is_whole() {
                Patched::Data(data, delta)
            } else {
                Patched::DataAndFetch(data, delta)
            }
        }
        RouteAction::Ignore | RouteAction::Insert | RouteAction::Invalidate => Patched::Fetch,
    }
}
