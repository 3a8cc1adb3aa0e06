//! How a page reads: a key, a fetch, and signals that follow the answer.

use std::future::Future;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{DataError, Rest};

/// What a page sees of a query. Signals live as long as the component that asked.
pub struct Reading<T: Send + Sync + 'static> {
    /// The last good answer; of the former key while the answer for a new one is on its way.
    pub data: Signal<Option<Arc<T>>>,
    /// Why the last fetch failed, until one succeeds.
    pub error: Signal<Option<DataError>>,
    /// Whether a fetch is on its way.
    pub fetching: Signal<bool>,
    /// Fetches again, now.
    pub refetch: Callback<()>,
}

impl<T: Send + Sync + 'static> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Reading<T> {}

/// Reads what `fetch` answers for `key`, again whenever the key changes.
pub fn use_reading<K, T, Fut>(
    key: impl Fn() -> K + Send + Sync + 'static,
    fetch: impl Fn(Rest, K) -> Fut + Clone + Send + Sync + 'static,
) -> Reading<T>
where
    K: Clone + PartialEq + Send + Sync + 'static,
    T: Send + Sync + 'static,
    Fut: Future<Output = Result<T, DataError>> + 'static,
{
    let rest = use_context::<Rest>();
    let key = Memo::new(move |_| key());
    let data = ArcRwSignal::new(None::<Arc<T>>);
    let error = ArcRwSignal::new(None::<DataError>);
    let fetching = ArcRwSignal::new(true);
    let asked = ArcRwSignal::new(0_u32);
    Effect::new({
        let (data, error, fetching, asked) =
            (data.clone(), error.clone(), fetching.clone(), asked.clone());
        move |former: Option<u32>| {
            asked.track();
            let turn = former.unwrap_or_default().wrapping_add(1);
            let (Some(rest), Some(key)) = (rest.clone(), key.try_get()) else {
                return turn;
            };
            fetching.set(true);
            let answer = fetch(rest, key);
            let (data, error, fetching) = (data.clone(), error.clone(), fetching.clone());
            spawn_local(async move {
                match answer.await {
                    Ok(value) => {
                        data.set(Some(Arc::new(value)));
                        error.set(None);
                    }
                    Err(cause) => error.set(Some(cause)),
                }
                fetching.set(false);
            });
            turn
        }
    });
    Reading {
        data: data.into(),
        error: error.into(),
        fetching: fetching.into(),
        refetch: Callback::new(move |()| asked.update(|count| *count = count.wrapping_add(1))),
    }
}
