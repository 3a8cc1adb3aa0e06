//! Channels on the wire: joined one at a time, known by their join reference, used once. What rejoins is a new
//! channel; what a late frame of an old one says is nobody's business any more.

use super::backoff::Pace;
use super::data::DataChannel;
use super::keyring::Generation;
use super::link::Link;
use super::verdict::{Verdict, judge_listening, judge_reason};
use super::{Address, Engine};
use crate::gap::GapCause;
use crate::status::FatalReason;
use crate::wire::{Body, Empty, Inbound, Outbound, Reply, System, TokenPush};

/// The number of a channel; grows with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChannelId(pub u64);

#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub topic: String,
    pub join_ref: String,
    pub phase: Phase,
    pub purpose: Purpose,
    /// Which token it was given.
    pub token: Generation,
    /// Until then, a repeated "Subscribed" is the echo of a token push and no gap.
    pub resubscribes_until: u64,
    /// What the server said before it closed the channel.
    pub complaint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Queued,
    Joining { deadline: u64 },
    Joined,
    Leaving { deadline: u64 },
}

#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Data(DataChannel),
    /// The room's name.
    Room(String),
}

/// A token push is followed by a new subscription within 1 to 3 s; recorded, with room to spare.
pub(super) const RESUBSCRIBES_WITHIN: u64 = 10_000;
/// A leave that is not answered is forgotten: nothing depends on the answer.
const LEAVE_PATIENCE: u64 = 5_000;
/// So many fresh tokens refused in a row: it is not the token's age.
const TOKEN_REFUSALS: u32 = 3;

impl Purpose {
    pub fn data(&self) -> Option<&DataChannel> {
        match self {
            Self::Data(data) => Some(data),
            Self::Room(_) => None,
        }
    }
}

impl Channel {
    pub fn is_alive(&self) -> bool {
        !matches!(self.phase, Phase::Leaving { .. })
    }
}

impl Engine {
    /// Queues a join; it is sent when no other is pending.
    pub(super) fn queue(&mut self, topic: String, purpose: Purpose) -> ChannelId {
        self.serial += 1;
        let id = ChannelId(self.serial);
        let channel = Channel {
            topic,
            join_ref: String::new(),
            phase: Phase::Queued,
            purpose,
            token: 0,
            resubscribes_until: 0,
            complaint: None,
        };
        self.channels.insert(id, channel);
        self.changed = true;
        id
    }

    /// Sends the next join, if none is pending and the token is there: a join behind a refused one waits for
    /// 5 s, and with it everything else on the socket.
    pub(super) fn pump_joins(&mut self) {
        if self
            .channels
            .values()
            .any(|channel| matches!(channel.phase, Phase::Joining { .. }))
        {
            return;
        }
        let Some(id) = self.next_in_queue() else {
            return;
        };
        let generation = self.keyring.generation();
        let reference = self.next_reference();
        let Some(token) = self.keyring.for_join(self.now.mono) else {
            return;
        };
        let Some(channel) = self.channels.get(&id) else {
            return;
        };
        let frame = {
            let payload = match &channel.purpose {
                Purpose::Data(data) => self.data_payload(data, token),
                Purpose::Room(name) => self.room_payload(name, token),
            };
            Outbound::push(
                self.config.vsn,
                Some(&reference),
                &reference,
                &channel.topic,
                "phx_join",
                &payload,
            )
        };
        let topic = channel.topic.clone();
        let deadline = self.now.mono.saturating_add(self.config.join_timeout);
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.phase = Phase::Joining { deadline };
            channel.join_ref.clone_from(&reference);
            channel.token = generation;
        }
        self.send(frame, "phx_join", &topic, &reference);
    }

    fn next_in_queue(&self) -> Option<ChannelId> {
        let queued = |channel: &Channel| channel.phase == Phase::Queued;
        let mut waiting: Vec<(usize, ChannelId)> = self
            .channels
            .iter()
            .filter(|(_, channel)| queued(channel))
            .map(|(id, channel)| (self.reluctance(channel), *id))
            .collect();
        waiting.sort_unstable();
        waiting.first().map(|(_, id)| *id)
    }

    /// The healthy go first: a channel that may be refused stalls only what comes after it.
    fn reluctance(&self, channel: &Channel) -> usize {
        match &channel.purpose {
            Purpose::Data(data) => self.data_doubt(data),
            Purpose::Room(name) => self.room_doubt(name),
        }
    }

    /// How long a late heartbeat answer is excused.
    pub(super) fn join_patience(&self) -> Option<u64> {
        self.channels
            .values()
            .filter_map(|channel| match channel.phase {
                Phase::Joining { deadline } => Some(deadline),
                _ => None,
            })
            .max()
    }

    /// Leaves a channel; its last frames still count until the server confirms.
    pub(super) fn leave(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&id) else {
            return;
        };
        match channel.phase {
            Phase::Leaving { .. } => return,
            Phase::Queued => {
                self.channels.remove(&id);
                return;
            }
            Phase::Joining { .. } | Phase::Joined => {
                channel.phase = Phase::Leaving {
                    deadline: self.now.mono.saturating_add(LEAVE_PATIENCE),
                };
            }
        }
        let (topic, join_ref) = (channel.topic.clone(), channel.join_ref.clone());
        let to = Address {
            topic: &topic,
            join_ref: Some(&join_ref),
        };
        self.push(to, "phx_leave", &Empty {});
        self.changed = true;
    }

    /// Gives the token in use to every channel that has an older one.
    pub(super) fn spread_token(&mut self) {
        let generation = self.keyring.generation();
        let Some(jwt) = self.keyring.jwt().map(ToOwned::to_owned) else {
            return;
        };
        let behind: Vec<(String, String)> = self
            .channels
            .values_mut()
            .filter(|channel| channel.phase == Phase::Joined && channel.token != generation)
            .map(|channel| {
                channel.token = generation;
                channel.resubscribes_until = self.now.mono.saturating_add(RESUBSCRIBES_WITHIN);
                (channel.topic.clone(), channel.join_ref.clone())
            })
            .collect();
        for (topic, join_ref) in behind {
            let to = Address {
                topic: &topic,
                join_ref: Some(&join_ref),
            };
            self.push(to, "access_token", &TokenPush { access_token: &jwt });
        }
    }

    pub(super) fn take_reply(&mut self, frame: &Inbound<'_>, reply: &Reply<'_>) {
        let Some(reference) = frame.reference.as_deref() else {
            return;
        };
        self.heart.replied(self.now.mono, reference);
        let Some((&id, channel)) = self
            .channels
            .iter_mut()
            .find(|(_, channel)| channel.join_ref == reference)
        else {
            return self.take_push_reply(frame, reply);
        };
        if !matches!(channel.phase, Phase::Joining { .. }) {
            return;
        }
        self.changed = true;
        if reply.ok {
            channel.phase = Phase::Joined;
            match channel.purpose.clone() {
                Purpose::Data(_) => self.data_joined(id, reply),
                Purpose::Room(name) => self.room_joined(&name),
            }
            self.spread_token();
        } else {
            let reason = reply.reason().into_owned();
            let verdict = judge_reason(&reason);
            if verdict == Verdict::BackOffLong {
                self.crowded = true;
            }
            self.lose_channel(id, &GapCause::ChannelClosed { reason }, verdict);
        }
    }

    /// An answer to a push on a channel that the server does not know means that it forgot the channel.
    fn take_push_reply(&mut self, frame: &Inbound<'_>, reply: &Reply<'_>) {
        self.room_reply(frame, reply);
        if reply.ok {
            let answered = self.channels.iter().find_map(|(id, channel)| {
                (channel.topic == frame.topic && !channel.is_alive()).then_some(*id)
            });
            if let Some(id) = answered {
                self.channels.remove(&id);
                self.changed = true;
            }
            return;
        }
        if reply.reason() == "unmatched topic" {
            let forgotten = self
                .channels
                .iter()
                .find(|(_, channel)| channel.phase == Phase::Joined && channel.topic == frame.topic)
                .map(|(id, _)| *id);
            if let Some(id) = forgotten {
                self.lose_channel(id, &GapCause::ChannelForgotten, Verdict::Retry);
            }
        }
    }

    pub(super) fn take_system(&mut self, frame: &Inbound<'_>, system: &System<'_>) {
        let of_join = frame.join_ref.as_deref();
        let found = self.channels.iter_mut().find(|(_, channel)| match of_join {
            Some(join_ref) => channel.join_ref == join_ref,
            None => channel.topic == frame.topic && channel.is_alive(),
        });
        let Some((&id, channel)) = found else { return };
        self.changed = true;
        match (system.extension.as_ref(), system.status.as_ref()) {
            ("postgres_changes", "ok") => self.listening(id),
            ("postgres_changes", _) => {
                let verdict = judge_listening(&system.message);
                self.not_listening(id, system.message.as_ref(), verdict);
            }
            (_, "ok") => self.restart_announced |= system.message.contains("disconnect"),
            _ => channel.complaint = Some(system.message.clone().into_owned()),
        }
    }

    /// `phx_close` and `phx_error`. Both name the join they belong to; a stale one names an older join.
    pub(super) fn take_end(&mut self, frame: &Inbound<'_>) {
        let Some(join_ref) = frame.reference.as_deref().or(frame.join_ref.as_deref()) else {
            return;
        };
        let found = self
            .channels
            .iter()
            .find(|(_, channel)| channel.join_ref == join_ref);
        let Some((&id, channel)) = found else { return };
        self.changed = true;
        if !channel.is_alive() {
            self.channels.remove(&id);
            return;
        }
        let complaint = channel.complaint.clone().unwrap_or_default();
        let verdict = if complaint.is_empty() {
            Verdict::Retry
        } else {
            judge_reason(&complaint)
        };
        let cause = match frame.body {
            Body::Error => GapCause::ChannelCrashed,
            _ => GapCause::ChannelClosed { reason: complaint },
        };
        self.lose_channel(id, &cause, verdict);
    }

    /// A channel ended that was not asked to.
    pub(super) fn lose_channel(&mut self, id: ChannelId, cause: &GapCause, verdict: Verdict) {
        let Some(channel) = self.channels.remove(&id) else {
            return;
        };
        self.changed = true;
        self.fail_pushes(|gone| gone == id);
        match verdict {
            // What was refused is not held any more: a newer one came while the answer was on its way.
            Verdict::RefreshThenRetry if channel.token != self.keyring.generation() => {}
            Verdict::RefreshThenRetry => {
                self.token_refusals = self.token_refusals.saturating_add(1);
                if self.token_refusals > TOKEN_REFUSALS {
                    return self.fail_for_good(FatalReason::TokenRefused);
                }
                if self.keyring.jwt().is_none() {
                    // Without a token of its own, the API key itself was refused.
                    return self.fail_for_good(FatalReason::ApiKeyRefused);
                }
                self.keyring.refuse();
            }
            Verdict::Fatal(reason) => return self.fail_for_good(reason),
            Verdict::Retry | Verdict::BackOffLong | Verdict::Refused => {}
        }
        let pace = if verdict == Verdict::BackOffLong {
            Pace::Long
        } else {
            Pace::Usual
        };
        match channel.purpose {
            Purpose::Data(data) => self.data_lost(&data, cause, verdict, pace),
            Purpose::Room(name) => self.room_lost(&name, cause, verdict, pace),
        }
    }

    /// The socket is gone: every channel with it.
    pub(super) fn forget_channels(&mut self, cause: &GapCause, from: u64) {
        self.channels.clear();
        self.recent.clear();
        self.widen_at = None;
        self.fail_pushes(|_| true);
        self.feed.interrupted();
        self.settle_readiness(cause, from);
    }

    /// Deadlines of joins and leaves; says when to look again.
    pub(super) fn decide_channels(&mut self) -> Option<u64> {
        if !matches!(self.link, Link::Open { .. }) {
            return None;
        }
        let now = self.now.mono;
        let over: Vec<(ChannelId, Phase)> = self
            .channels
            .iter()
            .filter(|(_, channel)| match channel.phase {
                Phase::Joining { deadline } | Phase::Leaving { deadline } => deadline <= now,
                Phase::Queued | Phase::Joined => false,
            })
            .map(|(id, channel)| (*id, channel.phase))
            .collect();
        for (id, phase) in over {
            if let Phase::Leaving { .. } = phase {
                self.channels.remove(&id);
                continue;
            }
            // The server may still finish this join: tell it that nobody waits.
            self.leave(id);
            self.lose_channel(id, &GapCause::ChannelForgotten, Verdict::Retry);
        }
        self.channels
            .values()
            .filter_map(|channel| match channel.phase {
                Phase::Joining { deadline } | Phase::Leaving { deadline } => Some(deadline),
                Phase::Queued | Phase::Joined => None,
            })
            .min()
    }
}
