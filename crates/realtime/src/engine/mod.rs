//! The engine: every decision of the client, and no socket, clock or task.
//!
//! Time and inputs come in through [`Engine::handle`], outputs are taken with [`Engine::poll`], and
//! [`Engine::timer`] says when to come back. Drivers own no decision; tests play a server against it.
//!
//! It must never know: Leptos, a browser, tokio, what a table means.
//!
//! ```
//! use bedside_realtime::engine::{Command, Config, Engine, HandleId, Input, Now, Output};
//! use bedside_realtime::Binding;
//!
//! let mut engine = Engine::new(Config::new("ws://127.0.0.1/realtime/v1/websocket?apikey=k&vsn=2.0.0"), Now::default());
//! let bind = Command::Bind { handle: HandleId(1), binding: Binding::table("public", "patients") };
//! engine.handle(Now::new(1, 1), Input::Command(bind));
//! assert!(std::iter::from_fn(|| engine.poll()).any(|output| matches!(output, Output::Open { .. })));
//! ```

mod backoff;
mod channels;
mod clock;
mod config;
mod data;
mod heart;
mod keyring;
mod ledger;
mod link;
mod report;
mod slots;
mod verdict;

use std::collections::{BTreeMap, HashMap, VecDeque};

pub use clock::Now;
pub use config::{Config, TokenPolicy};
pub use verdict::{Verdict, judge_listening, judge_reason};

use backoff::Backoff;
use channels::{Channel, ChannelId};
use clock::Dice;
use heart::Heart;
use keyring::{Keyring, TokenNews};
use ledger::Ledger;
use link::Link;
use slots::Slots;

use crate::binding::Binding;
use crate::event::BindingEvent;
use crate::gap::{Gap, GapCause};
use crate::status::{FatalReason, Report};
use crate::token::{AccessToken, TokenError, TokenNeed};
use crate::wire::{Body, Inbound, Outbound, decode_binary, decode_text};

/// The number of a handle, given by whoever makes the handle; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u64);

/// What happens to the engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open.
    Opened,
    /// The handshake failed; browsers don't say why.
    OpenFailed {
        /// The HTTP status, where the platform shows it.
        http_status: Option<u16>,
    },
    /// A text frame came.
    Text(&'a str),
    /// A binary frame came.
    Binary(&'a [u8]),
    /// The socket closed by itself. Never reported for a close that the engine asked for.
    Closed {
        /// 1006 when there was no close frame.
        code: u16,
    },
    /// The moment that [`Engine::timer`] named has come.
    Timer,
    /// Somebody wants something.
    Command(Command),
    /// The surroundings changed.
    Environment(Environment),
    /// The token source answered.
    Token {
        /// The number from [`Output::NeedToken`].
        request: u64,
        /// Its answer; `Ok(None)` when nobody is signed in.
        answer: Result<Option<AccessToken>, TokenError>,
    },
}

/// What the application wants.
#[derive(Debug)]
pub enum Command {
    /// Listen.
    Bind {
        /// Who wants it.
        handle: HandleId,
        /// What.
        binding: Binding,
    },
    /// Stop listening, as far as this handle is concerned.
    Unbind {
        /// Whose.
        handle: HandleId,
    },
    /// Now, without backoff; ends a fatal state too.
    Reconnect,
    /// The token source has something new.
    TokenChanged,
    /// Another person, or nobody: nothing of the old one may reach the new one.
    Identity,
    /// The end.
    Shutdown,
}

/// What the surroundings say. Hints: they wake the engine, they never replace proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// The device has a network again.
    Online,
    /// The device says that it has none.
    Offline,
    /// Somebody looks at the page, or it came back from a cache or a freeze.
    Woken,
}

/// What the engine wants of its driver.
#[derive(Debug)]
pub enum Output {
    /// Open a socket; an older one is gone.
    Open {
        /// The address.
        url: String,
    },
    /// Send a frame on the open socket.
    Send(Outbound),
    /// Close the socket, or give up opening it; no [`Input::Closed`] may follow.
    Close {
        /// The close code.
        code: u16,
    },
    /// Ask the token source.
    NeedToken {
        /// To be given back with the answer.
        request: u64,
        /// Why.
        need: TokenNeed,
    },
    /// Tell holders.
    Event(Event),
    /// The driver may end.
    Finished,
}

/// News for holders.
#[derive(Clone, Debug)]
pub enum Event {
    /// News of a binding, for these handles.
    Binding {
        /// Who holds it.
        handles: Vec<HandleId>,
        /// What happened.
        event: BindingEvent,
    },
    /// The status or its numbers changed.
    Status(Report),
}

/// What was live is not.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// When it was noticed, monotonic.
    at: u64,
    /// The last proven moment, Unix time.
    since: u64,
}

/// The state machine of one client.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    dice: Dice,
    now: Now,
    outputs: VecDeque<Output>,
    link: Link,
    heart: Heart,
    backoff: Backoff,
    keyring: Keyring,
    ledger: Ledger,
    slots: Slots,
    channels: BTreeMap<ChannelId, Channel>,
    serial: u64,
    references: u64,
    data_retry: Backoff,
    data_retry_at: u64,
    widen_at: Option<u64>,
    /// Who delivered what while two data channels overlap, so that nobody hears it twice.
    recent: HashMap<(u64, slots::SlotId), ChannelId>,
    online: bool,
    fatal: Option<FatalReason>,
    token_refusals: u32,
    restart_announced: bool,
    crowded: bool,
    woken: bool,
    lost: Option<Lost>,
    epoch: u64,
    finished: bool,
    changed: bool,
    due: Option<u64>,
    report: Report,
    undecodable: u64,
}

impl Engine {
    /// An engine at rest; it opens a socket once something is bound.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        Self {
            dice: Dice::new(config.seed),
            now,
            outputs: VecDeque::new(),
            link: Link::Idle,
            heart: Heart::new(config.quiet, config.keepalive),
            backoff: Backoff::new(
                config.backoff_base,
                config.backoff_cap,
                config.restart_spread,
            ),
            keyring: Keyring::new(config.tokens),
            ledger: Ledger::default(),
            slots: Slots::default(),
            channels: BTreeMap::new(),
            serial: 0,
            references: 0,
            data_retry: Backoff::new(
                config.backoff_base,
                2 * config.backoff_cap,
                config.restart_spread,
            ),
            data_retry_at: 0,
            widen_at: None,
            recent: HashMap::new(),
            online: true,
            fatal: None,
            token_refusals: 0,
            restart_announced: false,
            crowded: false,
            woken: false,
            lost: None,
            epoch: 0,
            finished: false,
            changed: false,
            due: None,
            report: Report::default(),
            undecodable: 0,
            config,
        }
    }

    /// Takes an input at a moment; `now.mono` never goes back.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        if self.finished {
            return;
        }
        self.notice_sleep(now, matches!(input, Input::Timer));
        self.now = now;
        match input {
            Input::Opened => self.opened(),
            Input::OpenFailed { http_status } => self.open_failed(http_status),
            Input::Text(text) => match decode_text(self.config.vsn, text) {
                Ok(frame) => self.take(&frame),
                Err(_) => self.undecodable = self.undecodable.saturating_add(1),
            },
            Input::Binary(bytes) => match decode_binary(bytes) {
                Ok(frame) => self.take(&frame),
                Err(_) => self.undecodable = self.undecodable.saturating_add(1),
            },
            Input::Closed { code } => self.closed(code),
            Input::Timer => {}
            Input::Command(command) => self.obey(command),
            Input::Environment(environment) => self.surround(environment),
            Input::Token { request, answer } => self.token(request, answer),
        }
        // Row changes come by the thousand; only what can move a decision is worth a round of deciding.
        if self.changed || self.due.is_some_and(|due| due <= self.now.mono) {
            self.changed = false;
            self.decide();
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timer`] is due, in monotonic milliseconds.
    #[must_use]
    pub fn timer(&self) -> Option<u64> {
        self.due
    }

    /// The status as of the last input.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Every gap, oldest first; the newest 200 are kept.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        self.ledger.all()
    }

    /// The last moment at which the server showed life, monotonic milliseconds.
    #[must_use]
    pub fn proof_at(&self) -> Option<u64> {
        matches!(self.link, Link::Open { .. }).then(|| self.heart.last_in())
    }

    /// The usual time from a heartbeat to its answer, in milliseconds.
    #[must_use]
    pub fn round_trip(&self) -> Option<u64> {
        self.heart.round_trip()
    }

    /// Frames that were none, since the beginning.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    fn take(&mut self, frame: &Inbound<'_>) {
        if !matches!(self.link, Link::Open { .. }) {
            return;
        }
        self.heart.inbound(self.now.mono);
        if self.woken {
            self.woken = false;
        }
        match &frame.body {
            Body::Change(change) => self.take_change(&frame.topic, change),
            Body::Reply(reply) => self.take_reply(frame, reply),
            Body::System(system) => self.take_system(frame, system),
            Body::Close | Body::Error => self.take_end(frame),
            Body::PresenceState(_)
            | Body::PresenceDiff(_)
            | Body::Broadcast(_)
            | Body::Unknown { .. } => {}
        }
    }

    fn obey(&mut self, command: Command) {
        self.changed = true;
        match command {
            Command::Bind { handle, binding } => self.bind(handle, binding),
            Command::Unbind { handle } => self.unbind(handle),
            Command::Reconnect => self.reconnect(),
            Command::TokenChanged => self.token_changed(),
            Command::Identity => {
                self.keyring.forget();
                self.fence();
            }
            Command::Shutdown => self.shut_down(),
        }
    }

    fn token_changed(&mut self) {
        self.keyring.changed();
        if self.fatal == Some(FatalReason::TokenRefused) {
            self.fatal = None;
            self.token_refusals = 0;
        }
    }

    fn token(&mut self, request: u64, answer: Result<Option<AccessToken>, TokenError>) {
        self.changed = true;
        let news = self.keyring.answer(
            request,
            answer,
            self.now.mono,
            self.now.wall,
            &mut self.dice,
        );
        match news {
            TokenNews::Same => {}
            TokenNews::Fresh => self.spread_token(),
            TokenNews::OtherIdentity => self.fence(),
            TokenNews::Ended => self.fail_for_good(FatalReason::TokenRefused),
        }
    }

    /// Nothing that was said to the old identity reaches the new one: the socket goes, and with it every frame
    /// that is still on its way; the epoch tells queues to drop what they hold.
    fn fence(&mut self) {
        self.epoch += 1;
        self.fatal = None;
        self.token_refusals = 0;
        self.backoff.reset();
        self.data_retry.reset();
        self.data_retry_at = 0;
        self.slots.pardon();
        self.drop_socket(GapCause::IdentityChanged);
        self.changed = true;
    }

    fn reconnect(&mut self) {
        self.fatal = None;
        self.token_refusals = 0;
        self.backoff.reset();
        self.data_retry.reset();
        self.data_retry_at = 0;
        self.slots.pardon();
        self.drop_socket(GapCause::ReconnectRequested);
    }

    fn shut_down(&mut self) {
        let open: Vec<ChannelId> = self.channels.keys().copied().collect();
        for channel in open {
            self.leave(channel);
        }
        if !matches!(self.link, Link::Idle | Link::Waiting { .. }) {
            self.outputs.push_back(Output::Close { code: 1000 });
        }
        self.link = Link::Idle;
        self.channels.clear();
        self.finished = true;
        self.due = None;
        self.outputs.push_back(Output::Finished);
    }

    fn next_reference(&mut self) -> String {
        self.references += 1;
        self.references.to_string()
    }

    fn send(&mut self, frame: Outbound) {
        self.heart.outbound(self.now.mono);
        self.outputs.push_back(Output::Send(frame));
    }

    fn tell(&mut self, handles: Vec<HandleId>, event: BindingEvent) {
        if !handles.is_empty() {
            self.outputs
                .push_back(Output::Event(Event::Binding { handles, event }));
        }
    }
}
