//! Gives each distinct segment a small number while something refers to it. Knows nothing of keys or queries. A segment
//! that no key uses any more is forgotten, so that a cache that churns through ids does not grow.

use std::hash::BuildHasher;
use std::num::NonZeroU32;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::Segment;
use super::names::Names;

/// The number of an interned segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentId(NonZeroU32);

impl SegmentId {
    /// The next number in order: the exclusive end of a range over keys that hold `self`.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    fn slot(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Default)]
pub(crate) struct Interner {
    /// Numbers by segment. It holds numbers only, since the segments are in the slots.
    numbers: HashTable<SegmentId>,
    /// Indexed by number - 1; `uses` is 0 exactly for the numbers in `free`.
    slots: Vec<Slot>,
    free: Vec<SegmentId>,
    names: Names,
}

struct Slot {
    segment: Segment,
    uses: u32,
}

/// Keys come from the app itself, so a fast hash is better than one that withstands an adversary.
fn hash(segment: &Segment) -> u64 {
    FxBuildHasher.hash_one(segment)
}

impl Interner {
    /// The number of a segment that some key holds. `None` proves that no key holds it: a miss costs one lookup.
    pub(crate) fn find(&self, segment: &Segment) -> Option<SegmentId> {
        let same = |id: &SegmentId| {
            self.slots
                .get(id.slot())
                .is_some_and(|slot| slot.segment == *segment)
        };
        self.numbers.find(hash(segment), same).copied()
    }

    /// The number of the segment, with one more use. `None` only past four thousand million distinct segments.
    pub(crate) fn acquire(&mut self, segment: &Segment) -> Option<SegmentId> {
        if let Some(id) = self.find(segment) {
            if let Some(slot) = self.slots.get_mut(id.slot()) {
                slot.uses = slot.uses.saturating_add(1);
            }
            return Some(id);
        }
        let slot = Slot {
            segment: self.with_shared_names(segment),
            uses: 1,
        };
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(free) = self.slots.get_mut(id.slot()) {
                    *free = slot;
                }
                id
            }
            None => {
                // One below the maximum, so that `next` of the last number still differs from it.
                let number = u32::try_from(self.slots.len() + 1)
                    .ok()
                    .filter(|n| *n < u32::MAX)?;
                self.slots.push(slot);
                SegmentId(NonZeroU32::new(number)?)
            }
        };
        let slots = &self.slots;
        self.numbers.insert_unique(hash(segment), id, |id| {
            slots.get(id.slot()).map_or(0, |slot| hash(&slot.segment))
        });
        Some(id)
    }

    /// One more use of a number in use.
    pub(crate) fn hold(&mut self, id: SegmentId) {
        if let Some(slot) = self.slots.get_mut(id.slot()) {
            slot.uses = slot.uses.saturating_add(1);
        }
    }

    /// Gives back one use.
    pub(crate) fn release(&mut self, id: SegmentId) {
        let Some(slot) = self.slots.get_mut(id.slot()) else {
            return;
        };
        slot.uses = slot.uses.saturating_sub(1);
        if slot.uses == 0 {
            let segment = std::mem::replace(&mut slot.segment, Segment::Null);
            if let Ok(entry) = self.numbers.find_entry(hash(&segment), |held| *held == id) {
                entry.remove();
            }
            self.release_names(&segment);
            self.free.push(id);
        }
    }

    /// The segment, its properties' names replaced by the one handle on each. As deep as segments may be nested.
    fn with_shared_names(&mut self, segment: &Segment) -> Segment {
        match segment {
            Segment::Object(properties) => Segment::Object(
                properties
                    .iter()
                    .map(|(name, value)| (self.names.acquire(name), self.with_shared_names(value)))
                    .collect(),
            ),
            Segment::List(items) => Segment::List(
                items
                    .iter()
                    .map(|item| self.with_shared_names(item))
                    .collect(),
            ),
            scalar => scalar.clone(),
        }
    }

    fn release_names(&mut self, segment: &Segment) {
        match segment {
            Segment::Object(properties) => properties.iter().for_each(|(name, value)| {
                self.names.release(name);
                self.release_names(value);
            }),
            Segment::List(items) => items.iter().for_each(|item| self.release_names(item)),
            _ => {}
        }
    }

    pub(crate) fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.slots.get(id.slot()).map(|slot| &slot.segment)
    }

    /// Distinct segments in use.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_properties_are_held_once_and_forgotten_with_their_last_object() {
        let mut interner = Interner::default();
        let ids: Vec<SegmentId> = (0..100)
            .filter_map(|i| {
                interner.acquire(&Segment::from(json!([{"ward": i, "page": {"at": i}}])))
            })
            .collect();
        assert_eq!((ids.len(), interner.names.len()), (100, 3));
        ids.iter().for_each(|id| interner.release(*id));
        assert_eq!((interner.len(), interner.names.len()), (0, 0));
    }
}
