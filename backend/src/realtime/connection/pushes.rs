//! Pushes on a joined channel: tokens, broadcasts, presence, and the rights that they need.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::super::authorize::{self, Rights};
use super::super::channel::PresenceState;
use super::super::codec::{Incoming, Payload};
use super::super::fanout::Body;
use super::super::hub::Audience;
use super::super::identity::{self, Identity};
use super::super::join::Privacy;
use super::{Connection, no_permission, spawned};

impl Connection {
    pub(super) async fn renew(&mut self, topic: &str, payload: &Payload) {
        let Payload::Json(payload) = payload else {
            return;
        };
        let token = payload.get("access_token").and_then(Value::as_str);
        let (Some(token), Some(channel)) = (token, self.channels.get(topic)) else {
            return;
        };
        if token.starts_with("sb_") || channel.identity.is_token(token) {
            return;
        }
        let claims = match self.server.keys().verify(token) {
            Ok(claims) => claims,
            Err(error) => return self.fail_channel(topic, &identity::refused_renewal(&error)),
        };
        let identity = Identity::new(token, &claims);
        let (name, privacy) = (channel.room.name.clone(), channel.room.privacy);
        if privacy == Privacy::Private {
            let read = self.read_rights(&identity, &name).await.unwrap_or_default();
            if !read.broadcast {
                return self.fail_channel(topic, &no_permission(&name));
            }
        }
        if let Some(channel) = self.channels.get_mut(topic) {
            channel.identity = identity;
            channel.write = None;
        }
        // Until then the old rights stay in force.
        let delay = self.server.config().resubscribe_delay;
        self.subscribe(topic, delay);
    }

    pub(super) async fn broadcast(&mut self, topic: &str, message: &Incoming) {
        let limit = self.server.config().limits.payload_bytes;
        let (body, size) = match &message.payload {
            Payload::Json(payload @ Value::Object(_)) => {
                let payload = payload.to_string();
                let size = payload.len();
                (
                    Body::Json {
                        event: "broadcast",
                        payload,
                    },
                    size,
                )
            }
            Payload::Json(_) => return,
            Payload::User(broadcast) => (Body::User(broadcast.clone()), broadcast.payload.len()),
            Payload::Binary(bytes) => (Body::Binary(bytes.clone()), bytes.len()),
        };
        let may = self.write_rights(topic).await.broadcast;
        let Some(channel) = self.channels.get(topic).filter(|_| may) else {
            return;
        };
        let (join_ref, ack) = (channel.join_ref.clone(), channel.settings.ack);
        if size > limit {
            if ack {
                self.reply(&join_ref, message, "error", &json!("payload_size_exceeded"));
            }
            return;
        }
        let audience = if channel.settings.echo {
            Audience::Everybody
        } else {
            Audience::Others(channel.id)
        };
        self.server.hub().broadcast(&channel.room, audience, body);
        if ack {
            self.reply(&join_ref, message, "ok", &json!({}));
        }
    }

    pub(super) async fn presence(&mut self, topic: &str, message: &Incoming) {
        let limits = self.server.config().limits.clone();
        let Some(channel) = self.channels.get_mut(topic) else {
            return;
        };
        if channel.presence_call_exceeds(
            limits.presence_calls,
            limits.presence_window,
            Instant::now(),
        ) {
            return self.fail_channel(topic, "Client presence rate limit exceeded");
        }
        let join_ref = channel.join_ref.clone();
        let nothing = Map::new();
        let call = match &message.payload {
            Payload::Json(Value::Object(call)) => call,
            _ => &nothing,
        };
        let event = call.get("event").and_then(Value::as_str);
        let may = self.write_rights(topic).await.presence;
        let outcome = match event {
            _ if !may => Err(json!({})),
            None => Ok(()),
            Some("track") => match call.get("payload").unwrap_or(&json!({})) {
                Value::Object(payload)
                    if Value::Object(payload.clone()).to_string().len() > limits.payload_bytes =>
                {
                    return self.fail_channel(topic, "Track message size exceeded");
                }
                Value::Object(payload) => {
                    self.track(topic, payload);
                    Ok(())
                }
                _ => Err(json!({ "reason": "Presence track payload must be a map" })),
            },
            Some("untrack") => {
                if let Some(channel) = self.channels.get_mut(topic) {
                    channel.presence = PresenceState::Absent;
                    self.server.hub().untrack(&channel.room, channel.id);
                }
                Ok(())
            }
            Some(_) => Err(json!({})),
        };
        match outcome {
            Ok(()) => self.reply(&join_ref, message, "ok", &json!({})),
            Err(response) => self.reply(&join_ref, message, "error", &response),
        }
    }

    fn track(&mut self, topic: &str, payload: &Map<String, Value>) {
        if let Some(channel) = self.channels.get_mut(topic) {
            channel.presence = PresenceState::Tracked;
            self.server
                .hub()
                .track(&channel.room, channel.id, &channel.presence_key, payload);
        }
    }

    pub(super) async fn read_rights(
        &self,
        identity: &Identity,
        name: &str,
    ) -> Result<Rights, String> {
        let (db, viewer, name) = (
            self.server.db().clone(),
            identity.viewer.clone(),
            name.to_owned(),
        );
        spawned(async move { authorize::read_rights(&db, &viewer, &name).await })
            .await
            .ok_or_else(|| {
                "UnableToConnectToProject: Realtime was unable to connect to the project database"
                    .to_owned()
            })
    }

    /// Looked up once and kept until the next join or token.
    async fn write_rights(&mut self, topic: &str) -> Rights {
        let Some(channel) = self.channels.get_mut(topic) else {
            return Rights::default();
        };
        if let Some(known) = channel.write {
            return known;
        }
        let rights = match channel.room.privacy {
            Privacy::Public => Rights::ALL,
            Privacy::Private => {
                let db = self.server.db().clone();
                let (viewer, name) = (channel.identity.viewer.clone(), channel.room.name.clone());
                let asked =
                    spawned(async move { authorize::write_rights(&db, &viewer, &name).await })
                        .await;
                asked.unwrap_or_default()
            }
        };
        channel.write = Some(rights);
        rights
    }
}
