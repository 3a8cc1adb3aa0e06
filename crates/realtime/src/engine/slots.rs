//! Slots: one for each distinct binding that somebody holds, or held a moment ago. A slot outlives channels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::HandleId;
use crate::binding::Binding;

/// The number of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotId(u64);

/// How far a binding is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is known against it.
    Good,
    /// It shared a channel with an error: it is tried alone, lest it silences the others.
    Suspect,
    /// The server refused it while it was alone. It is tried again from time to time, still alone: a table may be published later.
    Refused(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub binding: Binding,
    pub handles: BTreeSet<HandleId>,
    pub lingers_until: Option<u64>,
    pub standing: Standing,
    /// How often it was refused, and when a refused one is tried again.
    pub refusals: u32,
    pub retry_at: u64,
    /// It has been ready at least once.
    pub proven: bool,
    pub ready: bool,
    pub gap: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    slots: BTreeMap<SlotId, Slot>,
    by_binding: HashMap<Binding, SlotId>,
    by_handle: HashMap<HandleId, SlotId>,
    made: u64,
}

impl Slots {
    pub fn hold(&mut self, handle: HandleId, binding: Binding) -> SlotId {
        let id = *self
            .by_binding
            .entry(binding)
            .or_insert_with_key(|binding| {
                self.made += 1;
                let id = SlotId(self.made);
                self.slots.insert(
                    id,
                    Slot {
                        binding: binding.clone(),
                        handles: BTreeSet::new(),
                        lingers_until: None,
                        standing: Standing::Good,
                        refusals: 0,
                        retry_at: 0,
                        proven: false,
                        ready: false,
                        gap: None,
                    },
                );
                id
            });
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.handles.insert(handle);
            slot.lingers_until = None;
        }
        self.by_handle.insert(handle, id);
        id
    }

    pub fn release(&mut self, handle: HandleId, lingers_until: u64) {
        let Some(slot) = self
            .by_handle
            .remove(&handle)
            .and_then(|id| self.slots.get_mut(&id))
        else {
            return;
        };
        slot.handles.remove(&handle);
        if slot.handles.is_empty() {
            slot.lingers_until = Some(lingers_until);
        }
    }

    /// Drops what nobody came back for; gives the gaps that end with them.
    pub fn expire(&mut self, now: u64) -> Vec<u64> {
        let over: Vec<SlotId> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.lingers_until.is_some_and(|until| until <= now))
            .map(|(id, _)| *id)
            .collect();
        let removed = over.into_iter().filter_map(|id| self.slots.remove(&id));
        removed
            .filter_map(|slot| {
                self.by_binding.remove(&slot.binding);
                slot.gap
            })
            .collect()
    }

    /// When [`Slots::expire`] has something to do.
    pub fn due(&self) -> Option<u64> {
        self.slots
            .values()
            .filter_map(|slot| slot.lingers_until)
            .min()
    }

    pub fn get(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    pub fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        self.slots.iter().map(|(id, slot)| (*id, slot))
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// A new chance for whatever was refused: a person asked, or other rights are in force.
    pub fn pardon(&mut self) {
        for slot in self.slots.values_mut() {
            if slot.standing != Standing::Good {
                // It stays alone until it proves itself.
                slot.standing = Standing::Suspect;
                slot.refusals = 0;
            }
        }
    }

    /// Refused slots whose time to be tried again has come, and when the next one's comes.
    pub fn refused_due(&self, now: u64) -> (Vec<SlotId>, Option<u64>) {
        let refused = || {
            self.slots
                .iter()
                .filter(|(_, slot)| matches!(slot.standing, Standing::Refused(_)))
        };
        let due = refused().filter(|(_, slot)| slot.retry_at <= now);
        let later = refused().map(|(_, slot)| slot.retry_at);
        (
            due.map(|(id, _)| *id).collect(),
            later.filter(|at| *at > now).min(),
        )
    }
}
