//! The ordered index from keys to queries. Knows segments and ids, nothing of what a query is. Exact lookups, prefixes and
//! misses never scan: keys are sorted by their interned segments, so a family of keys is one contiguous range.

use std::collections::BTreeMap;
use std::ops::Bound;

use smallvec::SmallVec;

use super::QueryId;
use crate::key::{Interner, QueryKey, Segment, SegmentId};

/// A key as the store holds it: four bytes a segment, in place, so that looking one up among many follows no pointers.
pub(crate) type Path = SmallVec<[SegmentId; 5]>;

#[derive(Default)]
pub(crate) struct Index {
    interner: Interner,
    queries: BTreeMap<Path, QueryId>,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.queries.len()
    }

    pub(crate) fn segments(&self) -> usize {
        self.interner.len()
    }

    pub(crate) fn get(&self, key: &QueryKey) -> Option<QueryId> {
        self.find(key.segments())
            .and_then(|path| self.queries.get(&path).copied())
    }

    /// The known numbers of all segments, or `None` at the first segment that no key holds.
    fn find(&self, segments: &[Segment]) -> Option<Path> {
        segments
            .iter()
            .map(|segment| self.interner.find(segment))
            .collect()
    }

    /// Files `id` under `key`, whose slot must be empty: callers look it up first.
    pub(crate) fn insert(&mut self, key: &QueryKey, id: QueryId) -> Path {
        let path: Path = key
            .segments()
            .iter()
            .filter_map(|segment| self.interner.acquire(segment))
            .collect();
        self.queries.insert(path.clone(), id);
        path
    }

    pub(crate) fn remove(&mut self, path: &Path) {
        if self.queries.remove(path).is_some() {
            for id in path.iter() {
                self.interner.release(*id);
            }
        }
    }

    pub(crate) fn key(&self, path: &Path) -> QueryKey {
        QueryKey::new(
            path.iter()
                .filter_map(|id| self.interner.segment(*id).cloned()),
        )
    }

    /// Every query in key order.
    pub(crate) fn all(&self) -> impl Iterator<Item = QueryId> + '_ {
        self.queries.values().copied()
    }

    /// The path of a prefix that stands for one range: only scalar segments, all known, and with a key under it.
    pub(crate) fn range(&self, prefix: &QueryKey) -> Option<Path> {
        if !prefix.segments().iter().all(Segment::is_scalar) {
            return None;
        }
        let path = self.find(prefix.segments())?;
        self.has_under(&path).then_some(path)
    }

    pub(crate) fn has_under(&self, prefix: &[SegmentId]) -> bool {
        under(&self.queries, prefix).next().is_some()
    }

    /// Keeps the numbers of a path in use while something other than a key holds it.
    pub(crate) fn hold(&mut self, path: &Path) {
        path.iter().for_each(|id| self.interner.hold(*id));
    }

    pub(crate) fn release(&mut self, path: &[SegmentId]) {
        path.iter().for_each(|id| self.interner.release(*id));
    }

    /// Calls `found` for each query whose key the prefix selects. The scalar segments at the front of the prefix choose the
    /// range; only from the first list or object on are keys compared one by one (rules 7 and 8).
    pub(crate) fn prefix(&self, prefix: &QueryKey, mut found: impl FnMut(QueryId)) {
        let segments = prefix.segments();
        let scalars = segments
            .iter()
            .take_while(|segment| segment.is_scalar())
            .count();
        let (front, rest) = segments.split_at(scalars);
        let Some(front) = self.find(front) else {
            return;
        };
        let range = under(&self.queries, &front);
        if rest.is_empty() {
            range.for_each(|(_, id)| found(*id));
            return;
        }
        for (path, id) in range {
            let held = path.iter().skip(scalars);
            let fits = path.len() >= segments.len()
                && rest.iter().zip(held).all(|(want, id)| {
                    self.interner
                        .segment(*id)
                        .is_some_and(|held| want.accepts(held))
                });
            if fits {
                found(*id);
            }
        }
    }
}

/// What a map holds under a prefix: one contiguous range, since paths are in order.
pub(crate) fn under<'a, V>(
    map: &'a BTreeMap<Path, V>,
    prefix: &[SegmentId],
) -> impl Iterator<Item = (&'a Path, &'a V)> + use<'a, V> {
    let mut end = Path::from_slice(prefix);
    if let Some(last) = end.last_mut() {
        *last = last.next();
    }
    let upper = if end.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(end.as_slice())
    };
    map.range::<[SegmentId], _>((Bound::Included(prefix), upper))
}
