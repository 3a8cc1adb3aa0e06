//! Who is present in one room: metas by key, and the diffs that tell others. Pure; refs come from the caller.

use serde_json::{Map, Value, json};

/// The presences of a room in the order of their keys' first appearance.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    channel: u64,
    key: String,
    meta: Value,
}

impl Presences {
    /// Tracks or updates the presence of `channel`. Nothing when the payload is the one already tracked.
    pub(crate) fn track(
        &mut self,
        channel: u64,
        key: &str,
        payload: &Map<String, Value>,
        phx_ref: &str,
    ) -> Option<Value> {
        let old = self.entries.iter().find(|entry| entry.channel == channel);
        if old.is_some_and(|old| payload_of(&old.meta) == *payload) {
            return None;
        }
        let mut meta = Map::new();
        meta.insert("phx_ref".to_owned(), phx_ref.into());
        if let Some(previous) = old.and_then(|old| old.meta.get("phx_ref")) {
            meta.insert("phx_ref_prev".to_owned(), previous.clone());
        }
        for (name, value) in payload.iter().filter(|(name, _)| !is_ref(name)) {
            meta.insert(name.clone(), value.clone());
        }
        let meta = Value::Object(meta);
        let leaves = old.map(|old| one(&old.key, &old.meta));
        let diff = diff(Some(one(key, &meta)), leaves);
        self.entries.retain(|entry| entry.channel != channel);
        self.entries.push(Entry {
            channel,
            key: key.to_owned(),
            meta,
        });
        Some(diff)
    }

    /// Forgets the presence of `channel`; the diff, if there was one.
    pub(crate) fn untrack(&mut self, channel: u64) -> Option<Value> {
        let at = self
            .entries
            .iter()
            .position(|entry| entry.channel == channel)?;
        let entry = self.entries.remove(at);
        Some(diff(None, Some(one(&entry.key, &entry.meta))))
    }

    /// The payload of `presence_state`.
    pub(crate) fn state(&self) -> Value {
        let mut state = Map::new();
        for entry in &self.entries {
            let of_key = state
                .entry(entry.key.clone())
                .or_insert_with(|| json!({ "metas": [] }));
            if let Some(metas) = of_key.get_mut("metas").and_then(Value::as_array_mut) {
                metas.push(entry.meta.clone());
            }
        }
        Value::Object(state)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// One meta under its key.
fn one(key: &str, meta: &Value) -> Value {
    json!({ key: { "metas": [meta] } })
}

fn is_ref(name: &str) -> bool {
    name == "phx_ref" || name == "phx_ref_prev"
}

fn payload_of(meta: &Value) -> Map<String, Value> {
    let Value::Object(meta) = meta else {
        return Map::new();
    };
    meta.iter()
        .filter(|(name, _)| !is_ref(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Both sides are always there, empty or not.
fn diff(joins: Option<Value>, leaves: Option<Value>) -> Value {
    let or_none = |side: Option<Value>| side.unwrap_or_else(|| json!({}));
    json!({ "joins": or_none(joins), "leaves": or_none(leaves) })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    fn payload(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_update_joins_the_new_meta_and_leaves_the_old_one() {
        let mut room = Presences::default();
        room.track(1, "a", &payload(json!({"n": 0})), "r1");
        let diff = room.track(1, "a", &payload(json!({"n": 1})), "r2").unwrap();
        assert_eq!(
            diff,
            json!({
                "joins": {"a": {"metas": [{"phx_ref": "r2", "phx_ref_prev": "r1", "n": 1}]}},
                "leaves": {"a": {"metas": [{"phx_ref": "r1", "n": 0}]}},
            })
        );
    }

    #[test]
    fn the_same_payload_again_is_no_diff_and_stays() {
        let mut room = Presences::default();
        room.track(1, "a", &payload(json!({"n": 0})), "r1");
        assert_eq!(room.track(1, "a", &payload(json!({"n": 0})), "r2"), None);
        assert_eq!(
            room.state(),
            json!({"a": {"metas": [{"phx_ref": "r1", "n": 0}]}})
        );
    }

    #[test]
    fn two_channels_with_one_key_are_two_metas() {
        let mut room = Presences::default();
        room.track(1, "a", &Map::new(), "r1");
        room.track(2, "a", &Map::new(), "r2");
        assert_eq!(
            room.state(),
            json!({"a": {"metas": [{"phx_ref": "r1"}, {"phx_ref": "r2"}]}})
        );
        assert_eq!(
            room.untrack(1).unwrap()["leaves"],
            json!({"a": {"metas": [{"phx_ref": "r1"}]}})
        );
        assert_eq!(room.untrack(1), None);
        assert!(room.untrack(2).is_some() && room.is_empty());
    }

    #[test]
    fn a_client_cannot_forge_the_ref() {
        let mut room = Presences::default();
        room.track(1, "a", &payload(json!({"phx_ref": "mine"})), "r1");
        assert_eq!(room.state()["a"]["metas"][0]["phx_ref"], "r1");
    }
}
