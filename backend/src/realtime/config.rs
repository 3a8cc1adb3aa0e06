//! Every number of the Realtime part that a person or a test may want to choose, with the real server's value as the
//! default. It knows nothing of sockets; it is read, never changed, while the server runs.

use std::time::Duration;

/// How the Realtime part behaves.
///
/// ```
/// use std::time::Duration;
/// use bedside_backend::realtime::Config;
///
/// // Tests don't want to wait for refusals.
/// let config = Config { error_delay: Duration::from_millis(50), ..Config::default() };
/// assert_eq!(config.connect_error_delay, Duration::from_secs(2));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How late a refused join is answered. Its socket does nothing else meanwhile. Default 5 s.
    pub error_delay: Duration,
    /// How late a refused connection is answered. Default 2 s.
    pub connect_error_delay: Duration,
    /// A client that sends nothing for this long is closed with 1000. Default 60 s.
    pub idle_timeout: Duration,
    /// How often to look for changes that nobody announced by `wake`. Default 500 ms.
    pub poll_interval: Duration,
    /// From a new token to the new rights on row changes. Default 1 s.
    pub resubscribe_delay: Duration,
    /// Row changes that could not be subscribed because the database is in trouble are tried again after one to two times
    /// this long, again and again. Default 5 s.
    pub subscription_retry: Duration,
    /// How long a socket without a live channel outlives a shutdown. The real server's 5 s would only delay Ctrl-C;
    /// default 200 ms.
    pub shutdown_grace: Duration,
    /// The one project that is served: a host whose name begins with another's is answered with 404. None by default,
    /// which serves any.
    pub tenant: Option<String>,
    /// What a client may use up.
    pub limits: Limits,
    /// What goes wrong on purpose. Nothing by default.
    pub faults: Faults,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            error_delay: Duration::from_secs(5),
            connect_error_delay: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(60),
            poll_interval: Duration::from_millis(500),
            resubscribe_delay: Duration::from_secs(1),
            subscription_retry: Duration::from_secs(5),
            shutdown_grace: Duration::from_millis(200),
            tenant: None,
            limits: Limits::default(),
            faults: Faults::default(),
        }
    }
}

/// What a client may use up before it is refused, closed or left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Sockets at a time; another one is refused with 429. Default 200.
    pub sockets: usize,
    /// Channels of one socket. Default 100.
    pub channels_per_socket: usize,
    /// Joins of all clients together, a second, on average; above it, sockets are refused with 429 too. Default 100.
    pub joins_per_second: u32,
    /// Broadcasts delivered to all clients together, a second, on average. Default 100.
    pub events_per_second: u32,
    /// Row changes delivered to all clients together, a second, on average; those above it are dropped without a
    /// word. The real server's is 100; here none is the default, since a burst must not lose rows on a developer's
    /// machine.
    pub row_events_per_second: Option<u32>,
    /// Presence calls of one channel in `presence_window`. Default 5.
    pub presence_calls: usize,
    /// Default 30 s.
    pub presence_window: Duration,
    /// Bytes of one broadcast or presence payload. Default 3,000 kB and what surrounds it.
    pub payload_bytes: usize,
    /// Bytes of one frame; a larger one closes the socket with 1009. Default 5,000,000.
    pub frame_bytes: usize,
    /// Bytes that may wait for a client that does not read, before its socket is dropped. Default 50 MB.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 200,
            channels_per_socket: 100,
            joins_per_second: 100,
            events_per_second: 100,
            row_events_per_second: None,
            presence_calls: 5,
            presence_window: Duration::from_secs(30),
            payload_bytes: 3_000 * 1_000 + 500,
            frame_bytes: 5_000_000,
            queue_bytes: 50_000_000,
        }
    }
}

/// Faults to start with; a running server changes them by its methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Whether row changes and broadcasts reach anybody.
    pub feed: Feed,
    /// Every row change waits this long before it is sent.
    pub latency: Duration,
}

/// Whether the feed carries anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Feed {
    /// As it should be.
    #[default]
    Live,
    /// Joined, subscribed, heartbeats answered, and silent: what a real server does when its replication is lost.
    Dead,
}
