//! One round of deciding, and what it says about the whole.

use std::collections::BTreeSet;

use super::channels::Phase;
use super::link::{Link, Wanted};
use super::slots::Standing;
use super::{Engine, Event, Output};
use crate::status::{DegradedReason, Report, Status};

impl Engine {
    /// Brings everything in line with the present moment, and plans the next.
    pub(super) fn decide(&mut self) {
        for gap in self.slots.expire(self.now.mono) {
            self.ledger.close(gap, self.now.wall);
        }
        let wanted = if self.slots.is_empty() && self.rooms.is_empty() {
            Wanted::No
        } else {
            Wanted::Yes
        };
        let link = self.decide_link(wanted);
        if wanted == Wanted::Yes
            && self.fatal.is_none()
            && let Some((request, need)) = self.keyring.ask(self.now.mono)
        {
            self.outputs.push_back(Output::NeedToken { request, need });
        }
        let channels = self.decide_channels();
        let feed = self.decide_feed();
        let data = self.decide_data();
        let rooms = self.decide_rooms();
        if matches!(self.link, Link::Open { .. }) {
            self.pump_joins();
        }
        let alone = self
            .channels
            .values()
            .filter(|channel| channel.phase != Phase::Queued)
            .nth(1)
            .is_none();
        if alone {
            self.recent.clear();
        }
        let token = if wanted == Wanted::Yes && self.fatal.is_none() {
            self.keyring.due()
        } else {
            None
        };
        let stale = self.stale_at();
        // A joining channel set new deadlines after they were read; look at them too.
        let joins = self.join_patience();
        let waiting = self.waiting_until();
        let now = self.now.mono;
        self.due = [
            link,
            channels,
            feed,
            data,
            rooms,
            token,
            stale,
            joins,
            waiting,
            self.slots.due(),
        ]
        .into_iter()
        .flatten()
        .min()
        .map(|due| due.max(now));
        if self.changed {
            // Something moved while deciding: look again at once, but through the front door.
            self.changed = false;
            self.due = Some(now);
        }
        self.publish();
    }

    /// When a lost feed starts to count as stale.
    fn stale_at(&self) -> Option<u64> {
        let at = self.lost?.at.saturating_add(self.config.stale_after);
        (at > self.now.mono).then_some(at)
    }

    fn publish(&mut self) {
        let held = || {
            self.slots
                .iter()
                .filter(|(_, slot)| !slot.handles.is_empty())
        };
        let report = Report {
            status: self.status(),
            next_retry_at: self.waiting_until(),
            stale_since: self.lost.map(|lost| lost.since),
            attempt: self.backoff.attempts(),
            bindings: held().count(),
            ready: held().filter(|(_, slot)| slot.ready).count(),
            rooms: self
                .rooms
                .values()
                .filter(|room| !room.handles.is_empty())
                .count(),
            epoch: self.epoch,
        };
        if report != self.report {
            if report.status.name() != self.report.status.name() {
                self.trace.status(self.now, report.status.name());
            }
            self.report = report.clone();
            self.outputs.push_back(Output::Event(Event::Status(report)));
        }
    }

    fn status(&self) -> Status {
        if let Some(reason) = self.fatal {
            return Status::Fatal {
                reason,
                remedy: reason.remedy(),
            };
        }
        if self.slots.is_empty() && self.rooms.is_empty() {
            return Status::Offline;
        }
        let open = matches!(self.link, Link::Open { .. });
        if !open && !self.online {
            return Status::Offline;
        }
        let listening = if self.feed.is_doubted() {
            self.listening_slots()
        } else {
            BTreeSet::new()
        };
        let mut refused = None;
        let mut ready = open;
        for (id, slot) in self.slots.iter() {
            match &slot.standing {
                Standing::Refused(reason) => refused = Some(reason),
                Standing::Good | Standing::Suspect => {
                    ready &= slot.ready || listening.contains(&id)
                }
            }
        }
        let failing = self
            .rooms
            .iter()
            .find(|(_, room)| !room.ready && room.is_quarantined());
        ready &= self
            .rooms
            .values()
            .all(|room| room.ready || room.is_quarantined());
        if ready {
            let binding = refused
                .cloned()
                .map(|reason| DegradedReason::BindingRefused { reason });
            let room = failing.map(|(name, _)| DegradedReason::RoomRefused { room: name.clone() });
            let reason = self.feed.degraded().or(binding).or(room);
            return reason.map_or(Status::Live, Status::Degraded);
        }
        if let (Some(lost), None) = (self.lost, self.stale_at()) {
            return Status::Stale { since: lost.since };
        }
        if !open {
            return Status::Connecting;
        }
        if self.deaf > 0 {
            return Status::Degraded(DegradedReason::NotListening);
        }
        let waits = self
            .channels
            .values()
            .all(|channel| channel.phase == Phase::Queued);
        if waits && self.keyring.for_join(self.now.mono).is_none() {
            Status::Authenticating
        } else {
            Status::Joining
        }
    }
}
