//! What can be seen of a query from outside: its states, and the views that closures, filters and tools get. Read only.

use std::sync::Arc;

use super::time::Time;
use super::value::Value;
use crate::key::QueryKey;

/// What a query has to show (rule 16 and on).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// No data and no error yet.
    #[default]
    Pending,
    /// The last fetch failed. Data of an earlier one may still be there.
    Error,
    /// Data.
    Success,
}

/// What a query is doing about it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum FetchStatus {
    /// Nothing.
    #[default]
    Idle,
    /// Fetching, or waiting to try again.
    Fetching,
    /// Wants to fetch, but the network is away.
    Paused,
}

/// One query, as filters, option closures and tools see it.
///
/// ```
/// use bedside_query::{query_key, QueryClient, Status};
///
/// let client = QueryClient::default();
/// client.set_query_data(query_key!["ward", "4B"], 24_u32)?;
/// let view = client.query_view(&query_key!["ward", "4B"]).ok_or("missing")?;
/// assert_eq!(view.status, Status::Success);
/// assert_eq!(view.data::<u32>().as_deref(), Some(&24));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueryView {
    /// Its key.
    pub key: QueryKey,
    /// What it has to show.
    pub status: Status,
    /// What it is doing.
    pub fetch_status: FetchStatus,
    /// When its data came from a fetch or a manual write; patches don't count.
    pub data_updated_at: Option<Time>,
    /// When it last failed for good.
    pub error_updated_at: Option<Time>,
    /// Fetches and manual writes so far.
    pub data_update_count: u32,
    /// Fetches that failed for good so far.
    pub error_update_count: u32,
    /// Failed attempts of the running or last fetch.
    pub failure_count: u32,
    /// Whether it was invalidated after its data came.
    pub is_invalidated: bool,
    /// Whether it is stale to any of its observers; without observers, whether it is invalidated or empty (rule 13).
    pub is_stale: bool,
    /// Observers, enabled or not.
    pub observers: usize,
    /// Whether an enabled observer looks at it (rule 12).
    pub is_active: bool,
    /// The type of its data, once known.
    pub type_name: Option<&'static str>,
    pub(crate) data: Option<Value>,
}

impl QueryView {
    /// The data as shown, optimistic changes included; `None` if there is none or it has another type.
    #[must_use]
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(self.data.as_ref()?).downcast().ok()
    }

    /// Whether there is data of any type.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }
}

/// Everything one observer shows at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// The query's key, if there is an error: what a mismatch of types names.
    pub(crate) key: Option<QueryKey>,
    pub(crate) data: Option<Value>,
    pub(crate) is_placeholder: bool,
    pub(crate) status: Status,
    pub(crate) fetch_status: FetchStatus,
    pub(crate) error: Option<super::value::Failure>,
    pub(crate) failure_reason: Option<super::value::Failure>,
    pub(crate) failure_count: u32,
    pub(crate) data_updated_at: Option<Time>,
    pub(crate) error_updated_at: Option<Time>,
    pub(crate) is_stale: bool,
    pub(crate) is_invalidated: bool,
    pub(crate) is_optimistic: bool,
    pub(crate) is_fetched: bool,
    pub(crate) is_fetched_after_mount: bool,
}
