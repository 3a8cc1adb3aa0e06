//! Filters: which queries an operation is about (rules 7 to 14). Knows how a filter is written; matching keys is the
//! index's business.

use std::sync::Arc;

use super::view::{FetchStatus, QueryView};
use super::{Core, QueryId};
use crate::key::QueryKey;

/// Which queries an operation is about. Empty: every query (rule 11).
///
/// ```
/// use bedside_query::{query_key, QueryClient, QueryFilter};
///
/// let client = QueryClient::default();
/// client.set_query_data(query_key!["patients", 1], "Ada".to_string())?;
/// client.set_query_data(query_key!["patients", 2], "Eve".to_string())?;
/// client.set_query_data(query_key!["wards"], 3_u8)?;
///
/// assert_eq!(client.query_views(&QueryFilter::all()).len(), 3);
/// assert_eq!(client.query_views(&QueryFilter::prefix(query_key!["patients"])).len(), 2);
/// assert_eq!(client.query_views(&QueryFilter::exact(query_key!["patients"])).len(), 0);
/// assert_eq!(client.query_views(&QueryFilter::all().matching(|view| view.data::<u8>().is_some())).len(), 1);
/// # Ok::<(), bedside_query::TypeMismatch>(())
/// ```
#[derive(Clone, Default)]
pub struct QueryFilter {
    pub(crate) keys: Keys,
    pub(crate) activity: Option<Activity>,
    pub(crate) staleness: Option<Staleness>,
    pub(crate) fetch_status: Option<FetchStatus>,
    pub(crate) predicate: Option<Predicate>,
}

pub(crate) type Predicate = Arc<dyn Fn(&QueryView) -> bool + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) enum Keys {
    #[default]
    All,
    Prefix(QueryKey),
    Exact(QueryKey),
}

/// Whether an enabled observer looks at a query (rule 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// One does.
    Active,
    /// None does.
    Inactive,
}

/// Whether a query is stale to any of its observers (rule 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// It is not.
    Fresh,
    /// It is.
    Stale,
}

impl QueryFilter {
    /// Every query.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The queries whose keys begin with this one; objects in it match as subsets.
    #[must_use]
    pub fn prefix(key: impl Into<QueryKey>) -> Self {
        Self {
            keys: Keys::Prefix(key.into()),
            ..Self::default()
        }
    }

    /// The one query with this key.
    #[must_use]
    pub fn exact(key: impl Into<QueryKey>) -> Self {
        Self {
            keys: Keys::Exact(key.into()),
            ..Self::default()
        }
    }

    /// Only active, or only inactive ones.
    #[must_use]
    pub fn activity(self, activity: Activity) -> Self {
        Self {
            activity: Some(activity),
            ..self
        }
    }

    /// Only stale, or only fresh ones.
    #[must_use]
    pub fn staleness(self, staleness: Staleness) -> Self {
        Self {
            staleness: Some(staleness),
            ..self
        }
    }

    /// Only those in this fetch status.
    #[must_use]
    pub fn fetch_status(self, status: FetchStatus) -> Self {
        Self {
            fetch_status: Some(status),
            ..self
        }
    }

    /// Only those the predicate accepts; it is asked last (rule 14). It may read the cache; what it changes is carried out
    /// after the operation.
    #[must_use]
    pub fn matching(self, predicate: impl Fn(&QueryView) -> bool + Send + Sync + 'static) -> Self {
        Self {
            predicate: Some(Arc::new(predicate)),
            ..self
        }
    }

    /// The prefix, if that is all there is to the filter.
    pub(crate) fn family(&self) -> Option<&QueryKey> {
        match &self.keys {
            Keys::Prefix(prefix) if self.is_by_key_alone() => Some(prefix),
            _ => None,
        }
    }

    /// The part of the filter that a query passes for all its life, or never.
    pub(crate) fn by_key(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            ..Self::all()
        }
    }

    fn is_by_key_alone(&self) -> bool {
        self.activity.is_none()
            && self.staleness.is_none()
            && self.fetch_status.is_none()
            && self.predicate.is_none()
    }
}

/// A key on its own is a filter on it as a prefix.
impl From<QueryKey> for QueryFilter {
    fn from(key: QueryKey) -> Self {
        Self::prefix(key)
    }
}

impl From<&QueryKey> for QueryFilter {
    fn from(key: &QueryKey) -> Self {
        Self::prefix(key)
    }
}

impl<S: Clone> Core<S> {
    /// The queries a filter selects, in key order.
    pub(crate) fn select(&self, filter: &QueryFilter) -> Vec<QueryId> {
        let mut selected = Vec::new();
        match &filter.keys {
            Keys::All => selected.extend(self.index.all()),
            Keys::Prefix(prefix) => self.index.prefix(prefix, |id| selected.push(id)),
            Keys::Exact(key) => selected.extend(self.index.get(key)),
        }
        if !filter.is_by_key_alone() {
            selected.retain(|id| self.passes(*id, filter));
        }
        selected
    }

    fn passes(&self, id: QueryId, filter: &QueryFilter) -> bool {
        filter
            .activity
            .is_none_or(|want| (want == Activity::Active) == self.is_active(id))
            && filter
                .staleness
                .is_none_or(|want| (want == Staleness::Stale) == self.is_stale(id))
            && filter.fetch_status.is_none_or(|want| {
                self.query(id)
                    .is_some_and(|query| query.fetch_status() == want)
            })
            && filter
                .predicate
                .as_ref()
                .is_none_or(|ask| self.view(id).is_some_and(|view| ask(&view)))
    }
}
