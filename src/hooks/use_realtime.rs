//! How the connection to the live feed is, for the screen.

use std::time::Duration;

use leptos::prelude::*;

/// The states that people and tests know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConnectionState {
    Offline,
    #[default]
    Connecting,
    Joining,
    Live,
    Degraded,
    Stale,
    Fatal,
}

impl ConnectionState {
    /// The value of the attribute `data-realtime-state`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connecting => "connecting",
            Self::Joining => "joining",
            Self::Live => "live",
            Self::Degraded => "degraded",
            Self::Stale => "stale",
            Self::Fatal => "fatal",
        }
    }
}

/// How the connection is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ConnectionView {
    pub state: ConnectionState,
    /// Why it is not live, in words for people.
    pub reason: Option<String>,
    pub next_retry_in: Option<Duration>,
    /// How long ago the feed last proved to be alive.
    pub last_proof_age: Option<Duration>,
    pub active_subscriptions: usize,
}

/// The connection, and the button to try again.
#[derive(Clone, Copy)]
pub struct Realtime {
    pub view: Signal<ConnectionView>,
    pub reconnect: Callback<()>,
}

/// How the connection to the live feed is.
pub fn use_realtime() -> Realtime {
    Realtime {
        view: Signal::derive(ConnectionView::default),
        reconnect: Callback::new(|()| {}),
    }
}
