//! One joined channel of one socket: what it was joined with and what it has become since. No I/O.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::authorize::Rights;
use super::hub::RoomKey;
use super::identity::Identity;
use super::join::{Join, Settings};

/// See the module.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Its number in the hub.
    pub(crate) id: u64,
    pub(crate) room: RoomKey,
    pub(crate) topic: String,
    /// The join's `join_ref` as sent, with which its end is announced.
    pub(crate) wire_ref: Value,
    /// The same or, without one, the join's `ref`: what its replies and pushes carry.
    pub(crate) join_ref: Value,
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    /// The bindings as sent.
    pub(crate) bindings: Vec<Value>,
    /// Looked up at the first push.
    pub(crate) write: Option<Rights>,
    pub(crate) presence_key: String,
    pub(crate) presence: PresenceState,
    presence_calls: VecDeque<Instant>,
    /// How many times its subscription to row changes was asked for.
    pub(crate) attempt: u64,
    /// The last of them that was answered.
    pub(crate) settled: u64,
}

/// Whether the channel shows itself in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PresenceState {
    Absent,
    Tracked,
}

impl Channel {
    pub(crate) fn new(
        id: u64,
        room: RoomKey,
        wire_ref: Value,
        reference: Value,
        join: Join,
        identity: Identity,
    ) -> Self {
        let join_ref = if wire_ref.is_null() {
            reference
        } else {
            wire_ref.clone()
        };
        let presence_key = match join.settings.presence_key.as_str() {
            "" => uuid::Uuid::now_v1(&rand::random()).to_string(),
            key => key.to_owned(),
        };
        Self {
            id,
            topic: room.topic(),
            room,
            wire_ref,
            join_ref,
            identity,
            settings: join.settings,
            bindings: join.bindings,
            write: None,
            presence_key,
            presence: PresenceState::Absent,
            presence_calls: VecDeque::new(),
            attempt: 0,
            settled: 0,
        }
    }

    /// Counts a presence call; whether it is one too many for the window.
    pub(crate) fn presence_call_exceeds(
        &mut self,
        calls: usize,
        window: Duration,
        now: Instant,
    ) -> bool {
        while self
            .presence_calls
            .front()
            .is_some_and(|at| now.duration_since(*at) >= window)
        {
            self.presence_calls.pop_front();
        }
        self.presence_calls.push_back(now);
        self.presence_calls.len() > calls
    }
}
