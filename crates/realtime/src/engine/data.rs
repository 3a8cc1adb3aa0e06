//! Data channels: which bindings travel on which channel, when they are ready, and to whom a change goes.
//!
//! One channel carries every good binding. More of them means a second, wider channel beside the first, which
//! goes once the second is ready; a binding under suspicion travels alone until it is ready or refused.

use std::collections::BTreeSet;

use super::backoff::Pace;
use super::channels::{Channel, ChannelId, Phase, Purpose, RESUBSCRIBES_WITHIN};
use super::slots::{Slot, SlotId, Standing};
use super::verdict::Verdict;
use super::{Engine, HandleId};
use crate::binding::{Binding, EchoedBinding};
use crate::event::{BindingEvent, Ready, Refusal};
use crate::gap::GapCause;
use crate::wire::{BroadcastConfig, ChangeFrame, JoinConfig, JoinPayload, PresenceConfig, Reply};

#[derive(Clone, Debug)]
pub(super) struct DataChannel {
    pub slots: Vec<SlotId>,
    /// The server's number for each binding; equal numbers for equal bindings.
    pub ids: Vec<(u64, SlotId)>,
    /// The server said that it listens.
    pub listening: bool,
    pub listening_deadline: u64,
}

/// Fingerprints kept while two channels overlap; more means a burst, and repeating one is harmless.
const RECENT: usize = 20_000;

/// The first wait before a refused binding is tried again, doubled with every refusal; the longest; and how far apart clients that were
/// refused together come back.
const REFUSED_WAIT: u64 = 30_000;
const REFUSED_WAIT_MOST: u64 = 600_000;
const REFUSED_SPREAD: u64 = 30_000;

impl Engine {
    pub(super) fn bind(&mut self, handle: HandleId, binding: Binding) {
        let slot = self.slots.hold(handle, binding);
        let Some(slot) = self.slots.get(slot) else {
            return;
        };
        let event = if slot.ready {
            Some(BindingEvent::Ready(Ready {
                at: self.now.wall,
                gap: None,
            }))
        } else if let Standing::Refused(reason) = &slot.standing {
            Some(BindingEvent::Refused(Refusal {
                reason: reason.clone(),
            }))
        } else {
            None
        };
        if let Some(event) = event {
            self.tell(vec![handle], event);
        }
    }

    pub(super) fn unbind(&mut self, handle: HandleId) {
        self.feed.release(handle);
        self.slots
            .release(handle, self.now.mono.saturating_add(self.config.linger));
    }

    pub(super) fn data_payload<'a>(
        &'a self,
        data: &DataChannel,
        token: Option<&'a str>,
    ) -> JoinPayload<'a> {
        JoinPayload {
            config: JoinConfig {
                broadcast: BroadcastConfig::default(),
                presence: PresenceConfig::default(),
                postgres_changes: data
                    .slots
                    .iter()
                    .filter_map(|id| self.slots.get(*id))
                    .map(|slot| &slot.binding)
                    .collect(),
                private: false,
            },
            access_token: token,
        }
    }

    pub(super) fn data_doubt(&self, data: &DataChannel) -> usize {
        let suspect = |id: &SlotId| {
            self.slots
                .get(*id)
                .is_some_and(|slot| slot.standing != Standing::Good)
        };
        if data.slots.iter().any(suspect) { 2 } else { 0 }
    }

    pub(super) fn data_joined(&mut self, id: ChannelId, reply: &Reply<'_>) {
        #[derive(serde::Deserialize)]
        struct Echo {
            #[serde(default)]
            postgres_changes: Vec<EchoedBinding>,
        }
        let echo: Vec<EchoedBinding> = reply
            .response
            .and_then(|raw| serde_json::from_str::<Echo>(raw.get()).ok())
            .map(|echo| echo.postgres_changes)
            .unwrap_or_default();
        let deadline = self.now.mono.saturating_add(self.config.ready_timeout);
        let slots = &self.slots;
        let Some(Channel {
            purpose: Purpose::Data(data),
            ..
        }) = self.channels.get_mut(&id)
        else {
            return;
        };
        data.listening_deadline = deadline;
        // By what they say, not by position: servers may add bindings of their own.
        data.ids = echo
            .iter()
            .filter_map(|echoed| {
                let slot = data.slots.iter().find(|id| {
                    slots
                        .get(**id)
                        .is_some_and(|slot| echoed.echoes(&slot.binding))
                });
                slot.map(|slot| (echoed.id, *slot))
            })
            .collect();
        if data.listening {
            self.now_listening(id);
        }
    }

    /// "Subscribed to PostgreSQL".
    pub(super) fn listening(&mut self, id: ChannelId) {
        let now = self.now;
        let Some(channel) = self
            .channels
            .get_mut(&id)
            .filter(|channel| channel.is_alive())
        else {
            return;
        };
        let joined = channel.phase == Phase::Joined;
        let Purpose::Data(data) = &mut channel.purpose else {
            return;
        };
        if !std::mem::replace(&mut data.listening, true) {
            if joined {
                self.now_listening(id);
            }
            return;
        }
        if now.mono <= channel.resubscribes_until {
            channel.resubscribes_until = 0;
            return;
        }
        // The server built its subscriptions anew on its own account: whatever happened meanwhile was not sent.
        // It says so on every channel; one word about it is enough.
        for other in self.channels.values_mut() {
            other.resubscribes_until = now.mono.saturating_add(RESUBSCRIBES_WITHIN);
        }
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.resubscribes_until = 0;
        }
        self.blink(&GapCause::Resubscribed, self.feed.proof);
    }

    fn now_listening(&mut self, id: ChannelId) {
        let Some(data) = self
            .channels
            .get(&id)
            .and_then(|channel| channel.purpose.data())
        else {
            return;
        };
        let covered: BTreeSet<SlotId> = data.slots.iter().copied().collect();
        self.data_retry.reset();
        (self.token_refusals, self.deaf) = (0, 0);
        self.feed.proof = self.now.wall;
        self.settle_readiness(&GapCause::ChannelForgotten, self.now.wall);
        self.retire(id, &covered);
    }

    /// The server says that it cannot listen; the channel stays, but nothing will come.
    pub(super) fn not_listening(&mut self, id: ChannelId, message: &str, verdict: Verdict) {
        let deadline = self.now.mono.saturating_add(self.config.ready_timeout);
        let Some(Channel {
            purpose: Purpose::Data(data),
            ..
        }) = self.channels.get_mut(&id)
        else {
            return;
        };
        data.listening = false;
        data.listening_deadline = deadline;
        let slots = data.slots.clone();
        let cause = GapCause::ListeningFailed {
            reason: message.to_owned(),
        };
        self.settle_readiness(&cause, self.now.wall);
        if verdict != Verdict::Refused {
            // A database in trouble: the server itself tries again.
            return;
        }
        self.leave(id);
        if let [only] = slots.as_slice() {
            self.refuse_slot(*only, message);
        } else {
            self.suspect(&slots, message);
        }
    }

    fn refuse_slot(&mut self, id: SlotId, reason: &str) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.refusals = slot.refusals.saturating_add(1);
        }
        self.put_off(id);
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let refused = Standing::Refused(reason.to_owned());
        // Said once, however often it is tried.
        if std::mem::replace(&mut slot.standing, refused.clone()) == refused {
            return;
        }
        let handles = slot.handles.iter().copied().collect();
        self.tell(
            handles,
            BindingEvent::Refused(Refusal {
                reason: reason.to_owned(),
            }),
        );
    }

    /// The next attempt of a refused binding, whatever becomes of this one.
    pub(super) fn put_off(&mut self, id: SlotId) {
        let spread = self.dice.up_to(REFUSED_SPREAD);
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let wait = REFUSED_WAIT
            .saturating_mul(1 << slot.refusals.saturating_sub(1).min(8))
            .min(REFUSED_WAIT_MOST);
        slot.retry_at = self.now.mono.saturating_add(wait).saturating_add(spread);
    }

    /// One wrong binding silences a whole channel, and the text names it only sometimes: those that fit the
    /// text, else the unproven, else all, are tried alone.
    fn suspect(&mut self, slots: &[SlotId], message: &str) {
        let named = |slot: &Slot| {
            slot.binding
                .table_name()
                .is_some_and(|table| message.contains(&format!("table: {table},")))
        };
        let unproven = |slot: &Slot| !slot.proven;
        let pick = |fits: &dyn Fn(&Slot) -> bool| -> Vec<SlotId> {
            slots
                .iter()
                .copied()
                .filter(|id| self.slots.get(*id).is_some_and(fits))
                .collect()
        };
        let suspects = [pick(&named), pick(&unproven), slots.to_vec()]
            .into_iter()
            .find(|group| !group.is_empty())
            .unwrap_or_default();
        for id in suspects {
            if let Some(slot) = self.slots.get_mut(id) {
                slot.standing = Standing::Suspect;
            }
        }
    }

    pub(super) fn data_lost(
        &mut self,
        data: &DataChannel,
        cause: &GapCause,
        verdict: Verdict,
        pace: Pace,
    ) {
        let from = self.now.wall;
        self.settle_readiness(cause, from);
        if verdict == Verdict::Refused
            && let ([only], GapCause::ChannelClosed { reason }) = (data.slots.as_slice(), cause)
        {
            return self.refuse_slot(*only, reason);
        }
        if verdict != Verdict::RefreshThenRetry {
            let delay = self.data_retry.next(pace, &mut self.dice);
            self.data_retry_at = self.now.mono.saturating_add(delay);
        }
    }

    /// The bindings that the server says it listens for.
    pub(super) fn listening_slots(&self) -> BTreeSet<SlotId> {
        self.channels
            .values()
            .filter(|channel| channel.phase == Phase::Joined)
            .flat_map(|channel| match &channel.purpose {
                Purpose::Data(data) if data.listening => data.slots.as_slice(),
                Purpose::Data(_) | Purpose::Room(_) => &[],
            })
            .copied()
            .collect()
    }

    pub(super) fn take_change(&mut self, topic: &str, frame: &ChangeFrame<'_>) {
        let sent = |channel: &Channel| channel.phase != Phase::Queued;
        let carriers = self.channels.iter().filter_map(|(id, channel)| {
            let data = channel.purpose.data().filter(|_| sent(channel))?;
            Some((*id, channel.topic.as_str(), data))
        });
        let overlapping = carriers.clone().nth(1).is_some();
        let Some((id, _, data)) = carriers.clone().find(|(_, own, _)| *own == topic) else {
            return;
        };
        self.feed.proof = self.now.wall;
        let announced = data.ids.iter();
        let announced = announced.filter(|(id, _)| frame.ids().any(|other| other == *id));
        // Lent by the engine, since changes come by the thousand.
        let mut matched = std::mem::take(&mut self.matched);
        matched.clear();
        matched.extend(announced.map(|(_, slot)| *slot));
        if matched.is_empty() {
            // Ids that nobody announced: the table decides, since a change too many is harmless.
            let covers = |slot: &Slot| slot.binding.covers_table(frame.schema(), frame.table());
            let fits = |id: &SlotId| self.slots.get(*id).is_some_and(covers);
            matched.extend(data.slots.iter().copied().filter(fits));
        }
        if overlapping {
            let fingerprint = frame.fingerprint();
            if self.recent.len() > RECENT {
                self.recent.clear();
            }
            matched.retain(|slot| *self.recent.entry((fingerprint, *slot)).or_insert(id) == id);
        }
        let holders = matched.iter().filter_map(|id| self.slots.get(*id));
        let mut handles: Vec<HandleId> = holders
            .flat_map(|slot| slot.handles.iter().copied())
            .collect();
        handles.sort_unstable();
        handles.dedup();
        if !handles.is_empty()
            && let Some(change) = frame.to_change()
        {
            self.feel(frame, &matched, &change);
            self.tell(handles, BindingEvent::Change(change.into()));
        }
        self.matched = matched;
    }
}
