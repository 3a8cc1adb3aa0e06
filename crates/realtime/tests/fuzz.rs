//! Random frames and random scripts: nothing panics, nothing gets stuck, nothing grows without bound.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod peer;

use bedside_realtime::engine::{Command, Config, Environment, HandleId, Input, TokenPolicy};
use bedside_realtime::wire::{decode_binary, decode_text};
use bedside_realtime::{Binding, DegradedReason, Room, Status, TokenError, Vsn};
use peer::{Peer, URL, ids_of, token_of};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_:*]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "ok",
            "error",
            "postgres_changes",
            "system",
            "realtime:r",
            "1",
            "2",
            "Subscribed to PostgreSQL"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop::sample::select(vec![
            "status",
            "response",
            "reason",
            "ids",
            "data",
            "schema",
            "table",
            "type",
            "record",
            "old_record",
            "columns",
            "errors",
            "metas",
            "phx_ref",
            "joins",
            "leaves",
            "payload",
            "event",
            "meta",
            "message",
            "extension",
            "id",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn any_event() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "phx_reply",
            "phx_close",
            "phx_error",
            "system",
            "postgres_changes",
            "presence_state",
            "presence_diff",
            "broadcast",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,8}",
    ]
}

#[derive(Clone, Debug)]
enum Move {
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

fn any_move() -> impl Strategy<Value = Move> {
    let reasons = vec![
        "InvalidJWTToken: Token has expired 1 seconds ago",
        "Unauthorized: x",
        "ChannelRateLimitReached: x",
        "x",
        "UnableToConnectToProject: x",
    ];
    let messages = vec![
        "Subscribed to PostgreSQL",
        "Token has expired 0 seconds ago",
        "Too many messages per second",
        "x",
        "Unable to subscribe to changes with given parameters. [event: *, schema: public, table: t1, filters: []]",
    ];
    prop_oneof![
        4 => (0..20_000_u64).prop_map(Move::Pass),
        1 => (0..9_000_000_u64, 0..9_000_000_u64).prop_map(|(wall, mono)| Move::Sleep(wall, mono)),
        4 => Just(Move::Open),
        1 => prop::option::of(prop::sample::select(vec![401_u16, 403, 404, 429, 500])).prop_map(Move::OpenFailed),
        1 => prop::sample::select(vec![1000_u16, 1001, 1005, 1006, 1009, 1012, 4000]).prop_map(Move::Close),
        3 => (0..4_u8).prop_map(Move::Bind),
        1 => (0..12_u64).prop_map(Move::Unbind),
        1 => (0..3_u8).prop_map(Move::Enter),
        1 => (0..12_u64).prop_map(Move::Leave),
        6 => Just(Move::Accept),
        1 => prop::sample::select(reasons).prop_map(Move::Refuse),
        6 => Just(Move::Listen),
        1 => (prop::sample::select(vec!["system", "postgres_changes"]), prop::sample::select(messages)).prop_map(|(extension, message)| Move::System(extension, message)),
        1 => any::<bool>().prop_map(Move::End),
        3 => (0..9_u64).prop_map(Move::Change),
        2 => (any_event(), any_json()).prop_map(|(event, payload)| Move::Frame(event, payload)),
        1 => ".{0,40}".prop_map(Move::Text),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Move::Bytes),
        3 => (0..5_u8).prop_map(Move::Token),
        1 => prop::sample::select(vec![Environment::Online, Environment::Offline, Environment::Woken]).prop_map(Move::Environment),
        1 => Just(Move::Reconnect),
        1 => Just(Move::TokenChanged),
        1 => Just(Move::Identity),
        3 => Just(Move::Heartbeats),
    ]
}

struct Play {
    peer: Peer,
    joins: Vec<peer::Sent>,
    serial: u64,
}

impl Play {
    fn step(&mut self, step: Move) {
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
                let (topic, reference) = joins
                    .last()
                    .map_or(("realtime:r".to_owned(), "1".to_owned()), |join| {
                        (join.topic.clone(), join.reference.clone())
                    });
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
    fn heal(&mut self) {
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

/// `PROPTEST_CASES` for a long run; few enough for every day otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p24_no_text_panics_the_codec(text in ".{0,200}") {
        let _ = (decode_text(Vsn::V1, &text), decode_text(Vsn::V2, &text));
    }

    #[test]
    fn p24_no_bytes_panic_the_codec(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_binary(&bytes);
    }

    #[test]
    fn p24_no_json_in_the_shape_of_a_frame_panics_the_codec(event in any_event(), payload in any_json()) {
        let frame = json!([null, null, "realtime:r", event, payload]).to_string();
        if let Ok(frame) = decode_text(Vsn::V2, &frame)
            && let bedside_realtime::wire::Body::Change(change) = &frame.body
            && let Some(change) = change.to_change()
        {
            let _ = (change.is_partial(), change.columns(), change.keyed_record().map(|record| record.text("id").is_some()));
        }
    }

    #[test]
    fn p22_whatever_happens_the_status_tells_the_truth_and_the_client_comes_back(
        moves in prop::collection::vec(any_move(), 1..80),
        seed in 1..u64::MAX,
        tokens in any::<bool>(),
    ) {
        let mut config = Config::new(URL);
        config.seed = seed;
        config.tokens = if tokens { TokenPolicy::Source } else { TokenPolicy::ApiKey };
        let mut play = Play { peer: Peer::with(config), joins: Vec::new(), serial: 0 };
        for step in moves {
            play.step(step);
        }
        play.heal();
    }
}
