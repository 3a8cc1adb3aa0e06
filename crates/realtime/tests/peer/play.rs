//! A play: whatever can happen to a client, move by move, and what must hold after each.

use bedside_realtime::engine::{Command, Config, Environment, HandleId, Input};
use bedside_realtime::{Binding, DegradedReason, Room, Status, TokenError};
use serde_json::{Value, json};

use super::{Peer, Sent, ids_of, token_of};

/// Why a server refuses a join.
pub const REASONS: [&str; 5] = [
    "InvalidJWTToken: Token has expired 1 seconds ago",
    "Unauthorized: x",
    "ChannelRateLimitReached: x",
    "x",
    "UnableToConnectToProject: x",
];

/// What a server says about a channel.
pub const MESSAGES: [&str; 5] = [
    "Subscribed to PostgreSQL",
    "Token has expired 0 seconds ago",
    "Too many messages per second",
    "x",
    "Unable to subscribe to changes with given parameters. [event: *, schema: public, table: t1, filters: []]",
];

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Move {
    Pass(u64),
    Sleep(u64, u64),
    Open,
    OpenFailed(Option<u16>),
    Close(u16),
    Bind(u8),
    Unbind(u64),
    Enter(u8),
    Leave(u64),
    Accept,
    Refuse(&'static str),
    Listen,
    System(&'static str, &'static str),
    End(bool),
    Change(u64),
    Frame(String, Value),
    Text(String),
    Bytes(Vec<u8>),
    Token(u8),
    Environment(Environment),
    Reconnect,
    TokenChanged,
    Identity,
    Heartbeats,
}

/// A client and what its server knows of it.
pub struct Play {
    peer: Peer,
    joins: Vec<Sent>,
    serial: u64,
}

impl Play {
    pub fn with(config: Config) -> Self {
        Self {
            peer: Peer::with(config),
            joins: Vec::new(),
            serial: 0,
        }
    }

    /// The topic and the reference of the join that was accepted last.
    pub fn last_join(&self) -> (String, String) {
        self.joins.last().map_or_else(
            || ("realtime:r".to_owned(), "1".to_owned()),
            |join| (join.topic.clone(), join.reference.clone()),
        )
    }

    pub fn step(&mut self, step: Move) {
        let (topic, reference) = self.last_join();
        let Self {
            peer,
            joins,
            serial,
        } = self;
        *serial += 1;
        match step {
            Move::Pass(millis) => peer.pass(millis),
            Move::Sleep(wall, mono) => {
                peer.sleep(wall, mono);
                peer.give(Input::Timer);
            }
            Move::Open => peer.open(),
            Move::OpenFailed(http_status) => peer.give(Input::OpenFailed { http_status }),
            Move::Close(code) => peer.close(code),
            Move::Bind(table) => {
                peer.bind(Binding::table("public", format!("t{table}")));
            }
            Move::Unbind(handle) => peer.unbind(HandleId(handle)),
            Move::Enter(room) => {
                let handle = HandleId(1_000 + *serial);
                peer.command(Command::EnterRoom {
                    handle,
                    room: Room::named(format!("r{room}")).presence("k"),
                });
            }
            Move::Leave(handle) => peer.command(Command::LeaveRoom {
                handle: HandleId(1_000 + handle),
            }),
            Move::Accept => {
                for join in peer.take("phx_join") {
                    peer.accept(&join);
                    joins.push(join);
                }
            }
            Move::Refuse(reason) => {
                for join in peer.take("phx_join") {
                    peer.refuse(&join, reason);
                }
            }
            Move::Listen => joins
                .iter()
                .filter(|join| !ids_of(join).is_empty())
                .for_each(|join| peer.listening(join)),
            Move::System(extension, message) => {
                if let Some(join) = joins.last() {
                    peer.system(join, extension, "error", message);
                }
            }
            Move::End(crash) => {
                if let Some(join) = joins.pop() {
                    peer.end(&join, if crash { "phx_error" } else { "phx_close" });
                }
            }
            Move::Change(id) => {
                if let Some(join) = joins.last() {
                    peer.change(&join.topic, &ids_of(join), "t1", id);
                }
            }
            Move::Frame(event, payload) => {
                peer.text(&json!([reference, reference, topic, event, payload]));
            }
            Move::Text(text) => peer.give(Input::Text(&text)),
            Move::Bytes(bytes) => peer.give(Input::Binary(&bytes)),
            Move::Token(kind) => {
                if !peer.needs.is_empty() {
                    peer.answer_token(match kind {
                        0 => Ok(None),
                        1 => Err(TokenError::Unavailable),
                        2 => Ok(Some(token_of("b", 60, *serial))),
                        _ => Ok(Some(token_of("a", 600, *serial / 4))),
                    });
                }
            }
            Move::Environment(environment) => peer.environment(environment),
            Move::Reconnect => peer.command(Command::Reconnect),
            Move::TokenChanged => peer.command(Command::TokenChanged),
            Move::Identity => peer.command(Command::Identity),
            Move::Heartbeats => peer.answer_heartbeats(),
        }
        self.check();
    }

    fn check(&self) {
        let report = self.peer.engine.report();
        assert!(report.ready <= report.bindings);
        if report.status == Status::Live {
            assert_eq!(
                report.ready, report.bindings,
                "live means that every binding is ready"
            );
            assert_eq!(report.stale_since, None);
        }
        let open = self
            .peer
            .gaps()
            .iter()
            .filter(|gap| gap.to.is_none())
            .count();
        assert!(open <= 12, "{open} open gaps");
    }

    /// A server in good health, from here on: whatever happened, the client must come back.
    pub fn heal(&mut self) {
        self.peer.bind(Binding::table("public", "healthy"));
        if matches!(self.peer.status(), Status::Fatal { .. }) {
            self.peer.command(Command::Reconnect);
        }
        let mut opens = self.peer.opens.len().saturating_sub(1);
        for _ in 0..6_000 {
            if self.peer.opens.len() > opens {
                opens = self.peer.opens.len();
                self.peer.open();
            }
            if !self.peer.needs.is_empty() {
                self.serial += 1_000;
                let token = token_of("a", 600, self.serial);
                self.peer.answer_token(Ok(Some(token)));
                self.peer.needs.clear();
            }
            for join in self.peer.take("phx_join") {
                self.peer.accept(&join);
                if !ids_of(&join).is_empty() {
                    self.peer.listening(&join);
                }
            }
            let refused = matches!(
                self.peer.status(),
                Status::Degraded(
                    DegradedReason::BindingRefused { .. } | DegradedReason::RoomRefused { .. }
                )
            );
            if self.peer.status() == &Status::Live || refused {
                return;
            }
            self.peer.pass_alive(100);
        }
        panic!("stuck in {:?}: {:?}", self.peer.status(), self.peer.engine);
    }
}
