//! Where queries are kept, and how a whole family is invalidated without visiting it: a stamp on the prefix, which whoever
//! asks for a query next carries over to it. Visiting a thousand queries that nobody looks at costs a thousand cache misses; the
//! stamp costs one lookup. Queries that somebody looks at, or that are being fetched, are listed apart, since
//! invalidating them has consequences at once.

use std::collections::BTreeMap;

use slotmap::SlotMap;

use super::QueryId;
use super::index::{Path, under};
use super::query::Query;
use crate::key::SegmentId;

pub(crate) struct Store<S> {
    /// Boxed, so that growing the map moves pointers and leaves no large holes behind.
    queries: SlotMap<QueryId, Box<Query<S>>>,
    stamps: Stamps,
    /// The queries that somebody observes or that are being fetched.
    attended: BTreeMap<Path, QueryId>,
}

/// When which prefixes were invalidated.
#[derive(Default)]
struct Stamps {
    /// The number of the latest stamp. A query that has seen it has seen them all.
    latest: u64,
    by_prefix: BTreeMap<Path, u64>,
}

impl Stamps {
    /// Tells a query of the stamps since it was last told.
    fn carry_over<S>(&self, query: &Query<S>) {
        let seen = query.stamps_seen.replace(self.latest);
        if seen == self.latest || query.invalidated.get() {
            return;
        }
        let stamped = (0..=query.path.len()).any(|length| {
            let prefix = query.path.get(..length).unwrap_or_default();
            self.by_prefix
                .get(prefix)
                .is_some_and(|stamp| *stamp > seen)
        });
        if stamped {
            query.invalidated.set(true);
        }
    }
}

impl<S> Default for Store<S> {
    fn default() -> Self {
        Self {
            queries: SlotMap::with_key(),
            stamps: Stamps::default(),
            attended: BTreeMap::new(),
        }
    }
}

impl<S> Store<S> {
    pub(crate) fn insert_with_key(&mut self, make: impl FnOnce(QueryId) -> Query<S>) -> QueryId {
        let latest = self.stamps.latest;
        self.queries.insert_with_key(|id| {
            let query = make(id);
            // Born after every stamp.
            query.stamps_seen.set(latest);
            Box::new(query)
        })
    }

    pub(crate) fn get(&self, id: QueryId) -> Option<&Query<S>> {
        let query = self.queries.get(id)?;
        self.stamps.carry_over(query);
        Some(query)
    }

    pub(crate) fn get_mut(&mut self, id: QueryId) -> Option<&mut Query<S>> {
        let query = self.queries.get_mut(id)?;
        self.stamps.carry_over(query);
        Some(query)
    }

    pub(crate) fn remove(&mut self, id: QueryId) -> Option<Box<Query<S>>> {
        let query = self.queries.remove(id)?;
        self.attended.remove(&query.path);
        Some(query)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = QueryId> + '_ {
        self.queries.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (QueryId, &Query<S>)> {
        self.queries.iter().map(|(id, query)| {
            self.stamps.carry_over(query);
            (id, query.as_ref())
        })
    }

    /// Looks again whether anybody observes the query or fetches it.
    pub(crate) fn attend(&mut self, id: QueryId) {
        let Some(query) = self.queries.get(id) else {
            return;
        };
        let attended = !query.observers.is_empty() || query.fetch.is_some();
        if attended == query.attended.replace(attended) {
            return;
        }
        if attended {
            self.attended.insert(query.path.clone(), id);
        } else {
            self.attended.remove(&query.path);
        }
    }

    /// The queries under a prefix that somebody observes or that are being fetched.
    pub(crate) fn attended(&self, prefix: &[SegmentId]) -> Vec<QueryId> {
        under(&self.attended, prefix).map(|(_, id)| *id).collect()
    }

    /// Invalidates everything under a prefix that is there now. Stamps further down say less and go; they are given back,
    /// with the one that was in the same place.
    pub(crate) fn stamp(&mut self, prefix: &Path) -> Vec<Path> {
        let replaced: Vec<Path> = under(&self.stamps.by_prefix, prefix)
            .map(|(path, _)| path.clone())
            .collect();
        for path in &replaced {
            self.stamps.by_prefix.remove(path);
        }
        self.stamps.latest += 1;
        self.stamps
            .by_prefix
            .insert(prefix.clone(), self.stamps.latest);
        replaced
    }

    /// Takes a stamp away that no query is under any more.
    pub(crate) fn unstamp(&mut self, prefix: &[SegmentId]) -> bool {
        self.stamps.by_prefix.remove(prefix).is_some()
    }

    pub(crate) fn has_stamps(&self) -> bool {
        !self.stamps.by_prefix.is_empty()
    }
}
