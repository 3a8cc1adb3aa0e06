//! Every interval without proof is in the ledger once, with its cause; silence of the server is no excuse.

use bedside_realtime::engine::{Command, Environment, Input};
use bedside_realtime::{BindingEvent, GapCause, Status};
use serde_json::json;

use crate::peer::{Peer, Sent, forms, ids_of, patients};

/// Brings a client live, does something to it, brings it back; the ledger must hold exactly this cause, closed.
fn check(cause: &GapCause, fault: impl Fn(&mut Peer, &Sent)) {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    peer.pass_alive(35_000);
    fault(&mut peer, &join);
    for _ in 0..300 {
        if peer.status() == &Status::Live {
            break;
        }
        if !peer.sent.iter().any(|sent| sent.event == "phx_join") {
            let opens = peer.opens.len();
            peer.pass(100);
            if peer.opens.len() > opens {
                peer.open();
            }
        }
        for join in peer.take("phx_join") {
            peer.accept(&join);
            peer.listening(&join);
        }
    }
    let gaps = peer.gaps();
    assert_eq!(
        gaps.iter().map(|gap| &gap.cause).collect::<Vec<_>>(),
        [cause],
        "{:?}",
        peer.status()
    );
    assert!(gaps[0].to.is_some_and(|to| to >= gaps[0].from), "{gaps:?}");
    assert_eq!(peer.readies(handle), 2, "{cause:?}");
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p02_every_way_to_lose_the_feed_is_one_gap_with_its_cause() {
    for code in [1000, 1006, 1009, 1011] {
        check(&GapCause::SocketClosed { code }, |peer, _| peer.close(code));
    }
    check(&GapCause::ServerRestart, |peer, _| peer.close(1012));
    check(&GapCause::HeartbeatLost, |peer, _| peer.pass(30_000));
    check(&GapCause::ChannelCrashed, |peer, join| {
        peer.end(join, "phx_error")
    });
    check(
        &GapCause::ChannelClosed {
            reason: String::new(),
        },
        |peer, join| peer.end(join, "phx_close"),
    );
    let complaint = "Too many messages per second";
    check(
        &GapCause::ChannelClosed {
            reason: complaint.to_owned(),
        },
        |peer, join| {
            peer.system(join, "system", "error", complaint);
            peer.end(join, "phx_close");
            peer.pass_alive(70_000);
        },
    );
    check(&GapCause::Resubscribed, |peer, join| peer.listening(join));
    check(&GapCause::ReconnectRequested, |peer, _| {
        peer.command(Command::Reconnect);
        peer.pass(1);
        peer.open();
    });
    let trouble = "Realtime was unable to connect to the project database";
    check(
        &GapCause::ListeningFailed {
            reason: trouble.to_owned(),
        },
        |peer, join| {
            peer.system(join, "postgres_changes", "error", trouble);
            peer.pass(500);
            peer.listening(join);
        },
    );
    check(&GapCause::ChannelForgotten, |peer, join| {
        peer.text(&json!([null, "9999", join.topic, "phx_reply", {"status": "error", "response": {"reason": "unmatched topic"}}]));
    });
}

#[test]
fn an_announced_disconnect_and_its_close_are_one_gap() {
    check(&GapCause::ServerRestart, |peer, join| {
        peer.system(join, "system", "ok", "Server requested disconnect");
        peer.close(1000);
    });
}

#[test]
fn a_gap_reaches_back_to_the_last_sign_of_life() {
    let mut peer = Peer::new();
    peer.live();
    peer.pass_alive(20_000);
    let last_life = peer.wall;
    peer.pass(40_000);
    let gap = &peer.gaps()[0];
    assert!(gap.from <= last_life, "{gap:?}");
    assert!(last_life - gap.from <= 10_000, "{gap:?}");
}

#[test]
fn an_unasked_second_subscribed_is_a_gap_back_to_the_last_change() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    peer.pass_alive(5_000);
    peer.change(&join.topic, &ids_of(&join), "patients", 1);
    let proven = peer.wall;
    peer.pass_alive(60_000);
    peer.listening(&join);
    let gap = &peer.gaps()[0];
    assert_eq!((gap.from, gap.to), (proven, Some(peer.wall)));
    assert_eq!(peer.readies(handle), 2);
}

#[test]
fn one_incident_of_several_bindings_is_one_gap_told_to_each() {
    let mut peer = Peer::new();
    let first = peer.bind(patients());
    let second = peer.bind(forms());
    peer.open();
    let join = peer.join();
    peer.accept(&join);
    peer.listening(&join);
    peer.close(1006);
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!(peer.gaps()[0].bindings, 2);
    for handle in [first, second] {
        let gaps = peer.heard.iter().filter(|(handles, event)| {
            handles.contains(&handle) && matches!(event, BindingEvent::Gap(_))
        });
        assert_eq!(gaps.count(), 1);
    }
}

#[test]
fn a_binding_nobody_came_back_for_ends_its_gap() {
    let mut peer = Peer::new();
    let (handle, _) = peer.live();
    peer.close(1006);
    peer.unbind(handle);
    peer.pass(20_000);
    assert!(peer.gaps()[0].to.is_some());
    assert_eq!(peer.status(), &Status::Offline);
}

#[test]
fn the_ledger_stays_bounded_over_ten_thousand_reconnects() {
    let mut peer = Peer::new();
    let (handle, _) = peer.live();
    for _ in 0..10_000 {
        peer.pass_alive(31_000);
        peer.close(1006);
        peer.come_back();
        peer.heard.clear();
        peer.statuses.clear();
        peer.sent.clear();
        peer.opens.clear();
    }
    assert_eq!(peer.gaps().len(), 200);
    assert!(peer.gaps().iter().all(|gap| gap.to.is_some()));
    assert_eq!(peer.gaps().last().unwrap().id, 10_000);
    assert!(peer.engine.trace_json().len() < 1_000_000);
    peer.unbind(handle);
}

#[test]
fn frames_that_are_none_are_counted_and_change_nothing() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    for garbage in [
        "",
        "{",
        "[]",
        "null",
        "[1,2,3]",
        "%{error: x}",
        "[null,null,null,null,null]",
        "{\"event\":\"x\"}",
    ] {
        peer.give(Input::Text(garbage));
    }
    for garbage in [
        &[][..],
        &[9],
        &[4, 255, 255, 255, 1],
        &[4, 1, 1, 0, 1, 0xff, 0xff],
        &[0; 64],
    ] {
        peer.give(Input::Binary(garbage));
    }
    assert_eq!(peer.engine.garbled(), 13);
    peer.text(&json!([null, null, join.topic, "unheard_of", {"a": 1}]));
    peer.text(&json!([null, null, join.topic, "postgres_changes", {"ids": "x", "data": 7}]));
    peer.text(&json!(["77", "77", "realtime:elsewhere", "phx_close", {}]));
    assert_eq!(peer.status(), &Status::Live);
    peer.change(&join.topic, &ids_of(&join), "patients", 1);
    assert_eq!(peer.changes(handle).len(), 1);
}

#[test]
fn a_change_with_unknown_ids_still_reaches_the_bindings_of_its_table() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    peer.change(&join.topic, &[1], "patients", 5);
    peer.change(&join.topic, &[1], "form_submissions", 6);
    assert_eq!(peer.changes(handle), ["{\"id\":5}"]);
}

#[test]
fn going_offline_is_a_hint_and_the_socket_decides() {
    let mut peer = Peer::new();
    peer.live();
    peer.environment(Environment::Offline);
    peer.answer_heartbeats();
    assert_eq!(peer.status(), &Status::Live);
    peer.environment(Environment::Offline);
    peer.pass(3_100);
    assert_eq!(peer.status(), &Status::Offline);
}
