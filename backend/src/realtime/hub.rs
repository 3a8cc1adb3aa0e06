//! Who is where: rooms with their members and presences, and the subscriptions to row changes. The one place that
//! sockets share. It moves letters into mailboxes and never waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::binding::Binding;
use super::fanout::{Body, Fanout, Kind};
use super::join::{PREFIX, Privacy, Protocol};
use super::mailbox::{Content, Letter, Mailbox};
use super::presence::Presences;

/// A room: a topic without its prefix, and whether it is private.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RoomKey {
    pub(crate) name: String,
    pub(crate) privacy: Privacy,
}

impl RoomKey {
    pub(crate) fn topic(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }
}

/// Whose rights decide about a row: a role and its claims.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Viewer {
    pub(crate) role: String,
    /// The claims as JSON text.
    pub(crate) claims: Arc<str>,
}

/// A channel's bindings in force.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) channel: u64,
    pub(crate) topic: String,
    pub(crate) protocol: Protocol,
    pub(crate) viewer: Viewer,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) mailbox: Mailbox,
}

#[derive(Debug, Default)]
struct Room {
    members: BTreeMap<u64, Member>,
    presences: Presences,
}

#[derive(Debug)]
struct Member {
    mailbox: Mailbox,
    hears: Hears,
}

/// Which events of a room its member may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    All,
    BroadcastsOnly,
}

/// Who receives a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    /// All but the channel that sent it.
    Others(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    last_id: AtomicU64,
    sockets: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<RoomKey, Room>,
    subscriptions: BTreeMap<u64, Arc<Subscription>>,
}

impl Hub {
    /// A number that no channel has had.
    pub(crate) fn new_channel(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn socket_opened(self: &Arc<Self>) -> OpenSocket {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        OpenSocket(Arc::clone(self))
    }

    pub(crate) fn open_sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    pub(crate) fn enter(&self, room: &RoomKey, channel: u64, mailbox: Mailbox, hears: Hears) {
        let mut state = self.state();
        let room = state.rooms.entry(room.clone()).or_default();
        room.members.insert(channel, Member { mailbox, hears });
    }

    /// Forgets a channel: its membership, its presence (the others are told) and its subscription.
    pub(crate) fn leave(&self, key: &RoomKey, channel: u64) {
        let mut state = self.state();
        state.subscriptions.remove(&channel);
        let Some(room) = state.rooms.get_mut(key) else {
            return;
        };
        room.members.remove(&channel);
        let diff = room.presences.untrack(channel);
        room.tell_presence(key, diff);
        if room.members.is_empty() && room.presences.is_empty() {
            state.rooms.remove(key);
        }
    }

    pub(crate) fn track(
        &self,
        key: &RoomKey,
        channel: u64,
        presence_key: &str,
        payload: &Map<String, Value>,
    ) {
        let mut state = self.state();
        let Some(room) = state.rooms.get_mut(key) else {
            return;
        };
        let diff = room
            .presences
            .track(channel, presence_key, payload, &phx_ref());
        room.tell_presence(key, diff);
    }

    pub(crate) fn untrack(&self, key: &RoomKey, channel: u64) {
        let mut state = self.state();
        if let Some(room) = state.rooms.get_mut(key) {
            let diff = room.presences.untrack(channel);
            room.tell_presence(key, diff);
        }
    }

    /// The payload of a room's `presence_state`.
    pub(crate) fn presence_state(&self, key: &RoomKey) -> Value {
        self.state()
            .rooms
            .get(key)
            .map_or_else(|| Value::Object(Map::new()), |room| room.presences.state())
    }

    /// Gives an event to the members of a room.
    pub(crate) fn broadcast(&self, key: &RoomKey, audience: Audience, body: Body) {
        let state = self.state();
        let Some(room) = state.rooms.get(key) else {
            return;
        };
        let event = Arc::new(Fanout::new(key.topic(), Kind::Broadcast, body));
        for (channel, member) in &room.members {
            if audience != Audience::Others(*channel) {
                member.mailbox.post(Letter {
                    channel: *channel,
                    content: Content::Event(Arc::clone(&event)),
                });
            }
        }
    }

    /// Puts a subscription in force, in place of the channel's previous one.
    pub(crate) fn subscribe(&self, subscription: Subscription) {
        self.state()
            .subscriptions
            .insert(subscription.channel, Arc::new(subscription));
    }

    pub(crate) fn subscriptions(&self) -> Vec<Arc<Subscription>> {
        self.state().subscriptions.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half way; a panic elsewhere must not take the rooms with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn tell_presence(&self, key: &RoomKey, diff: Option<Value>) {
        let Some(diff) = diff else {
            return;
        };
        let body = Body::Json {
            event: "presence_diff",
            payload: diff.to_string(),
        };
        let event = Arc::new(Fanout::new(key.topic(), Kind::Presence, body));
        for (channel, member) in self
            .members
            .iter()
            .filter(|(_, member)| member.hears == Hears::All)
        {
            member.mailbox.post(Letter {
                channel: *channel,
                content: Content::Event(Arc::clone(&event)),
            });
        }
    }
}

/// Counts a socket while it lives.
#[derive(Debug)]
pub(crate) struct OpenSocket(Arc<Hub>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// 16 characters that no other meta has.
fn phx_ref() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>())
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
    use crate::realtime::codec::Version;
    use crate::realtime::mailbox::Letters;

    fn room() -> RoomKey {
        RoomKey {
            name: "r".to_owned(),
            privacy: Privacy::Public,
        }
    }

    fn enter(hub: &Hub, hears: Hears) -> (u64, Letters) {
        let (mailbox, letters) = Mailbox::new(1_000);
        let channel = hub.new_channel();
        hub.enter(&room(), channel, mailbox, hears);
        (channel, letters)
    }

    fn heard(letters: &mut Letters) -> Vec<String> {
        std::iter::from_fn(|| letters.ready())
            .map(|letter| match letter.content {
                Content::Event(event) => {
                    let frame = event.frame(Version::V2).unwrap();
                    frame.to_text().unwrap().to_owned()
                }
                Content::Subscription { .. } => "subscription".to_owned(),
            })
            .collect()
    }

    fn body() -> Body {
        Body::Json {
            event: "broadcast",
            payload: "{}".to_owned(),
        }
    }

    #[test]
    fn others_hear_a_broadcast_and_its_sender_only_on_request() {
        let hub = Hub::default();
        let ((a, mut to_a), (_, mut to_b)) = (enter(&hub, Hears::All), enter(&hub, Hears::All));
        hub.broadcast(&room(), Audience::Others(a), body());
        assert_eq!((heard(&mut to_a).len(), heard(&mut to_b).len()), (0, 1));
        hub.broadcast(&room(), Audience::Everybody, body());
        assert_eq!((heard(&mut to_a).len(), heard(&mut to_b).len()), (1, 1));
    }

    #[test]
    fn a_public_room_and_a_private_one_of_the_same_name_share_nothing() {
        let hub = Hub::default();
        let (_, mut letters) = enter(&hub, Hears::All);
        let private = RoomKey {
            privacy: Privacy::Private,
            ..room()
        };
        hub.broadcast(&private, Audience::Everybody, body());
        assert_eq!(heard(&mut letters), [""; 0]);
    }

    #[test]
    fn leaving_tells_those_who_hear_presence_and_forgets_the_room() {
        let hub = Hub::default();
        let (a, _gone) = enter(&hub, Hears::All);
        let (b, mut to_b) = enter(&hub, Hears::All);
        let (c, mut to_c) = enter(&hub, Hears::BroadcastsOnly);
        hub.track(&room(), a, "key", &Map::new());
        hub.leave(&room(), a);
        let told = heard(&mut to_b);
        assert_eq!(told.len(), 2);
        assert!(
            told[1].contains(r#""joins":{},"leaves":{"key""#),
            "{}",
            told[1]
        );
        assert_eq!(heard(&mut to_c), [""; 0]);
        hub.leave(&room(), b);
        hub.leave(&room(), c);
        assert!(hub.state().rooms.is_empty());
    }

    #[test]
    fn a_mailbox_that_nobody_empties_overflows_and_takes_no_more() {
        let hub = Hub::default();
        let (_, mut letters) = enter(&hub, Hears::All);
        for _ in 0..100 {
            hub.broadcast(&room(), Audience::Everybody, body());
        }
        assert!(letters.overflowed());
        assert!(heard(&mut letters).len() < 100);
    }
}
