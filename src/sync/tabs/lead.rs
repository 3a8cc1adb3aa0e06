//! What the leading tab keeps: who else is there and wants what, what the socket said last of each, and how many words were
//! said. Pure.

use std::collections::BTreeMap;

use bedside_realtime::{Binding, BindingEvent, PresenceState, Ready, RoomEvent, StatusSnapshot};

use super::state::Effect;
use super::wants::Wants;
use super::word::{Audience, Said, Tab, Term, Word};

/// A lead.
#[derive(Debug)]
pub(super) struct Lead {
    pub term: Term,
    said: u64,
    others: BTreeMap<Tab, Wants>,
    /// What the socket is asked for.
    served: Wants,
    /// The last word on readiness.
    words: Vec<(Binding, BindingEvent)>,
    room_words: BTreeMap<String, RoomEvent>,
    present: BTreeMap<String, PresenceState>,
}

impl Lead {
    pub fn new(term: Term) -> Self {
        Self {
            term,
            said: 0,
            others: BTreeMap::new(),
            served: Wants::default(),
            words: Vec::new(),
            room_words: BTreeMap::new(),
            present: BTreeMap::new(),
        }
    }

    pub fn others(&self) -> usize {
        self.others.len()
    }

    pub fn is_here(&self) -> Effect {
        Effect::Post(Box::new(Word::Leads {
            term: self.term,
            said: self.said,
        }))
    }

    /// Says a word to the others, if there are any.
    pub fn say(&mut self, to: Audience, what: Said) -> Option<Effect> {
        if self.others.is_empty() {
            return None;
        }
        self.said += 1;
        Some(Effect::Post(Box::new(Word::Said {
            term: self.term,
            number: self.said,
            to,
            what,
        })))
    }

    /// What another tab wants now. Gives what it wanted before; nothing when it is new.
    pub fn want(&mut self, tab: Tab, wants: Wants) -> Option<Wants> {
        self.others.insert(tab, wants)
    }

    pub fn left(&mut self, tab: Tab) {
        self.others.remove(&tab);
    }

    /// Tells a tab what is known of what it wants and did not want before.
    pub fn catch_up(&mut self, tab: Tab, before: &Wants, status: &StatusSnapshot) -> Vec<Effect> {
        let wants = self.others.get(&tab).cloned().unwrap_or_default();
        let mut words = vec![Said::Status(Box::new(status.clone()))];
        for binding in wants.bindings {
            if !before.binds(&binding)
                && let Some(word) = self.word(&binding)
            {
                words.push(Said::Binding(binding, word));
            }
        }
        for entered in &wants.rooms {
            let name = entered.room.name();
            if before.room(name).is_none() {
                let present = self.present.get(name).cloned();
                words.extend(present.map(|present| Said::Present(name.to_owned(), present)));
                let word = self.room_word(name);
                words.extend(word.map(|word| Said::Room(name.to_owned(), word)));
            }
        }
        let to = Audience::Only(tab);
        words
            .into_iter()
            .filter_map(|what| self.say(to, what))
            .collect()
    }

    /// The last word on a binding's readiness, for one who comes late and has missed no gap.
    pub fn word(&self, binding: &Binding) -> Option<BindingEvent> {
        let word = self.words.iter().find(|(known, _)| known == binding);
        match &word?.1 {
            BindingEvent::Ready(ready) => Some(BindingEvent::Ready(Ready {
                at: ready.at,
                gap: None,
            })),
            BindingEvent::Refused(refusal) => Some(BindingEvent::Refused(refusal.clone())),
            BindingEvent::Change(_) | BindingEvent::Gap(_) => None,
        }
    }

    /// The same for a room.
    pub fn room_word(&self, name: &str) -> Option<RoomEvent> {
        match self.room_words.get(name)? {
            RoomEvent::Ready(ready) => Some(RoomEvent::Ready(Ready {
                at: ready.at,
                gap: None,
            })),
            RoomEvent::Refused(refusal) => Some(RoomEvent::Refused(refusal.clone())),
            _ => None,
        }
    }

    pub fn present(&self, name: &str) -> Option<PresenceState> {
        self.present.get(name).cloned()
    }

    /// The socket said something of a binding.
    pub fn heard(&mut self, binding: &Binding, event: &BindingEvent) -> Option<Effect> {
        if !matches!(event, BindingEvent::Change(_)) {
            self.words.retain(|(known, _)| known != binding);
            self.words.push((binding.clone(), event.clone()));
        }
        if !self.others.values().any(|wants| wants.binds(binding)) {
            return None;
        }
        self.say(Audience::All, Said::Binding(binding.clone(), event.clone()))
    }

    /// The socket said something of a room.
    pub fn heard_room(
        &mut self,
        name: &str,
        event: &RoomEvent,
        present: PresenceState,
    ) -> Vec<Effect> {
        if matches!(
            event,
            RoomEvent::Ready(_) | RoomEvent::Gap(_) | RoomEvent::Refused(_)
        ) {
            self.room_words.insert(name.to_owned(), event.clone());
        }
        self.present.insert(name.to_owned(), present.clone());
        if !self.others.values().any(|wants| wants.room(name).is_some()) {
            return Vec::new();
        }
        let met = match event {
            RoomEvent::Message(_) => None,
            _ => self.say(Audience::All, Said::Present(name.to_owned(), present)),
        };
        let said = self.say(Audience::All, Said::Room(name.to_owned(), event.clone()));
        met.into_iter().chain(said).collect()
    }

    /// Asks the socket for what all tabs want together, and for nothing else.
    pub fn serve(&mut self, own: Wants) -> Vec<Effect> {
        let mut all = own;
        self.others.values().for_each(|wants| all.add(wants));
        let before = std::mem::replace(&mut self.served, all.clone());
        let mut effects = Vec::new();
        for binding in &before.bindings {
            if !all.binds(binding) {
                self.words.retain(|(known, _)| known != binding);
                effects.push(Effect::Unbind(binding.clone()));
            }
        }
        for entered in &before.rooms {
            let name = entered.room.name();
            if all.room(name).is_none() {
                self.room_words.remove(name);
                self.present.remove(name);
                effects.push(Effect::Leave(name.to_owned()));
            }
        }
        for binding in all.bindings {
            if !before.binds(&binding) {
                effects.push(Effect::Bind(binding));
            }
        }
        for entered in all.rooms {
            let (name, shown) = (entered.room.name().to_owned(), entered.shown());
            let known = before.room(&name);
            if known.is_none() {
                effects.push(Effect::Enter(entered.room));
            }
            if known.and_then(|known| known.shown()) != shown {
                effects.push(Effect::Show(name, shown));
            }
        }
        if before.liveness != all.liveness {
            effects.push(Effect::Watch(all.liveness));
        }
        effects
    }
}
