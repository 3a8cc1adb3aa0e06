//! A row change whose beginning is known from another one says what the whole frame says.

use std::sync::Arc;

use bedside_realtime::engine::Input;
use bedside_realtime::wire::{Body, Inbound, Opening, decode_opened, decode_text};
use bedside_realtime::{Change, Vsn};
use serde_json::Value;

use crate::peer::{Peer, ids_of};

/// Every row change that a real server was recorded to send in version 2.0.0.
fn recorded() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/wire");
    let mut frames = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".v2.jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["dir"] == "recv"
                && let Some(frame) = line["frame"].as_str()
                && frame.contains("\"postgres_changes\",{\"data\"")
            {
                frames.push(frame.to_owned());
            }
        }
    }
    frames
}

fn change(frame: &Inbound<'_>) -> Option<Change> {
    match &frame.body {
        Body::Change(change) => change.to_change(),
        _ => None,
    }
}

#[test]
fn every_recorded_change_reads_the_same_behind_its_known_beginning() {
    let frames = recorded();
    assert!(frames.len() > 150, "{}", frames.len());
    for frame in &frames {
        let opening = Arc::new(Opening::of(frame).expect(frame));
        let rest = frame.strip_prefix(opening.text()).unwrap();
        let (known, whole) = (
            decode_opened(&opening, rest).expect(frame),
            decode_text(Vsn::V2, frame).unwrap(),
        );
        assert_eq!(known.topic, whole.topic);
        let (known, whole) = (change(&known).unwrap(), change(&whole).unwrap());
        assert_eq!(known, whole, "{frame}");
        assert_eq!(known.columns(), whole.columns());
        assert_eq!(known.is_partial(), whole.is_partial(), "{frame}");
        assert_eq!(
            serde_json::to_string(&known).unwrap(),
            serde_json::to_string(&whole).unwrap(),
            "handed on"
        );
    }
}

#[test]
fn only_a_row_change_in_the_usual_order_has_a_beginning() {
    for frame in [
        "",
        "[null,null,\"realtime:a\",\"phx_close\",{}]",
        r#"[null,null,"realtime:a","postgres_changes",{"ids":[1],"data":{"columns":[],"commit_timestamp":"#,
        r#"[null,null,"realtime:\"a","postgres_changes",{"data":{"columns":[],"commit_timestamp":"#,
        r#"[null,null,"realtime:a","postgres_changes",{"data":{"columns":[{"name":"a"}],"errors":null"#,
        r#"{"topic":"realtime:a","event":"postgres_changes","payload":{"data":{"columns":[],"commit_timestamp":"#,
    ] {
        assert!(Opening::of(frame).is_none(), "{frame}");
    }
}

#[test]
fn whatever_follows_a_known_beginning_the_engine_takes_it_as_one_frame() {
    let mut peer = Peer::new();
    let (handle, join) = peer.live();
    let (topic, ids) = (&join.topic, ids_of(&join));
    let head = format!(
        r#"[null,null,"{topic}","postgres_changes",{{"data":{{"columns":[{{"name": "id", "type": "int8"}}]"#
    );
    let usual = format!(
        r#","commit_timestamp":null,"errors":null,"record":{{"id": 1}},"schema":"public","table":"patients","type":"INSERT"}},"ids":{ids:?}}}]"#
    );
    let other_order = format!(
        r#","record":{{"id": 2}},"table":"patients","schema":"public","type":"INSERT"}},"ids":{ids:?}}}]"#
    );
    let opening = Arc::new(Opening::of(&format!("{head}{usual}")).unwrap());
    for (rest, heard) in [
        (usual.as_str(), 1),
        (&other_order, 2),
        ("}", 2),
        ("", 2),
        (&usual, 3),
    ] {
        let opening = &opening;
        peer.give(Input::Continued { opening, rest });
        assert_eq!(peer.changes(handle).len(), heard, "{rest}");
    }
    assert_eq!(peer.engine.garbled(), 2);
    assert_eq!(peer.gaps(), []);
}
