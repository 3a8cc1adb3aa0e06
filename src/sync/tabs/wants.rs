//! What tabs want of the one socket, and what several of them want together. Values only.

use bedside_realtime::{Binding, Liveness, Presence, PresenceState, Room};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// All that one tab wants, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wants {
    pub bindings: Vec<Binding>,
    pub rooms: Vec<Entered>,
    pub liveness: Option<Liveness>,
}

/// A room that is wanted, and what is shown of oneself there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entered {
    pub room: Room,
    /// JSON objects, one an appearance.
    pub shows: Vec<String>,
}

impl Wants {
    pub fn binds(&self, binding: &Binding) -> bool {
        self.bindings.contains(binding)
    }

    pub fn room(&self, name: &str) -> Option<&Entered> {
        self.rooms
            .iter()
            .find(|entered| entered.room.name() == name)
    }

    /// Wants what another wants, too. Of two who want a room differently, the first has their way.
    pub fn add(&mut self, other: &Wants) {
        for binding in &other.bindings {
            if !self.binds(binding) {
                self.bindings.push(binding.clone());
            }
        }
        for entered in &other.rooms {
            self.enter(&entered.room, entered.shows.iter().cloned());
        }
        if self.liveness.is_none() {
            self.liveness.clone_from(&other.liveness);
        }
    }

    pub fn enter(&mut self, room: &Room, shows: impl IntoIterator<Item = String>) {
        let own = |entered: &&mut Entered| entered.room.name() == room.name();
        match self.rooms.iter_mut().find(own) {
            Some(entered) => entered.shows.extend(shows),
            None => self.rooms.push(Entered {
                room: room.clone(),
                shows: shows.into_iter().collect(),
            }),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Several {
    tabs: Vec<Box<RawValue>>,
}

impl Entered {
    /// What the one socket shows: an appearance as it is, or several in one. Nothing, when nobody shows up.
    pub fn shown(&self) -> Option<String> {
        match self.shows.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => {
                let tabs = several
                    .iter()
                    .filter_map(|json| RawValue::from_string(json.clone()).ok())
                    .collect();
                serde_json::to_string(&Several { tabs }).ok()
            }
        }
    }
}

/// Everybody in a room, with those apart who share a socket.
pub fn apart(present: &PresenceState) -> PresenceState {
    let split = |presence: &Presence| match serde_json::from_str::<Several>(&presence.json) {
        Ok(several) => several
            .tabs
            .iter()
            .map(|tab| Presence {
                reference: presence.reference.clone(),
                json: tab.get().to_owned(),
            })
            .collect(),
        Err(_) => vec![presence.clone()],
    };
    present
        .iter()
        .map(|(key, all)| (key.clone(), all.iter().flat_map(split).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    fn entered(shows: &[&str]) -> Entered {
        Entered {
            room: Room::named("form:1"),
            shows: shows.iter().map(|json| (*json).to_owned()).collect(),
        }
    }

    fn seen(json: String) -> Vec<String> {
        let reference = "1".to_owned();
        let present = [("ada".to_owned(), vec![Presence { reference, json }])];
        let apart = apart(&present.into());
        apart["ada"].iter().map(|one| one.json.clone()).collect()
    }

    #[test]
    fn tabs_that_share_a_socket_show_up_one_by_one() {
        assert_eq!(entered(&[]).shown(), None);
        for shows in [
            vec![r#"{"tab":"a"}"#],
            vec![r#"{"tab":"a"}"#, r#"{"tab":"b"}"#],
        ] {
            assert_eq!(seen(entered(&shows).shown().unwrap()), shows);
        }
    }

    #[test]
    fn foreign_presence_is_left_as_it_is() {
        for json in ["{}", r#"{"tabs":3}"#, "nonsense"] {
            assert_eq!(seen(json.to_owned()), [json]);
        }
    }

    #[test]
    fn what_two_tabs_want_is_wanted_once() {
        let one = Wants {
            bindings: vec![Binding::table("public", "patients")],
            rooms: vec![entered(&["{}"])],
            liveness: None,
        };
        let mut both = one.clone();
        both.add(&one);
        assert_eq!(both.bindings.len(), 1);
        assert_eq!(both.rooms, [entered(&["{}", "{}"])]);
    }
}
