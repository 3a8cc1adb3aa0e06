//! Taking the cache out of the page and putting one in (rules 107, 110, 111). What is put in has no types yet: it waits,
//! cold, until a query with that key and a type asks for it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::client::QueryClient;
use crate::core::filter::QueryFilter;
use crate::core::time::Time;
use crate::core::value::{Codec, Value};
use crate::core::view::Status;
use crate::key::QueryKey;

/// A cache outside a page: the successful queries that may leave it, and the mutations that wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dehydrated {
    /// Queries.
    pub queries: Vec<DehydratedQuery>,
    /// Mutations that were paused.
    #[serde(default)]
    pub mutations: Vec<DehydratedMutation>,
}

/// A query outside a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DehydratedQuery {
    /// Its key.
    pub key: QueryKey,
    /// Its data, without optimistic changes.
    pub data: Json,
    /// When the data was fetched or written.
    pub updated_at: Time,
}

/// A mutation outside a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DehydratedMutation {
    /// Its key: what finds its function again.
    pub key: QueryKey,
    /// What it was called with.
    pub variables: Json,
    /// When it was called.
    pub submitted_at: Time,
}

/// Data that waits for its type.
pub(super) type Cold = HashMap<QueryKey, (Json, Time)>;

impl QueryClient {
    /// Everything that may leave the page: queries with data whose options say
    /// [`persisted`](crate::QueryOptions::persisted), and paused mutations whose options do (rule 110). What came in by
    /// [`hydrate`](Self::hydrate) and nobody asked for yet goes out again.
    ///
    /// ```
    /// use bedside_query::{query_key, QueryClient, QueryOptions};
    ///
    /// let beds = || QueryOptions::<u32, String>::skip(query_key!["beds"]).persisted();
    /// let here = QueryClient::default();
    /// let _observation = here.observe(beds().initial_data(24), |_| {});
    /// let there = QueryClient::default();
    /// there.hydrate(here.dehydrate());
    /// let _observation = there.observe(beds(), |_| {});
    /// assert_eq!(there.get_query_data::<u32>(&query_key!["beds"])?.as_deref(), Some(&24));
    /// # Ok::<(), bedside_query::TypeMismatch>(())
    /// ```
    #[must_use]
    pub fn dehydrate(&self) -> Dehydrated {
        let warm = self.peek(|core| {
            let ids = core.select(&QueryFilter::all()).into_iter();
            let rows = ids.filter_map(|id| {
                let query = core
                    .query(id)
                    .filter(|query| query.status == Status::Success)?;
                let codec = query.extra.as_ref()?.codec?;
                let data = (codec.encode)(query.base.as_ref()?)?;
                Some(DehydratedQuery {
                    key: core.key(id),
                    data,
                    updated_at: query.updated_at?,
                })
            });
            let queries = rows.collect::<Vec<_>>();
            let paused = core
                .mutations
                .iter()
                .filter(|(_, mutation)| mutation.is_paused());
            let mut mutations: Vec<_> = paused
                .filter_map(|(_, mutation)| {
                    Some(DehydratedMutation {
                        key: mutation.settings.key.clone()?,
                        variables: mutation.settings.variables.clone()?,
                        submitted_at: mutation.submitted_at,
                    })
                })
                .collect();
            mutations.sort_by_key(|mutation| mutation.submitted_at);
            Dehydrated { queries, mutations }
        });
        let mut dehydrated = warm.unwrap_or_default();
        let cold = self.inner.cold.borrow();
        dehydrated.queries.extend(
            cold.iter()
                .map(|(key, (data, updated_at))| DehydratedQuery {
                    key: key.clone(),
                    data: data.clone(),
                    updated_at: *updated_at,
                }),
        );
        dehydrated.queries.sort_by(|a, b| a.key.cmp(&b.key));
        dehydrated
    }

    /// Puts a cache in. A query that is there keeps what it has if that is as new, and goes on with what it is doing;
    /// others appear when they are first asked for, with the time they were of (rule 111). Data that does not fit the type
    /// that asks for it is dropped. Mutations run as soon as the network allows, if
    /// [`set_mutation_defaults`](Self::set_mutation_defaults) has told how; the others are dropped (rule 107).
    pub fn hydrate(&self, dehydrated: Dehydrated) {
        self.batch(|| {
            for query in dehydrated.queries {
                self.hydrate_query(query);
            }
            for mutation in dehydrated.mutations {
                self.revive(mutation);
            }
        });
    }

    pub(super) fn hydrate_query(&self, query: DehydratedQuery) {
        let DehydratedQuery {
            key,
            data,
            updated_at,
        } = query;
        // A time to come would never age.
        let updated_at = updated_at.min(self.inner.runtime.now());
        let typed = self.peek(|core| {
            let id = core.find(&key)?;
            Some((id, core.query(id)?.extra.as_ref()?.codec?))
        });
        match typed.flatten() {
            Some((id, codec)) => {
                if let Some(value) = (codec.decode)(data) {
                    self.run(|core| core.hydrate(id, value, updated_at));
                }
            }
            None => {
                let mut cold = self.inner.cold.borrow_mut();
                if cold.get(&key).is_none_or(|(_, held)| *held < updated_at) {
                    cold.insert(key, (data, updated_at));
                }
            }
        }
    }

    /// What waits for this key, now that its type is known.
    pub(super) fn thaw(&self, key: &QueryKey, codec: Codec) -> Option<(Value, Time)> {
        // Let go before decoding, which is code of others.
        let (data, updated_at) = self.inner.cold.borrow_mut().remove(key)?;
        Some(((codec.decode)(data)?, updated_at))
    }

    fn revive(&self, mutation: DehydratedMutation) {
        let revive = {
            let revivers = self.inner.revivers.borrow();
            let found = revivers
                .iter()
                .rev()
                .find(|(prefix, _)| prefix.is_prefix_of(&mutation.key));
            found.map(|(_, revive)| revive.clone())
        };
        if let Some(revive) = revive {
            revive(self, mutation.variables);
        }
    }
}
