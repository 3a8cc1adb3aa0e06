//! Frames that need more than a line to write.

use bedside::sync::core::Lost;
use serde_json::{Value, json};

pub(super) fn subscribed(join_ref: &str, topic: &str) -> Value {
    let channel = topic.trim_start_matches("realtime:");
    json!([join_ref, null, topic, "system", {
        "extension": "postgres_changes", "status": "ok", "message": "Subscribed to PostgreSQL", "channel": channel,
    }])
}

/// A message of the database, as protocol 2.0.0 sends it: binary.
pub(super) fn broadcast(topic: &str, lost: &Lost, number: usize) -> Vec<u8> {
    let event = "access_revoked";
    let meta = json!({"id": format!("message-{number}-{topic}")}).to_string();
    let payload = match lost {
        Lost::Row(table, id) => json!({"table": table.name(), "id": id}),
        Lost::Everything => json!({"table": "*", "id": "of the message"}),
    };
    let short = |text: &str| u8::try_from(text.len()).unwrap_or(u8::MAX);
    let mut frame = vec![4, short(topic), short(event), short(&meta), 1];
    for part in [topic, event, &meta, &payload.to_string()] {
        frame.extend_from_slice(part.as_bytes());
    }
    frame
}
