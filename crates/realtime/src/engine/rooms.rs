//! Rooms on their way in, inside, and out: one channel each, tried again on their own, so that one that keeps
//! failing disturbs nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use serde_json::value::RawValue;

use super::backoff::{Backoff, Pace};
use super::channels::{Channel, ChannelId, Phase, Purpose};
use super::link::Link;
use super::presence::Attendance;
use super::verdict::Verdict;
use super::{Address, Engine, Event, HandleId, Output};
use crate::event::{Ready, Refusal};
use crate::gap::GapCause;
use crate::room::{Access, Message, Payload, PresenceState, PushError, Room, RoomEvent};
use crate::wire::{
    Broadcast, BroadcastBytes, BroadcastConfig, Inbound, JoinConfig, JoinPayload, Outbound,
    PresenceConfig, Replay, Reply, TypedPush,
};

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
pub(super) struct RoomState {
    pub options: Room,
    pub handles: BTreeSet<HandleId>,
    pub attendance: Attendance,
    pub ready: bool,
    pub gap: Option<u64>,
    pub refused: Option<String>,
    retry: Backoff,
    retry_at: u64,
    lingers_until: Option<u64>,
    tracked: Option<(HandleId, Box<RawValue>)>,
    track_owed: bool,
    tracks: VecDeque<u64>,
    /// When the last message came, Unix time: from there a replay continues.
    last_message: Option<u64>,
    recent: VecDeque<String>,
    replays: u8,
}

#[derive(Clone, Debug)]
pub(super) struct Push {
    id: PushId,
    channel: ChannelId,
    deadline: u64,
}

const PUSH_PATIENCE: u64 = 10_000;
/// The server allows 5 presence calls in 30 s and closes the channel at the 6th; one is kept in reserve.
const TRACKS: usize = 4;
const TRACK_WINDOW: u64 = 30_000;
/// Message numbers kept to recognise what a replay repeats.
const RECENT: usize = 100;
/// A clock that differs from the server's must not hide a message from a replay.
const REPLAY_MARGIN: u64 = 5_000;
const REPLAY_LIMIT: u8 = 25;

impl RoomState {
    /// It failed so often that the rest should not wait for it.
    pub fn is_quarantined(&self) -> bool {
        self.refused.is_some() || self.retry.attempts() >= 2
    }
}

impl Engine {
    pub(super) fn enter_room(&mut self, handle: HandleId, options: Room) {
        let retry = Backoff::new(
            self.config.backoff_base,
            4 * self.config.backoff_cap,
            self.config.restart_spread,
        );
        let at = self.now.wall;
        let room = self
            .rooms
            .entry(options.name.clone())
            .or_insert_with(|| RoomState {
                options: options.clone(),
                handles: BTreeSet::new(),
                attendance: Attendance::default(),
                ready: false,
                gap: None,
                refused: None,
                retry,
                retry_at: 0,
                lingers_until: None,
                tracked: None,
                track_owed: false,
                tracks: VecDeque::new(),
                last_message: None,
                recent: VecDeque::new(),
                replays: 0,
            });
        if room.options != options {
            let reason = "another holder of this room wants it differently".to_owned();
            return self.tell_room(vec![handle], RoomEvent::Refused(Refusal { reason }));
        }
        room.handles.insert(handle);
        room.lingers_until = None;
        let word = match &room.refused {
            Some(reason) => Some(RoomEvent::Refused(Refusal {
                reason: reason.clone(),
            })),
            None if room.ready => Some(RoomEvent::Ready(Ready { at, gap: None })),
            None => None,
        };
        if let Some(word) = word {
            self.tell_room(vec![handle], word);
        }
    }

    pub(super) fn leave_room(&mut self, handle: HandleId) {
        let until = self.now.mono.saturating_add(self.config.linger);
        let Some((name, room)) = self
            .rooms
            .iter_mut()
            .find(|(_, room)| room.handles.contains(&handle))
        else {
            return;
        };
        let name = name.clone();
        room.handles.remove(&handle);
        if room.handles.is_empty() {
            room.lingers_until = Some(until);
        }
        if room
            .tracked
            .take_if(|(tracker, _)| *tracker == handle)
            .is_some()
        {
            self.push_presence(&name, "untrack", None);
        }
    }

    /// The members of a handle's room.
    #[must_use]
    pub fn presence(&self, handle: HandleId) -> PresenceState {
        let room = self
            .rooms
            .values()
            .find(|room| room.handles.contains(&handle));
        room.map(|room| room.attendance.members().clone())
            .unwrap_or_default()
    }

    pub(super) fn track(&mut self, handle: HandleId, payload: Option<Box<RawValue>>) {
        let Some((name, room)) = self
            .rooms
            .iter_mut()
            .find(|(_, room)| room.handles.contains(&handle))
        else {
            return;
        };
        let name = name.clone();
        match payload {
            Some(payload) => {
                room.tracked = Some((handle, payload));
                room.track_owed = true;
            }
            None => {
                room.tracked = None;
                room.track_owed = false;
                self.push_presence(&name, "untrack", None);
            }
        }
    }

    fn push_presence(&mut self, room: &str, event: &str, payload: Option<&RawValue>) {
        let Some((_, channel)) = self.room_channel(room) else {
            return;
        };
        if channel.phase != Phase::Joined {
            return;
        }
        let (topic, join_ref) = (channel.topic.clone(), channel.join_ref.clone());
        let to = Address {
            topic: &topic,
            join_ref: Some(&join_ref),
        };
        self.push(
            to,
            "presence",
            &TypedPush {
                kind: "presence",
                event,
                payload,
            },
        );
    }

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

    fn room_channel(&self, room: &str) -> Option<(ChannelId, &Channel)> {
        let is =
            |channel: &Channel| matches!(&channel.purpose, Purpose::Room(name) if name == room);
        self.channels
            .iter()
            .find(|(_, channel)| channel.is_alive() && is(channel))
            .map(|(id, channel)| (*id, channel))
    }

    pub(super) fn room_payload<'a>(
        &'a self,
        name: &str,
        token: Option<&'a str>,
    ) -> JoinPayload<'a> {
        let room = self.rooms.get(name);
        let options = room.map(|room| &room.options);
        let presence = options.and_then(|options| options.presence.as_deref());
        // After a loss, the replay continues where the messages ended.
        let replay = options.and_then(|options| options.replay).map(|first| {
            match room.and_then(|room| room.last_message) {
                Some(last) => Replay {
                    since: last.saturating_sub(REPLAY_MARGIN),
                    limit: REPLAY_LIMIT,
                },
                None => first,
            }
        });
        JoinPayload {
            config: JoinConfig {
                broadcast: BroadcastConfig {
                    ack: options.is_some_and(|options| options.acknowledged),
                    own: options.is_some_and(|options| options.own),
                    replay,
                },
                presence: PresenceConfig {
                    key: presence.unwrap_or(""),
                    enabled: presence.is_some(),
                },
                postgres_changes: Vec::new(),
                private: options.is_some_and(|options| options.access == Access::Private),
            },
            access_token: token,
        }
    }

    pub(super) fn room_doubt(&self, name: &str) -> usize {
        let failed = self
            .rooms
            .get(name)
            .is_some_and(|room| room.retry.attempts() > 0);
        if failed { 3 } else { 1 }
    }

    pub(super) fn room_joined(&mut self, name: &str) {
        if let Some(room) = self.rooms.get_mut(name) {
            room.retry.reset();
            room.refused = None;
            room.attendance.rejoin();
            room.replays = 0;
            // The server forgot what was tracked before.
            room.track_owed = room.tracked.is_some();
        }
        self.settle_readiness(&GapCause::ChannelForgotten, self.now.wall);
    }

    pub(super) fn room_lost(&mut self, name: &str, cause: &GapCause, verdict: Verdict, pace: Pace) {
        self.settle_readiness(cause, self.now.wall);
        let (now, dice) = (self.now.mono, &mut self.dice);
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        match (verdict, cause) {
            (Verdict::Refused, GapCause::ChannelClosed { reason }) => {
                room.refused = Some(reason.clone());
                let handles = room.handles.iter().copied().collect();
                let refusal = Refusal {
                    reason: reason.clone(),
                };
                self.tell_room(handles, RoomEvent::Refused(refusal));
            }
            (Verdict::RefreshThenRetry, _) => {}
            _ => room.retry_at = now.saturating_add(room.retry.next(pace, dice)),
        }
    }

    /// Queues rooms that are wanted, leaves those that are not; says when to look again.
    pub(super) fn decide_rooms(&mut self) -> Option<u64> {
        let now = self.now.mono;
        let over: Vec<String> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.lingers_until.is_some_and(|until| until <= now))
            .map(|(name, _)| name.clone())
            .collect();
        for name in over {
            if let Some((id, _)) = self.room_channel(&name) {
                self.leave(id);
            }
            let at = self.now.wall;
            if let Some(gap) = self.rooms.remove(&name).and_then(|room| room.gap) {
                self.ledger.close(gap, at);
            }
        }
        let overdue: Vec<String> = self
            .pushes
            .iter()
            .filter(|(_, push)| push.deadline <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for reference in overdue {
            if let Some(push) = self.pushes.remove(&reference) {
                self.pushed(push.id, Err(PushError::Unconfirmed));
            }
        }
        if matches!(self.link, Link::Open { .. }) {
            let topics: BTreeSet<&str> = self
                .channels
                .values()
                .map(|channel| channel.topic.as_str())
                .collect();
            let missing: Vec<(String, String)> = self
                .rooms
                .iter()
                .filter(|(_, room)| {
                    room.refused.is_none() && room.retry_at <= now && !room.handles.is_empty()
                })
                .map(|(name, _)| (name.clone(), format!("realtime:{name}")))
                // A topic that is still being left would close the new join with it.
                .filter(|(_, topic)| !topics.contains(topic.as_str()))
                .collect();
            for (name, topic) in missing {
                self.queue(topic, Purpose::Room(name));
            }
        }
        let tracks = self.pay_tracks();
        let retries = self
            .rooms
            .values()
            .map(|room| room.retry_at)
            .filter(|at| *at > now)
            .min();
        let lingers = self
            .rooms
            .values()
            .filter_map(|room| room.lingers_until)
            .min();
        let pushes = self.pushes.values().map(|push| push.deadline).min();
        [tracks, retries, lingers, pushes]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends what is owed to presence, within the server's limit; says when more may be sent.
    fn pay_tracks(&mut self) -> Option<u64> {
        let now = self.now.mono;
        let mut due = None;
        let owing: Vec<String> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.track_owed && room.ready)
            .map(|(name, _)| name.clone())
            .collect();
        for name in owing {
            let Some(room) = self.rooms.get_mut(&name) else {
                continue;
            };
            while room
                .tracks
                .front()
                .is_some_and(|at| at.saturating_add(TRACK_WINDOW) <= now)
            {
                room.tracks.pop_front();
            }
            if room.tracks.len() >= TRACKS {
                let at = room
                    .tracks
                    .front()
                    .map(|at| at.saturating_add(TRACK_WINDOW));
                due = [due, at].into_iter().flatten().min();
                continue;
            }
            room.tracks.push_back(now);
            room.track_owed = false;
            if let Some((_, payload)) = room.tracked.clone() {
                self.push_presence(&name, "track", Some(&payload));
            }
        }
        due
    }

    pub(super) fn take_presence(
        &mut self,
        frame: &Inbound<'_>,
        raw: &RawValue,
        news: PresenceNews,
    ) {
        let Some(room) = frame
            .topic
            .strip_prefix("realtime:")
            .and_then(|name| self.rooms.get_mut(name))
        else {
            return;
        };
        let change = match news {
            PresenceNews::State => room.attendance.state(raw),
            PresenceNews::Diff => room.attendance.diff(raw),
        };
        if !change.is_empty() {
            let handles = room.handles.iter().copied().collect();
            self.tell_room(handles, RoomEvent::Presence(change));
        }
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

    /// A person asked, or other rights are in force.
    pub(super) fn pardon_rooms(&mut self) {
        for room in self.rooms.values_mut() {
            room.refused = None;
            room.retry.reset();
            room.retry_at = 0;
        }
    }

    pub(super) fn tell_room(&mut self, handles: Vec<HandleId>, event: RoomEvent) {
        if !handles.is_empty() {
            self.outputs
                .push_back(Output::Event(Event::Room { handles, event }));
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum PresenceNews {
    State,
    Diff,
}

pub(super) type Rooms = BTreeMap<String, RoomState>;
pub(super) type Pushes = BTreeMap<String, Push>;
