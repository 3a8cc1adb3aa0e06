//! The socket's life: when to open it, when it is dead, when to try again. Knows nothing of channels but that
//! they die with it.

use super::backoff::Pace;
use super::channels::ChannelId;
use super::heart::Pulse;
use super::verdict::{Verdict, judge_close, judge_handshake};
use super::{Address, Engine, Environment, Now, Output};
use crate::gap::GapCause;
use crate::status::FatalReason;
use crate::wire::Empty;

/// The socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// None, and none wanted.
    Idle,
    /// None until then.
    Waiting { until: u64 },
    /// The handshake runs.
    Opening { since: u64, deadline: u64 },
    /// It is open; `empty_since` while there is no channel on it.
    Open {
        since: u64,
        empty_since: Option<u64>,
    },
}

/// A timer this late, or a wall clock this far ahead of the monotonic one, means that the page slept.
const SLEPT: u64 = 5_000;
/// How long a handshake from before a wake-up is given in all: it may have begun on a network that is gone.
const STALE_HANDSHAKE: u64 = 1_000;

/// Handshakes in a row that fail without a word before the server is asked why: the first few are mostly the network,
/// and a server in trouble needs no further questions.
const ASK_AFTER: u32 = 3;

impl Engine {
    pub(super) fn notice_sleep(&mut self, now: Now, timer: bool) {
        let late = match self.due {
            Some(due) if timer => now.mono.saturating_sub(due),
            _ => 0,
        };
        let passed = now.mono.saturating_sub(self.now.mono);
        let drift = now
            .wall
            .saturating_sub(self.now.wall)
            .saturating_sub(passed);
        if late > SLEPT || drift > SLEPT {
            self.now = now;
            self.wake();
        }
    }

    pub(super) fn surround(&mut self, environment: Environment) {
        self.changed = true;
        match environment {
            Environment::Online => {
                self.online = true;
                self.wake();
            }
            Environment::Offline => {
                self.online = false;
                // It may be wrong (a server on this very machine): the socket's own answer decides.
                if matches!(self.link, Link::Open { .. }) {
                    self.wake();
                }
            }
            Environment::Woken => self.wake(),
        }
    }

    /// Tests an open socket at once and ends any waiting.
    fn wake(&mut self) {
        self.changed = true;
        match &mut self.link {
            Link::Open { .. } => {
                self.woken = true;
                self.beat(Some(self.config.probe_timeout));
            }
            Link::Waiting { until } => *until = self.now.mono.saturating_add(self.dice.up_to(250)),
            Link::Opening { since, deadline } => {
                self.woken = true;
                *deadline = (*deadline).min(since.saturating_add(STALE_HANDSHAKE));
            }
            Link::Idle => {}
        }
        self.data_retry_at = self.data_retry_at.min(self.now.mono);
    }

    fn beat(&mut self, patience: Option<u64>) {
        let socket = Address {
            topic: "phoenix",
            join_ref: None,
        };
        let reference = self.push(socket, "heartbeat", &Empty {});
        self.heart.sent(self.now.mono, reference, patience);
    }

    pub(super) fn opened(&mut self) {
        if matches!(self.link, Link::Opening { .. }) {
            self.link = Link::Open {
                since: self.now.mono,
                empty_since: Some(self.now.mono),
            };
            self.heart.opened(self.now);
            (self.restart_announced, self.crowded, self.woken) = (false, false, false);
            self.wordless = 0;
            self.online = true;
            self.changed = true;
        }
    }

    pub(super) fn open_failed(&mut self, http_status: Option<u16>) {
        if !matches!(self.link, Link::Opening { .. }) {
            return;
        }
        self.changed = true;
        match http_status.map_or(Verdict::Retry, judge_handshake) {
            Verdict::Fatal(reason) => return self.fail_for_good(reason),
            Verdict::BackOffLong => self.wait(Pace::Long),
            Verdict::Retry | Verdict::RefreshThenRetry | Verdict::Refused => self.wait(Pace::Usual),
        }
        self.wordless = match http_status {
            Some(_) => 0,
            None => self.wordless.saturating_add(1),
        };
        if self.wordless > 0 && self.wordless.is_multiple_of(ASK_AFTER) {
            let url = self.config.url.clone();
            self.outputs.push_back(Output::Ask { url });
        }
    }

    /// What the server said by plain HTTP. Whatever else it says there, the socket's own answer decides.
    pub(super) fn asked(&mut self, http_status: Option<u16>) {
        let unsettled = matches!(self.link, Link::Waiting { .. } | Link::Opening { .. });
        let verdict = http_status.map(judge_handshake);
        match verdict.filter(|_| unsettled && self.wordless > 0) {
            Some(Verdict::Fatal(reason)) => self.fail_for_good(reason),
            Some(Verdict::BackOffLong) if matches!(self.link, Link::Waiting { .. }) => {
                self.changed = true;
                self.wait(Pace::Long);
            }
            _ => {}
        }
    }

    pub(super) fn closed(&mut self, code: u16) {
        let Link::Open { .. } = self.link else {
            if matches!(self.link, Link::Opening { .. }) {
                self.open_failed(None);
            }
            return;
        };
        let cause = if self.restart_announced || code == 1012 {
            GapCause::ServerRestart
        } else if self.woken {
            GapCause::Frozen
        } else {
            GapCause::SocketClosed { code }
        };
        let pace = match judge_close(code) {
            _ if self.crowded => Pace::Long,
            // It is this device's own affair.
            Pace::Broken if self.woken => Pace::Usual,
            pace => pace,
        };
        self.lose_socket(&cause, pace);
    }

    /// The socket is gone: so is everything on it.
    fn lose_socket(&mut self, cause: &GapCause, pace: Pace) {
        self.changed = true;
        if let Link::Open { since, .. } = self.link
            && self.now.mono.saturating_sub(since) >= self.config.stable_after
        {
            self.backoff.reset();
        }
        let from = self.heart.last_in_wall();
        self.forget_channels(cause, from);
        self.wait(pace);
    }

    /// Drops the socket on purpose; the next one is opened as soon as it is wanted.
    pub(super) fn drop_socket(&mut self, cause: GapCause) {
        if matches!(self.link, Link::Open { .. } | Link::Opening { .. }) {
            let open: Vec<ChannelId> = self.channels.keys().copied().collect();
            for channel in open {
                self.leave(channel);
            }
            self.outputs.push_back(Output::Close { code: 1000 });
        }
        self.forget_channels(&cause, self.now.wall);
        self.link = Link::Waiting {
            until: self.now.mono,
        };
    }

    pub(super) fn fail_for_good(&mut self, reason: FatalReason) {
        self.fatal = Some(reason);
        self.changed = true;
        if matches!(self.link, Link::Open { .. } | Link::Opening { .. }) {
            self.outputs.push_back(Output::Close { code: 1000 });
        }
        self.forget_channels(
            &GapCause::ChannelClosed {
                reason: format!("{reason:?}"),
            },
            self.now.wall,
        );
        self.link = Link::Idle;
    }

    fn wait(&mut self, pace: Pace) {
        let delay = self.backoff.next(pace, &mut self.dice);
        self.link = Link::Waiting {
            until: self.now.mono.saturating_add(delay),
        };
    }

    /// Moves the socket on; says when to look again.
    pub(super) fn decide_link(&mut self, wanted: Wanted) -> Option<u64> {
        let now = self.now.mono;
        if self.fatal.is_some() {
            return None;
        }
        match (&mut self.link, wanted) {
            (Link::Idle, Wanted::No) => return None,
            (Link::Waiting { .. }, Wanted::No) => {
                self.link = Link::Idle;
                return None;
            }
            (Link::Waiting { until }, Wanted::Yes) if *until > now => return Some(*until),
            (Link::Idle | Link::Waiting { .. }, Wanted::Yes) => {
                let deadline = now.saturating_add(self.config.open_timeout);
                self.link = Link::Opening {
                    since: now,
                    deadline,
                };
                self.outputs.push_back(Output::Open {
                    url: self.config.url.clone(),
                });
                return Some(deadline);
            }
            (Link::Opening { deadline, .. }, _) if *deadline > now => return Some(*deadline),
            (Link::Opening { .. }, _) => {
                self.outputs.push_back(Output::Close { code: 1000 });
                if std::mem::take(&mut self.woken) {
                    let until = now.saturating_add(self.dice.up_to(250));
                    self.link = Link::Waiting { until };
                } else {
                    self.wait(Pace::Usual);
                }
                return self.waiting_until();
            }
            (Link::Open { empty_since, .. }, _) => {
                let empty = self.channels.is_empty() && wanted == Wanted::No;
                *empty_since = if empty {
                    empty_since.or(Some(now))
                } else {
                    None
                };
                if empty_since.is_some_and(|since| now.saturating_sub(since) >= self.config.idle) {
                    self.outputs.push_back(Output::Close { code: 1000 });
                    self.link = Link::Idle;
                    return None;
                }
            }
        }
        self.feel_pulse()
    }

    fn feel_pulse(&mut self) -> Option<u64> {
        let now = self.now.mono;
        match self.heart.pulse(now, self.join_patience()) {
            Pulse::Calm => {}
            Pulse::Beat => self.beat(None),
            Pulse::Lost => {
                self.outputs.push_back(Output::Close { code: 1000 });
                let (cause, pace) = if self.woken {
                    (GapCause::Frozen, Pace::Usual)
                } else {
                    // A change that everybody had heard set all hearts to one beat.
                    (GapCause::HeartbeatLost, Pace::Broken)
                };
                self.lose_socket(&cause, pace);
                return self.waiting_until();
            }
        }
        let idle = match self.link {
            Link::Open {
                empty_since: Some(since),
                ..
            } => Some(since.saturating_add(self.config.idle)),
            _ => None,
        };
        [Some(self.heart.due()), idle].into_iter().flatten().min()
    }

    pub(super) fn waiting_until(&self) -> Option<u64> {
        match self.link {
            Link::Waiting { until } => Some(until),
            _ => None,
        }
    }
}

/// Whether anybody needs a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}
