//! A feed that claims to be live and is not: silence, skipped beats, lost echoes, too many changes.

use std::time::Duration;

use bedside_realtime::engine::{Command, HandleId};
use bedside_realtime::{Binding, DegradedReason, Echo, GapCause, Liveness, Status};
use serde_json::json;

use crate::peer::{Peer, Sent, id_of, ids_of, patients};

const WATCH: HandleId = HandleId(9_000);

fn watched() -> (Peer, HandleId, Sent) {
    let mut peer = Peer::new();
    let handle = peer.bind(patients());
    let feed = Binding::table("public", "feed_heartbeat");
    let liveness = Liveness::new(feed, "beat", Duration::from_secs(10));
    peer.command(Command::Watch {
        handle: WATCH,
        liveness,
    });
    peer.open();
    let join = peer.join();
    peer.accept(&join);
    peer.listening(&join);
    assert_eq!(peer.status(), &Status::Live);
    (peer, handle, join)
}

fn beat(peer: &mut Peer, join: &Sent, number: u64) {
    let data = json!({"schema": "public", "table": "feed_heartbeat", "type": "UPDATE", "record": {"id": 1, "beat": number}});
    let feed = join.payload["config"]["postgres_changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["table"] == "feed_heartbeat");
    let ids = [id_of(feed.unwrap())];
    peer.text(&json!([null, null, join.topic, "postgres_changes", {"ids": ids, "data": data}]));
}

#[test]
fn p08_a_feed_that_is_joined_but_silent_is_found_within_two_beats_and_resubscribed() {
    let (mut peer, handle, join) = watched();
    for number in 1..=5 {
        peer.pass_alive(10_000);
        beat(&mut peer, &join, number);
    }
    let last_beat = peer.wall;
    peer.pass_alive(21_000);
    assert_eq!(peer.status(), &Status::Live);
    peer.pass_alive(1_500);
    assert_eq!(peer.gaps()[0].cause, GapCause::FeedSilent);
    assert_eq!(peer.gaps()[0].from, last_beat);
    assert_eq!(peer.take("phx_leave").len(), 1);
    let again = peer.join();
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(
        peer.status(),
        &Status::Degraded(DegradedReason::FeedSilent),
        "its word alone is not enough now"
    );
    assert_eq!(peer.readies(handle), 1);
    beat(&mut peer, &again, 9);
    assert_eq!(peer.status(), &Status::Live);
    assert_eq!(peer.readies(handle), 2);
    assert_eq!(peer.gaps().len(), 1);
}

#[test]
fn p08_a_feed_that_stays_silent_is_asked_anew_with_growing_pauses() {
    let (mut peer, _, _) = watched();
    let mut joins = 0;
    while peer.mono < 3_600_000 {
        peer.pass_alive(500);
        for join in peer.take("phx_join") {
            joins += 1;
            peer.accept(&join);
            peer.listening(&join);
        }
    }
    assert!((8..80).contains(&joins), "{joins} in an hour");
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!(peer.status(), &Status::Degraded(DegradedReason::FeedSilent));
}

#[test]
fn p08_a_skipped_beat_is_a_gap_as_long_as_the_beats_are_apart() {
    let (mut peer, handle, join) = watched();
    beat(&mut peer, &join, 1);
    let before = peer.wall;
    peer.pass_alive(10_000);
    beat(&mut peer, &join, 2);
    peer.pass_alive(10_000);
    beat(&mut peer, &join, 2);
    assert_eq!(peer.gaps(), [], "the same beat twice is no gap");
    beat(&mut peer, &join, 5);
    let gaps = peer.gaps();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].cause, GapCause::FeedSkipped { missed: 2 });
    assert!(gaps[0].from > before && gaps[0].to == Some(peer.wall));
    assert_eq!(peer.readies(handle), 2);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p08_a_first_beat_that_comes_late_is_not_the_first() {
    let (mut peer, handle, join) = watched();
    let listening = peer.wall;
    peer.pass_alive(13_000);
    beat(&mut peer, &join, 2);
    let gaps = peer.gaps();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].cause, GapCause::FeedSkipped { missed: 1 });
    assert_eq!((gaps[0].from, gaps[0].to), (listening, Some(peer.wall)));
    assert_eq!(peer.readies(handle), 2);
}

#[test]
fn p08_a_beat_that_comes_late_is_a_gap_though_no_number_is_skipped() {
    let (mut peer, handle, join) = watched();
    beat(&mut peer, &join, 1);
    peer.pass_alive(11_000);
    beat(&mut peer, &join, 2);
    assert_eq!(peer.gaps(), [], "a beat may take its time on the way");
    let last = peer.wall;
    // A database that stood still counted nothing meanwhile, and what it changed before its feed came back is lost.
    peer.pass_alive(20_000);
    beat(&mut peer, &join, 3);
    let gaps = peer.gaps();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].cause, GapCause::FeedSkipped { missed: 1 });
    assert_eq!((gaps[0].from, gaps[0].to), (last, Some(peer.wall)));
    assert_eq!(peer.readies(handle), 2);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p08_a_database_that_counts_slowly_makes_nobody_fetch() {
    let (mut peer, handle, join) = watched();
    beat(&mut peer, &join, 1);
    for number in 2..20 {
        peer.pass_alive(13_000);
        beat(&mut peer, &join, number);
    }
    assert_eq!(peer.gaps(), []);
    // Slower still: one gap, since it may have stood still, and not one with every beat.
    for number in 20..30 {
        peer.pass_alive(19_000);
        beat(&mut peer, &join, number);
    }
    assert!(peer.gaps().len() <= 1, "{:?}", peer.gaps());
    assert_eq!(peer.readies(handle), 1 + peer.gaps().len());
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p08_beats_begin_anew_after_a_reconnect() {
    let (mut peer, _, join) = watched();
    beat(&mut peer, &join, 100);
    peer.close(1006);
    let join = peer.come_back();
    beat(&mut peer, &join, 250);
    assert_eq!(
        peer.gaps().len(),
        1,
        "the interruption itself, and nothing for the beats in it"
    );
}

#[test]
fn changes_found_missing_are_a_gap_until_one_comes_or_nothing_is_missing() {
    for ends_by_change in [true, false] {
        let mut peer = Peer::new();
        let (_, join) = peer.live();
        peer.change(&join.topic, &ids_of(&join), "patients", 7);
        let proven = peer.wall;
        peer.pass_alive(10_000);
        peer.command(Command::FeedChecked { missed: 0 });
        assert_eq!(peer.status(), &Status::Live);
        peer.command(Command::FeedChecked { missed: 2 });
        assert_eq!(peer.gaps()[0].cause, GapCause::ChangesMissed { missed: 2 });
        assert_eq!(
            peer.gaps()[0].from,
            proven,
            "since the last change that came"
        );
        let again = peer.join();
        peer.accept(&again);
        peer.listening(&again);
        assert_eq!(
            peer.status(),
            &Status::Degraded(DegradedReason::ChangesMissed)
        );
        if ends_by_change {
            peer.change(&again.topic, &ids_of(&again), "patients", 8);
        } else {
            peer.command(Command::FeedChecked { missed: 0 });
        }
        assert_eq!(peer.status(), &Status::Live);
    }
}

#[test]
fn p08_an_own_write_that_does_not_come_back_is_evidence() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    let expect = |peer: &mut Peer| {
        let echo = Echo::of("public", "patients", "id", "7");
        peer.command(Command::ExpectEcho {
            echo,
            within: 5_000,
        });
    };
    expect(&mut peer);
    peer.pass_alive(300);
    peer.change(&join.topic, &ids_of(&join), "patients", 7);
    peer.pass_alive(20_000);
    assert_eq!(peer.gaps(), []);
    expect(&mut peer);
    let written = peer.wall;
    peer.pass_alive(5_100);
    assert_eq!(peer.gaps()[0].cause, GapCause::EchoMissing);
    assert_eq!(peer.gaps()[0].from, written);
    let again = peer.join();
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(
        peer.status(),
        &Status::Degraded(DegradedReason::EchoMissing)
    );
    peer.change(&again.topic, &ids_of(&again), "patients", 8);
    assert_eq!(peer.status(), &Status::Live);
    assert_eq!(peer.readies(handle), 2);
}

#[test]
fn p08_no_echo_is_expected_of_a_table_that_nobody_listens_to() {
    let mut peer = Peer::new();
    peer.live();
    let echo = Echo::of("public", "form_submissions", "id", "7");
    peer.command(Command::ExpectEcho {
        echo,
        within: 5_000,
    });
    peer.pass_alive(20_000);
    assert_eq!(peer.gaps(), []);
}

#[test]
fn p25_more_changes_than_the_server_promises_are_not_trusted_until_it_is_calm() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    for id in 0..3_000 {
        peer.change(&join.topic, &ids_of(&join), "patients", id);
    }
    assert_eq!(
        peer.changes(handle).len(),
        3_000,
        "what comes is still told"
    );
    assert_eq!(
        peer.status(),
        &Status::Degraded(DegradedReason::NearRateLimit)
    );
    peer.pass_alive(24_000);
    assert_eq!(peer.readies(handle), 1);
    peer.pass_alive(1_100);
    assert_eq!(peer.readies(handle), 2, "then it is time to fetch once");
    let gaps = peer.gaps();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].cause, GapCause::RateLimited);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p25_a_steady_feed_below_the_limit_is_trusted() {
    let mut peer = Peer::new();
    let (_, join) = peer.live();
    for id in 0..6_000 {
        peer.pass(11);
        peer.change(&join.topic, &ids_of(&join), "patients", id);
    }
    peer.answer_heartbeats();
    assert_eq!(peer.gaps(), []);
}
