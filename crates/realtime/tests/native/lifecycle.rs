//! From nothing to live and back: readiness, loss, return, and what the status says meanwhile.

use bedside_realtime::engine::{Command, Config, TokenPolicy};
use bedside_realtime::{BindingEvent, GapCause, Status, TokenError, TokenNeed};
use serde_json::json;

use crate::peer::{EPOCH, Peer, URL, patients, token_of};

#[test]
fn no_socket_is_opened_before_something_is_bound() {
    let mut peer = Peer::new();
    peer.pass(60_000);
    assert!(peer.opens.is_empty());
    peer.bind(patients());
    assert_eq!(peer.opens, [60_000]);
}

#[test]
fn p01_ready_is_the_servers_word_and_not_the_joins_answer() {
    let mut peer = Peer::new();
    let handle = peer.bind(patients());
    peer.open();
    let join = peer.join();
    assert_eq!(
        join.payload["config"]["postgres_changes"],
        json!([{"event": "*", "schema": "public", "table": "patients"}])
    );
    peer.accept(&join);
    assert_eq!(peer.status(), &Status::Joining);
    assert_eq!(peer.readies(handle), 0);
    peer.pass_alive(5_000);
    assert_eq!(peer.readies(handle), 0);
    peer.listening(&join);
    assert_eq!(peer.status(), &Status::Live);
    assert_eq!(peer.readies(handle), 1);
}

#[test]
fn a_cut_socket_is_one_gap_that_ends_with_the_next_ready() {
    let mut peer = Peer::new();
    let (handle, _) = peer.live();
    peer.pass_alive(40_000);
    peer.close(1006);
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!(peer.gaps()[0].cause, GapCause::SocketClosed { code: 1006 });
    assert_eq!(peer.gaps()[0].to, None);
    peer.come_back();
    let gaps = peer.gaps();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].to.unwrap() >= gaps[0].from);
    let Some((_, BindingEvent::Ready(ready))) = peer.heard.last() else {
        panic!("no ready: {:?}", peer.heard)
    };
    assert_eq!(ready.gap.as_ref(), gaps.first());
    assert_eq!(peer.readies(handle), 2);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn the_states_on_the_way_to_live_are_told_in_order() {
    let mut config = Config::new(URL);
    config.tokens = TokenPolicy::Source;
    let mut peer = Peer::with(config);
    peer.bind(patients());
    peer.open();
    assert_eq!(peer.status(), &Status::Authenticating);
    assert_eq!(
        peer.answer_token(Err(TokenError::Unavailable)),
        TokenNeed::Join
    );
    peer.pass(5_000);
    peer.answer_token(Ok(Some(token_of("a", 3600, 1))));
    let join = peer.join();
    peer.accept(&join);
    peer.listening(&join);
    assert_eq!(
        peer.seen(),
        ["connecting", "authenticating", "joining", "live"]
    );
}

#[test]
fn a_short_loss_says_connecting_and_a_long_one_says_since_when() {
    let mut peer = Peer::new();
    peer.live();
    peer.close(1006);
    assert_eq!(peer.status(), &Status::Connecting);
    peer.pass(3_100);
    assert_eq!(peer.status(), &Status::Stale { since: EPOCH });
    peer.come_back();
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn shutdown_leaves_closes_and_finishes() {
    let mut peer = Peer::new();
    let (_, join) = peer.live();
    peer.command(Command::Shutdown);
    let leaves = peer.take("phx_leave");
    assert_eq!(leaves.len(), 1);
    assert_eq!(leaves[0].join_ref.as_deref(), Some(join.reference.as_str()));
    assert_eq!(peer.closes, 1);
    assert!(peer.finished);
}
