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
mod feed;
mod heart;
mod io;
mod keyring;
mod ledger;
mod link;
mod plan;
mod presence;
mod readiness;
mod replay;
mod report;
mod rooms;
mod slots;
mod talk;
mod trace;
mod verdict;

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

pub use clock::Now;
pub use config::{Config, TokenPolicy};
pub use io::{Command, Environment, Event, HandleId, Input, Output};
pub use replay::{ReplayError, Transition, recorded, replay};
pub use talk::{PushId, Said};
pub use verdict::{Verdict, judge_listening, judge_reason};

use backoff::Backoff;
use channels::{Channel, ChannelId};
use clock::Dice;
use feed::Feed;
use heart::Heart;
use keyring::{Keyring, TokenNews};
use ledger::Ledger;
use link::Link;
use rooms::{PresenceNews, Rooms};
use slots::Slots;
use talk::Pushes;
use trace::Trace;

use crate::event::BindingEvent;
use crate::gap::{Gap, GapCause};
use crate::room::RoomEvent;
use crate::status::{FatalReason, Report};
use crate::token::{AccessToken, TokenError};
use crate::wire::{Body, FarFrame, Inbound, Outbound, decode_binary, decode_opened, decode_text};

/// Where a push goes.
#[derive(Clone, Copy, Debug)]
struct Address<'a> {
    topic: &'a str,
    /// Servers ignore a push that names a join of the past, or none.
    join_ref: Option<&'a str>,
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
    /// Room for the bindings that a change is for, used again for each.
    matched: Vec<slots::SlotId>,
    feed: Feed,
    rooms: Rooms,
    pushes: Pushes,
    online: bool,
    fatal: Option<FatalReason>,
    token_refusals: u32,
    /// Handshakes in a row that failed without a word.
    wordless: u32,
    /// Channels in a row that were joined and never listened.
    deaf: u32,
    restart_announced: bool,
    crowded: bool,
    woken: bool,
    lost: Option<Lost>,
    epoch: u64,
    finished: bool,
    changed: bool,
    due: Option<u64>,
    report: Report,
    garbled: u64,
    trace: Trace,
}

impl Engine {
    /// An engine at rest; it opens a socket once something is bound.
    #[must_use]
    pub fn new(config: Config, now: Now) -> Self {
        let spread = config.spread();
        Self {
            dice: Dice::new(config.seed),
            now,
            outputs: VecDeque::new(),
            link: Link::Idle,
            heart: Heart::new(config.quiet, config.keepalive),
            backoff: Backoff::new(config.backoff_base, config.backoff_cap, spread),
            keyring: Keyring::new(config.tokens),
            ledger: Ledger::default(),
            slots: Slots::default(),
            channels: BTreeMap::new(),
            serial: 0,
            references: 0,
            data_retry: Backoff::new(config.backoff_base, 2 * config.backoff_cap, spread),
            data_retry_at: 0,
            widen_at: None,
            recent: HashMap::new(),
            matched: Vec::new(),
            feed: Feed::new(),
            rooms: Rooms::new(),
            pushes: Pushes::new(),
            online: true,
            fatal: None,
            token_refusals: 0,
            wordless: 0,
            deaf: 0,
            restart_announced: false,
            crowded: false,
            woken: false,
            lost: None,
            epoch: 0,
            finished: false,
            changed: false,
            due: None,
            report: Report::default(),
            garbled: 0,
            trace: Trace::new(config.trace, now),
            config,
        }
    }

    /// Takes an input at a moment; `now.mono` never goes back.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        if self.finished {
            return;
        }
        self.trace.input(now, &input);
        self.notice_sleep(now, matches!(input, Input::Timer));
        self.now = now;
        match input {
            Input::Opened => self.opened(),
            Input::OpenFailed { http_status } => self.open_failed(http_status),
            Input::Asked { http_status } => self.asked(http_status),
            Input::Text(text) => self.read(text),
            Input::Continued { opening, rest } => match decode_opened(opening, rest) {
                Some(frame) => self.take(&frame),
                None => self.read(&[opening.text(), rest].concat()),
            },
            Input::Far(text) => {
                let length = text.length();
                match FarFrame::bring(self.config.vsn, text).decode() {
                    Ok(frame) => self.take(&frame),
                    Err(_) => self.undecodable(length),
                }
            }
            Input::Binary(bytes) => match decode_binary(bytes) {
                Ok(frame) => self.take(&frame),
                Err(_) => self.undecodable(bytes.len()),
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

    /// The next thing to tell, unless something else is to be done before it.
    pub fn poll_event(&mut self) -> Option<Event> {
        match self.outputs.pop_front()? {
            Output::Event(event) => Some(event),
            other => {
                self.outputs.push_front(other);
                None
            }
        }
    }

    /// Whether there is anything left to poll.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.outputs.is_empty()
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
    pub fn garbled(&self) -> u64 {
        self.garbled
    }

    fn read(&mut self, text: &str) {
        match decode_text(self.config.vsn, text) {
            Ok(frame) => self.take(&frame),
            Err(_) => self.undecodable(text.len()),
        }
    }

    fn undecodable(&mut self, bytes: usize) {
        self.garbled = self.garbled.saturating_add(1);
        self.trace.undecodable(self.now, bytes);
    }

    fn take(&mut self, frame: &Inbound<'_>) {
        self.trace.frame(self.now, frame, self.feed.watched());
        if !matches!(self.link, Link::Open { .. }) {
            return;
        }
        self.heart.inbound(self.now);
        if self.woken {
            self.woken = false;
        }
        match &frame.body {
            Body::Change(change) => self.take_change(&frame.topic, change),
            Body::Reply(reply) => self.take_reply(frame, reply),
            Body::System(system) => self.take_system(frame, system),
            Body::Close | Body::Error => self.take_end(frame),
            Body::PresenceState(raw) => self.take_presence(frame, raw, PresenceNews::State),
            Body::PresenceDiff(raw) => self.take_presence(frame, raw, PresenceNews::Diff),
            Body::Broadcast(broadcast) => self.take_broadcast(frame, broadcast),
            Body::Unknown { .. } => {}
        }
    }

    fn obey(&mut self, command: Command) {
        self.changed = true;
        match command {
            Command::Bind { handle, binding } => self.bind(handle, binding),
            Command::Unbind { handle } => self.unbind(handle),
            Command::Watch { handle, liveness } => self.watch(handle, liveness),
            Command::ExpectEcho { echo, within } => self.expect_echo(echo, within),
            Command::FeedChecked { missed } => self.feed_checked(missed),
            Command::EnterRoom { handle, room } => self.enter_room(handle, room),
            Command::LeaveRoom { handle } => self.leave_room(handle),
            Command::Track { handle, payload } => self.track(handle, payload),
            Command::Say {
                handle,
                push,
                event,
                said,
            } => self.say(handle, push, &event, &said),
            Command::Posted { push, outcome } => self.pushed(push, outcome),
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
        self.pardon_rooms();
        // What waits to be told was said to the old identity.
        self.outputs.retain(|output| {
            !matches!(
                output,
                Output::Event(
                    Event::Binding {
                        event: BindingEvent::Change(_),
                        ..
                    } | Event::Room {
                        event: RoomEvent::Message(_) | RoomEvent::Presence(_),
                        ..
                    }
                )
            )
        });
        self.drop_socket(GapCause::IdentityChanged);
        for room in self.rooms.values_mut() {
            room.attendance.clear();
        }
        self.changed = true;
    }

    fn reconnect(&mut self) {
        self.fatal = None;
        self.token_refusals = 0;
        self.backoff.reset();
        self.data_retry.reset();
        self.data_retry_at = 0;
        self.slots.pardon();
        self.pardon_rooms();
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

    /// Sends a push; gives its reference.
    fn push<P: Serialize>(&mut self, to: Address<'_>, event: &str, payload: &P) -> String {
        let reference = self.next_reference();
        let frame = Outbound::push(
            self.config.vsn,
            to.join_ref,
            &reference,
            to.topic,
            event,
            payload,
        );
        self.send(frame, event, to.topic, &reference);
        reference
    }

    fn send(&mut self, frame: Outbound, event: &str, topic: &str, reference: &str) {
        self.trace.sent(self.now, event, topic, reference);
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
