//! Erased data and errors. The store holds values without their types, so that generics do not multiply the code; the typed
//! façade puts a value in and takes it out, and a wrong type is an error value that names both types.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use crate::key::QueryKey;

/// Data of a query, its type erased.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// The type of a query's data and how two values of it are compared.
#[derive(Clone, Copy)]
pub(crate) struct TypeTag {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    /// Whether two values are equal, so that an equal result keeps the old `Arc` and wakes nobody (rule 71).
    pub(crate) same: fn(&Value, &Value) -> bool,
}

impl TypeTag {
    pub(crate) fn of<T: PartialEq + Send + Sync + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            same: |a, b| match (a.downcast_ref::<T>(), b.downcast_ref::<T>()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }
}

impl PartialEq for TypeTag {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for TypeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How data is written as JSON and read back.
#[derive(Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) encode: fn(&Value) -> Option<serde_json::Value>,
    pub(crate) decode: fn(serde_json::Value) -> Option<Value>,
}

impl Codec {
    pub(crate) fn of<T>() -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
    {
        Self {
            encode: |value| serde_json::to_value(value.downcast_ref::<T>()?).ok(),
            decode: |json| Some(Arc::new(serde_json::from_value::<T>(json).ok()?)),
        }
    }
}

/// Two places use one key with different types of data (or of error).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query {key} holds {held}, but {asked} was asked for: give one of the two another key")]
pub struct TypeMismatch {
    /// The key both use.
    pub key: QueryKey,
    /// The type that came first.
    pub held: &'static str,
    /// The type that came later.
    pub asked: &'static str,
}

/// Why a fetch or mutation has no result, its error type erased.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The fetcher's or mutation's own error.
    Own(Value),
    /// The fetcher panicked, on a target that unwinds.
    Panicked(Arc<str>),
    /// It was cancelled before it had a result.
    Cancelled,
    /// Nobody ever gave this query a fetcher.
    NoFetcher,
    /// The key is in use with another type.
    Mismatch(TypeMismatch),
}

impl Failure {
    /// What kind of failure it is, for those who must not see the error's own text.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Own(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::Cancelled => "cancelled",
            Self::NoFetcher => "no fetcher",
            Self::Mismatch(_) => "type mismatch",
        }
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Own(a), Self::Own(b)) => Arc::ptr_eq(a, b),
            (Self::Panicked(a), Self::Panicked(b)) => a == b,
            (Self::Mismatch(a), Self::Mismatch(b)) => a == b,
            (Self::Cancelled, Self::Cancelled) | (Self::NoFetcher, Self::NoFetcher) => true,
            _ => false,
        }
    }
}

/// Why a query or mutation has no result.
///
/// ```
/// use bedside_query::{query_key, ClientOptions, ManualRuntime, QueryClient, QueryError, QueryOptions};
///
/// # let runtime = ManualRuntime::new();
/// # let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
/// # let beds = || QueryOptions::new(query_key!["beds"], |_| async { Ok::<u32, String>(24) });
/// let refused = QueryOptions::new(query_key!["refused"], |_| async { Err::<u32, _>("no".to_string()) });
/// match runtime.run(client.fetch_query(refused)) {
///     Err(QueryError::Failed(error)) => assert_eq!(error.as_str(), "no"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum QueryError<E> {
    /// The fetcher or mutation returned this error.
    #[error("{0}")]
    Failed(Arc<E>),
    /// The fetcher panicked. Only on targets that unwind: in the browser a panic ends the app.
    #[error("the fetcher panicked: {0}")]
    Panicked(Arc<str>),
    /// The fetch was cancelled before it had a result.
    #[error("the fetch was cancelled")]
    Cancelled,
    /// The query has no fetcher, and nobody else who observes it has one.
    #[error("the query has no fetcher")]
    NoFetcher,
    /// The key is in use with another type of data or error.
    #[error(transparent)]
    Mismatch(TypeMismatch),
}

impl<E> Clone for QueryError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked(text) => Self::Panicked(Arc::clone(text)),
            Self::Cancelled => Self::Cancelled,
            Self::NoFetcher => Self::NoFetcher,
            Self::Mismatch(mismatch) => Self::Mismatch(mismatch.clone()),
        }
    }
}

/// Errors of the fetcher are equal if they are the same occurrence.
impl<E> PartialEq for QueryError<E> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Failed(a), Self::Failed(b)) => Arc::ptr_eq(a, b),
            (Self::Panicked(a), Self::Panicked(b)) => a == b,
            (Self::Mismatch(a), Self::Mismatch(b)) => a == b,
            (Self::Cancelled, Self::Cancelled) | (Self::NoFetcher, Self::NoFetcher) => true,
            _ => false,
        }
    }
}

impl<E: Send + Sync + 'static> QueryError<E> {
    /// Puts the type back on; `key` names the query in a mismatch, where there is one.
    pub(crate) fn typed(failure: &Failure, key: Option<&QueryKey>) -> Self {
        match failure {
            Failure::Own(value) => match Arc::clone(value).downcast::<E>() {
                Ok(error) => Self::Failed(error),
                Err(_) => Self::Mismatch(TypeMismatch {
                    key: key.cloned().unwrap_or_else(|| QueryKey::new([])),
                    held: "another error type",
                    asked: type_name::<E>(),
                }),
            },
            Failure::Panicked(text) => Self::Panicked(Arc::clone(text)),
            Failure::Cancelled => Self::Cancelled,
            Failure::NoFetcher => Self::NoFetcher,
            Failure::Mismatch(mismatch) => Self::Mismatch(mismatch.clone()),
        }
    }
}
