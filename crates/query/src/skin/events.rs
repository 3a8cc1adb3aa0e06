//! For tools: what happens in the cache, as it happens, and a picture of all of it. Costs nothing while nobody listens.

use std::rc::{Rc, Weak};

use serde::Serialize;

use super::client::{Inner, QueryClient};
use crate::core::Counts;
use crate::core::event::Event;
use crate::core::filter::QueryFilter;
use crate::core::mutation::MutationStatus;
use crate::core::time::Time;
use crate::core::view::{FetchStatus, Status};

/// A registration for events; ends when dropped.
#[must_use = "dropping it ends the listening"]
pub struct Listening {
    client: Weak<Inner>,
    number: u64,
}

/// The whole cache at one moment, without its data.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// How often the cache was cleared.
    pub epoch: u64,
    /// How much of everything there is.
    pub counts: Counts,
    /// Whether requests can be sent, as far as the cache was told.
    pub online: bool,
    /// Every query, in key order.
    pub queries: Vec<QueryRow>,
    /// Every mutation that has not been collected.
    pub mutations: Vec<MutationRow>,
}

/// A query in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueryRow {
    /// Its key, as JSON text.
    pub key: String,
    /// What it has to show.
    pub status: Status,
    /// What it is doing.
    pub fetch_status: FetchStatus,
    /// The type of its data.
    pub type_name: Option<&'static str>,
    /// Whether it is stale to any of its observers.
    pub is_stale: bool,
    /// Whether it was invalidated.
    pub is_invalidated: bool,
    /// Its observers.
    pub observers: usize,
    /// When its data was fetched or written.
    pub data_updated_at: Option<Time>,
    /// Fetches and writes so far.
    pub data_update_count: u32,
    /// Failures for good so far.
    pub error_update_count: u32,
}

/// A mutation in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MutationRow {
    /// Its key, as JSON text.
    pub key: Option<String>,
    /// Its scope.
    pub scope: Option<String>,
    /// What it has come to.
    pub status: MutationStatus,
    /// Whether it waits for the network or its turn.
    pub is_paused: bool,
    /// Failed attempts.
    pub failure_count: u32,
    /// When it was called.
    pub submitted_at: Time,
}

impl QueryClient {
    /// Calls `listener` for everything that happens, until the returned guard is dropped (rule 89).
    ///
    /// ```
    /// use bedside_query::{query_key, EventKind, QueryClient};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let client = QueryClient::default();
    /// let seen = Rc::new(RefCell::new(Vec::new()));
    /// let listening = client.listen({
    ///     let seen = Rc::clone(&seen);
    ///     move |event| seen.borrow_mut().push(event.kind.clone())
    /// });
    /// client.set_query_data(query_key!["beds"], 24_u8)?;
    /// assert_eq!(seen.borrow().first(), Some(&EventKind::Added(query_key!["beds"])));
    /// drop(listening);
    /// # Ok::<(), bedside_query::TypeMismatch>(())
    /// ```
    pub fn listen(&self, listener: impl Fn(&Event) + 'static) -> Listening {
        let number = self.inner.next_listener.get();
        self.inner.next_listener.set(number + 1);
        self.inner
            .listeners
            .borrow_mut()
            .push((number, Rc::new(listener)));
        self.post(|core| core.listen(true));
        Listening {
            client: self.downgrade(),
            number,
        }
    }

    /// The whole cache at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let queries = self
            .query_views(&QueryFilter::all())
            .into_iter()
            .map(|view| QueryRow {
                key: view.key.to_string(),
                status: view.status,
                fetch_status: view.fetch_status,
                type_name: view.type_name,
                is_stale: view.is_stale,
                is_invalidated: view.is_invalidated,
                observers: view.observers,
                data_updated_at: view.data_updated_at,
                data_update_count: view.data_update_count,
                error_update_count: view.error_update_count,
            });
        let queries = queries.collect();
        let mutations = self.peek(|core| {
            let rows = core.mutations.iter().map(|(_, mutation)| MutationRow {
                key: mutation.settings.key.as_ref().map(ToString::to_string),
                scope: mutation.settings.scope.as_ref().map(ToString::to_string),
                status: mutation.status,
                is_paused: mutation.is_paused(),
                failure_count: mutation.failure_count,
                submitted_at: mutation.submitted_at,
            });
            rows.collect()
        });
        Snapshot {
            at: self.inner.runtime.now(),
            epoch: self.epoch(),
            counts: self.counts(),
            online: self.peek(|core| core.around().online).unwrap_or(true),
            queries,
            mutations: mutations.unwrap_or_default(),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let Some(inner) = self.client.upgrade() else {
            return;
        };
        let left = {
            let mut listeners = inner.listeners.borrow_mut();
            listeners.retain(|(number, _)| *number != self.number);
            listeners.len()
        };
        if left == 0 {
            QueryClient::from_inner(inner).post(|core| core.listen(false));
        }
    }
}
