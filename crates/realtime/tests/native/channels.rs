//! Few channels, joined one at a time; what one binding does wrong harms no other.

use bedside_realtime::engine::{Command, HandleId, Verdict, judge_listening, judge_reason};
use bedside_realtime::{
    Binding, BindingEvent, DegradedReason, FatalReason, GapCause, Room, Status,
};
use serde_json::json;

use crate::peer::{Peer, Sent, forms, ids_of, patients};

#[test]
fn p10_five_hundred_mounts_are_one_join() {
    let mut peer = Peer::new();
    for _ in 0..500 {
        peer.bind(patients());
    }
    peer.open();
    let join = peer.join();
    assert_eq!(ids_of(&join).len(), 1);
    peer.accept(&join);
    peer.listening(&join);
    peer.change(&join.topic, &ids_of(&join), "patients", 1);
    let (handles, _) = peer.heard.last().unwrap();
    assert_eq!(handles.len(), 500);
}

#[test]
fn p10_a_remount_within_the_linger_costs_nothing() {
    let mut peer = Peer::new();
    let (mut handle, _) = peer.live();
    for _ in 0..50 {
        peer.unbind(handle);
        peer.pass_alive(9_000);
        handle = peer.bind(patients());
        assert_eq!(peer.readies(handle), 1, "a remount is ready at once");
    }
    assert!(peer.take("phx_join").is_empty());
    assert!(peer.take("phx_leave").is_empty());
}

#[test]
fn p10_bindings_of_one_moment_share_one_channel() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.bind(forms());
    peer.bind(patients().filter("id=eq.7"));
    peer.open();
    let join = peer.join();
    assert_eq!(ids_of(&join).len(), 3);
    assert!(peer.take("phx_join").is_empty());
}

#[test]
fn p09_a_widening_overlaps_the_old_channel_until_the_new_one_is_ready() {
    let mut peer = Peer::new();
    let (first, old) = peer.live();
    let second = peer.bind(forms());
    peer.pass(60);
    let new = peer.join();
    assert_ne!(new.topic, old.topic);
    assert_eq!(ids_of(&new).len(), 2);
    // A change in each phase, as the server would send it: through whatever is subscribed.
    peer.change(&old.topic, &ids_of(&old), "patients", 1);
    peer.accept(&new);
    peer.change(&old.topic, &ids_of(&old), "patients", 2);
    assert!(
        peer.take("phx_leave").is_empty(),
        "the old one stays until the new one is ready"
    );
    peer.listening(&new);
    for id in [3, 4] {
        peer.change(&new.topic, &ids_of(&old), "patients", id);
        peer.change(&old.topic, &ids_of(&old), "patients", id);
    }
    let leave = peer.take("phx_leave");
    assert_eq!(leave.len(), 1);
    assert_eq!(leave[0].join_ref.as_deref(), Some(old.reference.as_str()));
    peer.end(&old, "phx_close");
    peer.change(&new.topic, &ids_of(&old), "patients", 5);
    let expected: Vec<String> = (1..=5).map(|id| format!("{{\"id\":{id}}}")).collect();
    assert_eq!(
        peer.changes(first),
        expected,
        "nothing is lost and nothing comes twice"
    );
    assert_eq!(
        peer.readies(first),
        1,
        "the first binding never lost its readiness"
    );
    assert_eq!(peer.readies(second), 1);
    assert_eq!(peer.gaps(), []);
}

#[test]
fn p11_every_reason_has_its_verdict() {
    use Verdict::{BackOffLong, Fatal, RefreshThenRetry, Refused, Retry};
    let table = [
        (
            "InvalidJWTToken: Token has expired 60 seconds ago",
            RefreshThenRetry,
        ),
        (
            "InvalidJWTToken: Fields `role` and `exp` are required in JWT",
            RefreshThenRetry,
        ),
        (
            "MalformedJWT: The token provided is not a valid JWT",
            RefreshThenRetry,
        ),
        (
            "JwtSignatureError: Failed to validate JWT signature",
            RefreshThenRetry,
        ),
        ("JwtSignerError: x", RefreshThenRetry),
        ("Token has expired 0 seconds ago", RefreshThenRetry),
        (":signature_error", RefreshThenRetry),
        ("The token provided is not a valid JWT", RefreshThenRetry),
        (
            "Fields `role` and `exp` are required in JWT",
            RefreshThenRetry,
        ),
        (
            "Unauthorized: You do not have permissions to read from this Channel topic: r",
            Refused,
        ),
        (
            "You do not have permissions to read from this Channel topic: r",
            Refused,
        ),
        ("You no longer have permission to read", Refused),
        ("TopicNameRequired: You must provide a topic name", Refused),
        (
            "UnableToReplayMessages: Replay is not allowed for public channels",
            Refused,
        ),
        ("UnknownErrorOnChannel: no case clause matching: x", Retry),
        ("unmatched topic", Refused),
        ("Track message size exceeded", Refused),
        (
            "PrivateOnly: This project only allows private channels",
            Fatal(FatalReason::PrivateOnly),
        ),
        ("TenantNotFound: x", Fatal(FatalReason::ProjectNotFound)),
        (
            "RealtimeDisabledForTenant: x",
            Fatal(FatalReason::RealtimeDisabled),
        ),
        ("ChannelRateLimitReached: Too many channels", BackOffLong),
        (
            "ConnectionRateLimitReached: Too many connected users",
            BackOffLong,
        ),
        (
            "ClientJoinRateLimitReached: Too many joins per second",
            BackOffLong,
        ),
        ("IncreaseConnectionPool: x", BackOffLong),
        ("DatabaseLackOfConnections: x", BackOffLong),
        ("DatabaseConnectionRateLimitReached: x", BackOffLong),
        ("Too many messages per second", BackOffLong),
        ("Too many presence messages per second", BackOffLong),
        ("Client presence rate limit exceeded", BackOffLong),
        (
            "UnableToConnectToProject: Realtime was unable to connect to the project database",
            Retry,
        ),
        ("InitializingProjectConnection: x", Retry),
        ("TimeoutOnRpcCall: x", Retry),
        ("ErrorOnRpcCall: x", Retry),
        ("QueryCanceled: x", Retry),
        ("MissingPartition: x", Retry),
        (
            "RealtimeRestarting: Realtime is restarting, please standby",
            Retry,
        ),
        ("MusterJoinError: x", Retry),
        ("Unknown Error on Channel", Retry),
        (
            "Realtime was unable to connect to the project database",
            Retry,
        ),
        ("", Retry),
    ];
    for (reason, verdict) in table {
        assert_eq!(judge_reason(reason), verdict, "{reason}");
    }
}

#[test]
fn p11_a_wrong_binding_is_told_from_a_database_in_trouble() {
    let wrong = [
        "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: [event: *, schema: public, table: nope, filters: [], select: nil]",
        "Error parsing `filter` params: [\"foo\", \"1\"]",
        "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: %{}",
        "Column selection is not supported for wildcard subscriptions",
        "An exception happened so please check your connect parameters: []. Exception: ERROR P0001 (raise_exception) invalid column for filter nope",
        "Exception: ERROR 22P02 (invalid_text_representation) invalid input syntax for type uuid",
    ];
    for message in wrong {
        assert_eq!(judge_listening(message), Verdict::Refused, "{message}");
    }
    for message in [
        "Realtime was unable to connect to the project database",
        "tcp recv: closed",
        "",
    ] {
        assert_eq!(judge_listening(message), Verdict::Retry, "{message}");
    }
}

#[test]
fn p11_after_a_fatal_refusal_nothing_is_sent_for_ten_minutes() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.open();
    let join = peer.join();
    peer.refuse(
        &join,
        "PrivateOnly: This project only allows private channels",
    );
    assert_eq!(peer.status().name(), "fatal");
    peer.sent.clear();
    let opens = peer.opens.len();
    peer.pass(600_000);
    assert!(peer.sent.is_empty());
    assert_eq!(peer.opens.len(), opens);
}

#[test]
fn p12_joins_go_one_at_a_time_and_the_healthy_first() {
    let mut peer = Peer::new();
    peer.bind(patients());
    for (number, room) in ["a", "b", "c"].into_iter().enumerate() {
        let handle = HandleId(100 + number as u64);
        peer.command(Command::EnterRoom {
            handle,
            room: Room::named(room),
        });
    }
    peer.open();
    let data = peer.join();
    assert!(data.topic.starts_with("realtime:bedside-"), "data first");
    peer.accept(&data);
    peer.listening(&data);
    let failing = peer.join();
    peer.refuse(&failing, "UnableToConnectToProject: x");
    let second = peer.join();
    peer.accept(&second);
    let third = peer.join();
    peer.accept(&third);
    assert_eq!(
        [&failing.topic, &second.topic, &third.topic],
        ["realtime:a", "realtime:b", "realtime:c"]
    );
    // It fails on, with pauses that grow; nobody else is disturbed.
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let start = peer.mono;
        let again = loop {
            if let Some(join) = peer.take("phx_join").pop() {
                break join;
            }
            peer.pass_alive(100);
        };
        pauses.push(peer.mono - start);
        assert_eq!(again.topic, "realtime:a");
        peer.refuse(&again, "UnableToConnectToProject: x");
    }
    assert_eq!(
        peer.status(),
        &Status::Degraded(DegradedReason::RoomRefused {
            room: "a".to_owned()
        })
    );
    assert_eq!(peer.gaps(), []);
    assert!(pauses.iter().sum::<u64>() > 5_000, "{pauses:?}");
}

/// Waits for the next join, for twenty minutes at most.
fn tried_again(peer: &mut Peer) -> Sent {
    for _ in 0..240 {
        peer.pass_alive(5_000);
        if let Some(join) = peer.take("phx_join").pop() {
            return join;
        }
    }
    panic!("not tried again");
}

#[test]
fn p12_a_wrong_binding_is_tried_alone_refused_and_the_others_live() {
    let mut peer = Peer::new();
    let good = peer.bind(patients());
    let wrong = peer.bind(Binding::table("public", "nope"));
    peer.open();
    let both = peer.join();
    peer.accept(&both);
    let text = "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given connect parameters: [event: *, schema: public, table: nope, filters: [], select: nil]";
    peer.system(&both, "postgres_changes", "error", text);
    peer.end(&both, "phx_close");
    let clean = peer.join();
    assert_eq!(
        clean.payload["config"]["postgres_changes"],
        json!([{"event": "*", "schema": "public", "table": "patients"}])
    );
    peer.accept(&clean);
    peer.listening(&clean);
    assert_eq!(peer.readies(good), 1);
    let alone = peer.join();
    assert_eq!(
        alone.payload["config"]["postgres_changes"][0]["table"],
        "nope"
    );
    peer.accept(&alone);
    peer.system(&alone, "postgres_changes", "error", text);
    peer.end(&alone, "phx_close");
    let refused = peer.heard.iter().filter(|(handles, event)| {
        handles == &[wrong] && matches!(event, BindingEvent::Refused(_))
    });
    assert_eq!(refused.count(), 1);
    assert!(matches!(
        peer.status(),
        Status::Degraded(DegradedReason::BindingRefused { .. })
    ));
    assert_eq!(peer.gaps(), []);

    // It is tried again from time to time, and said to be refused no second time.
    let mut waits = Vec::new();
    for _ in 0..3 {
        let before = peer.wall;
        let again = tried_again(&mut peer);
        waits.push(peer.wall - before);
        assert_eq!(
            again.payload["config"]["postgres_changes"][0]["table"],
            "nope"
        );
        peer.accept(&again);
        peer.system(&again, "postgres_changes", "error", text);
        peer.end(&again, "phx_close");
    }
    assert!(waits.is_sorted() && waits[0] >= 30_000, "{waits:?}");
    let refused = peer.heard.iter().filter(|(handles, event)| {
        handles == &[wrong] && matches!(event, BindingEvent::Refused(_))
    });
    assert_eq!(refused.count(), 1);
    assert_eq!((peer.readies(good), peer.gaps()), (1, vec![]));

    // The table has been published since.
    let again = tried_again(&mut peer);
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(peer.readies(wrong), 1);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn a_close_of_an_older_join_of_the_same_topic_is_nobodys_business() {
    let mut peer = Peer::new();
    let (_, join) = peer.live();
    let stale = Sent {
        reference: "4711".to_owned(),
        ..join
    };
    peer.end(&stale, "phx_close");
    peer.end(&stale, "phx_error");
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn a_join_without_answer_is_left_and_tried_again() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.open();
    let join = peer.join();
    peer.pass_alive(20_100);
    assert_eq!(peer.take("phx_leave")[0].topic, join.topic);
    peer.pass_alive(3_000);
    let again = peer.join();
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn a_channel_that_never_listens_is_replaced() {
    let mut peer = Peer::new();
    peer.bind(patients());
    peer.open();
    let deaf = peer.join();
    peer.accept(&deaf);
    peer.pass_alive(15_100);
    assert_eq!(peer.take("phx_leave")[0].topic, deaf.topic);
    assert_eq!(
        peer.status(),
        &Status::Degraded(DegradedReason::NotListening)
    );
    peer.pass_alive(2_000);
    let again = peer.join();
    assert_ne!(again.topic, deaf.topic);
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn echoed_bindings_are_matched_by_what_they_say_and_a_superset_is_no_error() {
    let mut peer = Peer::new();
    let one = peer.bind(patients());
    let two = peer.bind(forms());
    peer.open();
    let join = peer.join();
    let echoed = json!([
        {"id": 3, "event": "*", "schema": "audit", "table": "log"},
        {"id": 2, "event": "*", "schema": "public", "table": "form_submissions", "new_key": [1]},
        {"id": 1, "event": "*", "schema": "public", "table": "patients"},
    ]);
    let response = json!({"status": "ok", "response": {"postgres_changes": echoed}});
    peer.text(&json!([
        join.reference,
        join.reference,
        join.topic,
        "phx_reply",
        response
    ]));
    peer.listening(&join);
    peer.change(&join.topic, &[2], "form_submissions", 8);
    assert_eq!(peer.changes(one).len(), 0);
    assert_eq!(peer.changes(two).len(), 1);
}

#[test]
fn p26_a_filter_that_hides_leaving_rows_is_linted() {
    let lint = |filter: &str| patients().filter(filter).lint(&["id", "patient_id"]);
    assert_eq!(lint("id=eq.7"), None);
    assert_eq!(lint("id=in.(1,2,3)"), None);
    assert_eq!(lint("patient_id=eq.7"), None);
    assert!(lint("status=eq.active").is_some());
    assert!(lint("id=eq.7,ward=in.(a,b)").is_some());
    assert_eq!(patients().lint(&[]), None);
}

#[test]
fn a_lost_channel_among_two_is_a_gap_only_for_its_own_bindings() {
    let mut peer = Peer::new();
    let (first, old) = peer.live();
    peer.bind(forms());
    peer.pass(60);
    let new = peer.join();
    peer.accept(&new);
    // The wider channel crashes before it is ready; the narrow one carries on.
    peer.end(&new, "phx_error");
    assert_eq!(peer.gaps(), []);
    peer.change(&old.topic, &ids_of(&old), "patients", 1);
    assert_eq!(peer.changes(first).len(), 1);
    peer.end(&old, "phx_error");
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!(peer.gaps()[0].cause, GapCause::ChannelCrashed);
    assert_eq!(peer.gaps()[0].bindings, 1);
}
