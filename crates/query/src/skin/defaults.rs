//! Options that don't depend on a query's types, and how those of the client, of key prefixes and of the call site combine
//! (rule 15).

use std::time::Duration;

use crate::core::options::{
    FetchSettings, GcTime, InBackground, Interval, NetworkMode, ObserverSettings, RefetchOn, Retry,
    RetryDelay, RetryOnMount, StaleTime,
};

/// Options of queries that don't depend on their types. What is not set is left to the next in line: call site, then
/// prefixes in reverse order of registration, then client.
///
/// ```
/// use bedside_query::{query_key, ClientOptions, QueryClient, QueryDefaults, Retry};
/// use std::time::Duration;
///
/// let client = QueryClient::new(
///     ClientOptions::default().defaults(QueryDefaults::default().stale_time(Duration::from_secs(30))),
/// );
/// client.set_query_defaults(query_key!["wards"], QueryDefaults::default().retry(Retry::Never));
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct QueryDefaults {
    stale_time: Option<StaleTime>,
    pub(super) gc_time: Option<GcTime>,
    retry: Option<Retry>,
    retry_delay: Option<RetryDelay>,
    network_mode: Option<NetworkMode>,
    on_mount: Option<RefetchOn>,
    on_focus: Option<RefetchOn>,
    on_reconnect: Option<RefetchOn>,
    retry_on_mount: Option<RetryOnMount>,
    interval: Option<Interval>,
    in_background: Option<InBackground>,
}

impl QueryDefaults {
    /// How long data is fresh. Default: stale at once.
    pub fn stale_time(mut self, stale_time: impl Into<StaleTime>) -> Self {
        self.stale_time = Some(stale_time.into());
        self
    }

    /// How long an unobserved query is kept. Default: five minutes.
    pub fn gc_time(mut self, gc_time: impl Into<GcTime>) -> Self {
        self.gc_time = Some(gc_time.into());
        self
    }

    /// How often a failed fetch is tried again. Default: three times.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// How long to wait before trying again. Default: 1 s, doubled each time, 30 s at most.
    pub fn retry_delay(mut self, delay: RetryDelay) -> Self {
        self.retry_delay = Some(delay);
        self
    }

    /// What being offline means. Default: fetches wait.
    pub fn network_mode(mut self, mode: NetworkMode) -> Self {
        self.network_mode = Some(mode);
        self
    }

    /// Whether mounting fetches data that is there. Default: if stale.
    pub fn refetch_on_mount(mut self, on: RefetchOn) -> Self {
        self.on_mount = Some(on);
        self
    }

    /// Whether the page being seen again fetches. Default: if stale.
    pub fn refetch_on_focus(mut self, on: RefetchOn) -> Self {
        self.on_focus = Some(on);
        self
    }

    /// Whether the network coming back fetches. Default: if stale; never in [`NetworkMode::Always`].
    pub fn refetch_on_reconnect(mut self, on: RefetchOn) -> Self {
        self.on_reconnect = Some(on);
        self
    }

    /// Whether mounting fetches a query that failed without ever having had data. Default: yes.
    pub fn retry_on_mount(mut self, retry: RetryOnMount) -> Self {
        self.retry_on_mount = Some(retry);
        self
    }

    /// Polling. Default: off.
    pub fn refetch_interval(mut self, every: impl Into<Interval>) -> Self {
        self.interval = Some(every.into());
        self
    }

    /// Whether polling goes on while the page is hidden. Default: it rests.
    pub fn refetch_in_background(mut self, background: InBackground) -> Self {
        self.in_background = Some(background);
        self
    }

    /// `self` where it says something, else `under`.
    pub(crate) fn over(self, under: &Self) -> Self {
        Self {
            stale_time: self.stale_time.or_else(|| under.stale_time.clone()),
            gc_time: self.gc_time.or(under.gc_time),
            retry: self.retry.or_else(|| under.retry.clone()),
            retry_delay: self.retry_delay.or_else(|| under.retry_delay.clone()),
            network_mode: self.network_mode.or(under.network_mode),
            on_mount: self.on_mount.or(under.on_mount),
            on_focus: self.on_focus.or(under.on_focus),
            on_reconnect: self.on_reconnect.or(under.on_reconnect),
            retry_on_mount: self.retry_on_mount.or(under.retry_on_mount),
            interval: self.interval.or_else(|| under.interval.clone()),
            in_background: self.in_background.or(under.in_background),
        }
    }

    pub(crate) fn gc(&self) -> GcTime {
        self.gc_time.unwrap_or_default()
    }

    pub(crate) fn stale(&self) -> StaleTime {
        self.stale_time.clone().unwrap_or_default()
    }

    pub(crate) fn has_retry(&self) -> bool {
        self.retry.is_some()
    }

    pub(crate) fn observer(&self) -> ObserverSettings {
        let offline_matters = self.network_mode != Some(NetworkMode::Always);
        ObserverSettings {
            stale_time: self.stale(),
            on_mount: self.on_mount.unwrap_or_default(),
            on_focus: self.on_focus.unwrap_or_default(),
            on_reconnect: self.on_reconnect.unwrap_or(if offline_matters {
                RefetchOn::Stale
            } else {
                RefetchOn::Never
            }),
            retry_on_mount: self.retry_on_mount.unwrap_or_default(),
            interval: self.interval.clone().unwrap_or_default(),
            in_background: self.in_background.unwrap_or_default(),
            ..ObserverSettings::default()
        }
    }

    pub(crate) fn fetch<S>(&self, source: Option<S>) -> FetchSettings<S> {
        FetchSettings {
            source,
            retry: self.retry.clone().unwrap_or_default(),
            retry_delay: self.retry_delay.clone().unwrap_or_default(),
            network: self.network_mode.unwrap_or_default(),
        }
    }
}

impl From<Duration> for Interval {
    fn from(every: Duration) -> Self {
        if every.is_zero() {
            Self::Off
        } else {
            Self::Every(every)
        }
    }
}
