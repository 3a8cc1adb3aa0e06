//! A live query as pages want it: the data, the trouble, whether more is on its way.

use std::sync::Arc;

use bedside_query::{QueryError, QueryOptions, UseQuery, query_key};
use leptos::prelude::*;

use super::use_live_query;
use crate::data::{DataError, Rest};
use crate::sync::Table;

/// What a page sees of a query. Its signals live as long as the component that asked.
pub struct Reading<T: Send + Sync + 'static> {
    /// The last good answer. Nothing once the database says that there is no such row for this person: what may not be seen
    /// any more is not shown any more.
    pub data: Signal<Option<Arc<T>>>,
    /// Why there is no newer answer: the last fetch failed, or can't begin without a network.
    pub error: Signal<Option<DataError>>,
    /// Whether the data answers an older question, until the answer to the present one comes.
    pub outdated: Signal<bool>,
    /// Fetches again, now.
    pub refetch: Callback<()>,
}

impl<T: Send + Sync + 'static> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Reading<T> {}

/// Reads a query and follows the tables that it shows.
pub fn use_reading<T>(
    tables: &'static [Table],
    query: impl Fn(Rest) -> QueryOptions<T, DataError> + 'static,
) -> Reading<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    let rest = use_context::<Rest>();
    let read = use_live_query(tables, move || match &rest {
        Some(rest) => query(rest.clone()),
        None => QueryOptions::without_fetcher(query_key!["nothing"]),
    });
    Reading::of(read)
}

impl<T> Reading<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    fn of(query: UseQuery<T, DataError>) -> Self {
        let (failure, paused) = (query.error(), query.is_paused());
        let data = query.data();
        let gone = {
            let failure = failure.clone();
            Memo::new(move |_| {
                failure.with(|error| error.as_ref().and_then(trouble)) == Some(DataError::NotFound)
            })
        };
        let error = move || match failure.get() {
            Some(error) => trouble(&error),
            None => paused.get().then_some(DataError::Offline),
        };
        Self {
            data: Signal::derive(move || if gone.get() { None } else { data.get() }),
            error: Signal::derive(error),
            outdated: query.is_placeholder_data().into(),
            refetch: Callback::new(move |()| {
                // Begun at once; whoever reads the data sees how it ends.
                drop(query.refetch());
            }),
        }
    }
}

/// The trouble behind a failed query; a cancelled one is no trouble.
pub fn trouble(error: &QueryError<DataError>) -> Option<DataError> {
    match error {
        QueryError::Failed(error) => Some(DataError::clone(error)),
        QueryError::Cancelled => None,
        QueryError::Panicked(_) | QueryError::NoFetcher | QueryError::Mismatch(_) => {
            Some(DataError::Unreadable)
        }
    }
}
