//! The trace: enough to play a problem again, nothing that must stay secret.

use std::time::Duration;

use bedside_realtime::engine::{
    Command, Config, Environment, HandleId, ReplayError, TokenPolicy, recorded, replay,
};
use bedside_realtime::{Binding, Liveness, Room};
use serde_json::json;

use crate::peer::{Peer, URL, ids_of, patients, token_of};

/// A long day: tokens, a room, a wrong binding, a lost socket, a nap, garbage, a silent feed.
fn long_day() -> Peer {
    let mut config = Config::new(URL);
    config.tokens = TokenPolicy::Source;
    config.trace = 100_000;
    let mut peer = Peer::with(config);
    peer.bind(patients().filter("id=eq.secret-key"));
    let liveness = Liveness::new(
        Binding::table("public", "feed"),
        "beat",
        Duration::from_secs(10),
    );
    peer.command(Command::Watch {
        handle: HandleId(90),
        liveness,
    });
    peer.command(Command::EnterRoom {
        handle: HandleId(91),
        room: Room::named("r").presence("me"),
    });
    peer.open();
    peer.answer_token(Ok(Some(token_of("secret-person", 600, 1))));
    for _ in 0..40 {
        for join in peer.take("phx_join") {
            peer.accept(&join);
            if !ids_of(&join).is_empty() {
                peer.listening(&join);
                peer.change(&join.topic, &ids_of(&join), "patients", 424_242);
            }
            let words = json!({"event": "e", "payload": {"said": "secret-words"}});
            peer.text(&json!([null, null, "realtime:r", "broadcast", words]));
        }
        if !peer.needs.is_empty() {
            peer.answer_token(Ok(Some(token_of("secret-person", 600, 2))));
        }
        peer.pass_alive(7_000);
    }
    peer.give(bedside_realtime::engine::Input::Text(
        "garbage secret-garbage",
    ));
    peer.sleep(100_000, 0);
    peer.environment(Environment::Woken);
    peer.close(1006);
    peer.come_back_with_token();
    peer.command(Command::Identity);
    peer.pass(60_000);
    peer.give(bedside_realtime::engine::Input::OpenFailed {
        http_status: Some(401),
    });
    peer
}

#[test]
fn p23_a_replayed_trace_goes_through_the_same_states_at_the_same_times() {
    let peer = long_day();
    let trace = peer.engine.trace_json();
    let states = recorded(&trace).unwrap();
    assert!(states.len() >= 8, "{states:?}");
    assert_eq!(replay(&trace).unwrap(), states);
}

#[test]
fn p23_a_trace_holds_no_token_row_message_key_or_address() {
    let trace = long_day().engine.trace_json();
    for secret in ["secret", "424242", "apikey", "eyJ", "peer.test"] {
        assert!(!trace.contains(secret), "{secret}: {trace}");
    }
}

#[test]
fn p23_a_trace_is_bounded_and_says_when_its_beginning_is_gone() {
    let mut config = Config::new(URL);
    config.trace = 50;
    let mut peer = Peer::with(config);
    peer.live();
    peer.pass_alive(3_600_000);
    let trace = peer.engine.trace_json();
    assert!(trace.len() < 20_000, "{}", trace.len());
    assert!(matches!(replay(&trace), Err(ReplayError::Incomplete)));
    assert!(matches!(replay("{}"), Err(ReplayError::Json(_))));
}
