//! What one client's messages do: joins, leaves, pushes, tokens. It holds the socket's channels and collects the
//! frames to send; the socket itself is not seen from here.

mod joining;
mod pushes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message as Frame;
use rand::Rng as _;
use serde_json::{Value, json};

use super::channel::{Channel, PresenceState};
use super::codec::{self, Incoming, Version};
use super::fanout::Kind;
use super::identity;
use super::join::PREFIX;
use super::mailbox::{Content, Letter, Mailbox};
use super::rate::Within;
use super::{Realtime, code_of};
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
    pub(crate) fn new(
        server: Arc<Realtime>,
        version: Version,
        apikey: String,
        mailbox: Mailbox,
    ) -> Self {
        Self {
            server,
            version,
            apikey,
            mailbox,
            channels: HashMap::new(),
            out: VecDeque::new(),
        }
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
                "phx_leave" => self.reply(&message.join_ref.clone(), &message, "ok", &json!({})),
                _ => self.reply(
                    &Value::Null,
                    &message,
                    "error",
                    &json!({ "reason": "unmatched topic" }),
                ),
            }
            return Next::Continue;
        };
        match event.as_str() {
            "phx_leave" if channel.wire_ref.is_null() || channel.wire_ref == message.join_ref => {
                let join_ref = channel.join_ref.clone();
                self.reply(&join_ref, &message, "ok", &json!({}));
                self.close_channel(&topic);
            }
            // Another join's leave is too late: that channel has been told of its end already.
            "phx_leave" => {}
            "access_token" => self.renew(&topic, &message.payload).await,
            "broadcast" => self.broadcast(&topic, &message).await,
            "presence" => self.presence(&topic, &message).await,
            _ => {}
        }
        Next::Continue
    }

    /// Takes a letter from the hub. Letters for channels that have ended are dropped.
    pub(crate) fn deliver(&mut self, letter: Letter) {
        let Some(channel) = self
            .channels
            .values_mut()
            .find(|channel| channel.id == letter.channel)
        else {
            return;
        };
        match letter.content {
            Content::Event(event) => {
                if event.kind() == Kind::Broadcast && self.server.count_event() == Within::Exceeded
                {
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
                let mut again = None;
                let (status, message) = match outcome {
                    Ok(subscription) => {
                        self.server.hub().subscribe(*subscription);
                        ("ok", "Subscribed to PostgreSQL".to_owned())
                    }
                    Err(error) => {
                        again = error.may_pass().then(|| channel.topic.clone());
                        ("error", error.to_string())
                    }
                };
                let payload = system(&channel.room.name, "postgres_changes", status, &message);
                let frame = codec::encode_raw(
                    self.version,
                    &channel.join_ref,
                    &Value::Null,
                    &channel.topic,
                    "system",
                    &payload,
                );
                self.out.push_back(frame);
                if let Some(topic) = again {
                    let wait = self.server.config().subscription_retry;
                    self.subscribe(&topic, wait.mul_f64(rand::rng().random_range(1.0..2.0)));
                }
            }
        }
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
        let first = self
            .channels
            .values()
            .map(|channel| channel.identity.expires)
            .min()?;
        // `exp` is a whole second; the clock may be anywhere in the one before.
        Some(Duration::from_secs(
            u64::try_from(first - unix_seconds()).unwrap_or(0),
        ))
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
                    self.version,
                    &channel.wire_ref,
                    &channel.wire_ref,
                    &channel.topic,
                    "phx_error",
                    "{}",
                ));
            }
        }
        if self.channels.is_empty() {
            Live::None
        } else {
            Live::Some
        }
    }

    /// An operator asked everybody to connect anew.
    pub(crate) fn announce_disconnect(&mut self) {
        let payload = json!({ "extension": "system", "message": "Server requested disconnect", "status": "ok" });
        let payload = payload.to_string();
        for channel in self.channels.values() {
            self.out.push_back(codec::encode_raw(
                self.version,
                &Value::Null,
                &Value::Null,
                &channel.topic,
                "system",
                &payload,
            ));
        }
    }

    /// Ends a channel with the reason before it.
    fn fail_channel(&mut self, topic: &str, message: &str) {
        if let Some(channel) = self.channels.get(topic) {
            let payload = system(&channel.room.name, "system", "error", message);
            self.out.push_back(codec::encode_raw(
                self.version,
                &channel.join_ref,
                &Value::Null,
                &channel.topic,
                "system",
                &payload,
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
        self.out.push_back(codec::encode_raw(
            self.version,
            wire_ref,
            wire_ref,
            &channel.topic,
            "phx_close",
            "{}",
        ));
    }

    fn push_raw(&mut self, channel: &Channel, event: &str, payload: &str) {
        self.out.push_back(codec::encode_raw(
            self.version,
            &channel.join_ref,
            &Value::Null,
            &channel.topic,
            event,
            payload,
        ));
    }

    fn push_system(&mut self, channel: &Channel, status: &str, extension: &str, message: &str) {
        self.push_raw(
            channel,
            "system",
            &system(&channel.room.name, extension, status, message),
        );
    }

    fn reply(&mut self, join_ref: &Value, message: &Incoming, status: &str, response: &Value) {
        let frame = codec::reply(
            self.version,
            join_ref,
            &message.reference,
            &message.topic,
            status,
            response,
        );
        self.out.push_back(frame);
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
    json!({ "channel": channel, "extension": extension, "message": message, "status": status })
        .to_string()
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
            tracing::warn!(code = %code_of(&error), "the database refused a question about a channel");
            None
        }
        Err(_) => None,
    }
}
