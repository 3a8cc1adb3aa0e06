//! Where the store meets the change stream: routes changes of rows to queries, and keeps the dependency index true to what
//! the queries hold.

use std::collections::HashSet;
use std::sync::Arc;

use super::event::Action;
use super::operations::Refetch;
use super::options::Overlap;
use super::query::{Doubt, Fenced};
use super::value::Value;
use super::{Core, QueryId};
use crate::deps::{ChangeKind, RowChange, TableDep};
use crate::key::Segment;
use crate::rows::{Delta, Patched, RowOps};

/// What changes of rows did to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Routed {
    /// Queries whose data was changed in place.
    pub patched: usize,
    /// Queries that were invalidated because the change could not be told from here; the active ones fetch.
    pub invalidated: usize,
    /// Queries that the index named and the change did not touch.
    pub untouched: usize,
}

impl<S: Clone> Core<S> {
    /// Says what a query depends on, and how changes reach its data.
    pub(crate) fn declare(&mut self, id: QueryId, deps: &Arc<[TableDep]>, rows: Option<RowOps>) {
        if deps.is_empty() && self.router.deps(id).is_none() {
            return;
        }
        self.forget_members(id);
        self.router.declare(id, Arc::clone(deps));
        if let Some(query) = self.queries.get_mut(id) {
            query.extra().rows = rows;
            if query.fetch.is_some() {
                self.router.fetch_begins(id);
            }
        }
        self.reindex(id);
    }

    /// A row changed: every query that may care is patched, invalidated or left alone.
    pub(crate) fn change(&mut self, change: &Arc<RowChange>, refetch: Refetch) -> Routed {
        let doubt = match refetch {
            Refetch::None => Doubt::Marked,
            Refetch::Active | Refetch::Inactive | Refetch::All => Doubt::Owed,
        };
        let mut routed = Routed::default();
        let mut doubtful = Vec::new();
        for id in self.router.candidates(change) {
            let Some(query) = self.queries.get_mut(id) else {
                continue;
            };
            if let Some(fetch) = &mut query.fetch {
                fetch.fence.push(Fenced::Row(Arc::clone(change), doubt));
            }
            let Some(base) = query.base.clone() else {
                continue;
            };
            match self.apply(id, &base, change) {
                Patched::Same => routed.untouched += 1,
                Patched::Data(data, delta) => {
                    self.patch_row(id, change, data, delta);
                    routed.patched += 1;
                    if doubt == Doubt::Marked {
                        doubtful.push(id);
                    }
                }
                Patched::DataAndFetch(data, delta) => {
                    self.patch_row(id, change, data, delta);
                    routed.patched += 1;
                    doubtful.push(id);
                }
                Patched::Fetch => {
                    routed.invalidated += 1;
                    doubtful.push(id);
                }
            }
        }
        match doubt {
            Doubt::Owed => {
                self.invalidate_ids(&doubtful, refetch, Overlap::Owe);
            }
            Doubt::None | Doubt::Marked => {
                for id in doubtful {
                    self.doubt(id);
                }
            }
        }
        routed
    }

    /// Takes what a query holds for out of date, without owing it a fetch. What a fetch that runs will bring is judged by its
    /// fence.
    fn doubt(&mut self, id: QueryId) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        if let Some(fetch) = &mut query.fetch {
            fetch.revert.invalidated = true;
        }
        if !query.invalidated.replace(true) {
            self.touch(id, Action::Invalidate);
        }
    }

    /// The data after a change, by whatever the query says of itself.
    fn apply(&self, id: QueryId, data: &Value, change: &RowChange) -> Patched {
        let Some(deps) = self.router.deps(id) else {
            return Patched::Same;
        };
        let rows = self
            .queries
            .get(id)
            .and_then(|query| query.extra.as_ref()?.rows);
        let mut concerned = deps.iter().filter(|dep| dep.table == change.table);
        match (concerned.next(), concerned.next(), rows) {
            (None, ..) => Patched::Same,
            (Some(dep), None, Some(rows)) if dep.shape.is_patchable() => {
                (rows.apply)(data, dep, change)
            }
            (Some(dep), None, None) => {
                // Which rows it holds is not known, but a new row that does not match is none of them.
                let refused = dep.predicate.accepts(|column| change.column(column)) == Some(false);
                if refused && change.kind == ChangeKind::Insert {
                    Patched::Same
                } else {
                    Patched::Fetch
                }
            }
            _ => Patched::Fetch,
        }
    }

    /// The result of a fetch with what arrived since the fetch began, and what to do about changes that could not be told.
    pub(super) fn replay(&self, id: QueryId, value: Value, fence: &[Fenced]) -> (Value, Doubt) {
        let mut doubt = Doubt::None;
        let value = fence.iter().fold(value, |value, fenced| match fenced {
            Fenced::Change(change) => change(&value).unwrap_or(value),
            Fenced::Row(change, raised) => match self.apply(id, &value, change) {
                Patched::Same => value,
                // Of two moments at once, the answer's and the change's: whoever fetches later anyhow proves it then.
                Patched::Data(data, _) if *raised == Doubt::Owed => data,
                Patched::Data(data, _) | Patched::DataAndFetch(data, _) => {
                    doubt = doubt.max(*raised);
                    data
                }
                Patched::Fetch => {
                    doubt = doubt.max(*raised);
                    value
                }
            },
        });
        (value, doubt)
    }

    fn patch_row(&mut self, id: QueryId, change: &RowChange, data: Value, delta: Delta) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.base = Some(Arc::clone(&data));
        query.fold();
        // Cancelling the fetch that runs must not undo what others wrote (rule 36).
        if let Some(fetch) = &mut query.fetch {
            fetch.revert.base = Some(Arc::clone(&data));
        }
        query.extra().indexed = Some(data);
        if let Some(pk) = &delta.left {
            self.router.leave(&change.table, pk, id);
        }
        if let Some(pk) = &delta.joined {
            self.router.join(&change.table, pk, id);
        }
        self.updated(id, Action::Patch);
    }

    /// The table whose rows are the query's data.
    fn row_table(&self, id: QueryId) -> Option<Arc<str>> {
        let deps = self.router.deps(id)?;
        deps.iter()
            .find(|dep| dep.shape.is_patchable())
            .map(|dep| Arc::clone(&dep.table))
    }

    /// The base of a query changed otherwise than row by row: its members are read anew.
    pub(super) fn reindex(&mut self, id: QueryId) {
        let Some(table) = self.row_table(id) else {
            return;
        };
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let Some(rows) = query.extra.as_ref().and_then(|extra| extra.rows) else {
            return;
        };
        let base = query.base.clone();
        let before = std::mem::replace(&mut query.extra().indexed, base.clone());
        let mut gone: HashSet<Segment> = members(rows, before.as_ref()).into_iter().collect();
        for pk in members(rows, base.as_ref()) {
            if !gone.remove(&pk) {
                self.router.join(&table, &pk, id);
            }
        }
        for pk in gone {
            self.router.leave(&table, &pk, id);
        }
    }

    pub(super) fn forget_members(&mut self, id: QueryId) {
        let Some(table) = self.row_table(id) else {
            return;
        };
        let Some(extra) = self
            .queries
            .get_mut(id)
            .and_then(|query| query.extra.as_mut())
        else {
            return;
        };
        let (Some(rows), indexed) = (extra.rows, extra.indexed.take()) else {
            return;
        };
        for pk in members(rows, indexed.as_ref()) {
            self.router.leave(&table, &pk, id);
        }
    }

    /// Invalidates every query that depends on a table: what a gap in its changes means.
    pub(crate) fn gap(&mut self, table: &str) -> usize {
        let dependents = self.router.dependents(table);
        self.invalidate_ids(&dependents, Refetch::Active, Overlap::Owe);
        dependents.len()
    }
}

fn members(rows: RowOps, data: Option<&Value>) -> Vec<Segment> {
    let mut found = Vec::new();
    if let Some(data) = data {
        (rows.members)(data, &mut |pk| found.push(pk));
    }
    found
}
