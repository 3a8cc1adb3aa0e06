//! The index from changes to the queries they may touch. Knows queries by id only; it may name too many, never too few.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use super::dep::{Shape, TableDep};
use super::route::RowChange;
use crate::key::Segment;

/// Which queries a change of a row may touch.
pub(crate) struct Router<Q> {
    tables: HashMap<Arc<str>, Table<Q>>,
    deps: HashMap<Q, Arc<[TableDep]>>,
}

struct Table<Q> {
    /// Who holds a row. Needed for rows that go or stop matching, which their new values don't tell.
    by_pk: HashMap<Segment, Vec<Q>>,
    /// Per column that some query fixes: who reads rows with this value in it.
    by_value: HashMap<Box<str>, HashMap<Segment, HashSet<Q>>>,
    /// Who must hear of every change.
    residual: HashSet<Q>,
    /// Who is being fetched: what it will hold is not known yet, so it must hear of every change meanwhile.
    fetching: HashSet<Q>,
}

impl<Q> Default for Router<Q> {
    fn default() -> Self {
        Self {
            tables: HashMap::new(),
            deps: HashMap::new(),
        }
    }
}

impl<Q> Default for Table<Q> {
    fn default() -> Self {
        Self {
            by_pk: HashMap::new(),
            by_value: HashMap::new(),
            residual: HashSet::new(),
            fetching: HashSet::new(),
        }
    }
}

/// Equal values must be one key of the index: a UUID may come as text.
fn indexed(value: &Segment) -> Segment {
    match value {
        Segment::Uuid(uuid) => Segment::Str(uuid.to_string().into()),
        other => other.clone(),
    }
}

impl<Q: Copy + Eq + Hash + Ord> Router<Q> {
    /// Says what a query depends on, in place of what was said before.
    pub(crate) fn declare(&mut self, query: Q, deps: Arc<[TableDep]>) {
        if self.deps.get(&query).is_some_and(|held| *held == deps) {
            return;
        }
        self.retract(query);
        for dep in deps.iter() {
            let table = self.tables.entry(Arc::clone(&dep.table)).or_default();
            // What is not rows may have used the row's old value, which a change does not tell.
            match dep.predicate.values().filter(|_| dep.shape == Shape::Rows) {
                Some((column, values)) => {
                    let by_column = table.by_value.entry(column.into()).or_default();
                    for value in values {
                        by_column.entry(indexed(value)).or_default().insert(query);
                    }
                }
                None => {
                    table.residual.insert(query);
                }
            }
        }
        if !deps.is_empty() {
            self.deps.insert(query, deps);
        }
    }

    fn retract(&mut self, query: Q) {
        let Some(deps) = self.deps.remove(&query) else {
            return;
        };
        for dep in deps.iter() {
            let Some(table) = self.tables.get_mut(&dep.table) else {
                continue;
            };
            table.residual.remove(&query);
            table.fetching.remove(&query);
            if let Some((column, values)) = dep.predicate.values()
                && let Some(by_column) = table.by_value.get_mut(column)
            {
                for value in values {
                    let value = indexed(value);
                    if let Some(queries) = by_column.get_mut(&value) {
                        queries.remove(&query);
                        if queries.is_empty() {
                            by_column.remove(&value);
                        }
                    }
                }
                if by_column.is_empty() {
                    table.by_value.remove(column);
                }
            }
        }
        self.tables.retain(|_, table| !table.is_empty());
    }

    /// Forgets a query, whose members its holder has taken out before.
    pub(crate) fn remove(&mut self, query: Q) {
        self.retract(query);
    }

    pub(crate) fn deps(&self, query: Q) -> Option<&Arc<[TableDep]>> {
        self.deps.get(&query)
    }

    /// From now on the query hears of every change of its tables.
    pub(crate) fn fetch_begins(&mut self, query: Q) {
        self.each_table(query, |table| {
            table.fetching.insert(query);
        });
    }

    pub(crate) fn fetch_ends(&mut self, query: Q) {
        self.each_table(query, |table| {
            table.fetching.remove(&query);
        });
    }

    fn each_table(&mut self, query: Q, mut each: impl FnMut(&mut Table<Q>)) {
        for dep in self
            .deps
            .get(&query)
            .into_iter()
            .flat_map(|deps| deps.iter())
        {
            if let Some(table) = self.tables.get_mut(&dep.table) {
                each(table);
            }
        }
    }

    pub(crate) fn join(&mut self, table: &Arc<str>, pk: &Segment, query: Q) {
        let table = self.tables.entry(Arc::clone(table)).or_default();
        let holders = table.by_pk.entry(indexed(pk)).or_default();
        if !holders.contains(&query) {
            holders.push(query);
        }
    }

    pub(crate) fn leave(&mut self, table: &str, pk: &Segment, query: Q) {
        let Some(table) = self.tables.get_mut(table) else {
            return;
        };
        let pk = indexed(pk);
        if let Some(holders) = table.by_pk.get_mut(&pk) {
            holders.retain(|holder| *holder != query);
            if holders.is_empty() {
                table.by_pk.remove(&pk);
            }
        }
    }

    /// The queries that a change may touch, each once, in order of their ids.
    pub(crate) fn candidates(&self, change: &RowChange) -> Vec<Q> {
        let Some(table) = self.tables.get(&change.table) else {
            return Vec::new();
        };
        let mut found: Vec<Q> = table
            .residual
            .iter()
            .chain(&table.fetching)
            .copied()
            .collect();
        found.extend(table.by_pk.get(&indexed(&change.pk)).into_iter().flatten());
        for (column, by_value) in &table.by_value {
            match change.column(column) {
                Some(value) => {
                    found.extend(by_value.get(&indexed(&value)).into_iter().flatten());
                }
                // A deletion concerns holders only; a change without this column may concern anybody.
                None if change.kind == super::route::ChangeKind::Delete => {}
                None => found.extend(by_value.values().flatten()),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Every query that depends on a table.
    pub(crate) fn dependents(&self, table: &str) -> Vec<Q> {
        let mut found: Vec<Q> = self
            .deps
            .iter()
            .filter(|(_, deps)| deps.iter().any(|dep| *dep.table == *table))
            .map(|(query, _)| *query)
            .collect();
        found.sort_unstable();
        found
    }
}

impl<Q> Table<Q> {
    fn is_empty(&self) -> bool {
        self.by_pk.is_empty()
            && self.by_value.is_empty()
            && self.residual.is_empty()
            && self.fetching.is_empty()
    }
}
