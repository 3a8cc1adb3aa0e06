//! Who may trust the feed: readiness of every binding and room, in one place, so that one incident is one gap.

use super::channels::{Phase, Purpose};
use super::slots::Standing;
use super::{Engine, HandleId, Lost};
use crate::event::{BindingEvent, Ready};
use crate::gap::GapCause;
use crate::room::RoomEvent;

impl Engine {
    /// Brings readiness in line with the channels and doubts, and tells what that means: whatever lost it shares
    /// one gap of this cause, proven until `from`; whatever regained it ends its gap.
    pub(super) fn settle_readiness(&mut self, cause: &GapCause, from: u64) {
        self.changed = true;
        let listening = if self.feed.is_doubted() {
            Default::default()
        } else {
            self.listening_slots()
        };
        let lost: Vec<_> = self
            .slots
            .iter()
            .filter(|(id, slot)| slot.ready && !listening.contains(id))
            .map(|(id, _)| id)
            .collect();
        let gained: Vec<_> = self
            .slots
            .iter()
            .filter(|(id, slot)| !slot.ready && listening.contains(id))
            .map(|(id, _)| id)
            .collect();
        let inside = |name: &str| {
            self.channels.values().any(|channel| {
                channel.phase == Phase::Joined
                    && matches!(&channel.purpose, Purpose::Room(own) if own == name)
            })
        };
        let left: Vec<String> = self
            .rooms
            .iter()
            .filter(|(name, room)| room.ready && !inside(name))
            .map(|(name, _)| name.clone())
            .collect();
        let entered: Vec<String> = self
            .rooms
            .iter()
            .filter(|(name, room)| !room.ready && inside(name))
            .map(|(name, _)| name.clone())
            .collect();
        if !lost.is_empty() || !left.is_empty() {
            let gap = self
                .ledger
                .open(cause.clone(), from, lost.len(), left.len());
            if !lost.is_empty() {
                self.lost.get_or_insert(Lost {
                    at: self.now.mono,
                    since: from,
                });
            }
            for id in lost {
                let Some(slot) = self.slots.get_mut(id) else {
                    continue;
                };
                slot.ready = false;
                slot.gap = Some(gap.id);
                let handles: Vec<HandleId> = slot.handles.iter().copied().collect();
                self.tell(handles, BindingEvent::Gap(gap.clone()));
            }
            for name in left {
                let Some(room) = self.rooms.get_mut(&name) else {
                    continue;
                };
                room.ready = false;
                room.gap = Some(gap.id);
                let handles = room.handles.iter().copied().collect();
                self.tell_room(handles, RoomEvent::Gap(gap.clone()));
            }
        }
        let at = self.now.wall;
        for id in gained {
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            slot.ready = true;
            slot.proven = true;
            slot.standing = Standing::Good;
            slot.refusals = 0;
            let handles: Vec<HandleId> = slot.handles.iter().copied().collect();
            let gap = slot.gap.take().and_then(|gap| self.ledger.close(gap, at));
            self.tell(handles, BindingEvent::Ready(Ready { at, gap }));
        }
        for name in entered {
            let Some(room) = self.rooms.get_mut(&name) else {
                continue;
            };
            room.ready = true;
            let handles = room.handles.iter().copied().collect();
            let gap = room.gap.take().and_then(|gap| self.ledger.close(gap, at));
            self.tell_room(handles, RoomEvent::Ready(Ready { at, gap }));
        }
        if self.slots.iter().all(|(_, slot)| slot.gap.is_none()) {
            self.lost = None;
        }
    }
}
