//! Bytes as frames: nothing panics, and the reader of row changes says what a whole JSON parser says.
#![no_main]

use std::sync::Arc;

use bedside_realtime::wire::{
    Body, FarFrame, FarText, Inbound, Opening, decode_binary, decode_opened, decode_text,
};
use bedside_realtime::{Change, Vsn};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A text as a browser holds it.
struct Page(Vec<u16>);

impl FarText for Page {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn part(&self, from: usize, to: usize) -> String {
        String::from_utf16_lossy(&self.0[from..to])
    }
}

fn change(frame: &Inbound<'_>) -> Option<Change> {
    match &frame.body {
        Body::Change(change) => change.to_change(),
        _ => None,
    }
}

/// Everything that can be asked of a change.
fn read(change: &Change) -> Vec<Option<String>> {
    let mut said = vec![change.commit_timestamp().map(str::to_owned)];
    for record in [change.record(), change.old_record(), change.keyed_record()] {
        let Some(record) = record else { continue };
        said.push(record.text("id").map(|id| id.into_owned()));
        said.extend(
            record
                .fields()
                .map(|(_, field)| field.text().map(|text| text.into_owned())),
        );
    }
    said.push(Some(format!(
        "{} {}",
        change.columns().len(),
        change.is_partial()
    )));
    said
}

/// What a parser makes of the row; repeated keys and other shapes are nobody's promise.
fn parsed(text: &str) -> Option<Value> {
    let frame: Value = serde_json::from_str(text).ok()?;
    // A text that does not come back the same has repeated keys, or numbers that lose digits.
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    (plain(&frame.to_string()).len() == plain(text).len()).then_some(())?;
    let record = frame.get(4)?.get("data")?.get("record")?;
    record.is_object().then(|| record.clone())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_binary(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(frame) = decode_text(Vsn::V1, text)
        && let Some(change) = change(&frame)
    {
        read(&change);
    }
    let near = decode_text(Vsn::V2, text).ok().as_ref().and_then(change);
    let Some(near) = near else { return };
    let said = read(&near);
    if let Some(Value::Object(columns)) = parsed(text) {
        let record = near.record().expect("the row is lost");
        for (name, value) in &columns {
            let field = record.field(name).expect("a column is lost");
            assert_eq!(
                &field.decode::<Value>().expect("a column is no JSON"),
                value
            );
        }
    }
    // The same change, its beginning known from another one.
    if let Some(opening) = Opening::of(text).map(Arc::new) {
        let rest = text.strip_prefix(opening.text()).expect("not how it begins");
        if let Some(known) = decode_opened(&opening, rest).as_ref().and_then(change) {
            assert_eq!((read(&known), known.table()), (read(&near), near.table()));
        }
    }
    // The same change with more in its row than is brought at once, from afar.
    let Some((head, tail)) = text.split_once("\"record\":{") else {
        return;
    };
    let padding = "p".repeat(9_000);
    let long = format!("{head}\"record\":{{\"a_long_column\":\"{padding}\",{tail}");
    let Some(here) = decode_text(Vsn::V2, &long).ok().as_ref().and_then(change) else {
        return;
    };
    let page: Arc<dyn FarText> = Arc::new(Page(long.encode_utf16().collect()));
    let afar = FarFrame::bring(Vsn::V2, page);
    let afar = afar
        .decode()
        .ok()
        .as_ref()
        .and_then(change)
        .expect("lost from afar");
    assert_eq!(
        (read(&afar), afar.table()),
        (read(&here), here.table()),
        "{said:?}"
    );
});
