//! The native world: tokio's tasks and timers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};

use super::Incoming;
pub(crate) use super::native_trust::Trust;
use crate::client::{Poster, Shared};
use crate::engine::Now;
use crate::token::{AccessToken, TokenError};

/// Send, where tasks move between threads.
pub trait MaybeSend: Send {}
impl<T: Send> MaybeSend for T {}

pub(crate) type TokenFuture =
    Pin<Box<dyn Future<Output = Result<Option<AccessToken>, TokenError>> + Send>>;
pub(crate) type Sleep = Pin<Box<tokio::time::Sleep>>;

pub(crate) type PostFuture = Pin<Box<dyn Future<Output = Option<u16>> + Send>>;

pub(crate) fn post_future<F: Future<Output = Option<u16>> + Send + 'static>(
    future: F,
) -> PostFuture {
    Box::pin(future)
}

/// There is no HTTP client here unless somebody brings one.
pub(crate) fn default_poster() -> Option<Poster> {
    None
}

pub(crate) fn token_future<F>(future: F) -> TokenFuture
where
    F: Future<Output = Result<Option<AccessToken>, TokenError>> + Send + 'static,
{
    Box::pin(future)
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(mono, u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A number that differs from client to client.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) | 1
}

pub(crate) struct NoRuntime;

pub(crate) fn start(
    shared: Arc<Shared>,
    incoming: UnboundedReceiver<Incoming>,
) -> Result<(), NoRuntime> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|_| NoRuntime)?;
    runtime.spawn(super::run(shared, incoming));
    Ok(())
}

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

pub(crate) fn sleep(millis: u64) -> Sleep {
    Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
}

pub(crate) async fn at_most(limit: Duration, task: impl Future<Output = ()>) {
    // Whatever is not done by then is not worth more.
    let _ = tokio::time::timeout(limit, task).await;
}

/// Nothing to ask: a refused handshake says here why.
pub(crate) fn ask(_wake: &UnboundedSender<Incoming>, _url: &str) {}

/// Nothing to listen to: a native process has no page that hides or freezes.
pub(crate) struct Surroundings;

pub(crate) fn listen(_wake: &UnboundedSender<Incoming>) -> Surroundings {
    Surroundings
}
