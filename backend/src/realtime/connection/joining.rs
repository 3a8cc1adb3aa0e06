//! Joins: what can refuse one, what a channel begins with, and how its bindings are put in force.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::authorize::{self, Rights};
use super::super::channel::Channel;
use super::super::codec::{Incoming, Payload};
use super::super::hub::{Hears, RoomKey, Subscription};
use super::super::identity::{self, Identity};
use super::super::join::{Join, PREFIX, Privacy};
use super::super::mailbox::{Content, Letter};
use super::super::rate::Within;
use super::super::subscribe;
use super::{Connection, Next, no_permission, spawned};

impl Connection {
    pub(super) async fn join(&mut self, name: &str, message: Incoming) -> Next {
        let topic = format!("{PREFIX}{name}");
        let within = self.server.count_join();
        if within == Within::Exceeded {
            self.refuse(
                &message,
                "ClientJoinRateLimitReached: Too many joins per second",
            )
            .await;
            return Next::Close(1000);
        }
        let known = self.channels.contains_key(&topic);
        if !known && self.channels.len() >= self.server.config().limits.channels_per_socket {
            self.refuse(&message, "ChannelRateLimitReached: Too many channels")
                .await;
            return Next::Continue;
        }
        let nothing = Value::Null;
        let payload = match &message.payload {
            Payload::Json(payload) => payload,
            Payload::Binary(_) | Payload::User(_) => &nothing,
        };
        match self.admit(name, payload).await {
            Ok((join, identity, read)) => {
                // The old channel ends in silence first, and says so after the new one's reply.
                let old = self.channels.remove(&topic);
                if let Some(old) = &old {
                    self.server.hub().leave(&old.room, old.id);
                }
                let listed = json!({ "postgres_changes": join.listed() });
                self.reply(&message.join_ref.clone(), &message, "ok", &listed);
                if let Some(old) = old {
                    self.announce_close(&old);
                }
                self.enter(name, message, join, identity, read).await;
            }
            Err(reason) => self.refuse(&message, &reason).await,
        }
        Next::Continue
    }

    /// Everything that can refuse a join, in the real server's order; the refusal in its words.
    async fn admit(&self, name: &str, payload: &Value) -> Result<(Join, Identity, Rights), String> {
        let join = Join::parse(name, payload).map_err(|error| error.to_string())?;
        let token = join.token.as_deref().unwrap_or(&self.apikey);
        let claims = self
            .server
            .keys()
            .verify(token)
            .map_err(|error| identity::refused_join(&error))?;
        let identity = Identity::new(token, &claims);
        let read = match join.settings.privacy {
            Privacy::Public => Rights::ALL,
            Privacy::Private => self.read_rights(&identity, name).await?,
        };
        if !read.broadcast {
            return Err(format!("Unauthorized: {}", no_permission(name)));
        }
        Ok((join, identity, read))
    }

    async fn enter(
        &mut self,
        name: &str,
        message: Incoming,
        join: Join,
        identity: Identity,
        read: Rights,
    ) {
        let room = RoomKey {
            name: name.to_owned(),
            privacy: join.settings.privacy,
        };
        let replay = join.replay;
        let id = self.server.hub().new_channel();
        let channel = Channel::new(
            id,
            room.clone(),
            message.join_ref,
            message.reference,
            join,
            identity,
        );
        let hears = if read.presence {
            Hears::All
        } else {
            Hears::BroadcastsOnly
        };
        self.server
            .hub()
            .enter(&room, id, self.mailbox.clone(), hears);
        if let Some(replay) = replay {
            let (db, name) = (self.server.db().clone(), name.to_owned());
            let stored = spawned(async move { authorize::replay(&db, &name, replay).await }).await;
            for payload in stored.unwrap_or_default() {
                self.push_raw(&channel, "broadcast", &payload);
            }
        }
        if channel.settings.presence && read.presence {
            let state = self.server.hub().presence_state(&room).to_string();
            self.push_raw(&channel, "presence_state", &state);
        }
        if channel.settings.replication_ready {
            self.push_system(
                &channel,
                "ok",
                "system",
                "Replication connection established",
            );
        }
        let topic = channel.topic.clone();
        self.channels.insert(topic.clone(), channel);
        self.subscribe(&topic, Duration::ZERO);
    }

    /// Asks for the channel's bindings to be put in force, after `delay`; the answer comes as a letter.
    pub(super) fn subscribe(&mut self, topic: &str, delay: Duration) {
        let Some(channel) = self.channels.get_mut(topic) else {
            return;
        };
        if channel.bindings.is_empty() {
            return;
        }
        channel.attempt += 1;
        let (attempt, id, mailbox) = (channel.attempt, channel.id, self.mailbox.clone());
        let (db, viewer) = (self.server.db().clone(), channel.identity.viewer.clone());
        let (bindings, topic, protocol) = (
            channel.bindings.clone(),
            channel.topic.clone(),
            channel.settings.protocol,
        );
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let accepted = subscribe::accept(db.pool(), &viewer.role, &bindings).await;
            let letters = mailbox.clone();
            let outcome = accepted.map(|bindings| {
                Box::new(Subscription {
                    channel: id,
                    topic,
                    protocol,
                    viewer,
                    bindings,
                    mailbox,
                })
            });
            letters.post(Letter {
                channel: id,
                content: Content::Subscription { attempt, outcome },
            });
        });
    }

    /// A refused join is answered late, and its socket does nothing else until then.
    async fn refuse(&mut self, message: &Incoming, reason: &str) {
        self.server.pause(self.server.config().error_delay).await;
        self.reply(
            &message.join_ref.clone(),
            message,
            "error",
            &json!({ "reason": reason }),
        );
    }
}
