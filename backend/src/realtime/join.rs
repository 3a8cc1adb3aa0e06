//! The payload of `phx_join`: what a client asks of a channel. Pure. Wrong parts are mostly overlooked, as by the real
//! server; what it does refuse, it refuses with the texts here.

use serde_json::{Map, Value};

use super::binding;

/// The prefix of every topic of a channel.
pub(crate) const PREFIX: &str = "realtime:";

/// A join that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Join {
    pub(crate) settings: Settings,
    /// The bindings as sent.
    pub(crate) bindings: Vec<Value>,
    /// The token in the payload, if there is one that counts.
    pub(crate) token: Option<String>,
    pub(crate) replay: Option<Replay>,
}

/// What stays as it is while the channel lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) privacy: Privacy,
    /// Broadcasts come back to their sender.
    pub(crate) echo: bool,
    /// Broadcasts are acknowledged.
    pub(crate) ack: bool,
    pub(crate) presence: bool,
    /// Empty lets the server choose.
    pub(crate) presence_key: String,
    /// The client wants to be told when broadcasts from the database can come.
    pub(crate) replication_ready: bool,
    pub(crate) protocol: Protocol,
}

/// A public and a private channel of one name are different rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Privacy {
    Public,
    Private,
}

/// How row changes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Event `postgres_changes` with `ids` and `data`.
    Current,
    /// From before there was a `config`: events `INSERT`, `UPDATE`, `DELETE`, the bare change.
    Legacy,
}

/// Stored messages asked for with a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) since_ms: i64,
    pub(crate) limit: i64,
}

/// A join that is refused for its form. The texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    #[error("TopicNameRequired: You must provide a topic name")]
    NoTopic,
    #[error("UnknownErrorOnChannel: expected params to be a :map, got: `{0}`")]
    NotAMap(String),
    #[error("UnknownErrorOnChannel: no function clause matching in Access.get/3")]
    ConfigShape,
    #[error(
        "UnknownErrorOnChannel: the Access module supports only keyword lists (with atom keys), got: \"replication_ready\"\n\nIf you want to search lists of tuples, use List.keyfind/3"
    )]
    BroadcastList,
    #[error("UnableToReplayMessages: Replay is not allowed for public channels")]
    ReplayOnPublic,
}

impl Join {
    /// Understands the payload of a join to `name`, the topic without its prefix.
    pub(crate) fn parse(name: &str, payload: &Value) -> Result<Self, JoinError> {
        if name.is_empty() {
            return Err(JoinError::NoTopic);
        }
        let Value::Object(payload) = payload else {
            return Err(JoinError::NotAMap(super::notation::term(payload)));
        };
        let token = ["user_token", "access_token"]
            .into_iter()
            .find_map(|key| payload.get(key).and_then(Value::as_str))
            .filter(|token| !token.starts_with("sb_"))
            .map(str::to_owned);
        let nothing = Map::new();
        let config = match payload.get("config") {
            None => return Ok(Self::legacy(name, token)),
            Some(Value::Object(config)) => config,
            Some(Value::Null) => &nothing,
            Some(_) => return Err(JoinError::ConfigShape),
        };
        let broadcast = match config.get("broadcast") {
            Some(Value::Object(broadcast)) => broadcast,
            Some(Value::Array(_)) => return Err(JoinError::BroadcastList),
            _ => &nothing,
        };
        let presence = config
            .get("presence")
            .and_then(Value::as_object)
            .unwrap_or(&nothing);
        let settings = Settings {
            privacy: match flag(config.get("private")) {
                true => Privacy::Private,
                false => Privacy::Public,
            },
            echo: flag(broadcast.get("self")),
            ack: flag(broadcast.get("ack")),
            presence: flag(presence.get("enabled")),
            presence_key: presence.get("key").map(key).unwrap_or_default(),
            replication_ready: flag(broadcast.get("replication_ready")),
            protocol: Protocol::Current,
        };
        let replay = broadcast
            .get("replay")
            .and_then(Value::as_object)
            .map(|replay| Replay {
                since_ms: replay.get("since").and_then(Value::as_i64).unwrap_or(0),
                limit: replay
                    .get("limit")
                    .and_then(Value::as_i64)
                    .unwrap_or(25)
                    .clamp(1, 25),
            });
        if replay.is_some() && settings.privacy == Privacy::Public {
            return Err(JoinError::ReplayOnPublic);
        }
        let bindings = match config.get("postgres_changes") {
            Some(Value::Array(bindings)) => {
                bindings.iter().filter(|b| b.is_object()).cloned().collect()
            }
            _ => Vec::new(),
        };
        Ok(Self {
            settings,
            bindings,
            token,
            replay,
        })
    }

    /// Without a `config` the topic itself names schema, table and filter.
    fn legacy(name: &str, token: Option<String>) -> Self {
        let keys = ["schema", "table", "filter"];
        let binding: Map<String, Value> = keys
            .into_iter()
            .zip(name.splitn(3, ':'))
            .map(|(key, part)| (key.to_owned(), part.into()))
            .collect();
        Self {
            settings: Settings {
                privacy: Privacy::Public,
                echo: false,
                ack: false,
                presence: false,
                presence_key: String::new(),
                replication_ready: false,
                protocol: Protocol::Legacy,
            },
            bindings: vec![Value::Object(binding)],
            token,
            replay: None,
        }
    }

    /// The bindings as the reply lists them: as sent, with their ids.
    pub(crate) fn listed(&self) -> Value {
        self.bindings
            .iter()
            .map(|params| {
                let mut listed = Map::new();
                listed.insert("id".to_owned(), binding::id_of(params).into());
                listed.extend(params.as_object().cloned().unwrap_or_default());
                Value::Object(listed)
            })
            .collect()
    }
}

/// The words "true" and "false" count as what they say; everything else is false.
fn flag(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(word)) => word == "true",
        _ => false,
    }
}

fn key(value: &Value) -> String {
    match value {
        Value::String(key) => key.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
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
    use serde_json::json;

    #[test]
    fn wrong_parts_of_the_config_are_overlooked() {
        for config in [
            json!(null),
            json!({}),
            json!({"postgres_changes": {"event": "*"}}),
            json!({"postgres_changes": null}),
            json!({"postgres_changes": [null]}),
            json!({"private": "maybe"}),
        ] {
            let join = Join::parse("c", &json!({"config": config})).unwrap();
            assert_eq!(
                (join.bindings.len(), join.settings.privacy),
                (0, Privacy::Public),
                "{config}"
            );
        }
        let join = Join::parse("c", &json!({"config": {"broadcast": {"ack": "true"}}})).unwrap();
        assert!(join.settings.ack);
    }

    #[test]
    fn what_is_refused_is_refused_in_the_real_servers_words() {
        let refusal = |payload: Value| Join::parse("c", &payload).unwrap_err().to_string();
        assert_eq!(
            refusal(json!(null)),
            "UnknownErrorOnChannel: expected params to be a :map, got: `nil`"
        );
        assert_eq!(
            refusal(json!("x")),
            "UnknownErrorOnChannel: expected params to be a :map, got: `\"x\"`"
        );
        assert_eq!(
            refusal(json!([])),
            "UnknownErrorOnChannel: expected params to be a :map, got: `[]`"
        );
        assert!(refusal(json!({"config": "x"})).ends_with("Access.get/3"));
        assert!(
            refusal(json!({"config": {"broadcast": {"replay": {"since": 1}}}}))
                .contains("public channels")
        );
        assert_eq!(Join::parse("", &json!({})), Err(JoinError::NoTopic));
    }

    #[test]
    fn without_a_config_the_topic_names_the_table() {
        let join = Join::parse("public:items:id=eq.1", &json!({})).unwrap();
        assert_eq!(
            join.bindings,
            [json!({"schema": "public", "table": "items", "filter": "id=eq.1"})]
        );
        assert_eq!(join.settings.protocol, Protocol::Legacy);
        assert_eq!(
            Join::parse("x", &json!({})).unwrap().bindings,
            [json!({"schema": "x"})]
        );
    }

    #[test]
    fn the_user_token_wins_and_publishable_keys_do_not_count() {
        let token = |payload| Join::parse("c", &payload).unwrap().token;
        assert_eq!(
            token(json!({"user_token": "a", "access_token": "b"})).as_deref(),
            Some("a")
        );
        assert_eq!(token(json!({"access_token": "sb_publishable_x"})), None);
        assert_eq!(token(json!({"access_token": 5})), None);
        assert_eq!(token(json!({"access_token": ""})).as_deref(), Some(""));
    }

    #[test]
    fn listed_bindings_keep_every_key_and_gain_an_id() {
        let join = Join::parse(
            "c",
            &json!({"config": {"postgres_changes": [{"event": "*", "foo": 1}]}}),
        )
        .unwrap();
        let listed = join.listed();
        assert_eq!(listed[0]["foo"], 1);
        assert!(listed[0]["id"].is_u64());
    }
}
