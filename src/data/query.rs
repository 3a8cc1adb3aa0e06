//! What all queries of this app have in common.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bedside_query::{
    ClientOptions, Interval, NetworkMode, QueryClient, QueryDefaults, QueryKey, QueryOptions,
    RefetchOn, RetryDelay, Segment, StaleTime, Status,
};

use super::{DataError, rows};

/// How often a passing trouble is given another chance before the page says so.
const RETRIES: u32 = 2;
/// The pause before each: a page should say within seconds that nothing comes.
const PAUSE: Duration = Duration::from_millis(700);
/// What could not be read is tried again so often while somebody looks: no change of a row would bring it back.
const AGAIN: Duration = Duration::from_secs(20);

/// The cache of this app.
///
/// Data does not grow old by the clock: the feed says when it has changed, and puts it in doubt whenever it could not have
/// said so.
pub fn cache() -> QueryClient {
    QueryClient::new(cache_options())
}

/// What the cache of this app is made with.
pub fn cache_options() -> ClientOptions {
    let defaults = QueryDefaults::default()
        .stale_time(StaleTime::Infinite)
        .retry_delay(RetryDelay::Fixed(PAUSE));
    ClientOptions::default().defaults(defaults)
}

/// A query whose failure is a [`DataError`]. It depends on the table that its key begins with: any change of that puts it in
/// question, unless the query says more exactly what it shows.
///
/// Only a trouble that may pass is worth another try.
pub fn query<T, Fut>(key: QueryKey, fetch: impl Fn() -> Fut + 'static) -> QueryOptions<T, DataError>
where
    T: PartialEq + Send + Sync + 'static,
    Fut: Future<Output = Result<T, DataError>> + 'static,
{
    let table = match key.segments().first() {
        Some(Segment::Str(table)) => rows::deps_of(table),
        _ => Vec::new(),
    };
    QueryOptions::new(key, move |_| fetch())
        .deps(table)
        // Whether there is a network, only a request can tell: the browser's word for it is a hint, and wrong behind some proxies and
        // virtual machines. What fails is retried while it is on screen, and at once when the browser says that the network is back.
        .network_mode(NetworkMode::Always)
        .refetch_on_reconnect(RefetchOn::Stale)
        .retry_if(|failures, error: &DataError| error.is_passing() && failures < RETRIES)
        .refetch_interval(Interval::With(Arc::new(|view| {
            (view.status == Status::Error).then_some(AGAIN)
        })))
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use bedside_query::{FetchStatus, ManualRuntime, Network, query_key};

    use super::*;

    #[test]
    fn a_browser_that_says_it_is_offline_keeps_no_query_from_being_fetched() {
        let client = QueryClient::new(cache_options().runtime(ManualRuntime::new()));
        client.set_online(Network::Offline);
        let key = query_key!["patients", "count"];
        client.prefetch_query(query(key.clone(), || async { Ok(7_u32) }));
        let view = client.query_view(&key);
        assert!(
            view.is_some_and(|view| view.fetch_status == FetchStatus::Fetching || view.has_data()),
            "the fetch waits for the browser's word"
        );
    }
}
