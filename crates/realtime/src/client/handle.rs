//! A held binding, and its events as a bounded stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use super::{Life, Listener, lock};
use crate::engine::{Command, HandleId};
use crate::event::{BindingEvent, Ready};
use crate::gap::{Gap, GapCause};

/// A binding that somebody holds. Dropping it ends the binding, after a linger that lets a remount reuse it.
#[must_use = "dropping the handle ends the binding"]
pub struct BindingHandle {
    id: HandleId,
    life: Arc<Life>,
}

impl std::fmt::Debug for BindingHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("BindingHandle")
            .field(&self.id.0)
            .finish()
    }
}

impl BindingHandle {
    pub(super) fn new(id: HandleId, life: Arc<Life>) -> Self {
        Self { id, life }
    }

    /// Calls back for every event, until the listener or the handle is dropped. Who comes late hears the last
    /// word on readiness at once, on the caller's stack.
    pub fn on_event(&self, on_event: impl Fn(&BindingEvent) + Send + Sync + 'static) -> Listener {
        let number = self.life.0.number();
        let on_event: Arc<dyn Fn(&BindingEvent) + Send + Sync> = Arc::new(on_event);
        let missed = lock(&self.life.0.listeners).add(self.id, number, Arc::clone(&on_event));
        if let Some(event) = missed {
            on_event(&event);
        }
        Listener::new(&self.life.0, number)
    }

    /// The events as a stream of at most 10,000 waiting ones. A reader that is slower than that finds a
    /// [`GapCause::Overflow`] gap and a ready in their place: it must fetch again.
    pub fn events(&self) -> Events {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let filling = Arc::clone(&queue);
        let listener = self.on_event(move |event| Queue::push(&filling, event));
        Events {
            queue,
            _listener: listener,
        }
    }

    /// Whether the server listens for this binding, without a gap since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        lock(&self.life.0.listeners).is_ready(self.id)
    }
}

impl Drop for BindingHandle {
    fn drop(&mut self) {
        lock(&self.life.0.listeners).close(self.id);
        self.life.0.command(Command::Unbind { handle: self.id });
    }
}

const QUEUE: usize = 10_000;

#[derive(Default)]
struct Queue {
    events: VecDeque<BindingEvent>,
    waker: Option<Waker>,
}

impl Queue {
    fn push(queue: &Mutex<Self>, event: &BindingEvent) {
        let mut queue = lock(queue);
        match event {
            // What the last person would have seen is not the next one's business.
            BindingEvent::Gap(gap) if gap.cause == GapCause::IdentityChanged => {
                queue.events.clear()
            }
            _ => {}
        }
        if queue.events.len() >= QUEUE {
            queue.overflow();
        }
        queue.events.push_back(event.clone());
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }

    fn overflow(&mut self) {
        // Whatever readiness was said last still holds; only the changes are lost.
        let last = self
            .events
            .iter()
            .rev()
            .find(|event| !matches!(event, BindingEvent::Change(_)))
            .cloned();
        self.events.clear();
        let gap = Gap {
            id: 0,
            cause: GapCause::Overflow,
            from: 0,
            to: None,
            bindings: 1,
            rooms: 0,
        };
        self.events.push_back(BindingEvent::Gap(gap.clone()));
        let again = BindingEvent::Ready(Ready {
            at: 0,
            gap: Some(gap),
        });
        self.events.push_back(
            last.filter(|event| !matches!(event, BindingEvent::Ready(_)))
                .unwrap_or(again),
        );
    }
}

/// The events of a binding. Ends never by itself; drop it.
pub struct Events {
    queue: Arc<Mutex<Queue>>,
    _listener: Listener,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Stream for Events {
    type Item = BindingEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut queue = lock(&self.queue);
        if let Some(event) = queue.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
