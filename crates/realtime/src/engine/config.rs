//! The engine's numbers, with the reason for each default.

use super::backoff::Spread;
use crate::wire::Vsn;

/// What the engine may be told. All times in milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// The socket's whole address, API key included. Never logged.
    pub url: String,
    /// The protocol version.
    pub vsn: Vsn,
    /// Whether tokens come from a source; without one, channels have the API key's rights.
    pub tokens: TokenPolicy,
    /// Spread of the first reconnect; doubles with every failure. Default 1,000.
    pub backoff_base: u64,
    /// Longest window of the jitter. Default 30,000.
    pub backoff_cap: u64,
    /// Window after the server announced a restart, so that its clients don't come back in one wave. Default 10,000.
    pub restart_spread: u64,
    /// Window after a socket broke without a word. Nobody can tell a dead server from a dead cable, so the first try is
    /// spread as if everybody's broke; whoever knows more (the device is online again, the page is looked at, somebody
    /// calls for it) doesn't wait for it. Default 6,000.
    pub loss_spread: u64,
    /// A connection that lasted so long resets the backoff. Default 30,000.
    pub stable_after: u64,
    /// Silence after which the socket is tested. Default 10,000.
    pub quiet: u64,
    /// The client says something at least so often; servers close after 60 s of silence. Default 25,000.
    pub keepalive: u64,
    /// Patience for a handshake. Default 15,000.
    pub open_timeout: u64,
    /// Patience for a join: a refusal takes 5 s, a lost database 15 s. Default 20,000.
    pub join_timeout: u64,
    /// Patience between a join and the server's word that it listens; recorded up to 3 s, tests allow 8 s. Default 15,000.
    pub ready_timeout: u64,
    /// Patience of a test after waking up. Default 3,000.
    pub probe_timeout: u64,
    /// How long a binding that nobody holds stays subscribed. Default 10,000.
    pub linger: u64,
    /// How long a change of demand on a live channel waits for more of it. Default 50.
    pub settle: u64,
    /// How long a socket without channels stays open. Default 30,000.
    pub idle: u64,
    /// After losing the feed for so long, the status says stale. Default 3,000.
    pub stale_after: u64,
    /// Row events a second that the server promises to deliver; `None` when it has no limit. Default 100.
    pub event_rate: Option<u32>,
    /// Frames kept in the trace. Default 500.
    pub trace: usize,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Where rights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPolicy {
    /// Channels have the rights of the API key.
    ApiKey,
    /// A source is asked before the first join.
    Source,
}

impl Config {
    pub(super) fn spread(&self) -> Spread {
        Spread {
            restart: self.restart_spread,
            loss: self.loss_spread,
        }
    }

    /// The defaults for an address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            vsn: Vsn::V2,
            tokens: TokenPolicy::ApiKey,
            backoff_base: 1_000,
            backoff_cap: 30_000,
            restart_spread: 10_000,
            loss_spread: 6_000,
            stable_after: 30_000,
            quiet: 10_000,
            keepalive: 25_000,
            open_timeout: 15_000,
            join_timeout: 20_000,
            ready_timeout: 15_000,
            probe_timeout: 3_000,
            linger: 10_000,
            settle: 50,
            idle: 30_000,
            stale_after: 3_000,
            event_rate: Some(100),
            trace: 500,
            seed: 0,
        }
    }
}
