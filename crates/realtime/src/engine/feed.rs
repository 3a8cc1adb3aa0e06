//! Doubts about a feed that claims to be live: its heartbeat stopped, an own write did not come back, or more
//! changes arrive than the server promises to deliver. While in doubt, nothing counts as ready.

use std::collections::VecDeque;

use super::backoff::{Backoff, Pace, Spread};
use super::channels::{ChannelId, Purpose};
use super::slots::SlotId;
use super::{Engine, HandleId, Now};
use crate::gap::GapCause;
use crate::liveness::{Echo, Liveness};
use crate::status::DegradedReason;
use crate::wire::{Change, ChangeFrame};

#[derive(Clone, Debug)]
struct Watch {
    handle: HandleId,
    slot: SlotId,
    column: String,
    every: u64,
    /// The last beat, or the moment from which one was due.
    since: Option<Now>,
    number: Option<u64>,
    /// How long the last beat let the next one wait.
    pace: u64,
}

#[derive(Clone, Debug)]
struct Expected {
    echo: Echo,
    from: u64,
    deadline: u64,
}

/// What is doubted, and until when if time alone heals it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
    Silent,
    EchoMissing,
    ChangesMissed,
    Overrun { until: u64 },
}

#[derive(Clone, Debug)]
pub(super) struct Feed {
    /// When a change last came, or the server said that it listens, as Unix time.
    pub proof: u64,
    watch: Option<Watch>,
    expected: Vec<Expected>,
    doubt: Option<Doubt>,
    retry: Backoff,
    retry_at: u64,
    /// Changes by second, for the last few seconds.
    rate: VecDeque<(u64, u32)>,
}

/// Two beats may be missing, and the last may be on its way: the server polls every half second.
const BEATS: u64 = 2;
const ON_THE_WAY: u64 = 2_000;
/// A database under load counts late and loses nothing: a beat that is numbered right may take half as long again as the one before, or as
/// was agreed.
const LEEWAY: u64 = 2;
/// The server averages over some seconds before it drops, and goes on dropping for about 20.
const RATE_WINDOW_S: u64 = 5;
const RATE_HEALS: u64 = 25_000;
/// Own writes watched at a time.
const EXPECTED: usize = 50;

impl Feed {
    pub fn new() -> Self {
        Self {
            proof: 0,
            watch: None,
            expected: Vec::new(),
            doubt: None,
            retry: Backoff::new(
                10_000,
                300_000,
                Spread {
                    restart: 10_000,
                    loss: 10_000,
                },
            ),
            retry_at: 0,
            rate: VecDeque::new(),
        }
    }

    pub fn is_doubted(&self) -> bool {
        self.doubt.is_some()
    }

    /// The column that a trace needs to tell a beat.
    pub fn watched(&self) -> Option<&str> {
        self.watch.as_ref().map(|watch| watch.column.as_str())
    }

    pub fn degraded(&self) -> Option<DegradedReason> {
        Some(match self.doubt.as_ref()? {
            Doubt::Silent => DegradedReason::FeedSilent,
            Doubt::EchoMissing => DegradedReason::EchoMissing,
            Doubt::ChangesMissed => DegradedReason::ChangesMissed,
            Doubt::Overrun { .. } => DegradedReason::NearRateLimit,
        })
    }

    /// The socket is gone: own writes made before will not come back, and beats start anew.
    pub fn interrupted(&mut self) {
        self.expected.clear();
        self.rate.clear();
        if let Some(watch) = &mut self.watch {
            (watch.since, watch.number) = (None, None);
        }
        if self.doubt != Some(Doubt::Silent) {
            self.doubt = None;
        }
    }

    pub fn release(&mut self, handle: HandleId) {
        if self.watch.take_if(|watch| watch.handle == handle).is_some()
            && self.doubt == Some(Doubt::Silent)
        {
            self.doubt = None;
        }
    }
}

impl Engine {
    pub(super) fn watch(&mut self, handle: HandleId, liveness: Liveness) {
        let slot = self.slots.hold(handle, liveness.binding);
        let (column, every) = (liveness.column, liveness.every);
        self.feed.watch = Some(Watch {
            handle,
            slot,
            column,
            every,
            since: None,
            number: None,
            pace: every,
        });
    }

    pub(super) fn expect_echo(&mut self, echo: Echo, within: u64) {
        // Without a ready feed there is a gap anyway, and its end fetches.
        let covered =
            |binding: &crate::binding::Binding| binding.covers_table(&echo.schema, &echo.table);
        let ready = self
            .slots
            .iter()
            .any(|(_, slot)| slot.ready && covered(&slot.binding));
        if ready && self.feed.expected.len() < EXPECTED {
            let deadline = self.now.mono.saturating_add(within);
            self.feed.expected.push(Expected {
                echo,
                from: self.now.wall,
                deadline,
            });
        }
    }

    /// The changes were compared with a source that loses none. After a loss the feed is subscribed again, and doubted until it brings
    /// a change or nothing is missing.
    pub(super) fn feed_checked(&mut self, missed: u64) {
        if missed > 0 {
            let from = self.feed.proof;
            self.doubt(
                Doubt::ChangesMissed,
                &GapCause::ChangesMissed { missed },
                from,
            );
        } else if self.feed.doubt == Some(Doubt::ChangesMissed) {
            self.believe();
        }
    }

    /// Looks at a change before it is told: it may be a beat, an echo, or one too many.
    pub(super) fn feel(&mut self, frame: &ChangeFrame<'_>, matched: &[SlotId], change: &Change) {
        self.count_change();
        if !self.feed.expected.is_empty() {
            let is = |echo: &Echo| {
                frame.schema() == echo.schema
                    && frame.table() == echo.table
                    && change
                        .keyed_record()
                        .and_then(|record| record.text(&echo.column))
                        .as_deref()
                        == Some(echo.value.as_str())
            };
            self.feed.expected.retain(|expected| !is(&expected.echo));
        }
        if matches!(
            self.feed.doubt,
            Some(Doubt::EchoMissing | Doubt::ChangesMissed)
        ) {
            self.believe();
        }
        let Some(watch) = &mut self.feed.watch else {
            return;
        };
        if !matched.contains(&watch.slot) {
            return;
        }
        let number = change
            .record()
            .and_then(|record| record.text(&watch.column)?.parse::<u64>().ok());
        let Some(number) = number else { return };
        let since = watch.since.unwrap_or(self.now);
        let passed = self.now.mono.saturating_sub(since.mono);
        let before = watch.number.replace(number);
        // A number proves nothing about a beat that is much too late: a database that stood still did not count on. The first one
        // since the server listens has no number to compare with, so it has no leeway either.
        let patience = match before {
            Some(_) => watch.pace.max(watch.every) / LEEWAY * 3,
            None => watch.every,
        };
        let late = passed > patience.saturating_add(ON_THE_WAY);
        if before.is_some() {
            watch.pace = passed;
        }
        watch.since = Some(self.now);
        self.feed.retry.reset();
        self.feed.retry_at = 0;
        self.changed = true;
        if self.feed.doubt == Some(Doubt::Silent) {
            return self.believe();
        }
        match before {
            Some(before) if number != before.wrapping_add(1) && number != before => {
                let missed = number.saturating_sub(before).saturating_sub(1);
                self.blink(&GapCause::FeedSkipped { missed }, since.wall);
            }
            _ if late => self.blink(&GapCause::FeedSkipped { missed: 1 }, since.wall),
            _ => {}
        }
    }

    /// A gap that is over as soon as it is known: what came before it may be incomplete.
    pub(super) fn blink(&mut self, cause: &GapCause, from: u64) {
        let doubt = self.feed.doubt.take();
        self.feed.doubt = Some(Doubt::Silent);
        self.settle_readiness(cause, from);
        self.feed.doubt = doubt;
        self.settle_readiness(cause, from);
    }

    fn believe(&mut self) {
        self.feed.doubt = None;
        self.settle_readiness(&GapCause::FeedSilent, self.now.wall);
    }

    fn count_change(&mut self) {
        let Some(limit) = self.config.event_rate else {
            return;
        };
        let second = self.now.mono / 1_000;
        match self.feed.rate.back_mut() {
            Some((last, count)) if *last == second => *count = count.saturating_add(1),
            _ => self.feed.rate.push_back((second, 1)),
        }
        while self
            .feed
            .rate
            .front()
            .is_some_and(|(first, _)| first + RATE_WINDOW_S <= second)
        {
            self.feed.rate.pop_front();
        }
        let seen: u64 = self
            .feed
            .rate
            .iter()
            .map(|(_, count)| u64::from(*count))
            .sum();
        if seen <= u64::from(limit) * RATE_WINDOW_S {
            return;
        }
        let until = self.now.mono.saturating_add(RATE_HEALS);
        match &mut self.feed.doubt {
            Some(Doubt::Overrun { until: own }) => *own = until,
            Some(_) => {}
            None => {
                self.feed.doubt = Some(Doubt::Overrun { until });
                self.settle_readiness(&GapCause::RateLimited, self.now.wall);
            }
        }
    }

    /// Deadlines of beats and echoes; says when to look again.
    pub(super) fn decide_feed(&mut self) -> Option<u64> {
        let now = self.now.mono;
        if let Some(Doubt::Overrun { until }) = self.feed.doubt {
            if until > now {
                return Some(until);
            }
            self.believe();
        }
        let overdue = self
            .feed
            .expected
            .iter()
            .filter(|expected| expected.deadline <= now)
            .map(|one| one.from)
            .min();
        if let Some(from) = overdue {
            self.feed.expected.clear();
            self.doubt(Doubt::EchoMissing, &GapCause::EchoMissing, from);
        }
        let listening = self.listening_slots();
        let silent = match &mut self.feed.watch {
            Some(watch) if listening.contains(&watch.slot) => {
                let since = *watch.since.get_or_insert(self.now);
                let due = since
                    .mono
                    .saturating_add(watch.every.saturating_mul(BEATS))
                    .saturating_add(ON_THE_WAY);
                Some((since, due))
            }
            Some(watch) => {
                watch.since = None;
                None
            }
            None => None,
        };
        let echoes = self
            .feed
            .expected
            .iter()
            .map(|expected| expected.deadline)
            .min();
        let Some((since, due)) = silent else {
            return echoes;
        };
        let due = due.max(self.feed.retry_at);
        if due > now {
            return Some(echoes.map_or(due, |echo| echo.min(due)));
        }
        self.doubt(Doubt::Silent, &GapCause::FeedSilent, since.wall);
        echoes
    }

    /// Nothing is believed until the feed speaks again, and it is asked anew: what the server subscribed may be
    /// dead without its knowing.
    fn doubt(&mut self, doubt: Doubt, cause: &GapCause, from: u64) {
        self.feed.doubt = Some(doubt);
        self.settle_readiness(cause, from);
        let now = self.now.mono;
        if self.feed.retry_at > now {
            return;
        }
        self.feed.retry_at = now
            .saturating_add(self.feed.retry.next(Pace::Usual, &mut self.dice))
            .saturating_add(5_000);
        if let Some(watch) = &mut self.feed.watch {
            (watch.since, watch.number) = (None, None);
        }
        let data: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| matches!(channel.purpose, Purpose::Data(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in data {
            self.leave(id);
        }
    }
}
