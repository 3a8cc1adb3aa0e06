//! What is said in rooms, and what becomes of it: sent, posted, confirmed, heard, replayed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::channels::{ChannelId, Phase};
use super::rooms::REPLAY_LIMIT;
use super::{Engine, Event, HandleId, Output};
use crate::event::Ready;
use crate::gap::GapCause;
use crate::room::{Access, Message, Payload, PushError, RoomEvent};
use crate::wire::{Broadcast, BroadcastBytes, Inbound, Outbound, Reply, TypedPush};

/// The number of a push whose outcome somebody awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(pub u64);

/// What somebody says in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// JSON text.
    Json(String),
    /// Bytes; not in protocol 1.0.0.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(super) struct Push {
    id: PushId,
    channel: ChannelId,
    pub deadline: u64,
}

/// What waits for the server's word, by the reference it was sent under.
pub(super) type Pushes = BTreeMap<String, Push>;

const PUSH_PATIENCE: u64 = 10_000;
/// Message numbers kept to recognise what a replay repeats.
const RECENT: usize = 100;

impl Engine {
    pub(super) fn say(&mut self, handle: HandleId, push: PushId, event: &str, said: &Said) {
        let found = self
            .rooms
            .iter()
            .find(|(_, room)| room.handles.contains(&handle));
        let Some((name, room)) = found else {
            return self.pushed(push, Err(PushError::NotJoined));
        };
        let acknowledged = room.options.acknowledged;
        let joined = self
            .room_channel(name)
            .filter(|(_, channel)| channel.phase == Phase::Joined);
        let Some((channel_id, channel)) = joined else {
            let Said::Json(json) = said else {
                return self.pushed(push, Err(PushError::NotJoined));
            };
            return self.post(push, name.clone(), room.options.access, event, json);
        };
        let (topic, join_ref) = (channel.topic.clone(), channel.join_ref.clone());
        let reference = self.next_reference();
        let frame = match said {
            Said::Json(json) => match serde_json::from_str::<&RawValue>(json) {
                Ok(payload) => {
                    let push = TypedPush {
                        kind: "broadcast",
                        event,
                        payload: Some(payload),
                    };
                    Some(Outbound::push(
                        self.config.vsn,
                        Some(&join_ref),
                        &reference,
                        &topic,
                        "broadcast",
                        &push,
                    ))
                }
                Err(_) => None,
            },
            Said::Bytes(bytes) => {
                Outbound::bytes(self.config.vsn, &join_ref, &reference, &topic, event, bytes)
            }
        };
        let Some(frame) = frame else {
            return self.pushed(push, Err(PushError::Unwritable));
        };
        self.send(frame, "broadcast", &topic, &reference);
        if acknowledged {
            let deadline = self.now.mono.saturating_add(PUSH_PATIENCE);
            self.pushes.insert(
                reference,
                Push {
                    id: push,
                    channel: channel_id,
                    deadline,
                },
            );
        } else {
            self.pushed(push, Ok(()));
        }
    }

    /// Not in the room: the message goes by HTTP, where the driver can do that.
    fn post(&mut self, push: PushId, room: String, access: Access, event: &str, json: &str) {
        #[derive(Serialize)]
        struct Messages<'a> {
            messages: [OneMessage<'a>; 1],
        }
        #[derive(Serialize)]
        struct OneMessage<'a> {
            topic: &'a str,
            event: &'a str,
            payload: &'a RawValue,
            private: bool,
        }
        let body = serde_json::from_str::<&RawValue>(json).and_then(|payload| {
            let private = access == Access::Private;
            serde_json::to_string(&Messages {
                messages: [OneMessage {
                    topic: &room,
                    event,
                    payload,
                    private,
                }],
            })
        });
        match body {
            Ok(body) => self.outputs.push_back(Output::Post {
                push,
                body,
                token: self.keyring.jwt().map(Into::into),
            }),
            Err(_) => self.pushed(push, Err(PushError::Unwritable)),
        }
    }

    pub(super) fn pushed(&mut self, push: PushId, outcome: Result<(), PushError>) {
        self.outputs
            .push_back(Output::Event(Event::Pushed { push, outcome }));
    }

    pub(super) fn room_reply(&mut self, frame: &Inbound<'_>, reply: &Reply<'_>) {
        let Some(push) = frame
            .reference
            .as_deref()
            .and_then(|reference| self.pushes.remove(reference))
        else {
            return;
        };
        let outcome = if reply.ok {
            Ok(())
        } else {
            Err(PushError::Refused(reply.reason().into_owned()))
        };
        self.pushed(push.id, outcome);
    }

    pub(super) fn take_broadcast(&mut self, frame: &Inbound<'_>, broadcast: &Broadcast<'_>) {
        #[derive(serde::Deserialize)]
        struct Meta {
            #[serde(default)]
            id: Option<String>,
            #[serde(default)]
            replayed: bool,
        }
        let Some(room) = frame
            .topic
            .strip_prefix("realtime:")
            .and_then(|name| self.rooms.get_mut(name))
        else {
            return;
        };
        let meta = broadcast
            .meta
            .and_then(|raw| serde_json::from_str::<Meta>(raw.get()).ok());
        let (id, replayed) = meta.map_or((None, false), |meta| (meta.id, meta.replayed));
        if let Some(id) = &id {
            if room.recent.contains(id) {
                return;
            }
            room.recent.push_back(id.clone());
            if room.recent.len() > RECENT {
                room.recent.pop_front();
            }
        }
        room.last_message = Some(self.now.wall);
        let full = replayed && {
            room.replays = room.replays.saturating_add(1);
            room.replays == REPLAY_LIMIT
        };
        let message = Message {
            event: broadcast.event.clone().into_owned(),
            payload: match broadcast.payload {
                BroadcastBytes::Json(raw) => Payload::Json(raw.get().to_owned()),
                BroadcastBytes::Bytes(bytes) => Payload::Bytes(bytes.to_vec()),
                BroadcastBytes::Absent => Payload::Absent,
            },
            id,
            replayed,
        };
        let handles: Vec<HandleId> = room.handles.iter().copied().collect();
        self.tell_room(handles.clone(), RoomEvent::Message(message));
        if full {
            // As many as the server gives at most: there may have been more.
            let at = self.now.wall;
            let gap = self.ledger.open(GapCause::ReplayExhausted, at, 0, 1);
            let closed = self.ledger.close(gap.id, at);
            self.tell_room(handles.clone(), RoomEvent::Gap(gap));
            self.tell_room(handles, RoomEvent::Ready(Ready { at, gap: closed }));
        }
    }

    /// What was on its way when a channel or the socket went.
    pub(super) fn fail_pushes(&mut self, gone: impl Fn(ChannelId) -> bool) {
        let lost: Vec<String> = self
            .pushes
            .iter()
            .filter(|(_, push)| gone(push.channel))
            .map(|(key, _)| key.clone())
            .collect();
        for reference in lost {
            if let Some(push) = self.pushes.remove(&reference) {
                self.pushed(push.id, Err(PushError::Unconfirmed));
            }
        }
    }

    /// Gives up what the server did not confirm in time; says when to look again.
    pub(super) fn decide_pushes(&mut self) -> Option<u64> {
        let now = self.now.mono;
        let waiting = self.pushes.iter();
        let overdue: Vec<String> = waiting
            .filter(|(_, push)| push.deadline <= now)
            .map(|(reference, _)| reference.clone())
            .collect();
        for reference in overdue {
            if let Some(push) = self.pushes.remove(&reference) {
                self.pushed(push.id, Err(PushError::Unconfirmed));
            }
        }
        self.pushes.values().map(|push| push.deadline).min()
    }
}
