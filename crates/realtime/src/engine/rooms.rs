//! Rooms on their way in, inside, and out: one channel each, tried again on their own, so that one that keeps
//! failing disturbs nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::value::RawValue;

use super::backoff::{Backoff, Pace};
use super::channels::{Channel, ChannelId, Phase, Purpose};
use super::link::Link;
use super::presence::Attendance;
use super::verdict::Verdict;
use super::{Address, Engine, Event, HandleId, Output};
use crate::event::{Ready, Refusal};
use crate::gap::GapCause;
use crate::room::{Access, PresenceState, Room, RoomEvent};
use crate::wire::{
    BroadcastConfig, Inbound, JoinConfig, JoinPayload, PresenceConfig, Replay, TypedPush,
};

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
    pub last_message: Option<u64>,
    pub recent: VecDeque<String>,
    pub replays: u8,
}

/// The server allows 5 presence calls in 30 s and closes the channel at the 6th; one is kept in reserve.
const TRACKS: usize = 4;
const TRACK_WINDOW: u64 = 30_000;
/// A clock that differs from the server's must not hide a message from a replay.
const REPLAY_MARGIN: u64 = 5_000;
pub(super) const REPLAY_LIMIT: u8 = 25;

impl RoomState {
    /// It failed so often that the rest should not wait for it.
    pub fn is_quarantined(&self) -> bool {
        self.refused.is_some() || self.retry.attempts() >= 2
    }
}

impl Engine {
    pub(super) fn enter_room(&mut self, handle: HandleId, options: Room) {
        let config = &self.config;
        let retry = Backoff::new(config.backoff_base, 4 * config.backoff_cap, config.spread());
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

    pub(super) fn room_channel(&self, room: &str) -> Option<(ChannelId, &Channel)> {
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
        let pushes = self.decide_pushes();
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
