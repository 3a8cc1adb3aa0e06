//! Opening, waking, waiting: how soon the client notices, and how gently it comes back.

use bedside_realtime::engine::{Config, Environment, Input};
use bedside_realtime::{FatalReason, GapCause, Status};

use crate::peer::{Peer, URL, ids_of, patients};

#[test]
fn p13_the_windows_of_the_jitter_double_up_to_the_cap() {
    for (attempt, window) in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        .into_iter()
        .enumerate()
    {
        let mut longest = 0;
        for seed in 1..200 {
            let mut config = Config::new(URL);
            config.seed = seed;
            let mut peer = Peer::with(config);
            peer.bind(patients());
            for _ in 0..attempt {
                peer.give(Input::OpenFailed { http_status: None });
                let due = peer.engine.report().next_retry_at.unwrap_or(peer.mono);
                peer.pass(due - peer.mono);
            }
            peer.give(Input::OpenFailed { http_status: None });
            let delay = peer
                .engine
                .report()
                .next_retry_at
                .map_or(0, |at| at - peer.mono);
            assert!(delay <= window, "attempt {attempt}: {delay}");
            longest = longest.max(delay);
        }
        assert!(
            longest > window * 8 / 10,
            "attempt {attempt} uses only {longest} of {window}"
        );
    }
}

#[test]
fn p13_only_a_stable_connection_resets_the_backoff() {
    let mut peer = Peer::new();
    peer.live();
    for attempt in 1..=4 {
        peer.close(1006);
        assert_eq!(peer.engine.report().attempt, attempt);
        peer.come_back();
        peer.pass_alive(20_000);
    }
    peer.pass_alive(15_000);
    peer.close(1006);
    assert_eq!(peer.engine.report().attempt, 1);
}

#[test]
fn p13_hints_of_the_server_widen_the_window() {
    let mean_delay = |code: u16| {
        let delays: Vec<u64> = (1..400)
            .map(|seed| {
                let mut config = Config::new(URL);
                config.seed = seed;
                let mut peer = Peer::with(config);
                peer.live();
                peer.close(code);
                peer.engine
                    .report()
                    .next_retry_at
                    .map_or(0, |at| at - peer.mono)
            })
            .collect();
        delays.iter().sum::<u64>() / delays.len() as u64
    };
    assert!((400..600).contains(&mean_delay(1000)));
    assert!((2_700..3_300).contains(&mean_delay(1006)));
    assert!((4_500..5_500).contains(&mean_delay(1012)));
    assert!((40_000..50_000).contains(&mean_delay(1001)));
}

#[test]
fn p13_a_lost_device_that_knows_better_does_not_wait_with_the_crowd() {
    for environment in [Environment::Online, Environment::Woken] {
        for seed in 1..100 {
            let mut config = Config::new(URL);
            config.seed = seed;
            let mut peer = Peer::with(config);
            peer.live();
            peer.close(1006);
            peer.pass(10);
            peer.environment(environment);
            peer.pass(260);
            assert_eq!(peer.opens.len(), 2, "seed {seed}");
        }
    }
}

#[test]
fn p14_waking_up_ends_the_waiting_within_a_moment() {
    for environment in [Environment::Online, Environment::Woken] {
        let mut peer = Peer::new();
        peer.bind(patients());
        for _ in 0..8 {
            peer.give(Input::OpenFailed { http_status: None });
            let due = peer.engine.report().next_retry_at.unwrap_or(peer.mono);
            peer.pass(due - peer.mono);
        }
        peer.give(Input::OpenFailed { http_status: None });
        let before = peer.opens.len();
        peer.environment(environment);
        peer.pass(260);
        assert_eq!(peer.opens.len(), before + 1);
    }
}

#[test]
fn p14_a_half_open_socket_is_found_three_seconds_after_waking() {
    let mut peer = Peer::new();
    peer.live();
    peer.sleep(1_000, 1_000);
    peer.environment(Environment::Woken);
    assert_eq!(peer.take("heartbeat").len(), 1);
    peer.pass(2_900);
    assert_eq!(peer.status(), &Status::Live);
    peer.pass(200);
    assert_eq!(peer.gaps()[0].cause, GapCause::Frozen);
    assert_eq!(peer.closes, 1);
}

#[test]
fn p14_a_page_that_slept_eight_hours_comes_back_with_one_gap_from_before_its_sleep() {
    // Some devices stop the monotonic clock while they sleep, some don't.
    for mono in [0, 8 * 3_600_000] {
        let mut peer = Peer::new();
        peer.live();
        peer.pass_alive(20_000);
        let asleep = peer.wall;
        peer.sleep(8 * 3_600_000, mono);
        peer.give(Input::Timer);
        assert_eq!(
            peer.take("heartbeat").len(),
            1,
            "the socket is tested at once"
        );
        peer.close(1006);
        peer.come_back();
        let gaps = peer.gaps();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0].cause, GapCause::Frozen);
        assert!(
            gaps[0].to.unwrap() - gaps[0].from >= 8 * 3_600_000,
            "{gaps:?} {asleep}"
        );
        assert_eq!(peer.status(), &Status::Live);
    }
}

#[test]
fn p14_a_short_nap_that_the_socket_survived_is_no_gap() {
    let mut peer = Peer::new();
    peer.live();
    peer.sleep(30_000, 30_000);
    peer.give(Input::Timer);
    peer.answer_heartbeats();
    peer.pass_alive(10_000);
    assert_eq!(peer.gaps(), []);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p14_a_handshake_from_before_the_network_returned_is_given_up() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.pass(2_000);
    peer.environment(Environment::Online);
    peer.pass(300);
    assert_eq!(peer.opens.len(), 2);
    assert_eq!(peer.closes, 1);
}

#[test]
fn p14_a_young_handshake_from_before_waking_has_the_rest_of_a_second() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.pass(200);
    peer.environment(Environment::Woken);
    peer.pass(700);
    assert_eq!((peer.opens.len(), peer.closes), (1, 0));
    peer.pass(400);
    assert_eq!((peer.opens.len(), peer.closes), (2, 1));
    // The next one has its full time.
    peer.pass(5_000);
    assert_eq!((peer.opens.len(), peer.closes), (2, 1));
}

#[test]
fn p15_a_blackhole_is_found_within_sixteen_seconds() {
    let mut peer = Peer::new();
    let (_, join) = peer.live();
    peer.pass_alive(60_000);
    peer.change(&join.topic, &ids_of(&join), "patients", 1);
    let silence = peer.mono;
    while peer.status() == &Status::Live {
        peer.pass(100);
    }
    assert!(peer.mono - silence <= 16_000, "{} ms", peer.mono - silence);
}

#[test]
fn p15_any_frame_is_life_and_saves_the_heartbeat() {
    let mut peer = Peer::new();
    let (_, join) = peer.live();
    for number in 0..24 {
        peer.pass(5_000);
        peer.change(&join.topic, &ids_of(&join), "patients", number);
    }
    // Two minutes of changes: only what keeps the server from closing an idle socket.
    let beats = peer.take("heartbeat").len();
    assert!((4..=5).contains(&beats), "{beats} heartbeats");
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p15_the_client_never_stays_silent_for_the_servers_sixty_seconds() {
    let mut peer = Peer::new();
    peer.live();
    let mut last = peer.mono;
    while peer.mono < 600_000 {
        peer.pass(500);
        if !peer.sent.is_empty() {
            last = peer.mono;
            peer.answer_heartbeats();
        }
        assert!(peer.mono - last < 55_000);
    }
}

#[test]
fn p15_a_refused_join_that_freezes_the_socket_is_not_taken_for_death() {
    let mut peer = Peer::new();
    peer.live();
    peer.pass_alive(9_000);
    let room = bedside_realtime::Room::named("closed");
    peer.command(bedside_realtime::engine::Command::EnterRoom {
        handle: bedside_realtime::engine::HandleId(99),
        room,
    });
    let join = peer.join();
    // The server says nothing at all for the length of three refusals.
    peer.pass(15_000);
    peer.refuse(
        &join,
        "Unauthorized: You do not have permissions to read from this Channel topic: closed",
    );
    assert_eq!(peer.gaps(), []);
    peer.answer_heartbeats();
    assert_eq!(peer.status().name(), "degraded");
}

#[test]
fn a_handshake_that_hangs_is_given_up() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.pass(15_000);
    assert_eq!(peer.closes, 1);
    peer.pass(1_000);
    assert_eq!(peer.opens.len(), 2);
}

#[test]
fn a_refused_api_key_is_fatal_and_nothing_more_is_tried_until_somebody_acts() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.give(Input::OpenFailed {
        http_status: Some(401),
    });
    let reason = FatalReason::ApiKeyRefused;
    assert_eq!(
        peer.status(),
        &Status::Fatal {
            reason,
            remedy: reason.remedy()
        }
    );
    peer.pass(600_000);
    peer.environment(Environment::Online);
    assert_eq!(peer.opens.len(), 1);
    peer.command(bedside_realtime::engine::Command::Reconnect);
    peer.pass(10);
    assert_eq!(peer.opens.len(), 2);
}

/// A page is never told why a handshake failed, so it asks.
fn refused_without_a_word(times: usize) -> Peer {
    let mut peer = Peer::new();
    peer.bind(patients());
    for attempt in 1..=times {
        while peer.opens.len() < attempt {
            peer.pass(100);
        }
        peer.give(Input::OpenFailed { http_status: None });
    }
    peer
}

#[test]
fn every_third_handshake_that_fails_without_a_word_the_server_is_asked_why() {
    let asked = |times| refused_without_a_word(times).asked;
    let counts: Vec<usize> = (1..=7).map(asked).collect();
    assert_eq!(counts, [0, 0, 1, 1, 1, 2, 2]);
}

#[test]
fn a_key_that_the_server_refuses_when_asked_is_fatal_like_one_refused_at_once() {
    for (status, reason) in [
        (401, FatalReason::ApiKeyRefused),
        (403, FatalReason::RealtimeDisabled),
        (404, FatalReason::ProjectNotFound),
    ] {
        let mut peer = refused_without_a_word(3);
        peer.give(Input::Asked {
            http_status: Some(status),
        });
        let remedy = reason.remedy();
        assert_eq!(peer.status(), &Status::Fatal { reason, remedy });
        peer.pass(600_000);
        assert_eq!(peer.opens.len(), 3, "nothing more is tried");
    }
}

#[test]
fn an_answer_that_refuses_nothing_leaves_the_attempts_as_they_are() {
    for status in [None, Some(200), Some(400), Some(426), Some(500)] {
        let mut peer = refused_without_a_word(3);
        peer.give(Input::Asked {
            http_status: status,
        });
        while peer.opens.len() < 4 {
            peer.pass(100);
        }
        peer.give(Input::Opened);
        peer.give(Input::Asked {
            http_status: Some(401),
        });
        assert!(
            !matches!(peer.status(), Status::Fatal { .. }),
            "a late answer is no answer"
        );
    }
}

#[test]
fn a_server_that_has_too_many_clients_when_asked_is_left_alone_for_half_a_minute() {
    let mut peer = refused_without_a_word(3);
    peer.give(Input::Asked {
        http_status: Some(429),
    });
    peer.pass(29_000);
    assert_eq!(peer.opens.len(), 3);
    peer.pass(61_000);
    assert!(peer.opens.len() > 3);
}

#[test]
fn a_socket_nobody_needs_is_closed_after_a_while() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    peer.unbind(handle);
    peer.pass_alive(11_000);
    let leave = peer.take("phx_leave");
    assert_eq!(leave.len(), 1);
    peer.end(&join, "phx_close");
    assert_eq!(peer.closes, 0);
    peer.pass_alive(31_000);
    assert_eq!(peer.closes, 1);
    peer.pass(300_000);
    assert_eq!(peer.opens.len(), 1);
}

#[test]
fn no_network_says_offline_and_still_tries() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.environment(Environment::Offline);
    peer.give(Input::OpenFailed { http_status: None });
    assert_eq!(peer.status(), &Status::Offline);
    peer.pass(1_100);
    assert_eq!(
        peer.opens.len(),
        2,
        "the hint may be wrong: the server may be this very machine"
    );
}
