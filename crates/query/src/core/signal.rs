//! The sign by which a fetcher learns that its fetch was cancelled. Holds no query and no task; dropping the future is the
//! skin's business, this is for fetchers that must tell someone else (an `AbortController`).

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Tells a fetcher that its fetch was cancelled.
///
/// Taking it from the [`FetchContext`](crate::FetchContext) marks the fetch as cancellable: when its last observer leaves, a fetch whose
/// signal was taken is cancelled and undone, any other runs to its end and fills the cache (rules 32, 33).
///
/// ```
/// use bedside_query::{query_key, QueryOptions};
///
/// let beds = QueryOptions::new(query_key!["beds"], |context| {
///     let signal = context.signal();
///     async move { if signal.is_cancelled() { Err("cancelled") } else { Ok(24) } }
/// });
/// # let _ = beds;
/// ```
#[derive(Clone, Default)]
pub struct CancelSignal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: bool,
    cancelled: bool,
    wakers: Vec<Waker>,
}

impl CancelSignal {
    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        // A poisoned state is whole: nothing in here can stop half way.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the fetch was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.with(|state| state.cancelled)
    }

    /// Resolves once the fetch is cancelled; never, if it settles first.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let signal = self.clone();
        std::future::poll_fn(move |cx| {
            signal.with(|state| {
                if state.cancelled {
                    return Poll::Ready(());
                }
                if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    state.wakers.push(cx.waker().clone());
                }
                Poll::Pending
            })
        })
    }

    /// Whether both are of one fetch.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn take(&self) -> Self {
        self.with(|state| state.taken = true);
        self.clone()
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.with(|state| state.taken)
    }

    /// Marks it cancelled and gives back who waits for that: waking them is code of others, so it happens after the core
    /// has been let go.
    pub(crate) fn cancel(&self) -> Vec<Waker> {
        self.with(|state| {
            state.cancelled = true;
            std::mem::take(&mut state.wakers)
        })
    }
}
