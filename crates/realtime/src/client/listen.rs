//! Who listens to what. Only bookkeeping: calls are made by the driver, after the lock is released.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use futures::channel::oneshot;

use super::{Shared, StatusSnapshot, lock};
use crate::engine::{HandleId, PushId};
use crate::event::BindingEvent;
use crate::gap::GapCause;
use crate::room::{PushError, RoomEvent};

pub(crate) type OnBinding = Arc<dyn Fn(&BindingEvent) + Send + Sync>;
pub(crate) type OnRoom = Arc<dyn Fn(&RoomEvent) + Send + Sync>;
pub(crate) type OnStatus = Arc<dyn Fn(&StatusSnapshot) + Send + Sync>;

#[derive(Default)]
struct HandleListeners {
    /// The last word on readiness, for whoever comes late.
    last: Option<BindingEvent>,
    on_event: Vec<(u64, OnBinding)>,
}

#[derive(Default)]
struct RoomListeners {
    last: Option<RoomEvent>,
    on_event: Vec<(u64, OnRoom)>,
}

#[derive(Default)]
pub(crate) struct Listeners {
    handles: BTreeMap<HandleId, HandleListeners>,
    rooms: BTreeMap<HandleId, RoomListeners>,
    pushes: BTreeMap<PushId, oneshot::Sender<Result<(), PushError>>>,
    status: Vec<(u64, OnStatus)>,
    identity: Option<Option<String>>,
}

impl Listeners {
    pub fn open(&mut self, handle: HandleId) {
        self.handles.entry(handle).or_default();
    }

    pub fn close(&mut self, handle: HandleId) {
        self.handles.remove(&handle);
    }

    /// Adds a listener; gives the last word that it missed.
    pub fn add(
        &mut self,
        handle: HandleId,
        number: u64,
        on_event: OnBinding,
    ) -> Option<BindingEvent> {
        let listeners = self.handles.get_mut(&handle)?;
        listeners.on_event.push((number, on_event));
        listeners.last.clone()
    }

    pub fn is_ready(&self, handle: HandleId) -> bool {
        let last = self
            .handles
            .get(&handle)
            .and_then(|listeners| listeners.last.as_ref());
        matches!(last, Some(BindingEvent::Ready(_)))
    }

    /// Whom to call for an event.
    pub fn hear(&mut self, handles: &[HandleId], event: &BindingEvent) -> Vec<OnBinding> {
        let mut calls = Vec::new();
        for handle in handles {
            let Some(listeners) = self.handles.get_mut(handle) else {
                continue;
            };
            match event {
                BindingEvent::Change(_) => {}
                // A full queue is one listener's own gap, not the binding's.
                BindingEvent::Gap(gap) if gap.cause == GapCause::Overflow => {}
                BindingEvent::Ready(_) | BindingEvent::Gap(_) | BindingEvent::Refused(_) => {
                    listeners.last = Some(event.clone());
                }
            }
            calls.extend(listeners.on_event.iter().map(|(_, call)| Arc::clone(call)));
        }
        calls
    }

    pub fn open_room(&mut self, handle: HandleId) {
        self.rooms.entry(handle).or_default();
    }

    pub fn close_room(&mut self, handle: HandleId) {
        self.rooms.remove(&handle);
    }

    /// Adds a room's listener; gives the last word that it missed.
    pub fn add_to_room(
        &mut self,
        handle: HandleId,
        number: u64,
        on_event: OnRoom,
    ) -> Option<RoomEvent> {
        let listeners = self.rooms.get_mut(&handle)?;
        listeners.on_event.push((number, on_event));
        listeners.last.clone()
    }

    pub fn is_inside(&self, handle: HandleId) -> bool {
        let last = self
            .rooms
            .get(&handle)
            .and_then(|listeners| listeners.last.as_ref());
        matches!(last, Some(RoomEvent::Ready(_)))
    }

    /// Whom to call for a room's event.
    pub fn hear_room(&mut self, handles: &[HandleId], event: &RoomEvent) -> Vec<OnRoom> {
        let mut calls = Vec::new();
        for handle in handles {
            let Some(listeners) = self.rooms.get_mut(handle) else {
                continue;
            };
            match event {
                RoomEvent::Message(_) | RoomEvent::Presence(_) => {}
                RoomEvent::Ready(_) | RoomEvent::Gap(_) | RoomEvent::Refused(_) => {
                    listeners.last = Some(event.clone());
                }
            }
            calls.extend(listeners.on_event.iter().map(|(_, call)| Arc::clone(call)));
        }
        calls
    }

    pub fn await_push(&mut self, push: PushId) -> oneshot::Receiver<Result<(), PushError>> {
        let (tell, told) = oneshot::channel();
        self.pushes.insert(push, tell);
        told
    }

    pub fn awaited(&mut self, push: PushId) -> Option<oneshot::Sender<Result<(), PushError>>> {
        self.pushes.remove(&push)
    }

    pub fn watch(&mut self, number: u64, on_status: OnStatus) {
        self.status.push((number, on_status));
    }

    pub fn watchers(&self) -> Vec<OnStatus> {
        self.status
            .iter()
            .map(|(_, call)| Arc::clone(call))
            .collect()
    }

    pub fn forget(&mut self, number: u64) {
        self.status.retain(|(own, _)| *own != number);
        for listeners in self.rooms.values_mut() {
            listeners.on_event.retain(|(own, _)| *own != number);
        }
        for listeners in self.handles.values_mut() {
            listeners.on_event.retain(|(own, _)| *own != number);
        }
    }

    /// Says whether this is another identity than the last one told; the first one told is none.
    pub fn identify(&mut self, identity: Option<String>) -> bool {
        let known = self.identity.replace(identity.clone());
        known.is_some_and(|known| known != identity)
    }
}

/// A listener's registration; dropping it ends the calls.
#[must_use = "dropping the listener ends its calls"]
pub struct Listener {
    shared: Weak<Shared>,
    number: u64,
}

impl Listener {
    pub(super) fn new(shared: &Arc<Shared>, number: u64) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            number,
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            lock(&shared.listeners).forget(self.number);
        }
    }
}
