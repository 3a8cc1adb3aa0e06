//! Presence and broadcast: who is here, what was said, and what becomes of it when the room is lost.

use bedside_realtime::engine::{
    Command, Engine, Event, HandleId, Input, Now, Output, PushId, Said,
};
use bedside_realtime::wire::Outbound;
use bedside_realtime::{
    Access, GapCause, Message, Payload, PresenceChange, PushError, Room, RoomEvent, Status,
};
use serde_json::{Value, json};

use crate::peer::{Peer, Sent, URL, patients};

const ME: HandleId = HandleId(500);

fn enter(peer: &mut Peer, handle: HandleId, room: Room) {
    peer.command(Command::EnterRoom { handle, room });
}

fn inside(room: Room) -> (Peer, Sent) {
    let mut peer = Peer::new();
    enter(&mut peer, ME, room);
    peer.open();
    let join = peer.join();
    peer.accept(&join);
    assert_eq!(peer.status(), &Status::Live);
    (peer, join)
}

fn say(peer: &mut Peer, push: u64, said: Said) {
    peer.command(Command::Say {
        handle: ME,
        push: PushId(push),
        event: "typing".to_owned(),
        said,
    });
}

fn messages(peer: &Peer) -> Vec<&Message> {
    let heard = peer.rooms.iter().map(|(_, event)| event);
    heard
        .filter_map(|event| {
            if let RoomEvent::Message(message) = event {
                Some(message)
            } else {
                None
            }
        })
        .collect()
}

fn presences(peer: &Peer) -> Vec<&PresenceChange> {
    let heard = peer.rooms.iter().map(|(_, event)| event);
    heard
        .filter_map(|event| {
            if let RoomEvent::Presence(change) = event {
                Some(change)
            } else {
                None
            }
        })
        .collect()
}

fn member(reference: &str, name: &str) -> Value {
    json!({"metas": [{"phx_ref": reference, "name": name}]})
}

fn push(peer: &mut Peer, join: &Sent, event: &str, payload: Value) {
    peer.text(&json!([null, null, join.topic, event, payload]));
}

#[test]
fn a_join_says_what_the_room_is_for() {
    let room = Room::named("ward-7")
        .access(Access::Private)
        .presence("me")
        .echoed()
        .acknowledged();
    let (_, join) = inside(room);
    assert_eq!(join.topic, "realtime:ward-7");
    let config = &join.payload["config"];
    assert_eq!(config["broadcast"], json!({"ack": true, "self": true}));
    assert_eq!(config["presence"], json!({"key": "me", "enabled": true}));
    assert_eq!(
        (&config["private"], &config["postgres_changes"]),
        (&json!(true), &json!([]))
    );
}

#[test]
fn presence_follows_state_diff_update_and_leave_by_reference() {
    let (mut peer, join) = inside(Room::named("r").presence("me"));
    // A diff may come before the state it belongs on.
    push(
        &mut peer,
        &join,
        "presence_diff",
        json!({"joins": {"b": member("2", "B")}, "leaves": {}}),
    );
    assert!(presences(&peer).is_empty());
    peer.text(
        &json!([join.reference, null, join.topic, "presence_state", {"a": member("1", "A")}]),
    );
    assert_eq!(
        peer.engine.presence(ME).keys().collect::<Vec<_>>(),
        ["a", "b"]
    );
    // An update: the new words come with the old ones leaving, under one key.
    let update = json!({"joins": {"a": member("3", "A2")}, "leaves": {"a": member("1", "A")}});
    push(&mut peer, &join, "presence_diff", update);
    let last = presences(&peer).pop().unwrap();
    assert_eq!(
        (last.joined.len(), last.left.len(), last.updated.len()),
        (0, 0, 1)
    );
    assert_eq!(last.updated[0].1.reference, "3");
    // A second tab of the same person, and its leave.
    push(
        &mut peer,
        &join,
        "presence_diff",
        json!({"joins": {"a": member("4", "tab")}, "leaves": {}}),
    );
    assert_eq!(peer.engine.presence(ME)["a"].len(), 2);
    push(
        &mut peer,
        &join,
        "presence_diff",
        json!({"joins": {}, "leaves": {"a": member("3", "A2")}}),
    );
    assert_eq!(peer.engine.presence(ME)["a"][0].reference, "4");
    push(
        &mut peer,
        &join,
        "presence_diff",
        json!({"joins": {}, "leaves": {"a": member("4", "tab"), "z": member("9", "")}}),
    );
    assert!(!peer.engine.presence(ME).contains_key("a"));
    // Shapes that are none change nothing.
    for odd in [
        json!([]),
        json!({"joins": 7}),
        json!({"joins": {"a": {"metas": [{"no": "ref"}, 3]}}}),
        json!("x"),
    ] {
        push(&mut peer, &join, "presence_diff", odd);
    }
    assert_eq!(peer.engine.presence(ME).keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn what_is_tracked_is_tracked_again_after_a_loss() {
    let (mut peer, join) = inside(Room::named("r").presence("me"));
    let payload = serde_json::value::RawValue::from_string("{\"name\":\"A\"}".to_owned()).unwrap();
    peer.command(Command::Track {
        handle: ME,
        payload: Some(payload),
    });
    let track = peer.take("presence");
    assert_eq!(
        track[0].payload,
        json!({"type": "presence", "event": "track", "payload": {"name": "A"}})
    );
    assert_eq!(track[0].join_ref.as_deref(), Some(join.reference.as_str()));
    peer.close(1006);
    let lost: Vec<_> = peer
        .rooms
        .iter()
        .filter(|(_, event)| matches!(event, RoomEvent::Gap(_)))
        .collect();
    assert_eq!(lost.len(), 1);
    while peer.opens.len() < 2 {
        peer.pass(50);
    }
    peer.open();
    let again = peer.join();
    assert!(peer.take("presence").is_empty());
    peer.accept(&again);
    assert_eq!(peer.take("presence")[0].payload, track[0].payload);
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!((peer.gaps()[0].bindings, peer.gaps()[0].rooms), (0, 1));
}

#[test]
fn tracks_stay_below_the_servers_limit_and_the_last_one_counts() {
    let (mut peer, _) = inside(Room::named("r").presence("me"));
    for number in 0..50 {
        let payload =
            serde_json::value::RawValue::from_string(format!("{{\"n\":{number}}}")).unwrap();
        peer.command(Command::Track {
            handle: ME,
            payload: Some(payload),
        });
        peer.pass_alive(500);
    }
    let first = peer.take("presence");
    assert!(first.len() <= 5, "{} in 25 s", first.len());
    peer.pass_alive(60_000);
    let rest = peer.take("presence");
    assert_eq!(rest.last().unwrap().payload["payload"], json!({"n": 49}));
}

#[test]
fn an_acknowledged_message_ends_with_the_servers_word_or_its_silence() {
    let (mut peer, join) = inside(Room::named("r").acknowledged());
    let reply = |peer: &mut Peer, sent: &Sent, status: &str, response: Value| {
        peer.text(&json!([join.reference, sent.reference, join.topic, "phx_reply", {"status": status, "response": response}]));
    };
    for push in 1..=4 {
        say(&mut peer, push, Said::Json("{\"a\":1}".to_owned()));
    }
    let sent = peer.take("broadcast");
    assert_eq!(
        sent[0].payload,
        json!({"type": "broadcast", "event": "typing", "payload": {"a": 1}})
    );
    reply(&mut peer, &sent[0], "ok", json!({}));
    reply(&mut peer, &sent[1], "error", json!("payload_size_exceeded"));
    peer.pass_alive(10_100);
    say(&mut peer, 5, Said::Json("{}".to_owned()));
    peer.close(1006);
    let outcomes: Vec<_> = peer
        .pushed
        .iter()
        .map(|(push, outcome)| (push.0, outcome.clone()))
        .collect();
    let expected = [
        (1, Ok(())),
        (
            2,
            Err(PushError::Refused("payload_size_exceeded".to_owned())),
        ),
        (3, Err(PushError::Unconfirmed)),
        (4, Err(PushError::Unconfirmed)),
        (5, Err(PushError::Unconfirmed)),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn bytes_travel_in_a_binary_frame_and_come_out_of_one() {
    let (mut peer, join) = inside(Room::named("r"));
    say(&mut peer, 1, Said::Bytes(vec![0, 255, 7]));
    let expected = [
        &[3, 1, 1, 10, 6, 0, 0][..],
        join.reference.as_bytes(),
        b"2realtime:rtyping",
        &[0, 255, 7],
    ]
    .concat();
    assert_eq!(peer.binary, [expected]);
    let mut frame = vec![4, 10, 1, 8, 0];
    frame.extend_from_slice(b"realtime:re{\"id\":1}");
    frame.extend_from_slice(&[9, 9]);
    peer.give(Input::Binary(&frame));
    assert_eq!(messages(&peer)[0].payload, Payload::Bytes(vec![9, 9]));
    let long = "x".repeat(300);
    peer.command(Command::Say {
        handle: ME,
        push: PushId(2),
        event: long,
        said: Said::Bytes(vec![]),
    });
    assert_eq!(peer.pushed.last().unwrap().1, Err(PushError::Unwritable));
}

#[test]
fn outside_the_room_a_message_goes_by_http() {
    let mut peer = Peer::new();
    enter(&mut peer, ME, Room::named("r").access(Access::Private));
    say(&mut peer, 1, Said::Json("[1,2]".to_owned()));
    let (push, body) = peer.posts.pop().unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({"messages": [{"topic": "r", "event": "typing", "payload": [1, 2], "private": true}]})
    );
    peer.command(Command::Posted {
        push,
        outcome: Ok(()),
    });
    assert_eq!(peer.pushed, [(PushId(1), Ok(()))]);
}

#[test]
fn a_room_that_refuses_says_so_once_and_is_not_asked_again() {
    let mut peer = Peer::new();
    peer.bind(patients());
    enter(&mut peer, ME, Room::named("secret").access(Access::Private));
    peer.open();
    let data = peer.join();
    peer.accept(&data);
    peer.listening(&data);
    let join = peer.join();
    peer.refuse(
        &join,
        "Unauthorized: You do not have permissions to read from this Channel topic: secret",
    );
    assert!(
        matches!(&peer.rooms[..], [(_, RoomEvent::Refused(_))]),
        "{:?}",
        peer.rooms
    );
    assert_eq!(peer.status().name(), "degraded");
    peer.pass_alive(600_000);
    assert!(peer.take("phx_join").is_empty());
    peer.command(Command::Reconnect);
    peer.pass(10);
    peer.open();
    peer.join();
}

#[test]
fn holders_of_one_room_share_it_and_the_last_one_leaves_it() {
    let (mut peer, join) = inside(Room::named("r"));
    let other = HandleId(501);
    enter(&mut peer, other, Room::named("r"));
    assert!(peer.take("phx_join").is_empty());
    push(
        &mut peer,
        &join,
        "broadcast",
        json!({"type": "broadcast", "event": "e", "payload": 1}),
    );
    assert_eq!(peer.rooms.last().unwrap().0, [ME, other]);
    enter(&mut peer, HandleId(502), Room::named("r").presence("x"));
    assert!(
        matches!(peer.rooms.last().unwrap(), (handles, RoomEvent::Refused(_)) if handles == &[HandleId(502)])
    );
    peer.command(Command::LeaveRoom { handle: ME });
    peer.pass_alive(11_000);
    assert!(peer.take("phx_leave").is_empty());
    peer.command(Command::LeaveRoom { handle: other });
    peer.pass_alive(11_000);
    assert_eq!(peer.take("phx_leave")[0].topic, "realtime:r");
}

#[test]
fn p20_a_private_room_resumes_from_its_last_message_without_repeating_any() {
    let (mut peer, join) = inside(Room::named("r").access(Access::Private).replay(1_000, 10));
    assert_eq!(
        join.payload["config"]["broadcast"]["replay"],
        json!({"since": 1_000, "limit": 10})
    );
    let message = |id: &str, replayed: bool| json!({"type": "broadcast", "event": "e", "payload": {}, "meta": {"id": id, "replayed": replayed}});
    push(&mut peer, &join, "broadcast", message("m1", true));
    push(&mut peer, &join, "broadcast", message("m2", false));
    let heard = peer.wall;
    peer.close(1006);
    while peer.opens.len() < 2 {
        peer.pass(50);
    }
    peer.open();
    let again = peer.join();
    assert_eq!(
        again.payload["config"]["broadcast"]["replay"],
        json!({"since": heard - 5_000, "limit": 25})
    );
    peer.accept(&again);
    for id in ["m2", "m3", "m4"] {
        push(&mut peer, &again, "broadcast", message(id, true));
    }
    let ids: Vec<_> = messages(&peer)
        .iter()
        .map(|message| message.id.clone().unwrap())
        .collect();
    assert_eq!(ids, ["m1", "m2", "m3", "m4"]);
}

#[test]
fn p20_a_replay_as_long_as_the_server_allows_is_a_gap() {
    let (mut peer, join) = inside(Room::named("r").access(Access::Private).replay(1, 25));
    for id in 0..25 {
        let meta = json!({"id": id.to_string(), "replayed": true});
        push(
            &mut peer,
            &join,
            "broadcast",
            json!({"event": "e", "payload": {}, "meta": meta}),
        );
    }
    assert_eq!(peer.gaps()[0].cause, GapCause::ReplayExhausted);
    assert!(matches!(peer.rooms.last(), Some((_, RoomEvent::Ready(_)))));
}

#[test]
fn version_one_frames_are_objects_and_its_broken_broadcast_is_survived() {
    let mut config = bedside_realtime::engine::Config::new(URL);
    config.vsn = bedside_realtime::Vsn::V1;
    let mut engine = Engine::new(config, Now::default());
    engine.handle(
        Now::new(1, 1),
        Input::Command(Command::EnterRoom {
            handle: ME,
            room: Room::named("r"),
        }),
    );
    engine.handle(Now::new(2, 2), Input::Opened);
    let outputs: Vec<Output> = std::iter::from_fn(|| engine.poll()).collect();
    let join = outputs.iter().find_map(|output| match output {
        Output::Send(Outbound::Text(text)) => Some(serde_json::from_str::<Value>(text).unwrap()),
        _ => None,
    });
    let join = join.unwrap();
    assert_eq!(
        (&join["topic"], &join["event"]),
        (&json!("realtime:r"), &json!("phx_join"))
    );
    let reply = json!({"topic": "realtime:r", "event": "phx_reply", "ref": join["ref"], "payload": {"status": "ok", "response": {}}});
    engine.handle(Now::new(3, 3), Input::Text(&reply.to_string()));
    let broken = "{\"event\":\"broadcast\",\"payload\":%{error: \"unable to parse response\"},\"ref\":null,\"topic\":\"realtime:r\"}";
    engine.handle(Now::new(4, 4), Input::Text(broken));
    let close = json!({"topic": "realtime:r", "event": "phx_close", "ref": "stale", "payload": {}});
    engine.handle(Now::new(5, 5), Input::Text(&close.to_string()));
    assert_eq!(engine.report().status, Status::Live);
    assert_eq!(engine.garbled(), 1);
    let heard: Vec<Output> = std::iter::from_fn(|| engine.poll()).collect();
    assert!(heard.iter().any(|output| matches!(
        output,
        Output::Event(Event::Room {
            event: RoomEvent::Ready(_),
            ..
        })
    )));
}
