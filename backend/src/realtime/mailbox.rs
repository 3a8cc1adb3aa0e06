//! Letters to sockets: what the hub and the feed leave for a socket's task to find. Leaving one never waits; a mailbox
//! that its socket does not empty overflows, and the socket is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::fanout::Fanout;
use super::hub::Subscription;
use super::subscribe::SubscribeError;

/// What a socket finds in its mailbox, for one of its channels.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) channel: u64,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Event(Arc<Fanout>),
    /// The outcome of a subscription to row changes; `attempt` tells a late answer from the current one.
    Subscription {
        attempt: u64,
        outcome: Result<Box<Subscription>, SubscribeError>,
    },
}

/// The way into a socket's task.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    letters: mpsc::UnboundedSender<Letter>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

/// The socket's end of its mailbox.
#[derive(Debug)]
pub(crate) struct Letters {
    letters: mpsc::UnboundedReceiver<Letter>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl Mailbox {
    pub(crate) fn new(limit: usize) -> (Self, Letters) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let letters = Letters {
            letters: receiver,
            waiting: Arc::clone(&waiting),
            limit,
        };
        (
            Self {
                letters: sender,
                waiting,
                limit,
            },
            letters,
        )
    }

    /// Leaves a letter, unless the mailbox overflows: then the socket is lost anyway.
    pub(crate) fn post(&self, letter: Letter) {
        let weight = letter.weight();
        if self.waiting.fetch_add(weight, Ordering::Relaxed) <= self.limit {
            // A socket that has ended has no use for it.
            let _ = self.letters.send(letter);
        }
    }
}

impl Letters {
    pub(crate) async fn next(&mut self) -> Option<Letter> {
        let letter = self.letters.recv().await;
        self.weigh(letter)
    }

    pub(crate) fn ready(&mut self) -> Option<Letter> {
        let letter = self.letters.try_recv().ok();
        self.weigh(letter)
    }

    fn weigh(&self, letter: Option<Letter>) -> Option<Letter> {
        if let Some(letter) = &letter {
            self.waiting.fetch_sub(letter.weight(), Ordering::Relaxed);
        }
        letter
    }

    /// Whether letters were lost because the client does not read.
    pub(crate) fn overflowed(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.limit
    }
}

impl Letter {
    fn weight(&self) -> usize {
        match &self.content {
            Content::Event(event) => event.weight(),
            Content::Subscription { .. } => 0,
        }
    }
}
