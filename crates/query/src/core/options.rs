//! What callers may choose: when data is stale, when it goes, when it is fetched again. Plain values with their defaults;
//! nothing here acts.

use std::sync::Arc;
use std::time::Duration;

use super::value::{Failure, Value};
use super::view::QueryView;

/// How long data counts as fresh after it was fetched (rules 46 to 49). The default is stale at once.
#[derive(Clone, Default)]
pub enum StaleTime {
    /// Stale at once: every new observer fetches in the background.
    #[default]
    Zero,
    /// Fresh for this long.
    After(Duration),
    /// Fresh until invalidated. Right for queries that a live feed keeps true.
    Infinite,
    /// Fresh for good: not even invalidation makes it stale or refetches it (rule 49).
    Static,
    /// Decided anew each time from the query's state (rule 47). The closure must not change the cache.
    With(Arc<dyn Fn(&QueryView) -> StaleTime + Send + Sync>),
}

impl From<Duration> for StaleTime {
    fn from(duration: Duration) -> Self {
        if duration.is_zero() {
            Self::Zero
        } else {
            Self::After(duration)
        }
    }
}

/// How long a query nobody observes is kept (rules 53 to 57). The default is five minutes; the longest ever asked for a
/// query wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GcTime {
    /// Kept for this long after its last use. Zero: gone with the last observer.
    After(Duration),
    /// Kept until removed.
    Never,
}

impl Default for GcTime {
    fn default() -> Self {
        Self::After(Duration::from_secs(300))
    }
}

impl From<Duration> for GcTime {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

/// How often a failed fetch or mutation is tried again before its error counts (rules 41, 45).
#[derive(Clone, Default)]
pub enum Retry {
    /// Not at all.
    Never,
    /// This many times after the first attempt. Queries: three by default.
    Times(u32),
    /// Three times: the default.
    #[default]
    Three,
    /// Until it succeeds.
    Always,
    /// As the closure says, given the failures so far, from 0, and the error. See
    /// [`QueryOptions::retry_if`](crate::QueryOptions::retry_if) for the typed form.
    #[doc(hidden)]
    When(RetryWhen),
}

/// An erased decision whether to try again.
#[derive(Clone)]
pub struct RetryWhen(pub(crate) Decision);

type Decision = Arc<dyn Fn(u32, &Value) -> bool + Send + Sync>;

impl Retry {
    pub(crate) fn again(&self, failures: u32, failure: &Failure) -> bool {
        match (self, failure) {
            (Self::Never, _)
            | (_, Failure::Cancelled | Failure::NoFetcher | Failure::Mismatch(_)) => false,
            (Self::Times(n), _) => failures < *n,
            (Self::Three, _) => failures < 3,
            (Self::Always, _) => true,
            (Self::When(when), Failure::Own(error)) => (when.0)(failures, error),
            (Self::When(_), Failure::Panicked(_)) => false,
        }
    }
}

/// How long to wait before trying again (rule 42).
#[derive(Clone, Default)]
pub enum RetryDelay {
    /// One second, doubled with each failure, thirty at most.
    #[default]
    Exponential,
    /// Always this long.
    Fixed(Duration),
    /// As the closure says, given the failures so far, from 0.
    With(Arc<dyn Fn(u32) -> Duration + Send + Sync>),
}

impl RetryDelay {
    /// The wait after `failures` failures before this one.
    ///
    /// ```
    /// use bedside_query::RetryDelay;
    ///
    /// assert_eq!(RetryDelay::Exponential.after(2).as_secs(), 4);
    /// assert_eq!(RetryDelay::Exponential.after(100).as_secs(), 30);
    /// ```
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        match self {
            Self::Exponential => Duration::from_millis(
                1_000_u64
                    .checked_shl(failures.min(5))
                    .unwrap_or(30_000)
                    .min(30_000),
            ),
            Self::Fixed(delay) => *delay,
            Self::With(delay) => delay(failures),
        }
    }
}

/// What being offline means for a fetch or mutation (rule 109).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkMode {
    /// It waits, paused, until the network is back.
    #[default]
    Online,
    /// The network does not matter.
    Always,
    /// The first attempt runs anyway; only retries wait.
    OfflineFirst,
}

/// Whether an occasion (mounting, focus, reconnection) fetches data that is already there (rule 59).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefetchOn {
    /// It does not.
    Never,
    /// If the data is stale.
    #[default]
    Stale,
    /// Even if the data is fresh.
    Always,
}

/// What to do when a fetch is asked for while one is running (rules 28 to 30).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Share the running one.
    Join,
    /// Let the running one finish and then run one more, however many ask: the running one may have read before whatever
    /// made this caller ask. The default of `invalidate` and `refetch`, so that a burst of a thousand changes costs two
    /// requests.
    #[default]
    Owe,
    /// Cancel the running one if there already is data, and start over.
    Replace,
}

/// The time until the next poll, given the query as it is now; `None` means no poll.
pub type IntervalFn = Arc<dyn Fn(&QueryView) -> Option<Duration> + Send + Sync>;

/// Polling (rule 62).
#[derive(Clone, Default)]
pub enum Interval {
    /// None.
    #[default]
    Off,
    /// This long after each settled fetch and each tick.
    Every(Duration),
    /// As the closure says after each update of the query; `None` turns it off until the next update.
    With(IntervalFn),
}

/// Whether polling goes on while the page is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InBackground {
    /// It rests.
    #[default]
    Rest,
    /// It goes on.
    GoOn,
}

pub(crate) type PlaceholderFn = Arc<dyn Fn(Option<&Value>) -> Option<Value> + Send + Sync>;

/// What an observer shows while its query has no data (rules 66, 67). Never enters the cache.
#[derive(Clone, Default)]
pub(crate) enum Placeholder {
    #[default]
    None,
    /// The data that this observer showed last, of the query it observed before.
    Previous,
    Value(Value),
    With(PlaceholderFn),
}

/// How one observer wants its query treated.
#[derive(Clone)]
pub(crate) struct ObserverSettings {
    pub(crate) enabled: Enabled,
    pub(crate) stale_time: StaleTime,
    pub(crate) on_mount: RefetchOn,
    pub(crate) on_focus: RefetchOn,
    pub(crate) on_reconnect: RefetchOn,
    pub(crate) retry_on_mount: RetryOnMount,
    pub(crate) interval: Interval,
    pub(crate) in_background: InBackground,
    pub(crate) placeholder: Placeholder,
}

impl Default for ObserverSettings {
    fn default() -> Self {
        Self {
            enabled: Enabled::Yes,
            stale_time: StaleTime::default(),
            on_mount: RefetchOn::default(),
            on_focus: RefetchOn::default(),
            on_reconnect: RefetchOn::default(),
            retry_on_mount: RetryOnMount::Yes,
            interval: Interval::default(),
            in_background: InBackground::default(),
            placeholder: Placeholder::default(),
        }
    }
}

/// Whether an observer fetches by itself (rules 50, 63).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enabled {
    /// It does.
    #[default]
    Yes,
    /// It only shows what is there.
    No,
}

impl From<bool> for Enabled {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Whether mounting fetches a query whose first fetch has failed (rule 58).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryOnMount {
    /// It does.
    #[default]
    Yes,
    /// The error stays until something else fetches.
    No,
}

/// How a query fetches.
#[derive(Clone)]
pub(crate) struct FetchSettings<S> {
    pub(crate) source: Option<S>,
    pub(crate) retry: Retry,
    pub(crate) retry_delay: RetryDelay,
    pub(crate) network: NetworkMode,
}

impl<S> Default for FetchSettings<S> {
    fn default() -> Self {
        Self {
            source: None,
            retry: Retry::default(),
            retry_delay: RetryDelay::default(),
            network: NetworkMode::default(),
        }
    }
}
