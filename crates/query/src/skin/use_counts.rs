//! `use_is_fetching` and `use_is_mutating`: how much is going on.

use reactive_graph::computed::Memo;
use reactive_graph::traits::Track;

use super::client::use_query_client;
use crate::core::filter::QueryFilter;

/// How many of the selected queries are being fetched (rule 87). For a page-wide busy sign.
///
/// ```
/// use bedside_query::{use_is_fetching, QueryFilter};
/// use reactive_graph::{owner::Owner, traits::GetUntracked};
///
/// let owner = Owner::new();
/// owner.with(|| assert_eq!(use_is_fetching(QueryFilter::all()).get_untracked(), 0));
/// ```
pub fn use_is_fetching(filter: impl Into<QueryFilter>) -> Memo<usize> {
    let (client, filter) = (use_query_client(), filter.into());
    Memo::new(move |_| {
        client.inner.activity.track();
        client.is_fetching(filter.clone())
    })
}

/// How many mutations run, wait or are paused (rule 87).
pub fn use_is_mutating() -> Memo<usize> {
    let client = use_query_client();
    Memo::new(move |_| {
        client.inner.activity.track();
        client.is_mutating()
    })
}
