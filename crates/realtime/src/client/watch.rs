//! The status as a value to be read, and to be told of.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use serde::{Deserialize, Serialize};

use super::{Life, Listener, Shared, lock};
use crate::status::Status;

/// The status and the numbers around it, at the moment of reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSnapshot {
    /// The state.
    pub status: Status,
    /// Time until the next attempt; `None` when none is scheduled.
    pub next_retry_in: Option<Duration>,
    /// How long ago the server last showed life; `None` without a socket.
    pub proof_age: Option<Duration>,
    /// Since when nothing is proven, Unix milliseconds; `None` while all is.
    pub stale_since: Option<u64>,
    /// Attempts since the last stable connection.
    pub attempt: u32,
    /// Distinct bindings that somebody holds.
    pub bindings: usize,
    /// How many of them are ready.
    pub ready: usize,
    /// Rooms that somebody holds.
    pub rooms: usize,
    /// The usual time to the server and back.
    pub round_trip: Option<Duration>,
    /// Counts identities.
    pub epoch: u64,
}

impl StatusSnapshot {
    pub(crate) fn read(shared: &Shared) -> Self {
        let now = shared.clock.now();
        let engine = lock(&shared.engine);
        let report = engine.report();
        let until = |at: u64| Duration::from_millis(at.saturating_sub(now.mono));
        let since = |at: u64| Duration::from_millis(now.mono.saturating_sub(at));
        Self {
            status: report.status.clone(),
            next_retry_in: report.next_retry_at.map(until),
            proof_age: engine.proof_at().map(since),
            stale_since: report.stale_since,
            attempt: report.attempt,
            bindings: report.bindings,
            ready: report.ready,
            rooms: report.rooms,
            round_trip: engine.round_trip().map(Duration::from_millis),
            epoch: report.epoch,
        }
    }
}

/// The status of a client: read it with [`StatusWatch::get`], or be told of changes.
#[derive(Clone)]
pub struct StatusWatch {
    life: Arc<Life>,
}

impl std::fmt::Debug for StatusWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("StatusWatch")
            .field(&self.get().status)
            .finish()
    }
}

impl StatusWatch {
    pub(super) fn new(life: Arc<Life>) -> Self {
        Self { life }
    }

    /// The status now. Ages and countdowns move between calls; changes of state are told to subscribers.
    #[must_use]
    pub fn get(&self) -> StatusSnapshot {
        StatusSnapshot::read(&self.life.0)
    }

    /// Calls back now, and at every change, until the listener is dropped.
    pub fn subscribe(
        &self,
        on_status: impl Fn(&StatusSnapshot) + Send + Sync + 'static,
    ) -> Listener {
        let shared = &self.life.0;
        let number = shared.number();
        let on_status: Arc<dyn Fn(&StatusSnapshot) + Send + Sync> = Arc::new(on_status);
        lock(&shared.listeners).watch(number, Arc::clone(&on_status));
        on_status(&self.get());
        Listener::new(shared, number)
    }

    /// The latest status at each change; states that pass while nobody reads are skipped.
    #[must_use]
    pub fn changes(&self) -> StatusChanges {
        let latest = Arc::new(Mutex::new(Latest::default()));
        let filling = Arc::clone(&latest);
        let listener = self.subscribe(move |snapshot| {
            let mut latest = lock(&filling);
            latest.snapshot = Some(snapshot.clone());
            if let Some(waker) = latest.waker.take() {
                waker.wake();
            }
        });
        StatusChanges {
            latest,
            _listener: listener,
        }
    }
}

#[derive(Default)]
struct Latest {
    snapshot: Option<StatusSnapshot>,
    waker: Option<Waker>,
}

/// A stream of statuses; begins with the present one.
pub struct StatusChanges {
    latest: Arc<Mutex<Latest>>,
    _listener: Listener,
}

impl std::fmt::Debug for StatusChanges {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StatusChanges")
            .finish_non_exhaustive()
    }
}

impl Stream for StatusChanges {
    type Item = StatusSnapshot;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut latest = lock(&self.latest);
        if let Some(snapshot) = latest.snapshot.take() {
            return Poll::Ready(Some(snapshot));
        }
        latest.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
