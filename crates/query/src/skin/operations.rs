//! What callers do to the cache through a client: read, write, fetch, invalidate, and tell it about the world.

use std::sync::Arc;

use super::client::QueryClient;
use super::data::typed;
use super::options::QueryOptions;
use crate::core::cancel::Undo;
use crate::core::filter::QueryFilter;
use crate::core::operations::Refetch;
use crate::core::options::{Overlap, StaleTime};
use crate::core::rows::Routed;
use crate::core::value::QueryError;
use crate::core::view::QueryView;
use crate::core::{Core, Counts, Surroundings};
use crate::deps::RowChange;
use crate::key::QueryKey;

impl QueryClient {
    /// The data at a key if it is fresh, else fetched (rule 85). Not tried again on failure unless the options say so
    /// (rule 44); `enabled` does not matter.
    ///
    /// The fetch starts now, not when the future is polled; dropping the future does not stop it.
    ///
    /// # Errors
    /// What the fetch failed with, or [`QueryError::Mismatch`].
    ///
    /// ```
    /// use bedside_query::{query_key, ClientOptions, ManualRuntime, QueryClient, QueryOptions};
    ///
    /// # let runtime = ManualRuntime::new();
    /// # let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
    /// # let beds = || QueryOptions::new(query_key!["beds"], |_| async { Ok::<u32, String>(24) });
    /// assert_eq!(runtime.run(client.fetch_query(beds())).as_deref(), Ok(&24));
    /// ```
    pub fn fetch_query<T, E>(
        &self,
        options: QueryOptions<T, E>,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E>
    where
        T: PartialEq + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let key = options.key().clone();
        let outcome = self.fetch_erased(options.erased);
        async move { typed(outcome.await, &key) }
    }

    /// Fetches what is not there or stale, for later (rule 86). Errors stay in the query's state.
    pub fn prefetch_query<T, E>(&self, options: QueryOptions<T, E>)
    where
        T: PartialEq + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        drop(self.fetch_erased(options.erased));
    }

    /// Any data that is there, however stale, else fetched (rule 84).
    ///
    /// # Errors
    /// As [`fetch_query`](Self::fetch_query).
    pub fn ensure_query_data<T, E>(
        &self,
        options: QueryOptions<T, E>,
    ) -> impl Future<Output = Result<Arc<T>, QueryError<E>>> + Send + use<T, E>
    where
        T: PartialEq + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        self.fetch_query(options.stale_time(StaleTime::Static))
    }

    /// Marks the selected queries invalid and fetches those that somebody looks at (rules 74 to 76). One that is being
    /// fetched is fetched once more afterwards, however often it is invalidated meanwhile.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryClient};
    ///
    /// # let client = QueryClient::default();
    /// # client.set_query_data(query_key!["beds"], 24_u32)?;
    /// client.invalidate_queries(query_key!["beds"]);
    /// assert!(client.query_view(&query_key!["beds"]).is_some_and(|view| view.is_stale));
    /// # Ok::<(), bedside_query::TypeMismatch>(())
    /// ```
    pub fn invalidate_queries(&self, filter: impl Into<QueryFilter>) {
        self.invalidate_queries_with(filter, Refetch::Active, Overlap::Owe);
    }

    /// As [`invalidate_queries`](Self::invalidate_queries), with a say in which are fetched and how.
    pub fn invalidate_queries_with(
        &self,
        filter: impl Into<QueryFilter>,
        refetch: Refetch,
        overlap: Overlap,
    ) {
        let filter = filter.into();
        self.post(move |core| {
            core.invalidate(&filter, refetch, overlap);
        });
    }

    /// Fetches the selected queries, except disabled, static and never fetched ones (rule 76).
    pub fn refetch_queries(&self, filter: impl Into<QueryFilter>) {
        self.refetch_queries_with(filter, Overlap::Owe);
    }

    /// As [`refetch_queries`](Self::refetch_queries), with a say in what happens to fetches that run.
    pub fn refetch_queries_with(&self, filter: impl Into<QueryFilter>, overlap: Overlap) {
        let filter = filter.into();
        self.post(move |core| {
            core.refetch_selected(&filter, overlap);
        });
    }

    /// Resolves once none of the selected queries fetches any more; paused ones are not waited for (rule 77). Errors stay
    /// in the queries' states.
    pub fn when_settled<F: Into<QueryFilter>>(
        &self,
        filter: F,
    ) -> impl Future<Output = ()> + Send + use<F> {
        let filter = filter.into().fetch_status(crate::FetchStatus::Fetching);
        let ids = self.peek(|core| core.select(&filter)).unwrap_or_default();
        let waits: Vec<_> = ids.into_iter().map(|id| self.wait_for(id)).collect();
        async move {
            futures::future::join_all(waits).await;
        }
    }

    /// Cancels the fetches of the selected queries and goes back to what was before them (rule 35).
    pub fn cancel_queries(&self, filter: impl Into<QueryFilter>) {
        let filter = filter.into();
        self.post(move |core| core.cancel_selected(&filter, Undo::Revert));
    }

    /// Cancels without going back: a query without data is left with [`QueryError::Cancelled`].
    pub fn cancel_queries_keeping_state(&self, filter: impl Into<QueryFilter>) {
        let filter = filter.into();
        self.post(move |core| core.cancel_selected(&filter, Undo::Keep));
    }

    /// Puts the selected queries back to how they were born; those somebody looks at are fetched (rules 27, 78).
    pub fn reset_queries(&self, filter: impl Into<QueryFilter>) {
        let filter = filter.into();
        self.post(move |core| {
            core.reset(&filter);
        });
    }

    /// Removes the selected queries. Their observers are not told and keep what they showed (rule 79).
    pub fn remove_queries(&self, filter: impl Into<QueryFilter>) {
        let filter = filter.into();
        self.post(move |core| core.remove(&filter));
    }

    /// Drops every query and mutation and starts a new epoch: no answer of a fetch that runs arrives any more, and mounted
    /// observers show nothing. For a change of identity.
    pub fn clear(&self) {
        self.post(Core::clear);
    }

    /// How often [`clear`](Self::clear) was called.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.peek(Core::epoch).unwrap_or_default()
    }

    /// One query as tools see it.
    #[must_use]
    pub fn query_view(&self, key: &QueryKey) -> Option<QueryView> {
        self.peek(|core| core.view(core.find(key)?)).flatten()
    }

    /// The selected queries, in key order.
    #[must_use]
    pub fn query_views(&self, filter: &QueryFilter) -> Vec<QueryView> {
        self.peek(|core| {
            core.select(filter)
                .into_iter()
                .filter_map(|id| core.view(id))
                .collect()
        })
        .unwrap_or_default()
    }

    /// How much of everything the cache holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.peek(Core::counts).unwrap_or_default()
    }

    /// How many of the selected queries are being fetched (rule 87).
    #[must_use]
    pub fn is_fetching(&self, filter: impl Into<QueryFilter>) -> usize {
        let filter = filter.into();
        self.peek(|core| core.fetching(&filter)).unwrap_or_default()
    }

    /// How many mutations run, wait or are paused (rule 87).
    #[must_use]
    pub fn is_mutating(&self) -> usize {
        self.peek(Core::mutating).unwrap_or_default()
    }

    /// Tells of changes of rows, in the order in which they happened. Each query that depends on them is patched,
    /// invalidated or left alone, and told once at the end.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryClient, QueryOptions, RowChange, Shape, TableDep};
    /// use serde_json::json;
    ///
    /// let client = QueryClient::default();
    /// let count = QueryOptions::<u32, String>::new(query_key!["patients", "count"], |_| async { Ok(3) })
    ///     .initial_data(3)
    ///     .deps([TableDep::made_from("patients", Shape::Aggregate)]);
    /// client.prefetch_query(count);
    /// let routed = client.apply([RowChange::insert("patients", 4, json!({"id": 4}))]);
    /// assert_eq!(routed.invalidated, 1);
    /// ```
    pub fn apply(&self, changes: impl IntoIterator<Item = RowChange>) -> Routed {
        self.apply_with(changes, Refetch::Active)
    }

    /// As [`apply`](Self::apply), with a say in which of the invalidated queries are fetched. With [`Refetch::None`] nothing is
    /// fetched and every query that changed is marked, also where the change could be told: for whoever shows changes at once, and
    /// fetches what has become stale a little later.
    pub fn apply_with(
        &self,
        changes: impl IntoIterator<Item = RowChange>,
        refetch: Refetch,
    ) -> Routed {
        let mut routed = Routed::default();
        for change in changes.into_iter().map(Arc::new) {
            // Told at the end of the loop: observers of a burst wake once.
            let Some(one) = self.run_quietly(|core| core.change(&change, refetch)) else {
                self.post(move |core| {
                    core.change(&change, refetch);
                });
                continue;
            };
            routed.patched += one.patched;
            routed.invalidated += one.invalidated;
            routed.untouched += one.untouched;
        }
        self.flush();
        routed
    }

    /// Changes of this table may have been missed: every query that depends on it is invalidated. Answers how many.
    pub fn apply_gap(&self, table: &str) -> usize {
        self.run(|core| core.gap(table)).unwrap_or_default()
    }

    /// Says whether the network is there. Coming back resumes what was paused and fetches what is stale.
    ///
    /// ```
    /// use bedside_query::{query_key, ClientOptions, FetchStatus, ManualRuntime, Network, QueryClient, QueryOptions};
    ///
    /// # let runtime = ManualRuntime::new();
    /// # let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
    /// # let beds = || QueryOptions::new(query_key!["beds"], |_| async { Ok::<u32, String>(24) });
    /// client.set_online(Network::Offline);
    /// client.prefetch_query(beds());
    /// assert!(client.query_view(&query_key!["beds"]).is_some_and(|view| view.fetch_status == FetchStatus::Paused));
    /// ```
    pub fn set_online(&self, network: Network) {
        self.surroundings(move |around| around.online = network == Network::Online);
    }

    /// Says whether the page is seen. Being seen again resumes retries and fetches what is stale.
    pub fn set_visible(&self, page: Page) {
        self.surroundings(move |around| around.visible = page == Page::Visible);
    }

    pub(super) fn surroundings(&self, change: impl FnOnce(&mut Surroundings) + 'static) {
        self.post(move |core| {
            let mut around = core.around();
            change(&mut around);
            core.surroundings(around);
        });
    }
}

/// Whether requests can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// They can.
    Online,
    /// They cannot.
    Offline,
}

/// Whether anybody sees the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// It is seen.
    Visible,
    /// It is not.
    Hidden,
}
