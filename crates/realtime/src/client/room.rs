//! A held room: say, show up, listen.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::Stream;
use futures::channel::oneshot;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Life, Listener, lock};
use crate::engine::{Command, HandleId, PushId, Said};
use crate::gap::{Gap, GapCause};
use crate::room::{PresenceState, PushError, RoomEvent};

/// A room that somebody holds. Dropping it leaves the room, after a linger.
#[must_use = "dropping the handle leaves the room"]
pub struct RoomHandle {
    id: HandleId,
    life: Arc<Life>,
}

impl std::fmt::Debug for RoomHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("RoomHandle")
            .field(&self.id.0)
            .finish()
    }
}

impl RoomHandle {
    pub(super) fn new(id: HandleId, life: Arc<Life>) -> Self {
        Self { id, life }
    }

    /// Calls back for every event, until the listener or the handle is dropped. Who comes late hears the last
    /// word on readiness at once.
    pub fn on_event(&self, on_event: impl Fn(&RoomEvent) + Send + Sync + 'static) -> Listener {
        let number = self.life.0.number();
        let on_event: Arc<dyn Fn(&RoomEvent) + Send + Sync> = Arc::new(on_event);
        let missed =
            lock(&self.life.0.listeners).add_to_room(self.id, number, Arc::clone(&on_event));
        if let Some(event) = missed {
            on_event(&event);
        }
        Listener::new(&self.life.0, number)
    }

    /// The events as a stream of at most 10,000 waiting ones; what a slower reader misses is an overflow gap.
    pub fn events(&self) -> RoomEvents {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let filling = Arc::clone(&queue);
        let listener = self.on_event(move |event| Queue::push(&filling, event));
        RoomEvents {
            queue,
            _listener: listener,
        }
    }

    /// Whether this client is in the room.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        lock(&self.life.0.listeners).is_inside(self.id)
    }

    /// Says something, as JSON. Outside the room it goes by HTTP, where there is a way. The outcome may be
    /// awaited or dropped; the message goes either way. Without [`crate::Room::acknowledged`] it only tells
    /// that the message was sent.
    pub fn say<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Pushed {
        match serde_json::to_string(payload) {
            Ok(json) => self.push(event, Said::Json(json)),
            Err(_) => Pushed(Err(PushError::Unwritable)),
        }
    }

    /// Says bytes, in a binary frame. Names of room and event hold at most 255 bytes; protocol 2.0.0 only.
    pub fn say_bytes(&self, event: &str, bytes: Vec<u8>) -> Pushed {
        self.push(event, Said::Bytes(bytes))
    }

    fn push(&self, event: &str, said: Said) -> Pushed {
        let push = PushId(self.life.0.number());
        let told = lock(&self.life.0.listeners).await_push(push);
        self.life.0.command(Command::Say {
            handle: self.id,
            push,
            event: event.to_owned(),
            said,
        });
        Pushed(Ok(told))
    }

    /// Shows up in the room's presence, until [`RoomHandle::untrack`] or the drop; again after every loss. Several
    /// calls in a short time are joined to one, within the server's limit.
    ///
    /// # Errors
    /// [`PushError::Unwritable`] when the payload is not a JSON object.
    pub fn track<T: Serialize + ?Sized>(&self, payload: &T) -> Result<(), PushError> {
        let json = serde_json::to_string(payload).map_err(|_| PushError::Unwritable)?;
        if !json.starts_with('{') {
            return Err(PushError::Unwritable);
        }
        let payload = RawValue::from_string(json).map_err(|_| PushError::Unwritable)?;
        self.life.0.command(Command::Track {
            handle: self.id,
            payload: Some(payload),
        });
        Ok(())
    }

    /// Goes from the room's presence, and stays in the room.
    pub fn untrack(&self) {
        self.life.0.command(Command::Track {
            handle: self.id,
            payload: None,
        });
    }

    /// Who is here, as far as is known.
    #[must_use]
    pub fn presence(&self) -> PresenceState {
        lock(&self.life.0.engine).presence(self.id)
    }
}

impl Drop for RoomHandle {
    fn drop(&mut self) {
        lock(&self.life.0.listeners).close_room(self.id);
        self.life.0.command(Command::LeaveRoom { handle: self.id });
    }
}

/// The outcome of something said.
#[derive(Debug)]
pub struct Pushed(Result<oneshot::Receiver<Result<(), PushError>>, PushError>);

impl Future for Pushed {
    type Output = Result<(), PushError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Err(error) => Poll::Ready(Err(error.clone())),
            Ok(told) => Pin::new(told)
                .poll(context)
                .map(|outcome| outcome.unwrap_or(Err(PushError::Unconfirmed))),
        }
    }
}

const QUEUE: usize = 10_000;

#[derive(Default)]
struct Queue {
    events: VecDeque<RoomEvent>,
    waker: Option<Waker>,
}

impl Queue {
    fn push(queue: &Mutex<Self>, event: &RoomEvent) {
        let mut queue = lock(queue);
        if let RoomEvent::Gap(Gap {
            cause: GapCause::IdentityChanged,
            ..
        }) = event
        {
            queue.events.clear();
        }
        if queue.events.len() >= QUEUE {
            queue.events.clear();
            let gap = Gap {
                id: 0,
                cause: GapCause::Overflow,
                from: 0,
                to: None,
                bindings: 0,
                rooms: 1,
            };
            queue.events.push_back(RoomEvent::Gap(gap));
        }
        queue.events.push_back(event.clone());
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

/// The events of a room.
pub struct RoomEvents {
    queue: Arc<Mutex<Queue>>,
    _listener: Listener,
}

impl std::fmt::Debug for RoomEvents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RoomEvents").finish_non_exhaustive()
    }
}

impl Stream for RoomEvents {
    type Item = RoomEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = lock(&self.queue);
        if let Some(event) = queue.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
