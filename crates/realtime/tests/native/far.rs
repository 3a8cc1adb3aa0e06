//! Large frames that stay elsewhere until somebody reads them say the same as frames that are here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bedside_realtime::wire::{Body, FarFrame, FarText, decode_text};
use bedside_realtime::{Change, Vsn};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::soak;

/// A text as the browser holds it, and how much of it was asked for.
#[derive(Default)]
struct Page {
    units: Vec<u16>,
    brought: AtomicUsize,
    parts: Mutex<Vec<(usize, usize)>>,
}

impl Page {
    fn holding(text: &str) -> Arc<Self> {
        Arc::new(Self {
            units: text.encode_utf16().collect(),
            ..Self::default()
        })
    }

    fn brought(&self) -> usize {
        self.brought.load(Ordering::Relaxed)
    }
}

impl FarText for Page {
    fn length(&self) -> usize {
        self.units.len()
    }

    fn part(&self, from: usize, to: usize) -> String {
        self.brought.fetch_add(to - from, Ordering::Relaxed);
        self.parts.lock().unwrap().push((from, to));
        String::from_utf16_lossy(&self.units[from..to])
    }
}

fn frame(record: &Value) -> String {
    // Records come in the order of jsonb, keys at the top in the order of the alphabet.
    json!([null, null, "realtime:r", "postgres_changes", {
        "data": {
            "columns": [{"name": "id", "type": "uuid"}, {"name": "notes", "type": "text"}],
            "commit_timestamp": "2026-11-22T12:39:12.812Z", "errors": null, "old_record": {"id": "k"},
            "record": record, "schema": "public", "table": "patients", "type": "UPDATE",
        },
        "ids": [7, 8],
    }])
    .to_string()
}

fn here(text: &str) -> Option<Change> {
    match decode_text(Vsn::V2, text).ok()?.body {
        Body::Change(change) => change.to_change(),
        _ => None,
    }
}

fn far(page: &Arc<Page>) -> Option<Change> {
    match FarFrame::bring(Vsn::V2, Arc::<Page>::clone(page))
        .decode()
        .ok()?
        .body
    {
        Body::Change(change) => change.to_change(),
        _ => None,
    }
}

#[test]
fn a_large_row_stays_where_it_is_until_it_is_read() {
    let record = json!({"id": "k", "notes": "n".repeat(64 * 1024), "version": 3});
    let page = Page::holding(&frame(&record));
    let change = far(&page).unwrap();
    assert_eq!((change.schema(), change.table()), ("public", "patients"));
    assert_eq!(change.old_record().unwrap().text("id").unwrap(), "k");
    assert_eq!(change.record().unwrap().text("id").unwrap(), "k");
    assert!(page.brought() < 4 * 1024, "{:?}", page.parts);
    assert_eq!(change.record().unwrap().decode::<Value>().unwrap(), record);
    assert_eq!(change.record().unwrap().text("version").unwrap(), "3");
    assert!(
        page.brought() < 80 * 1024,
        "brought twice: {:?}",
        page.parts
    );
    assert_eq!(change, here(&frame(&record)).unwrap());
}

#[test]
fn a_column_that_is_cut_off_is_not_mistaken_for_a_short_one() {
    for length in 480..520 {
        let record = json!({"a": "x".repeat(length), "b": 123_456_789, "z": "z".repeat(9_000)});
        let page = Page::holding(&frame(&record));
        assert_eq!(
            far(&page).unwrap().record().unwrap().text("b").unwrap(),
            "123456789"
        );
    }
}

#[test]
fn a_row_that_looks_like_what_follows_it_is_still_a_row() {
    let imitation = r#"},"schema":"x","table":"y","type":"DELETE"},"ids":[1]}]"#;
    let nested = json!({"a": {}, "schema": "x", "table": "y", "type": "DELETE"});
    for record in [
        json!({"id": "k", "notes": imitation.repeat(400)}),
        json!({"id": "k", "notes": "n".repeat(9_000), "tail": nested}),
        json!({"id": "k", "list": vec![nested; 400]}),
    ] {
        let text = frame(&record);
        for change in [far(&Page::holding(&text)), here(&text)] {
            let change = change.unwrap();
            assert_eq!(change.record().unwrap().decode::<Value>().unwrap(), record);
            assert_eq!(change.table(), "patients");
        }
    }
}

#[test]
fn what_is_large_and_no_change_is_brought_whole() {
    let broadcast = json!([null, null, "realtime:r", "broadcast", {"event": "e", "payload": "p".repeat(9_000)}]);
    let page = Page::holding(&broadcast.to_string());
    let frame = FarFrame::bring(Vsn::V2, Arc::<Page>::clone(&page));
    assert!(matches!(frame.decode().unwrap().body, Body::Broadcast(_)));
    let garbage = FarFrame::bring(Vsn::V2, Page::holding(&"[".repeat(9_000)));
    assert!(garbage.decode().is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
        prop::sample::select(vec![
            "},\"schema\":",
            "]",
            "\"",
            "\\",
            "],\"commit_timestamp\":"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}|schema|record", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::size(256, 10_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_row_reads_the_same_from_here_and_from_afar(
        columns in prop::collection::btree_map("[a-z]{1,8}", any_value(), 0..8),
        padding in 0..12_000_usize,
    ) {
        let mut record = json!(columns);
        record["pad"] = "é".repeat(padding).into();
        let text = frame(&record);
        let (near, page) = (here(&text).unwrap(), Page::holding(&text));
        let distant = far(&page).unwrap();
        for (name, value) in record.as_object().unwrap() {
            let field = near.record().unwrap().field(name).unwrap();
            prop_assert_eq!(&field.decode::<Value>().unwrap(), value);
            prop_assert_eq!(distant.record().unwrap().field(name).unwrap(), field);
        }
        prop_assert_eq!(near.record().unwrap().fields().count(), record.as_object().unwrap().len());
        prop_assert_eq!(near, distant);
    }
}
