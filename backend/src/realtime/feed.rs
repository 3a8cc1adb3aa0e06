//! The task that reads what was committed and gives it to those who may have it: row changes to subscribers, messages
//! of the database to rooms. One at a time, so that the order of commits is the order of events.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::catalog::Catalog;
use super::changes;
use super::codec::{Encoding, UserBroadcast};
use super::config::Feed;
use super::fanout::Body;
use super::hub::{Audience, RoomKey};
use super::join::Privacy;
use super::outbox::{self, Entry};
use super::rate::Within;
use super::{Realtime, code_of};

/// After so many entries the outbox, from which everything is deleted sooner or later, is cleaned of dead rows.
const CLEANED_EVERY: usize = 20_000;

/// Runs until the server stops.
pub(crate) async fn run(server: Arc<Realtime>) {
    let mut orders = server.orders();
    let mut feeder = Feeder {
        server,
        catalog: Catalog::default(),
        follows_schema: None,
        since_cleaning: 0,
    };
    loop {
        tokio::select! {
            () = feeder.server.woken() => {}
            () = tokio::time::sleep(feeder.server.config().poll_interval) => {}
            order = orders.recv() => match order {
                Ok(super::Order::Stop) | Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                _ => continue,
            },
        }
        // Finished even when the server stops meanwhile: an abandoned statement would cost the one connection.
        let rounds = feeder.server.rounds();
        let round = rounds.started.fetch_add(1, Ordering::SeqCst) + 1;
        if let Err(error) = feeder.drain().await {
            tracing::warn!(code = %code_of(&error), "changes could not be read");
        }
        feeder.server.rounds().finished.send_replace(round);
    }
}

struct Feeder {
    server: Arc<Realtime>,
    catalog: Catalog,
    /// Whether an event trigger counts the changes of the schema; asked once.
    follows_schema: Option<bool>,
    since_cleaning: usize,
}

impl Feeder {
    async fn drain(&mut self) -> Result<(), sqlx::Error> {
        loop {
            let follows_schema = self.follows_schema().await?;
            let taken = outbox::take(self.server.db().pool(), follows_schema).await?;
            let more = taken.is_full();
            self.since_cleaning += taken.entries.len();
            if self.server.feed() == Feed::Live {
                self.spread(taken).await?;
            }
            if !more {
                break;
            }
        }
        if self.since_cleaning >= CLEANED_EVERY {
            self.since_cleaning = 0;
            sqlx::query("vacuum realtime.outbox")
                .execute(self.server.db().pool())
                .await?;
        }
        Ok(())
    }

    async fn follows_schema(&mut self) -> Result<bool, sqlx::Error> {
        if let Some(known) = self.follows_schema {
            return Ok(known);
        }
        let known: bool = sqlx::query_scalar(
            "select exists (select from pg_event_trigger where evtname = 'realtime_follow_schema')",
        )
        .fetch_one(self.server.db().pool())
        .await?;
        self.follows_schema = Some(known);
        Ok(known)
    }

    /// Row changes are checked together as long as no message stands between them.
    async fn spread(&mut self, taken: outbox::Taken) -> Result<(), sqlx::Error> {
        let mut changes = Vec::new();
        for entry in taken.entries {
            match entry {
                Entry::Change(change) => changes.push(change),
                Entry::Message(message) => {
                    self.deliver(std::mem::take(&mut changes), taken.epoch)
                        .await?;
                    self.send(&message);
                }
            }
        }
        self.deliver(changes, taken.epoch).await
    }

    async fn deliver(
        &mut self,
        changes: Vec<outbox::Change>,
        epoch: super::catalog::Epoch,
    ) -> Result<(), sqlx::Error> {
        let subscriptions = self.server.hub().subscriptions();
        let deliveries = changes::deliveries(
            self.server.db(),
            &mut self.catalog,
            epoch,
            changes,
            &subscriptions,
            self.server.losses(),
        )
        .await?;
        if deliveries.is_empty() {
            return Ok(());
        }
        self.server.pause(self.server.config().faults.latency).await;
        for delivery in deliveries {
            if self.server.count_row_event(Instant::now()) == Within::Limit {
                delivery.post();
            }
        }
        Ok(())
    }

    fn send(&self, message: &str) {
        match serde_json::from_str::<Message<'_>>(message) {
            Ok(message) => message.send(&self.server),
            Err(_) => tracing::warn!("a message of the database could not be read"),
        }
    }
}

/// A row of `realtime.messages`.
#[derive(Deserialize)]
struct Message<'a> {
    id: String,
    topic: String,
    event: String,
    private: Option<bool>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Message<'_> {
    fn send(self, server: &Realtime) {
        let privacy = if self.private.unwrap_or(false) {
            Privacy::Private
        } else {
            Privacy::Public
        };
        let payload = self.payload.map_or("{}", RawValue::get);
        let broadcast = UserBroadcast {
            event: self.event,
            metadata: Bytes::from(serde_json::json!({ "id": self.id }).to_string()),
            encoding: Encoding::Json,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        server.hub().broadcast(
            &RoomKey {
                name: self.topic,
                privacy,
            },
            Audience::Everybody,
            Body::User(broadcast),
        );
    }
}
