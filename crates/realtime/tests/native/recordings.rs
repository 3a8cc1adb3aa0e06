//! The codec against every frame that a real server was recorded to send, in both protocol versions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bedside_realtime::engine::{Command, Config, Engine, HandleId, Input, Now};
use bedside_realtime::wire::{Body, decode_binary, decode_text};
use bedside_realtime::{Binding, Change, ChangeFault, ChangeKind, Room, Vsn};
use serde_json::Value;

use crate::peer::URL;

enum Recorded {
    Text(String),
    Binary(Vec<u8>),
}

fn recordings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire")
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.chars().filter(|digit| *digit != '=') {
        bits = bits << 6 | u32::try_from(DIGITS.find(digit).unwrap()).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    out
}

/// What the server sent, with the protocol version of the connection that it sent it on.
fn received(file: &str) -> Vec<(Vsn, Recorded)> {
    let text = std::fs::read_to_string(recordings().join(file)).unwrap();
    let mut versions = BTreeMap::new();
    let mut frames = Vec::new();
    for line in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        let connection = line["conn"].as_str().unwrap_or_default().to_owned();
        if line["dir"] == "open" {
            let second = line["path"]
                .as_str()
                .is_some_and(|path| path.contains("vsn=2.0.0"));
            versions.insert(connection, if second { Vsn::V2 } else { Vsn::V1 });
        } else if line["dir"] == "recv" {
            let vsn = versions.get(&connection).copied().unwrap();
            match line["frame"].as_str() {
                Some(frame) if frame.contains("(truncated in this file)") => {}
                Some(frame) => frames.push((vsn, Recorded::Text(frame.to_owned()))),
                None => frames.push((vsn, Recorded::Binary(base64(line["b64"].as_str().unwrap())))),
            }
        }
    }
    frames
}

/// A frame in an order in which no server writes it: what stands behind the row stands before everything else.
fn reordered(frame: &str) -> Option<String> {
    let (head, tail) = frame.rsplit_once(",\"schema\":")?;
    let (named, ids) = tail.split_once("},\"ids\":")?;
    let (opens, data) = head.split_once("{\"data\":{")?;
    Some(format!(
        "{opens}{{\"ids\":{},\"data\":{{\"schema\":{named},{data}}}}}]",
        ids.strip_suffix("}]")?
    ))
}

#[test]
fn a_change_says_the_same_in_whatever_order_it_is_written() {
    let change = |text: &str| match decode_text(Vsn::V2, text).unwrap().body {
        Body::Change(frame) => (frame.ids().collect::<Vec<_>>(), frame.to_change().unwrap()),
        other => panic!("{other:?}"),
    };
    let mut kinds = Vec::new();
    for file in [
        "c1_changes_per_table.v2.jsonl",
        "c2_types.v2.jsonl",
        "c4_toast.v2.jsonl",
        "d2_errors_in_changes.v2.jsonl",
    ] {
        for (_, frame) in received(file) {
            let Recorded::Text(text) = frame else {
                continue;
            };
            let Some(other) =
                reordered(&text).filter(|_| text.contains("\"postgres_changes\",{\"data\""))
            else {
                continue;
            };
            serde_json::from_str::<Value>(&other).unwrap();
            let usual = change(&text);
            assert_eq!(usual, change(&other), "{text}");
            assert_eq!(
                usual,
                change(&text.replacen("{\"columns\"", "{ \"columns\"", 1)),
                "{text}"
            );
            kinds.push((usual.1.kind, usual.1.fault.is_some()));
        }
    }
    for kind in [ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete] {
        assert!(kinds.contains(&(kind, false)), "{kind:?} was not recorded");
    }
    assert!(
        kinds.iter().any(|(_, fault)| *fault),
        "no fault was recorded"
    );
}

#[test]
fn a_row_that_looks_like_the_end_of_its_frame_is_a_row() {
    let lookalike = r#"},"schema":"x","table":"y","type":"INSERT"},"ids":[9]}]"#;
    let record = serde_json::json!({"id": 1, "text": lookalike, "json": {"a": {"b": {}, "schema": "x", "table": "y", "type": "DELETE"}, "ids": [9]}}).to_string();
    let frame = format!(
        r#"[null,null,"realtime:r","postgres_changes",{{"data":{{"columns":[],"commit_timestamp":null,"errors":null,"record":{record},"schema":"public","table":"items","type":"UPDATE"}},"ids":[7]}}]"#
    );
    let decoded = decode_text(Vsn::V2, &frame).unwrap();
    let Body::Change(change) = decoded.body else {
        panic!("no change")
    };
    assert_eq!(change.ids().collect::<Vec<_>>(), [7]);
    let change = change.to_change().unwrap();
    assert_eq!((change.table(), change.kind), ("items", ChangeKind::Update));
    assert_eq!(change.record().unwrap().json(), record);
}

fn changes(file: &str) -> Vec<Change> {
    received(file)
        .into_iter()
        .filter_map(|(vsn, frame)| match frame {
            Recorded::Text(text) => match decode_text(vsn, &text).unwrap().body {
                Body::Change(change) => Some(change.to_change().unwrap()),
                _ => None,
            },
            Recorded::Binary(_) => None,
        })
        .collect()
}

fn all_files() -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(recordings())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".jsonl"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_recorded_frame_is_understood() {
    let (mut understood, mut unknown) = (0, Vec::new());
    for file in all_files() {
        for (vsn, frame) in received(&file) {
            match &frame {
                // The one frame that is no JSON: a server of version 1.0.0 relays a binary push.
                Recorded::Text(text) if text.contains("%{error") => {
                    assert!(decode_text(vsn, text).is_err())
                }
                // Pushes with a null topic were answered with one; no client sends such a push.
                Recorded::Text(text)
                    if file.starts_with("j_malformed") && text.contains("unmatched topic") => {}
                Recorded::Text(text) => match decode_text(vsn, text)
                    .unwrap_or_else(|error| panic!("{file}: {error}: {text}"))
                    .body
                {
                    Body::Unknown { event } => unknown.push(format!("{file}: {event}")),
                    _ => understood += 1,
                },
                Recorded::Binary(bytes) => {
                    let frame =
                        decode_binary(bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
                    assert!(matches!(frame.body, Body::Broadcast(_)));
                    understood += 1;
                }
            }
        }
    }
    println!("{understood} frames");
    assert!(understood > 1_500, "{understood}");
    // The protocol from before `config` names its events after the change.
    unknown.retain(|event| {
        !["INSERT", "UPDATE", "DELETE", "*"]
            .iter()
            .any(|known| event.ends_with(known))
    });
    unknown.retain(|event| !event.contains("j2_text") && !event.contains("j_malformed"));
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn numbers_keep_every_digit() {
    for file in ["c2_types.v1.jsonl", "c2_types.v2.jsonl"] {
        let all: Vec<String> = changes(file)
            .iter()
            .filter_map(|change| change.record().map(|record| record.json().to_owned()))
            .collect();
        let all = all.join("\n");
        for digits in [
            "9007199254740993",
            "12345678901234567890.123456789",
            "1.500",
        ] {
            assert!(all.contains(digits), "{file}: {digits}");
        }
        let change = changes(file)
            .into_iter()
            .find(|change| {
                change
                    .record()
                    .is_some_and(|record| record.json().contains("9007199254740993"))
            })
            .unwrap();
        let columns = change.columns();
        let column = columns.iter().find(|column| {
            change.record().unwrap().text(&column.name).as_deref() == Some("9007199254740993")
        });
        assert_eq!(column.unwrap().kind, "int8");
    }
}

#[test]
fn the_kinds_of_change_carry_what_the_server_promises() {
    for change in changes("c1_changes_per_table.v2.jsonl") {
        assert_eq!(change.record().is_some(), change.kind != ChangeKind::Delete);
        assert_eq!(
            change.old_record().is_some(),
            change.kind != ChangeKind::Insert
        );
        assert!(change.keyed_record().unwrap().text("id").is_some());
        assert!(change.commit_timestamp().unwrap().ends_with('Z'));
        assert_eq!(change.fault, None);
    }
}

#[test]
fn an_unchanged_large_value_makes_the_record_partial() {
    let partial = changes("c4_toast.v2.jsonl")
        .into_iter()
        .filter(Change::is_partial)
        .count();
    assert!(partial > 0);
    assert_eq!(
        changes("c1_changes_per_table.v2.jsonl")
            .into_iter()
            .filter(|change| change.kind == ChangeKind::Insert && change.is_partial())
            .count(),
        0
    );
}

#[test]
fn p24_what_the_server_could_not_send_is_a_fault_and_no_record() {
    for version in ["v1", "v2"] {
        let faults: Vec<ChangeFault> = changes(&format!("d2_errors_in_changes.{version}.jsonl"))
            .into_iter()
            .filter_map(|change| change.fault)
            .collect();
        for fault in [ChangeFault::Unauthorized, ChangeFault::NoPrimaryKey] {
            assert!(faults.contains(&fault), "{faults:?}");
        }
    }
}

#[test]
fn an_engine_survives_every_recording_played_at_it() {
    for file in all_files() {
        let mut config = Config::new(URL);
        config.vsn = if file.contains(".v1.") {
            Vsn::V1
        } else {
            Vsn::V2
        };
        let mut engine = Engine::new(config, Now::new(0, 0));
        let binding = Binding::schema("public");
        engine.handle(
            Now::new(1, 1),
            Input::Command(Command::Bind {
                handle: HandleId(1),
                binding,
            }),
        );
        engine.handle(
            Now::new(1, 1),
            Input::Command(Command::EnterRoom {
                handle: HandleId(2),
                room: Room::named("room").presence("k"),
            }),
        );
        engine.handle(Now::new(2, 2), Input::Opened);
        let mut now = 2;
        for (_, frame) in received(&file) {
            now += 7;
            match &frame {
                Recorded::Text(text) => engine.handle(Now::new(now, now), Input::Text(text)),
                Recorded::Binary(bytes) => engine.handle(Now::new(now, now), Input::Binary(bytes)),
            }
            while engine.poll().is_some() {}
            let stuck = engine.timer().is_none() && engine.report().status.name() != "fatal";
            assert!(!stuck, "{file}: {:?}", engine.report());
        }
    }
}
