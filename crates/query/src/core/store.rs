//! Where queries are kept. Beside the queries it keeps one byte for each, so that invalidating a family of queries nobody
//! looks at touches a few contiguous bytes instead of a cache line in each query; who asks for a query next carries the
//! mark over. Knows nothing of keys.

use std::cell::Cell;

use slotmap::{Key, SlotMap};

use super::QueryId;
use super::query::Query;

/// Somebody observes the query, or a fetch runs: invalidating it is more than a mark.
const ATTENDED: u8 = 1;
/// It was invalidated, and the query itself does not know yet.
const MARKED: u8 = 2;

pub(crate) struct Store<S> {
    /// Boxed, so that growing the map moves pointers and leaves no large holes behind.
    queries: SlotMap<QueryId, Box<Query<S>>>,
    /// By the place of the query in the map.
    marks: Vec<Cell<u8>>,
}

impl<S> Default for Store<S> {
    fn default() -> Self {
        Self {
            queries: SlotMap::with_key(),
            marks: Vec::new(),
        }
    }
}

/// The place of a query in the map: the lower half of its id.
fn place(id: QueryId) -> usize {
    usize::try_from(id.data().as_ffi() & u64::from(u32::MAX)).unwrap_or(usize::MAX)
}

impl<S> Store<S> {
    pub(crate) fn insert_with_key(&mut self, make: impl FnOnce(QueryId) -> Query<S>) -> QueryId {
        let id = self.queries.insert_with_key(|id| Box::new(make(id)));
        let place = place(id);
        if self.marks.len() <= place {
            self.marks.resize(place + 1, Cell::new(0));
        }
        // The place may have been another's.
        if let Some(mark) = self.marks.get(place) {
            mark.set(0);
        }
        id
    }

    pub(crate) fn get(&self, id: QueryId) -> Option<&Query<S>> {
        let query = self.queries.get(id)?;
        self.carry_over(id, query);
        Some(query)
    }

    pub(crate) fn get_mut(&mut self, id: QueryId) -> Option<&mut Query<S>> {
        let query = self.queries.get_mut(id)?;
        if let Some(mark) = self
            .marks
            .get(place(id))
            .filter(|mark| mark.get() & MARKED != 0)
        {
            query.invalidated.set(true);
            mark.set(mark.get() & !MARKED);
        }
        Some(query)
    }

    fn carry_over(&self, id: QueryId, query: &Query<S>) {
        if let Some(mark) = self
            .marks
            .get(place(id))
            .filter(|mark| mark.get() & MARKED != 0)
        {
            query.invalidated.set(true);
            mark.set(mark.get() & !MARKED);
        }
    }

    pub(crate) fn remove(&mut self, id: QueryId) -> Option<Box<Query<S>>> {
        self.queries.remove(id)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = QueryId> + '_ {
        self.queries.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (QueryId, &Query<S>)> {
        self.queries.iter().map(|(id, query)| {
            self.carry_over(id, query);
            (id, query.as_ref())
        })
    }

    /// Looks again whether anybody observes the query or fetches it.
    pub(crate) fn attend(&self, id: QueryId) {
        let attended = self
            .queries
            .get(id)
            .is_some_and(|query| !query.observers.is_empty() || query.fetch.is_some());
        if let Some(mark) = self.marks.get(place(id)) {
            let rest = mark.get() & !ATTENDED;
            mark.set(if attended { rest | ATTENDED } else { rest });
        }
    }

    /// Invalidates a query that is not attended to; `false` if it is and nothing was done. The id must be of a query that
    /// is there, as those of the index are.
    pub(crate) fn mark(&self, id: QueryId) -> bool {
        let Some(mark) = self.marks.get(place(id)) else {
            return false;
        };
        let unattended = mark.get() & ATTENDED == 0;
        if unattended {
            mark.set(mark.get() | MARKED);
        }
        unattended
    }
}
