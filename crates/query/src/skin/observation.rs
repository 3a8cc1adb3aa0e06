//! Observing a query without signals: a callback and a guard. For code that is no component, and for tests.

use std::marker::PhantomData;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::client::{Inner, QueryClient, Sink};
use super::options::QueryOptions;
use super::shown::{TypedShown, same_arc};
use crate::core::ObserverId;
use crate::core::value::QueryError;
use crate::core::view::{FetchStatus, Status};

/// What an observer sees at one moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct Observed<T, E> {
    /// The data, optimistic changes and placeholder included.
    pub data: Option<Arc<T>>,
    /// Why the last fetch failed for good.
    pub error: Option<QueryError<E>>,
    /// What there is to show.
    pub status: Status,
    /// What the query is doing.
    pub fetch_status: FetchStatus,
    /// Whether the data has outlived its stale time or was invalidated.
    pub is_stale: bool,
    /// Whether the data is a placeholder.
    pub is_placeholder_data: bool,
}

impl<T, E> Clone for Observed<T, E> {
    fn clone(&self) -> Self {
        Self {
            data: self.data.clone(),
            error: self.error.clone(),
            ..*self
        }
    }
}

/// Equal if they show the same data (not only equal data), error and states.
impl<T, E> PartialEq for Observed<T, E> {
    fn eq(&self, other: &Self) -> bool {
        same_arc(&self.data, &other.data)
            && self.error == other.error
            && self.status == other.status
            && self.fetch_status == other.fetch_status
            && self.is_stale == other.is_stale
            && self.is_placeholder_data == other.is_placeholder_data
    }
}

/// An observation; ends when dropped.
#[must_use = "dropping it ends the observation"]
pub struct Observation<T: 'static, E: 'static> {
    client: Weak<Inner>,
    observer: Option<ObserverId>,
    refused: Option<QueryError<E>>,
    types: PhantomData<fn() -> (T, E)>,
}

struct Callback<F>(F);

impl<F: Fn(&QueryClient, ObserverId)> Sink for Callback<F> {
    fn update(&self, client: &QueryClient, observer: ObserverId) {
        (self.0)(client, observer);
    }
}

impl QueryClient {
    /// Observes a query until the returned guard is dropped; `call` hears of every change, first of the state it finds.
    ///
    /// ```
    /// use bedside_query::{query_key, ClientOptions, ManualRuntime, QueryClient, QueryOptions};
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let runtime = ManualRuntime::new();
    /// let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
    /// let seen = Rc::new(RefCell::new(Vec::new()));
    /// let beds = QueryOptions::new(query_key!["beds"], |_| async { Ok::<_, String>(24) });
    /// let observation = client.observe(beds, {
    ///     let seen = Rc::clone(&seen);
    ///     move |now| seen.borrow_mut().push(now.data.as_deref().copied())
    /// });
    /// runtime.settle();
    /// assert_eq!(*seen.borrow(), [None, Some(24)]);
    /// assert_eq!(observation.now().data.as_deref(), Some(&24));
    /// ```
    pub fn observe<T, E>(
        &self,
        options: QueryOptions<T, E>,
        call: impl Fn(&Observed<T, E>) + 'static,
    ) -> Observation<T, E>
    where
        T: PartialEq + Send + Sync + 'static,
        E: Send + Sync + 'static,
    {
        let call = Rc::new(call);
        let refusal = Rc::clone(&call);
        let sink = Rc::new(Callback(move |client: &QueryClient, observer| {
            if let Some(shown) = client.peek(|core| core.shown(observer)) {
                call(&TypedShown::of(shown).into());
            }
        }));
        let mut observation = Observation {
            client: self.downgrade(),
            observer: None,
            refused: None,
            types: PhantomData,
        };
        match self.observe_erased(options.erased, None, sink) {
            Ok((_, observer)) => observation.observer = Some(observer),
            Err(failure) => {
                let error = QueryError::typed(&failure, None);
                refusal(&TypedShown::failed(error.clone()).into());
                observation.refused = Some(error);
            }
        }
        observation
    }
}

impl<T, E> Observation<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// What there is to see now.
    #[must_use]
    pub fn now(&self) -> Observed<T, E> {
        if let Some(error) = &self.refused {
            return TypedShown::failed(error.clone()).into();
        }
        let client = self.client.upgrade().map(QueryClient::from_inner);
        let shown = client
            .zip(self.observer)
            .and_then(|(client, observer)| client.peek(|core| core.shown(observer)));
        shown
            .map_or_else(TypedShown::default, TypedShown::of)
            .into()
    }
}

impl<T, E> Drop for Observation<T, E> {
    fn drop(&mut self) {
        if let (Some(inner), Some(observer)) = (self.client.upgrade(), self.observer) {
            QueryClient::from_inner(inner).unobserve(observer);
        }
    }
}

impl<T, E> From<TypedShown<T, E>> for Observed<T, E> {
    fn from(shown: TypedShown<T, E>) -> Self {
        Self {
            data: shown.data,
            error: shown.error,
            status: shown.plain.status,
            fetch_status: shown.plain.fetch_status,
            is_stale: shown.plain.is_stale,
            is_placeholder_data: shown.plain.is_placeholder,
        }
    }
}
