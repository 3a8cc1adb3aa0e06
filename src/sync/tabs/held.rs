//! What one tab holds: its bindings and rooms by number, what is proven of each, and the gaps that it went through. Pure.

use std::collections::{BTreeMap, VecDeque};

use bedside_realtime::{
    Binding, BindingEvent, Gap, GapCause, Liveness, PresenceState, Ready, Room, RoomEvent,
};

use super::state::Effect;
use super::wants::{Wants, apart};

/// How many gaps are remembered.
const GAPS: usize = 200;

/// What is proven of a binding or a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Proof {
    #[default]
    Nothing,
    /// The server listens.
    Ready,
    /// It was ready; then the word of the leader was lost.
    Lost,
}

#[derive(Debug)]
struct Item<T> {
    what: T,
    proof: Proof,
}

#[derive(Debug)]
struct Seat {
    room: Room,
    shows: Option<String>,
}

/// Everything that a tab holds.
#[derive(Debug, Default)]
pub(super) struct Held {
    numbers: u64,
    bindings: BTreeMap<u64, Item<Binding>>,
    rooms: BTreeMap<u64, Item<Seat>>,
    liveness: BTreeMap<u64, Liveness>,
    present: BTreeMap<String, PresenceState>,
    gaps: VecDeque<Gap>,
    lost: Option<Gap>,
}

impl Held {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn bind(&mut self, what: Binding) -> u64 {
        let number = self.number();
        let proof = Proof::Nothing;
        self.bindings.insert(number, Item { what, proof });
        number
    }

    pub fn enter(&mut self, room: Room) -> u64 {
        let number = self.number();
        let what = Seat { room, shows: None };
        let proof = Proof::Nothing;
        self.rooms.insert(number, Item { what, proof });
        number
    }

    pub fn watch(&mut self, liveness: Liveness) -> u64 {
        let number = self.number();
        self.liveness.insert(number, liveness);
        number
    }

    pub fn show(&mut self, number: u64, json: Option<String>) {
        if let Some(seat) = self.rooms.get_mut(&number) {
            seat.what.shows = json;
        }
    }

    pub fn drop(&mut self, number: u64) {
        self.bindings.remove(&number);
        self.liveness.remove(&number);
        if let Some(left) = self.rooms.remove(&number) {
            let name = left.what.room.name();
            if self
                .rooms
                .values()
                .all(|seat| seat.what.room.name() != name)
            {
                self.present.remove(name);
            }
        }
    }

    pub fn wants(&self) -> Wants {
        let mut wants = Wants::default();
        for item in self.bindings.values() {
            if !wants.binds(&item.what) {
                wants.bindings.push(item.what.clone());
            }
        }
        for seat in self.rooms.values() {
            wants.enter(&seat.what.room, seat.what.shows.clone());
        }
        // The last one counts.
        wants.liveness = self.liveness.values().next_back().cloned();
        wants
    }

    pub fn room_of(&self, number: u64) -> Option<&Room> {
        self.rooms.get(&number).map(|seat| &seat.what.room)
    }

    pub fn is_inside(&self, number: u64) -> bool {
        let seat = self.rooms.get(&number);
        seat.is_some_and(|seat| seat.proof == Proof::Ready)
    }

    pub fn present(&self, number: u64) -> PresenceState {
        let room = self.room_of(number);
        let present = room.and_then(|room| self.present.get(room.name()));
        present.map(apart).unwrap_or_default()
    }

    pub fn gaps(&self) -> Vec<Gap> {
        self.gaps.iter().cloned().collect()
    }

    /// Whether somebody here already knows that the binding is ready.
    pub fn is_ready(&self, binding: &Binding) -> bool {
        let ready = |item: &Item<Binding>| item.proof == Proof::Ready && item.what == *binding;
        self.bindings.values().any(ready)
    }

    /// The same for a room.
    pub fn is_entered(&self, name: &str) -> bool {
        let entered =
            |seat: &Item<Seat>| seat.proof == Proof::Ready && seat.what.room.name() == name;
        self.rooms.values().any(entered)
    }

    /// News of a binding, for all who hold it.
    pub fn hear(&mut self, binding: &Binding, event: &BindingEvent, wall: u64) -> Vec<Effect> {
        let own = |(_, item): &(&u64, &Item<Binding>)| item.what == *binding;
        let numbers: Vec<u64> = self.bindings.iter().filter(own).map(|(n, _)| *n).collect();
        self.hear_as(&numbers, event, wall)
    }

    /// News of a binding, for these of its holders.
    pub fn hear_as(&mut self, numbers: &[u64], event: &BindingEvent, wall: u64) -> Vec<Effect> {
        match event {
            BindingEvent::Ready(Ready { gap: Some(gap), .. }) | BindingEvent::Gap(gap) => {
                self.note(gap);
            }
            BindingEvent::Ready(_) | BindingEvent::Change(_) | BindingEvent::Refused(_) => {}
        }
        let (mut again, mut others) = (Vec::new(), Vec::new());
        for number in numbers {
            let Some(item) = self.bindings.get_mut(number) else {
                continue;
            };
            let ends = matches!(event, BindingEvent::Ready(_)) && item.proof == Proof::Lost;
            item.proof = match event {
                BindingEvent::Ready(_) => Proof::Ready,
                BindingEvent::Change(_) => item.proof,
                BindingEvent::Gap(_) | BindingEvent::Refused(_) if item.proof == Proof::Lost => {
                    Proof::Lost
                }
                BindingEvent::Gap(_) | BindingEvent::Refused(_) => Proof::Nothing,
            };
            if ends { &mut again } else { &mut others }.push(*number);
        }
        let mut effects = Vec::new();
        if !again.is_empty() {
            let gap = self.ended(wall);
            effects.push(Effect::Tell(
                again,
                BindingEvent::Ready(Ready { at: wall, gap }),
            ));
        }
        if !others.is_empty() {
            effects.push(Effect::Tell(others, event.clone()));
        }
        effects
    }

    /// Who is in a room.
    pub fn meet(&mut self, name: String, present: PresenceState) {
        if self
            .rooms
            .values()
            .any(|seat| seat.what.room.name() == name)
        {
            self.present.insert(name, present);
        }
    }

    /// News of a room, for all who hold it but one.
    pub fn hear_room(
        &mut self,
        name: &str,
        event: &RoomEvent,
        but: Option<u64>,
        wall: u64,
    ) -> Vec<Effect> {
        let mine = |(number, seat): &(&u64, &Item<Seat>)| {
            Some(**number) != but && seat.what.room.name() == name
        };
        let numbers: Vec<u64> = self.rooms.iter().filter(mine).map(|(n, _)| *n).collect();
        self.hear_room_as(&numbers, event, wall)
    }

    /// News of a room, for these of its holders.
    pub fn hear_room_as(&mut self, numbers: &[u64], event: &RoomEvent, wall: u64) -> Vec<Effect> {
        if numbers.is_empty() {
            return Vec::new();
        }
        let mut event = event.clone();
        for number in numbers {
            let Some(seat) = self.rooms.get_mut(number) else {
                continue;
            };
            let was = seat.proof;
            match &mut event {
                RoomEvent::Ready(ready) => {
                    seat.proof = Proof::Ready;
                    if was == Proof::Lost {
                        ready.gap = self.ended(wall);
                    }
                }
                RoomEvent::Gap(_) | RoomEvent::Refused(_) if was != Proof::Lost => {
                    seat.proof = Proof::Nothing;
                }
                _ => {}
            }
        }
        vec![Effect::TellRoom(numbers.to_vec(), event)]
    }

    /// From here on nothing is proven: what was ready hears of a gap, once.
    pub fn lose(&mut self, cause: GapCause, from: u64) -> Vec<Effect> {
        let lost = |proof: Proof| proof == Proof::Ready;
        let bindings: Vec<u64> = numbers(&self.bindings, lost);
        let rooms: Vec<u64> = numbers(&self.rooms, lost);
        self.present.clear();
        if bindings.is_empty() && rooms.is_empty() {
            return Vec::new();
        }
        for item in self.bindings.values_mut().filter(|item| lost(item.proof)) {
            item.proof = Proof::Lost;
        }
        for seat in self.rooms.values_mut().filter(|seat| lost(seat.proof)) {
            seat.proof = Proof::Lost;
        }
        let gap = Gap {
            id: self.number(),
            cause,
            from,
            to: None,
            bindings: bindings.len(),
            rooms: rooms.len(),
        };
        self.note(&gap);
        self.lost = Some(gap.clone());
        vec![
            Effect::Tell(bindings, BindingEvent::Gap(gap.clone())),
            Effect::TellRoom(rooms, RoomEvent::Gap(gap)),
        ]
    }

    /// The gap that is over for one more holder.
    fn ended(&mut self, wall: u64) -> Option<Gap> {
        let gap = Gap {
            to: Some(wall),
            ..self.lost.clone()?
        };
        self.note(&gap);
        Some(gap)
    }

    fn note(&mut self, gap: &Gap) {
        let same = |known: &&mut Gap| (known.id, known.from) == (gap.id, gap.from);
        match self.gaps.iter_mut().rev().find(same) {
            Some(known) => known.clone_from(gap),
            None => self.gaps.push_back(gap.clone()),
        }
        if self.gaps.len() > GAPS {
            self.gaps.pop_front();
        }
    }
}

fn numbers<T>(items: &BTreeMap<u64, Item<T>>, of: impl Fn(Proof) -> bool) -> Vec<u64> {
    let fits = items.iter().filter(|(_, item)| of(item.proof));
    fits.map(|(number, _)| *number).collect()
}
