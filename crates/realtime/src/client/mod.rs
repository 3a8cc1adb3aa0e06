//! The client: the engine behind a lock, a driver beside it, and handles that undo themselves.
//!
//! Callbacks run on the driver's task and never under a lock, so they may bind, drop handles and call the client.

mod builder;
mod handle;
mod listen;
mod room;
mod watch;

pub use builder::{BuildError, Builder};
pub use handle::{BindingHandle, Events};
pub use listen::Listener;
pub use room::{Pushed, RoomEvents, RoomHandle};
pub use watch::{StatusChanges, StatusSnapshot, StatusWatch};

pub(crate) use listen::Listeners;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;

use crate::binding::Binding;
use crate::driver::Incoming;
use crate::driver::platform::{Clock, PostFuture, TokenFuture, Trust};
use crate::engine::{Command, Engine, Environment, HandleId, Input};
use crate::event::BindingEvent;
use crate::gap::Gap;
use crate::liveness::{Echo, Liveness};
use crate::room::Room;
use crate::token::TokenNeed;

/// Asks for a token.
pub(crate) type TokenSource = Arc<dyn Fn(TokenNeed) -> TokenFuture + Send + Sync>;

/// A broadcast to be posted over HTTP, with [`PostRequest::headers`].
#[derive(Clone)]
pub struct PostRequest {
    /// Where to.
    pub url: String,
    /// The header `apikey`.
    pub api_key: String,
    /// The session's token. Without one there is no `Authorization` header: a publishable key is not a JWT, and a gateway refuses a
    /// bearer token that is none.
    pub token: Option<String>,
    /// The JSON body.
    pub body: String,
}

impl PostRequest {
    /// The headers to send: `apikey`, `Content-Type`, and `Authorization` when there is a token.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("apikey", self.api_key.clone()),
            ("Content-Type", "application/json".to_owned()),
        ];
        if let Some(token) = &self.token {
            headers.push(("Authorization", format!("Bearer {token}")));
        }
        headers
    }
}

impl std::fmt::Debug for PostRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PostRequest")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Posts; answers with the HTTP status, or nothing when there was no answer.
pub(crate) type Poster = Arc<dyn Fn(PostRequest) -> PostFuture + Send + Sync>;

/// What the client, its handles and its driver share.
pub(crate) struct Shared {
    pub engine: Mutex<Engine>,
    pub clock: Clock,
    pub wake: UnboundedSender<Incoming>,
    pub listeners: Mutex<Listeners>,
    pub tokens: Option<TokenSource>,
    pub post: Option<Poster>,
    // A page leaves trust to its browser.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    pub trust: Trust,
    pub rest_url: String,
    pub api_key: String,
    numbers: AtomicU64,
}

/// Locks, whatever happened to the last holder: the data is consistent between inputs.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn command(&self, command: Command) {
        lock(&self.engine).handle(self.clock.now(), Input::Command(command));
        // The driver is gone after a shutdown; then nobody is left to tell.
        let _ = self.wake.unbounded_send(Incoming::Wake);
    }

    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Ends the driver when the last client and the last handle are gone.
pub(crate) struct Life(pub Arc<Shared>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.command(Command::Shutdown);
    }
}

/// A Realtime client. Clones share one socket; the last one, and the last handle, close it.
#[derive(Clone)]
pub struct RealtimeClient {
    life: Arc<Life>,
}

impl std::fmt::Debug for RealtimeClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RealtimeClient")
            .finish_non_exhaustive()
    }
}

impl RealtimeClient {
    /// Begins a client for a project's address (`https://<ref>.supabase.co`, `http://127.0.0.1:8787`) and its
    /// public API key.
    pub fn builder(url: impl Into<String>, key: impl Into<String>) -> Builder {
        Builder::new(url.into(), key.into())
    }

    pub(crate) fn new(life: Arc<Life>) -> Self {
        Self { life }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.life.0
    }

    /// Listens to row changes until the handle is dropped. Identical bindings share one subscription.
    #[must_use = "dropping the handle ends the binding"]
    pub fn bind(&self, binding: Binding) -> BindingHandle {
        let handle = HandleId(self.shared().number());
        lock(&self.shared().listeners).open(handle);
        self.shared().command(Command::Bind { handle, binding });
        BindingHandle::new(handle, Arc::clone(&self.life))
    }

    /// [`RealtimeClient::bind`] and [`BindingHandle::on_event`] in one: the callback lives as long as the handle.
    #[must_use = "dropping the handle ends the binding"]
    pub fn bind_with(
        &self,
        binding: Binding,
        on_event: impl Fn(&BindingEvent) + Send + Sync + 'static,
    ) -> BindingHandle {
        let handle = HandleId(self.shared().number());
        let number = self.shared().number();
        {
            let mut listeners = lock(&self.shared().listeners);
            listeners.open(handle);
            listeners.add(handle, number, Arc::new(on_event));
        }
        self.shared().command(Command::Bind { handle, binding });
        BindingHandle::new(handle, Arc::clone(&self.life))
    }

    /// Enters a room for presence and broadcast, until the handle is dropped. Holders of one room share it, and
    /// must want it alike.
    pub fn enter(&self, room: Room) -> RoomHandle {
        let handle = HandleId(self.shared().number());
        lock(&self.shared().listeners).open_room(handle);
        self.shared().command(Command::EnterRoom { handle, room });
        RoomHandle::new(handle, Arc::clone(&self.life))
    }

    /// Watches a row that the database changes at a fixed pace, as proof that changes come. One at a time; the
    /// last one counts. Dropping the handle ends it.
    pub fn watch_liveness(&self, liveness: Liveness) -> BindingHandle {
        let handle = HandleId(self.shared().number());
        lock(&self.shared().listeners).open(handle);
        self.shared().command(Command::Watch { handle, liveness });
        BindingHandle::new(handle, Arc::clone(&self.life))
    }

    /// Says that an own write was accepted, and that its change must come back: if it doesn't, the feed is dead.
    pub fn expect_echo(&self, echo: Echo, within: Duration) {
        let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.shared().command(Command::ExpectEcho { echo, within });
    }

    /// Says that the changes were compared with a source that loses none, such as a log in the database, and how many should have come
    /// and didn't. After a loss the tables are subscribed again, and the status is degraded until a change comes or nothing is missing.
    pub fn feed_checked(&self, missed: u64) {
        self.shared().command(Command::FeedChecked { missed });
    }

    /// The status, to be read or watched.
    #[must_use]
    pub fn status(&self) -> StatusWatch {
        StatusWatch::new(Arc::clone(&self.life))
    }

    /// Tries now, without backoff. Ends a fatal state, and gives refused bindings another chance.
    pub fn reconnect(&self) {
        self.shared().command(Command::Reconnect);
    }

    /// A hint that the network may be back, or that somebody looks: tests an open socket at once, and ends any
    /// waiting. In the browser the driver hears such hints by itself.
    pub fn wake(&self) {
        let now = self.shared().clock.now();
        lock(&self.shared().engine).handle(now, Input::Environment(Environment::Online));
        // The driver is gone after a shutdown.
        let _ = self.shared().wake.unbounded_send(Incoming::Wake);
    }

    /// Does what is due, for a page whose timers the browser holds back while nobody looks: whoever can still hear messages
    /// calls this now and then.
    pub fn tick(&self) {
        let now = self.shared().clock.now();
        let mut engine = lock(&self.shared().engine);
        if engine.timer().is_some_and(|due| due <= now.mono) {
            engine.handle(now, Input::Timer);
            // The driver is gone after a shutdown.
            let _ = self.shared().wake.unbounded_send(Incoming::Wake);
        }
    }

    /// Says that the token source has a new token: after a refresh, a sign-in, a sign-out.
    pub fn token_changed(&self) {
        self.shared().command(Command::TokenChanged);
    }

    /// Says that another person is signed in, or nobody. A call with the same identity does nothing; another one
    /// starts a new epoch: the socket closes, undelivered events are dropped, the token source is asked anew.
    pub fn set_identity(&self, identity: Option<String>) {
        let other = lock(&self.shared().listeners).identify(identity);
        if other {
            self.shared().command(Command::Identity);
        }
    }

    /// Counts identities, from 0.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        lock(&self.shared().engine).report().epoch
    }

    /// The gap ledger, oldest first; the newest 200.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        lock(&self.shared().engine).gaps()
    }

    /// What happened lately, as JSON for whoever looks into a problem: no tokens, rows, messages or filters.
    #[must_use]
    pub fn trace_json(&self) -> String {
        lock(&self.shared().engine).trace_json()
    }

    /// Leaves, closes and ends for good; handles fall silent.
    pub fn shutdown(&self) {
        self.shared().command(Command::Shutdown);
    }
}

#[cfg(test)]
mod tests {
    use super::PostRequest;

    #[test]
    fn a_key_is_never_sent_as_a_bearer_token() {
        let request = |token: Option<&str>| PostRequest {
            url: "https://x.test".to_owned(),
            api_key: "sb_publishable_x".to_owned(),
            token: token.map(str::to_owned),
            body: "{}".to_owned(),
        };
        let key = ("apikey", "sb_publishable_x".to_owned());
        let json = ("Content-Type", "application/json".to_owned());
        assert_eq!(request(None).headers(), [key.clone(), json.clone()]);
        let bearer = ("Authorization", "Bearer a.b.c".to_owned());
        assert_eq!(request(Some("a.b.c")).headers(), [key, json, bearer]);
    }
}
