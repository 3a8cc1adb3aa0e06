//! A gap: an interval in which continuity is not proven. The server reports none; the client infers each.

use serde::{Deserialize, Serialize};

/// Why continuity was lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GapCause {
    /// The socket closed without being asked to.
    SocketClosed {
        /// The close code; 1006 when the connection just vanished.
        code: u16,
    },
    /// The server did not answer in time.
    HeartbeatLost,
    /// The page slept, and the socket did not survive it.
    Frozen,
    /// The server closed the channel; the text is what it said before, if anything.
    ChannelClosed {
        /// The server's text.
        reason: String,
    },
    /// The server's channel crashed.
    ChannelCrashed,
    /// The server forgot the channel.
    ChannelForgotten,
    /// The server reported that it cannot listen.
    ListeningFailed {
        /// The server's text.
        reason: String,
    },
    /// The server subscribed anew without being asked: what happened before is lost.
    Resubscribed,
    /// The feed's heartbeat stopped.
    FeedSilent,
    /// The feed's heartbeat skipped numbers, or one came late.
    FeedSkipped {
        /// How many beats are missing.
        missed: u64,
    },
    /// An own write did not come back.
    EchoMissing,
    /// Changes that were committed did not come.
    ChangesMissed {
        /// How many.
        missed: u64,
    },
    /// More changes than the server promises to deliver.
    RateLimited,
    /// Another person signed in, or nobody.
    IdentityChanged,
    /// Somebody asked for a new connection.
    ReconnectRequested,
    /// The server announced that it restarts or disconnects everybody.
    ServerRestart,
    /// A replay brought as many messages as the server gives at most: there may have been more.
    ReplayExhausted,
    /// A listener was too slow for its bounded queue.
    Overflow,
    /// Another client held the socket for this one, and is gone, silent, or was not heard whole. Never said by the engine: it is
    /// for those who share a client's events.
    RelayLost,
}

/// An interval without proof, and the bindings that it touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Its number in the ledger.
    pub id: u64,
    /// Why.
    pub cause: GapCause,
    /// Unix milliseconds of the last moment that was proven.
    pub from: u64,
    /// Unix milliseconds of the moment it was proven again; `None` while open.
    pub to: Option<u64>,
    /// How many distinct bindings it touches.
    pub bindings: usize,
    /// How many rooms it touches.
    pub rooms: usize,
}
