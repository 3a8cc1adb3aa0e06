//! Queries kept one by one (rule 115): each in an entry of its own, restored when it is first fetched and saved when a fetch has
//! brought it. For data too large to be read whole when the page starts; [`persist`](super::persist) keeps the cache as one text.

use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::client::QueryClient;
use super::options::{FetchContext, Source};
use super::persist::{PersistError, PersistOptions};
use crate::core::time::Time;
use crate::core::value::{Codec, Value};
use crate::key::QueryKey;

/// Keeps texts under names. Encryption, if any, is its business.
pub trait EntryStore {
    /// Puts the text in the place of the one that is kept under this name.
    fn save(&self, name: String, text: String)
    -> LocalBoxFuture<'static, Result<(), PersistError>>;

    /// The text that is kept under this name.
    fn load(&self, name: String) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>>;

    /// Forgets the text under this name.
    fn remove(&self, name: String) -> LocalBoxFuture<'static, Result<(), PersistError>>;
}

/// A store of entries with its rules: how old an entry may be, and whose it is. Clone it freely, and give it to queries with
/// [`QueryOptions::kept_in`](crate::QueryOptions::kept_in).
///
/// ```
/// use bedside_query::{query_key, ClientOptions, Entries, EntryStore, ManualRuntime, PersistError, PersistOptions, QueryClient, QueryOptions};
/// use futures::{FutureExt, future::LocalBoxFuture};
/// use std::{cell::RefCell, collections::HashMap, rc::Rc};
///
/// #[derive(Clone, Default)]
/// struct Memory(Rc<RefCell<HashMap<String, String>>>);
///
/// impl EntryStore for Memory {
///     fn save(&self, name: String, text: String) -> LocalBoxFuture<'static, Result<(), PersistError>> {
///         self.0.borrow_mut().insert(name, text);
///         async { Ok(()) }.boxed_local()
///     }
///     fn load(&self, name: String) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>> {
///         let text = self.0.borrow().get(&name).cloned();
///         async { Ok(text) }.boxed_local()
///     }
///     fn remove(&self, name: String) -> LocalBoxFuture<'static, Result<(), PersistError>> {
///         self.0.borrow_mut().remove(&name);
///         async { Ok(()) }.boxed_local()
///     }
/// }
///
/// let store = Memory::default();
/// let fetch_in_a_session = |answer: u32| {
///     let runtime = ManualRuntime::new();
///     let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
///     let entries = Entries::new(store.clone(), PersistOptions::default());
///     let beds = QueryOptions::new(query_key!["beds"], move |_| async move { Ok::<_, String>(answer) }).kept_in(&entries);
///     let fetched = runtime.run(client.fetch_query(beds));
///     runtime.settle();
///     fetched.map(|beds| *beds)
/// };
/// assert_eq!(fetch_in_a_session(24), Ok(24));
/// assert_eq!(fetch_in_a_session(25), Ok(24), "restored, and nobody looks at it who wants it fresher");
/// ```
#[derive(Clone)]
pub struct Entries(Rc<Inner>);

struct Inner {
    store: Rc<dyn EntryStore>,
    options: PersistOptions,
    last_error: RefCell<Option<PersistError>>,
}

/// What is kept of one query.
#[derive(Serialize, Deserialize)]
struct Entry {
    key: QueryKey,
    data: serde_json::Value,
    updated_at: Time,
    buster: String,
}

impl Entries {
    /// Entries in a store. Of the options the buster and the greatest age count; entries are saved after each fetch, not
    /// throttled.
    #[must_use]
    pub fn new(store: impl EntryStore + 'static, options: PersistOptions) -> Self {
        Self(Rc::new(Inner {
            store: Rc::new(store),
            options,
            last_error: RefCell::new(None),
        }))
    }

    /// Why the last save or load failed; `None` if it did not.
    #[must_use]
    pub fn last_error(&self) -> Option<PersistError> {
        self.0.last_error.borrow().clone()
    }

    /// The source with the entry before it and behind it.
    pub(super) fn around(&self, source: Source, codec: Codec) -> Source {
        let entries = self.clone();
        Rc::new(move |context| {
            let (entries, source) = (entries.clone(), Rc::clone(&source));
            async move {
                if context.client.is_empty_at(&context.key)
                    && let Some((value, updated_at)) = entries.restore(&context, codec).await
                {
                    context.as_of.set(Some(updated_at));
                    return Ok(value);
                }
                let (key, client) = (context.key.clone(), context.client.clone());
                let outcome = source(context).await;
                if let Ok(value) = &outcome {
                    entries.keep(&client, key, value, codec);
                }
                outcome
            }
            .boxed_local()
        })
    }

    async fn restore(&self, context: &FetchContext, codec: Codec) -> Option<(Value, Time)> {
        let name = name(&context.key)?;
        let text = match self.0.store.load(name.clone()).await {
            Ok(text) => text?,
            Err(error) => {
                self.0.last_error.replace(Some(error));
                return None;
            }
        };
        let now = context.client.inner.runtime.now();
        let (options, key) = (&self.0.options, &context.key);
        let restored = serde_json::from_str::<Entry>(&text)
            .ok()
            .filter(|entry| {
                entry.key == *key && options.accept(&entry.buster, entry.updated_at, now)
            })
            // A time to come would never age.
            .and_then(|entry| Some(((codec.decode)(entry.data)?, entry.updated_at.min(now))));
        if restored.is_none() {
            // What cannot be removed is dropped again the next time.
            let _ = self.0.store.remove(name).await;
        }
        restored
    }

    fn keep(&self, client: &QueryClient, key: QueryKey, value: &Value, codec: Codec) {
        let Some((name, data)) = name(&key).zip((codec.encode)(value)) else {
            return;
        };
        let entry = Entry {
            key,
            data,
            updated_at: client.inner.runtime.now(),
            buster: self.0.options.kept_under().to_string(),
        };
        let Ok(text) = serde_json::to_string(&entry) else {
            return;
        };
        let entries = self.clone();
        client.inner.runtime.spawn(Box::pin(async move {
            let saved = entries.0.store.save(name.clone(), text).await;
            if saved == Err(PersistError::Full) {
                // An older state of it would be restored as if it were the last.
                let _ = entries.0.store.remove(name).await;
            }
            entries.0.last_error.replace(saved.err());
        }));
    }
}

/// The entry's name: the key with its types, so that a UUID is not its text.
fn name(key: &QueryKey) -> Option<String> {
    serde_json::to_string(key).ok()
}
