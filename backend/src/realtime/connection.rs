//! What one client's messages do: joins, leaves, pushes, tokens. It holds the socket's channels and collects the
//! frames to send; the socket itself is not seen from here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Message as Frame;
use serde_json::{Map, Value, json};

use super::Realtime;
use super::authorize::{self, Rights};
use super::channel::{Channel, PresenceState};
use super::codec::{self, Incoming, Payload, Version};
use super::fanout::{Body, Kind};
use super::hub::{Audience, Content, Hears, Letter, Mailbox, RoomKey};
use super::identity::{self, Identity};
use super::join::{Join, PREFIX, Privacy};
use super::rate::Within;
use super::subscribe;
use super::hub::Subscription;
use crate::jwt::unix_seconds;

/// One socket's side of the protocol.
pub(crate) struct Connection {
    server: Arc<Realtime>,
    version: Version,
    apikey: String,
    mailbox: Mailbox,
    /// By topic.
    channels: HashMap<String, Channel>,
    out: VecDeque<Frame>,
}

/// What becomes of the socket after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Continue,
    Close(u16),
}

impl Connection {
    pub(crate) fn new(server: Arc<Realtime>, version: Version, apikey: String, mailbox: Mailbox) -> Self {
        Self { server, version, apikey, mailbox, channels: HashMap::new(), out: VecDeque::new() }
    }

    /// The next frame to send.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        self.out.pop_front()
    }

    /// Takes a frame from the client. What is malformed or makes no sense is passed over in silence.
    pub(crate) async fn receive(&mut self, frame: &Frame) -> Next {
        let incoming = match frame {
            Frame::Text(text) => codec::decode_text(self.version, text),
            Frame::Binary(bytes) => codec::decode_binary(self.version, bytes),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => return Next::Continue,
        };
        match incoming {
            Ok(incoming) => self.handle(incoming).await,
            Err(error) => {
                tracing::debug!(%error, "a malformed frame was passed over");
                Next::Continue
            }
        }
    }

    async fn handle(&mut self, message: Incoming) -> Next {
        let event = message.event.as_str().unwrap_or_default().to_owned();
        let topic = message.topic.as_str().unwrap_or_default().to_owned();
        if topic == "phoenix" && event == "heartbeat" {
            self.reply(&Value::Null, &message, "ok", &json!({}));
            return Next::Continue;
        }
        if event == "phx_join"
            && let Some(name) = topic.strip_prefix(PREFIX)
        {
            return self.join(name, message).await;
        }
        let Some(channel) = self.channels.get(&topic) else {
            match event.as_str() {
                "phx_leave" => self.reply(&Value::Null, &message, "ok", &json!({})),
                _ => self.reply(&Value::Null, &message, "error", &json!({ "reason": "unmatched topic" })),
            }
            return Next::Continue;
        };
        match event.as_str() {
            "phx_leave" => {
                // Another join's leave is too late: that channel has been told of its end already.
                if channel.wire_ref.is_null() || channel.wire_ref == message.join_ref {
                    let join_ref = channel.join_ref.clone();
                    self.reply(&join_ref, &message, "ok", &json!({}));
                    self.close_channel(&topic);
                }
            }
            "access_token" => self.renew(&topic, &message.payload).await,
            "broadcast" => self.broadcast(&topic, &message).await,
            "presence" => self.presence(&topic, &message).await,
            _ => {}
        }
        Next::Continue
    }

    async fn join(&mut self, name: &str, message: Incoming) -> Next {
        let topic = format!("{PREFIX}{name}");
        let within = self.server.count_join();
        if within == Within::Exceeded {
            self.refuse(&message, "ClientJoinRateLimitReached: Too many joins per second").await;
            return Next::Close(1000);
        }
        let known = self.channels.contains_key(&topic);
        if !known && self.channels.len() >= self.server.config().limits.channels_per_socket {
            self.refuse(&message, "ChannelRateLimitReached: Too many channels").await;
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
        let claims = self.server.keys().verify(token).map_err(|error| identity::refused_join(&error))?;
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

    async fn enter(&mut self, name: &str, message: Incoming, join: Join, identity: Identity, read: Rights) {
        let room = RoomKey { name: name.to_owned(), privacy: join.settings.privacy };
        let replay = join.replay;
        let id = self.server.hub().new_channel();
        let channel = Channel::new(id, room.clone(), message.join_ref, message.reference, join, identity);
        let hears = if read.presence { Hears::All } else { Hears::BroadcastsOnly };
        self.server.hub().enter(&room, id, self.mailbox.clone(), hears);
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
            self.push_system(&channel, "ok", "system", "Replication connection established");
        }
        let topic = channel.topic.clone();
        self.channels.insert(topic.clone(), channel);
        self.subscribe(&topic, Duration::ZERO);
    }

    /// Asks for the channel's bindings to be put in force, after `delay`; the answer comes as a letter.
    fn subscribe(&mut self, topic: &str, delay: Duration) {
        let Some(channel) = self.channels.get_mut(topic) else {
            return;
        };
        if channel.bindings.is_empty() {
            return;
        }
        channel.attempt += 1;
        let (attempt, id, mailbox) = (channel.attempt, channel.id, self.mailbox.clone());
        let (db, viewer) = (self.server.db().clone(), channel.identity.viewer.clone());
        let (bindings, topic, protocol) = (channel.bindings.clone(), channel.topic.clone(), channel.settings.protocol);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let accepted = subscribe::accept(db.pool(), &viewer.role, &bindings).await;
            let letters = mailbox.clone();
            let outcome = accepted
                .map(|bindings| Box::new(Subscription { channel: id, topic, protocol, viewer, bindings, mailbox }))
                .map_err(|error| error.to_string());
            letters.post(Letter { channel: id, content: Content::Subscription { attempt, outcome } });
        });
    }

    /// Takes a letter from the hub. Letters for channels that have ended are dropped.
    pub(crate) fn deliver(&mut self, letter: Letter) {
        let Some(channel) = self.channels.values_mut().find(|channel| channel.id == letter.channel) else {
            return;
        };
        match letter.content {
            Content::Event(event) => {
                if event.kind() == Kind::Broadcast && self.server.count_event() == Within::Exceeded {
                    let topic = channel.topic.clone();
                    self.fail_channel(&topic, "Too many messages per second");
                    return;
                }
                self.out.extend(event.frame(self.version));
            }
            // An answer that was overtaken by a later one.
            Content::Subscription { attempt, .. } if attempt <= channel.settled => {}
            Content::Subscription { attempt, outcome } => {
                channel.settled = attempt;
                let (status, message) = match outcome {
                    Ok(subscription) => {
                        self.server.hub().subscribe(*subscription);
                        ("ok", "Subscribed to PostgreSQL".to_owned())
                    }
                    Err(message) => ("error", message),
                };
                let payload = system(&channel.room.name, "postgres_changes", status, &message);
                let frame = codec::encode_raw(self.version, &channel.join_ref, &Value::Null, &channel.topic, "system", &payload);
                self.out.push_back(frame);
            }
        }
    }

    async fn renew(&mut self, topic: &str, payload: &Payload) {
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

    async fn broadcast(&mut self, topic: &str, message: &Incoming) {
        let limit = self.server.config().limits.payload_bytes;
        let (body, size) = match &message.payload {
            Payload::Json(payload @ Value::Object(_)) => {
                let payload = payload.to_string();
                let size = payload.len();
                (Body::Json { event: "broadcast", payload }, size)
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
        let audience = if channel.settings.echo { Audience::Everybody } else { Audience::Others(channel.id) };
        self.server.hub().broadcast(&channel.room, audience, body);
        if ack {
            self.reply(&join_ref, message, "ok", &json!({}));
        }
    }

    async fn presence(&mut self, topic: &str, message: &Incoming) {
        let limits = self.server.config().limits.clone();
        let Some(channel) = self.channels.get_mut(topic) else {
            return;
        };
        if channel.presence_call_exceeds(limits.presence_calls, limits.presence_window, Instant::now()) {
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
                Value::Object(payload) if Value::Object(payload.clone()).to_string().len() > limits.payload_bytes => {
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
            self.server.hub().track(&channel.room, channel.id, &channel.presence_key, payload);
        }
    }

    async fn read_rights(&self, identity: &Identity, name: &str) -> Result<Rights, String> {
        let (db, viewer, name) = (self.server.db().clone(), identity.viewer.clone(), name.to_owned());
        spawned(async move { authorize::read_rights(&db, &viewer, &name).await }).await.ok_or_else(|| {
            "UnableToConnectToProject: Realtime was unable to connect to the project database".to_owned()
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
                let asked = spawned(async move { authorize::write_rights(&db, &viewer, &name).await }).await;
                asked.unwrap_or_default()
            }
        };
        channel.write = Some(rights);
        rights
    }

    /// Closes the channels whose token has run out.
    pub(crate) fn expire(&mut self, now: i64) {
        let expired: Vec<_> = self
            .channels
            .values()
            .filter(|channel| channel.identity.expires <= now)
            .map(|channel| (channel.topic.clone(), now - channel.identity.expires))
            .collect();
        for (topic, seconds_ago) in expired {
            self.fail_channel(&topic, &identity::expired(seconds_ago));
        }
    }

    /// How long until the first token of a channel runs out.
    pub(crate) fn expires_in(&self) -> Option<Duration> {
        let first = self.channels.values().map(|channel| channel.identity.expires).min()?;
        // `exp` is a whole second; the clock may be anywhere in the one before.
        Some(Duration::from_secs(u64::try_from(first - unix_seconds()).unwrap_or(0)))
    }

    /// The server goes away: channels that show their presence are told of an error. Whether others are left.
    pub(crate) fn fail_tracked(&mut self) -> Live {
        let tracked: Vec<_> = self
            .channels
            .values()
            .filter(|channel| channel.presence == PresenceState::Tracked)
            .map(|channel| channel.topic.clone())
            .collect();
        for topic in tracked {
            if let Some(channel) = self.channels.remove(&topic) {
                self.out.push_back(codec::encode_raw(
                    self.version, &channel.wire_ref, &channel.wire_ref, &channel.topic, "phx_error", "{}",
                ));
            }
        }
        if self.channels.is_empty() { Live::None } else { Live::Some }
    }

    /// An operator asked everybody to connect anew.
    pub(crate) fn announce_disconnect(&mut self) {
        let payload = json!({ "extension": "system", "message": "Server requested disconnect", "status": "ok" });
        let payload = payload.to_string();
        for channel in self.channels.values() {
            self.out.push_back(codec::encode_raw(
                self.version, &channel.join_ref, &Value::Null, &channel.topic, "system", &payload,
            ));
        }
    }

    /// Ends a channel with the reason before it.
    fn fail_channel(&mut self, topic: &str, message: &str) {
        if let Some(channel) = self.channels.get(topic) {
            let payload = system(&channel.room.name, "system", "error", message);
            self.out.push_back(codec::encode_raw(
                self.version, &channel.join_ref, &Value::Null, &channel.topic, "system", &payload,
            ));
        }
        self.close_channel(topic);
    }

    fn close_channel(&mut self, topic: &str) {
        if let Some(channel) = self.channels.remove(topic) {
            self.announce_close(&channel);
            self.server.hub().leave(&channel.room, channel.id);
        }
    }

    fn announce_close(&mut self, channel: &Channel) {
        let wire_ref = &channel.wire_ref;
        self.out.push_back(codec::encode_raw(self.version, wire_ref, wire_ref, &channel.topic, "phx_close", "{}"));
    }

    fn push_raw(&mut self, channel: &Channel, event: &str, payload: &str) {
        self.out.push_back(codec::encode_raw(
            self.version, &channel.join_ref, &Value::Null, &channel.topic, event, payload,
        ));
    }

    fn push_system(&mut self, channel: &Channel, status: &str, extension: &str, message: &str) {
        self.push_raw(channel, "system", &system(&channel.room.name, extension, status, message));
    }

    fn reply(&mut self, join_ref: &Value, message: &Incoming, status: &str, response: &Value) {
        let frame = codec::reply(self.version, join_ref, &message.reference, &message.topic, status, response);
        self.out.push_back(frame);
    }

    /// A refused join is answered late, and its socket does nothing else until then.
    async fn refuse(&mut self, message: &Incoming, reason: &str) {
        self.server.pause(self.server.config().error_delay).await;
        self.reply(&message.join_ref.clone(), message, "error", &json!({ "reason": reason }));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for channel in self.channels.values() {
            self.server.hub().leave(&channel.room, channel.id);
        }
    }
}

/// Whether a socket has live channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    Some,
    None,
}

fn no_permission(name: &str) -> String {
    format!("You do not have permissions to read from this Channel topic: {name}")
}

fn system(channel: &str, extension: &str, status: &str, message: &str) -> String {
    json!({ "channel": channel, "extension": extension, "message": message, "status": status }).to_string()
}

/// Runs database work to its end even when the socket goes away meanwhile: an abandoned statement would cost the one
/// connection.
async fn spawned<T, F>(work: F) -> Option<T>
where
    F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    T: Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database refused a question about a channel");
            None
        }
        Err(_) => None,
    }
}
