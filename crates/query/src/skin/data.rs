//! Reading and writing data through a client, with types checked on the way in and out (rules 80 to 83).

use std::sync::Arc;

use super::client::QueryClient;
use super::options::Source;
use crate::core::filter::QueryFilter;
use crate::core::time::Time;
use crate::core::value::{Failure, QueryError, TypeMismatch, TypeTag, Value};
use crate::core::{Change, Core};
use crate::key::QueryKey;

/// The typed `None` of a mismatch that cannot be: other failures don't come from reads.
fn mismatch(failure: Failure) -> Option<TypeMismatch> {
    match failure {
        Failure::Mismatch(mismatch) => Some(mismatch),
        _ => None,
    }
}

impl QueryClient {
    /// The data at a key as shown, optimistic changes included; not reactive, and never makes a query (rule 83).
    ///
    /// # Errors
    /// [`TypeMismatch`] if the key holds another type.
    pub fn get_query_data<T>(&self, key: &QueryKey) -> Result<Option<Arc<T>>, TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let read = self.peek(|core| core.find(key).map(|id| core.read(id, TypeTag::of::<T>)));
        match read.flatten() {
            None | Some(Ok(None)) => Ok(None),
            Some(Ok(Some(value))) => Ok(value.downcast().ok()),
            Some(Err(failure)) => mismatch(failure).map_or(Ok(None), Err),
        }
    }

    /// Writes data at a key, making the query if it is missing (rules 80, 81): it counts as fresh from now on. A fetch that
    /// runs goes on; its result is overruled by this write, and one more fetch follows it.
    ///
    /// # Errors
    /// [`TypeMismatch`] if the key holds another type.
    pub fn set_query_data<T>(&self, key: impl Into<QueryKey>, data: T) -> Result<(), TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        self.set_query_data_at(key, data, None)
    }

    /// As [`set_query_data`](Self::set_query_data), with the time the data is of.
    ///
    /// # Errors
    /// [`TypeMismatch`] if the key holds another type.
    pub fn set_query_data_at<T>(
        &self,
        key: impl Into<QueryKey>,
        data: T,
        updated_at: impl Into<Option<Time>>,
    ) -> Result<(), TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let (key, updated_at) = (key.into(), updated_at.into());
        self.set_erased(&key, Arc::new(data), TypeTag::of::<T>, updated_at)
    }

    pub(super) fn set_erased(
        &self,
        key: &QueryKey,
        value: Value,
        tag: fn() -> TypeTag,
        updated_at: Option<Time>,
    ) -> Result<(), TypeMismatch> {
        let gc = self.gc_time(key);
        let write = {
            let key = key.clone();
            move |core: &mut Core<Source>| {
                let id = core.build(&key, gc);
                core.claim(id, tag)?;
                core.set(id, value, updated_at);
                Ok(())
            }
        };
        // A write from within a closure that the core asks happens after it; its type is checked then.
        if self.inner.core.try_borrow_mut().is_err() {
            self.post(move |core| {
                let _ = write(core);
            });
            return Ok(());
        }
        self.run(write).unwrap_or(Ok(()))
    }

    /// Writes what `update` makes of the data at a key; `None` writes nothing and makes no query (rule 80).
    ///
    /// # Errors
    /// [`TypeMismatch`] if the key holds another type.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryClient};
    ///
    /// let client = QueryClient::default();
    /// client.update_query_data(query_key!["count"], |count: Option<&u32>| Some(count.unwrap_or(&0) + 1))?;
    /// client.update_query_data(query_key!["count"], |count: Option<&u32>| Some(count.unwrap_or(&0) + 1))?;
    /// client.update_query_data(query_key!["other"], |_: Option<&u32>| None)?;
    /// assert_eq!(client.get_query_data::<u32>(&query_key!["count"])?.as_deref(), Some(&2));
    /// assert_eq!(client.counts().queries, 1);
    /// # Ok::<(), bedside_query::TypeMismatch>(())
    /// ```
    pub fn update_query_data<T>(
        &self,
        key: impl Into<QueryKey>,
        update: impl FnOnce(Option<&T>) -> Option<T>,
    ) -> Result<(), TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let key = key.into();
        let held = self.base::<T>(&key)?;
        match update(held.as_deref()) {
            Some(data) => self.set_query_data(key, data),
            None => Ok(()),
        }
    }

    /// The data without optimistic changes, if it is of this type.
    pub(super) fn held<T>(&self, key: &QueryKey) -> Option<Arc<T>>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        self.base(key).ok().flatten()
    }

    /// The data without optimistic changes: what writes build on.
    fn base<T>(&self, key: &QueryKey) -> Result<Option<Arc<T>>, TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        self.get_query_data::<T>(key)?;
        let base = self
            .peek(|core| core.query(core.find(key)?)?.base.clone())
            .flatten();
        Ok(base.and_then(|base| base.downcast().ok()))
    }

    /// Whether a query is there and has no data.
    pub(super) fn is_empty_at(&self, key: &QueryKey) -> bool {
        let empty = self.peek(|core| Some(core.query(core.find(key)?)?.base.is_none()));
        empty.flatten().unwrap_or(false)
    }

    /// Writes what `update` makes of each selected query that has data of this type (rule 82). Answers how many.
    pub fn update_queries_data<T>(
        &self,
        filter: impl Into<QueryFilter>,
        update: impl Fn(&T) -> Option<T>,
    ) -> usize
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let keys = self
            .query_views(&filter.into())
            .into_iter()
            .map(|view| view.key);
        self.batch(|| {
            keys.filter(|key| {
                let held = self.base::<T>(key).ok().flatten();
                let data = held.and_then(|held| update(&held));
                data.is_some_and(|data| self.set_query_data(key, data).is_ok())
            })
            .count()
        })
    }

    /// Changes part of the data at a key, for changes that someone else tells of: unlike a write, it says nothing about the
    /// rest of the data, so it neither makes it fresh nor clears an invalidation. A patch that arrives while a fetch runs
    /// is replayed over its result, so `change` must be pure and must not mind being applied twice. `None` changes
    /// nothing. Answers whether there was data to change.
    ///
    /// # Errors
    /// [`TypeMismatch`] if the key holds another type.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryClient, QueryFilter};
    ///
    /// let client = QueryClient::default();
    /// let key = query_key!["beds"];
    /// client.set_query_data(&key, vec![1, 2])?;
    /// client.invalidate_queries(QueryFilter::exact(&key));
    /// client.patch(&key, |beds: &Vec<i32>| Some(beds.iter().map(|bed| bed * 10).collect()))?;
    /// assert_eq!(client.get_query_data::<Vec<i32>>(&key)?.as_deref(), Some(&vec![10, 20]));
    /// assert!(client.query_view(&key).is_some_and(|view| view.is_invalidated));
    /// # Ok::<(), bedside_query::TypeMismatch>(())
    /// ```
    pub fn patch<T>(
        &self,
        key: impl Into<QueryKey>,
        change: impl Fn(&T) -> Option<T> + Send + Sync + 'static,
    ) -> Result<bool, TypeMismatch>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let key = key.into();
        self.get_query_data::<T>(&key)?;
        let Some(id) = self.peek(|core| core.find(&key)).flatten() else {
            return Ok(false);
        };
        let change = erased_change(change);
        Ok(self.run(|core| core.patch(id, &change)).unwrap_or(false))
    }
}

/// Takes the type off a change; data of another type is left alone.
pub(super) fn erased_change<T: Send + Sync + 'static>(
    change: impl Fn(&T) -> Option<T> + Send + Sync + 'static,
) -> Change {
    Arc::new(move |value: &Value| {
        value
            .downcast_ref::<T>()
            .and_then(&change)
            .map(|data| Arc::new(data) as Value)
    })
}

/// Puts the types back on an outcome.
pub(super) fn typed<T, E>(
    outcome: Result<Value, Failure>,
    key: &QueryKey,
) -> Result<Arc<T>, QueryError<E>>
where
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    match outcome {
        Ok(value) => value.downcast().map_err(|_| {
            QueryError::Mismatch(TypeMismatch {
                key: key.clone(),
                held: "another type",
                asked: std::any::type_name::<T>(),
            })
        }),
        Err(failure) => Err(QueryError::typed(&failure, Some(key))),
    }
}
