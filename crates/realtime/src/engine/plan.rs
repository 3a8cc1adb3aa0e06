//! From demand to channels: which are missing, which are of no use, and when to do something about it.
//!
//! Channels are only queued and left here; joining them is the pump's work.

use std::collections::BTreeSet;

use super::Engine;
use super::backoff::Pace;
use super::channels::{Channel, ChannelId, Phase, Purpose};
use super::data::DataChannel;
use super::link::Link;
use super::slots::{SlotId, Standing};

fn carries(channel: &Channel, slot: SlotId) -> bool {
    channel
        .purpose
        .data()
        .is_some_and(|data| data.slots.contains(&slot))
}

impl Engine {
    /// Other data channels whose bindings the new one carries are of no use any more.
    pub(super) fn retire(&mut self, id: ChannelId, covered: &BTreeSet<SlotId>) {
        let superseded: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(other, channel)| {
                **other != id && channel.is_alive() && channel.phase != Phase::Queued
            })
            .filter(|(_, channel)| {
                let gone =
                    |slot: &SlotId| covered.contains(slot) || self.slots.get(*slot).is_none();
                channel
                    .purpose
                    .data()
                    .is_some_and(|data| data.slots.iter().all(gone))
            })
            .map(|(other, _)| *other)
            .collect();
        for other in superseded {
            self.leave(other);
        }
    }

    /// Queues the channels that demand asks for; says when to look again.
    pub(super) fn decide_data(&mut self) -> Option<u64> {
        if !matches!(self.link, Link::Open { .. }) {
            return None;
        }
        let now = self.now.mono;
        self.slots_without_use();
        let overdue = self.overdue_listening();
        if self.data_retry_at > now {
            return Some(self.data_retry_at.min(overdue.unwrap_or(u64::MAX)));
        }
        let wanted = |standing: Standing| {
            self.slots
                .iter()
                .filter(move |(_, slot)| slot.standing == standing)
                .map(|(id, _)| id)
        };
        let alive: Vec<&Channel> = self
            .channels
            .values()
            .filter(|channel| channel.is_alive())
            .collect();
        let covered = |id: SlotId| alive.iter().any(|channel| carries(channel, id));
        let (refused, next_retry) = self.slots.refused_due(now);
        let overdue = [overdue, next_retry].into_iter().flatten().min();
        let good: Vec<SlotId> = wanted(Standing::Good).collect();
        let missing = good.iter().any(|id| !covered(*id));
        let alone: Vec<SlotId> = wanted(Standing::Suspect)
            .chain(refused)
            .filter(|id| !covered(*id))
            .collect();
        let overlapping = alive.iter().any(|channel| channel.phase != Phase::Queued);
        for id in alone {
            self.put_off(id);
            self.queue_data(vec![id]);
        }
        if !missing {
            self.widen_at = None;
            return overdue;
        }
        let settle = if overlapping { self.config.settle } else { 0 };
        let at = *self.widen_at.get_or_insert(now.saturating_add(settle));
        if at > now {
            return Some(at.min(overdue.unwrap_or(u64::MAX)));
        }
        self.widen_at = None;
        let queued = self.channels.values_mut().find_map(|channel| {
            match (&mut channel.purpose, channel.phase) {
                (Purpose::Data(data), Phase::Queued)
                    if data.slots.len() > 1 || data.slots.iter().all(|id| good.contains(id)) =>
                {
                    Some(data)
                }
                _ => None,
            }
        });
        match queued {
            Some(data) => data.slots = good,
            None => self.queue_data(good),
        }
        overdue
    }

    fn queue_data(&mut self, slots: Vec<SlotId>) {
        let topic = format!("realtime:bedside-{}", self.serial + 1);
        let data = DataChannel {
            slots,
            ids: Vec::new(),
            listening: false,
            listening_deadline: u64::MAX,
        };
        self.queue(topic, Purpose::Data(data));
    }

    /// Leaves channels that carry nothing that anybody wants.
    fn slots_without_use(&mut self) {
        let useless: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.is_alive())
            .filter(|(_, channel)| {
                let unwanted = |slot: &SlotId| self.slots.get(*slot).is_none();
                channel
                    .purpose
                    .data()
                    .is_some_and(|data| data.slots.iter().all(unwanted))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in useless {
            self.leave(id);
        }
    }

    /// Gives up channels that the server joined but never listened on; says when to look again.
    fn overdue_listening(&mut self) -> Option<u64> {
        let now = self.now.mono;
        let deadline = |channel: &Channel| {
            let data = channel.purpose.data()?;
            (channel.phase == Phase::Joined && !data.listening).then_some(data.listening_deadline)
        };
        let over: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| deadline(channel).is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.leave(id);
            self.deaf = self.deaf.saturating_add(1);
            let delay = self.data_retry.next(Pace::Usual, &mut self.dice);
            self.data_retry_at = now.saturating_add(delay);
        }
        self.channels.values().filter_map(deadline).min()
    }
}
