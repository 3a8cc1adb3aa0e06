//! `/realtime/v1`: the Supabase Realtime protocol, as recorded from the real server.
//!
//! Data flows in one direction. Triggers write every committed change into a table; the feed reads it, asks PostgreSQL
//! what each subscriber may see of it, and leaves letters in the mailboxes of sockets; a socket's task turns letters
//! into frames. What a client sends is decoded, understood by its connection, and becomes replies, membership in
//! rooms and subscriptions in the hub, which all sockets share.
//!
//! Nothing here knows the app's tables. What it does not do: clusters, long polling, more than one tenant.

mod authorize;
mod binding;
mod catalog;
mod changes;
mod channel;
mod codec;
mod config;
mod connection;
mod fanout;
mod feed;
mod filters;
mod handshake;
mod hub;
mod identity;
mod join;
mod losses;
mod mailbox;
mod notation;
mod outbox;
mod payload;
mod presence;
mod rate;
mod rest;
mod row;
mod socket;
mod subscribe;
mod visibility;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::routing::{get, post};
use tokio::sync::{Notify, broadcast, watch};

pub use config::{Config, Faults, Feed, Limits};
pub use losses::LossWindow;

use crate::db::Db;
use crate::jwt::JwtKeys;
use hub::Hub;
use losses::Losses;
use rate::{Rate, Within};

/// The Realtime server of a backend.
///
/// ```no_run
/// # async fn example(db: bedside_backend::db::Db, keys: std::sync::Arc<bedside_backend::jwt::JwtKeys>) {
/// use bedside_backend::realtime::{Config, Realtime};
///
/// let realtime = Realtime::new(db, keys, Config::default());
/// let app = axum::Router::new().merge(realtime.router());
/// // After every request that may have changed a row:
/// realtime.wake();
/// realtime.shutdown().await;
/// # }
/// ```
pub struct Realtime {
    db: Db,
    keys: Arc<JwtKeys>,
    config: Config,
    hub: Arc<Hub>,
    wake: Notify,
    orders: broadcast::Sender<Order>,
    silent: AtomicBool,
    losses: Losses,
    stopped: AtomicBool,
    rounds: Rounds,
    joins: Mutex<Rate>,
    events: Mutex<Rate>,
    row_events: Option<Mutex<Rate>>,
}

/// The feed's rounds: one that began after a commit has seen it.
#[derive(Default)]
pub(crate) struct Rounds {
    pub(crate) started: AtomicU64,
    pub(crate) finished: watch::Sender<u64>,
}

/// What all sockets are told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The server ends.
    Stop,
    /// Say so, then close with 1012.
    Disconnect,
    /// Drop the connection without a word.
    Cut,
}

impl Realtime {
    /// A server over the backend's database. Its tasks run from now on, within the current Tokio runtime.
    pub fn new(db: Db, keys: Arc<JwtKeys>, config: Config) -> Arc<Self> {
        let limits = &config.limits;
        let server = Arc::new(Self {
            hub: Arc::new(Hub::default()),
            wake: Notify::new(),
            orders: broadcast::Sender::new(16),
            silent: AtomicBool::new(config.faults.feed == Feed::Dead),
            losses: Losses::default(),
            stopped: AtomicBool::new(false),
            rounds: Rounds::default(),
            joins: Mutex::new(Rate::new(limits.joins_per_second)),
            events: Mutex::new(Rate::new(limits.events_per_second)),
            row_events: limits
                .row_events_per_second
                .map(|limit| Mutex::new(Rate::new(limit))),
            db,
            keys,
            config,
        });
        tokio::spawn(feed::run(Arc::clone(&server)));
        server
    }

    /// Its routes, by full path.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/realtime/v1/websocket", get(handshake::upgrade))
            .route("/realtime/v1/api/broadcast", post(rest::broadcast))
            .route(
                "/realtime/v1/api/broadcast/{topic}/events/{event}",
                post(rest::broadcast_event),
            )
            .with_state(Arc::clone(self))
    }

    /// Called after every request that may have committed a change: it is looked for at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Ends every socket as the real server does on SIGTERM: 1012 for those with a live channel. Waits for them, but
    /// not for long.
    pub async fn shutdown(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = self.orders.send(Order::Stop);
        let deadline = Instant::now() + self.config.shutdown_grace + Duration::from_secs(2);
        while self.hub.open_sockets() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks every client to connect anew, as the real server's operators can: a `system` message, then 1012.
    pub fn disconnect_sockets(&self) {
        let _ = self.orders.send(Order::Disconnect);
    }

    /// Drops every connection without a close frame, as a failing network does.
    pub fn cut_sockets(&self) {
        let _ = self.orders.send(Order::Cut);
    }

    /// Lets the feed fall silent while everything else goes on: what a real server does when its replication is lost.
    /// What is committed meanwhile is lost for good.
    pub fn silence_feed(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Ends [`Realtime::silence_feed`].
    pub fn restore_feed(&self) {
        self.silent.store(false, Ordering::Relaxed);
    }

    /// Loses row changes from now on: all of them that the window takes in, without a word to anybody.
    pub fn lose_changes(&self, window: LossWindow) {
        self.losses.open(window, Instant::now());
    }

    /// How many row changes were lost in such windows.
    pub fn lost_changes(&self) -> u64 {
        self.losses.lost()
    }

    /// Waits until everything that was committed before the call has been given to the sockets, for tests that must
    /// know that nothing more will come. Ends at once when the server has stopped.
    pub async fn catch_up(&self) {
        let started = self.rounds.started.load(Ordering::SeqCst);
        let mut finished = self.rounds.finished.subscribe();
        let mut orders = self.orders();
        if self.has_stopped() {
            return;
        }
        self.wake();
        tokio::select! {
            _ = finished.wait_for(|finished| *finished > started) => {}
            _ = orders.recv() => {}
        }
    }

    /// How many sockets are open.
    pub fn open_sockets(&self) -> usize {
        self.hub.open_sockets()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn keys(&self) -> &JwtKeys {
        &self.keys
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn orders(&self) -> broadcast::Receiver<Order> {
        self.orders.subscribe()
    }

    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }

    pub(crate) fn feed(&self) -> Feed {
        if self.silent.load(Ordering::Relaxed) {
            Feed::Dead
        } else {
            Feed::Live
        }
    }

    /// Orders are heard by those who listen at the time; who comes later has to ask.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits, unless the server ends before.
    pub(crate) async fn pause(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let mut orders = self.orders();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = orders.recv() => {}
        }
    }

    /// Whether the host that was asked is the project that is served. An address of numbers names none.
    pub(crate) fn is_tenant(&self, headers: &HeaderMap) -> bool {
        let Some(tenant) = &self.config.tenant else {
            return true;
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        match name.split_once('.') {
            Some((label, _)) => label == tenant || name.parse::<Ipv4Addr>().is_ok(),
            None => true,
        }
    }

    /// Why no further socket is taken, if so.
    pub(crate) fn is_crowded(&self) -> Option<&'static str> {
        if self.hub.open_sockets() >= self.config.limits.sockets {
            Some("Too many connected users")
        } else if count(&self.joins, 0, Instant::now()) == Within::Exceeded {
            Some("Too many joins per second")
        } else {
            None
        }
    }

    pub(crate) fn count_join(&self) -> Within {
        count(&self.joins, 1, Instant::now())
    }

    pub(crate) fn count_event(&self) -> Within {
        count(&self.events, 1, Instant::now())
    }

    pub(crate) fn count_row_event(&self, now: Instant) -> Within {
        self.row_events
            .as_ref()
            .map_or(Within::Limit, |rate| count(rate, 1, now))
    }
}

impl std::fmt::Debug for Realtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Realtime")
            .field("open_sockets", &self.open_sockets())
            .finish_non_exhaustive()
    }
}

fn count(rate: &Mutex<Rate>, events: u32, now: Instant) -> Within {
    rate.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .add(events, now)
}

/// What may be logged of a database's error: its SQLSTATE or kind. Its text can hold values of rows and filters.
pub(crate) fn code_of(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
        sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
        sqlx::Error::PoolClosed => "closed".to_owned(),
        _ => "connection or protocol".to_owned(),
    }
}

/// What it needs in the database before migrations; may run again.
pub fn bootstrap_sql() -> &'static str {
    include_str!("../../bootstrap/realtime.sql")
}

/// Attaches the capture triggers to the tables of the publication `supabase_realtime`. Tables that join it later are
/// followed by an event trigger where one may be made, which takes a superuser.
pub async fn after_migrations(db: &Db) -> Result<(), sqlx::Error> {
    sqlx::query("select realtime.attach()")
        .execute(db.pool())
        .await?;
    // What an earlier run left is old news.
    sqlx::query("delete from realtime.outbox")
        .execute(db.pool())
        .await?;
    sqlx::query("delete from realtime.messages where inserted_at < now() - interval '72 hours'")
        .execute(db.pool())
        .await?;
    Ok(())
}
