//! Mutations as a caller writes them down: what to run, what to show meanwhile, what to do afterwards. Types come off
//! here; the lifecycle is the next room's.

use std::rc::Rc;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::client::QueryClient;
use super::data::erased_change;
use crate::core::filter::QueryFilter;
use crate::core::mutation::MutationSettings;
use crate::core::options::{GcTime, NetworkMode, Retry, RetryDelay, RetryWhen};
use crate::core::value::{QueryError, Value};
use crate::core::{OverlayId, QueryId};
use crate::key::QueryKey;

pub(super) type Run<V, T, E> = Rc<dyn Fn(V) -> LocalBoxFuture<'static, Result<T, E>>>;
pub(super) type Lay<V> = Rc<dyn Fn(&mut Optimistic<'_>, &V)>;
pub(super) type OnMutate<V, C> = Rc<dyn Fn(Call<V, ()>) -> LocalBoxFuture<'static, C>>;
pub(super) type OnSuccess<V, T, E, C> =
    Rc<dyn Fn(Arc<T>, Call<V, C>) -> LocalBoxFuture<'static, Result<(), E>>>;
pub(super) type OnError<V, E, C> =
    Rc<dyn Fn(QueryError<E>, Call<V, C>) -> LocalBoxFuture<'static, Result<(), E>>>;
pub(super) type OnSettled<V, T, E, C> =
    Rc<dyn Fn(Result<Arc<T>, QueryError<E>>, Call<V, C>) -> LocalBoxFuture<'static, Result<(), E>>>;

/// What a callback of a mutation comes to: nothing, or a `Result` whose error counts as the mutation's (rule 101).
pub trait CallbackResult<E> {
    /// As a `Result`.
    ///
    /// # Errors
    /// What the callback failed with.
    fn into_result(self) -> Result<(), E>;
}

impl<E> CallbackResult<E> for () {
    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> CallbackResult<E> for Result<(), E> {
    fn into_result(self) -> Result<(), E> {
        self
    }
}

/// One call of a mutation, as its callbacks see it.
pub struct Call<V, C> {
    /// The cache.
    pub client: QueryClient,
    /// What the mutation was called with.
    pub variables: Arc<V>,
    /// What `on_mutate` made; `None` if there is no such callback or it did not get that far (rule 100).
    pub context: Option<Arc<C>>,
}

impl<V, C> Clone for Call<V, C> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            variables: Arc::clone(&self.variables),
            context: self.context.clone(),
        }
    }
}

/// A mutation: what to run, what to show meanwhile, what to do afterwards. `V` is what it is called with, `T` its result,
/// `E` its error, and `C` what `on_mutate` hands to the later callbacks.
///
/// The order is `optimistic`, `on_mutate`, the run with its retries, `on_success` or `on_error`, `on_settled`; each is
/// awaited, and only then does the state change (rules 97 to 99). The optimistic changes are lifted when `on_success` is
/// done, in one batch with what it wrote, or before `on_error`.
///
/// Worked example: [Changing things](crate#changing-things).
#[must_use]
pub struct MutationOptions<V, T, E, C = ()> {
    pub(super) settings: MutationSettings,
    pub(super) run: Run<V, T, E>,
    /// How the variables are written down, if the mutation may outlive the page.
    pub(super) encode: Option<fn(&V) -> Option<serde_json::Value>>,
    pub(super) lay: Option<Lay<V>>,
    pub(super) on_mutate: Option<OnMutate<V, C>>,
    pub(super) on_success: Option<OnSuccess<V, T, E, C>>,
    pub(super) on_error: Option<OnError<V, E, C>>,
    pub(super) on_settled: Option<OnSettled<V, T, E, C>>,
}

impl<V, T, E, C> Clone for MutationOptions<V, T, E, C> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            run: Rc::clone(&self.run),
            encode: self.encode,
            lay: self.lay.clone(),
            on_mutate: self.on_mutate.clone(),
            on_success: self.on_success.clone(),
            on_error: self.on_error.clone(),
            on_settled: self.on_settled.clone(),
        }
    }
}

impl<V, T, E> MutationOptions<V, T, E, ()>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// A mutation that runs `run`. Not tried again on failure, unless told to (rule 45).
    pub fn new<F, Fut>(run: F) -> Self
    where
        F: Fn(V) -> Fut + 'static,
        Fut: Future<Output = Result<T, E>> + 'static,
    {
        Self {
            settings: MutationSettings::default(),
            run: Rc::new(move |variables| run(variables).boxed_local()),
            encode: None,
            lay: None,
            on_mutate: None,
            on_success: None,
            on_error: None,
            on_settled: None,
        }
    }

    /// What to do before the run; its result is handed to the later callbacks (rule 100). Say this first: it decides `C`.
    pub fn on_mutate<F, Fut, C>(self, call: F) -> MutationOptions<V, T, E, C>
    where
        F: Fn(Call<V, ()>) -> Fut + 'static,
        Fut: Future<Output = C> + 'static,
    {
        MutationOptions {
            settings: self.settings,
            run: self.run,
            encode: self.encode,
            lay: self.lay,
            on_mutate: Some(Rc::new(move |context| call(context).boxed_local())),
            on_success: None,
            on_error: None,
            on_settled: None,
        }
    }
}

impl<V, T, E, C> MutationOptions<V, T, E, C>
where
    V: Clone + Send + Sync + 'static,
    T: Send + Sync + 'static,
    E: Send + Sync + 'static,
    C: 'static,
{
    /// What to show until the mutation is confirmed or fails. Runs at once, within `mutate`.
    pub fn optimistic(mut self, lay: impl Fn(&mut Optimistic<'_>, &V) + 'static) -> Self {
        self.lay = Some(Rc::new(lay));
        self
    }

    /// What to do after success. An error from here counts as the mutation's: `on_error` and `on_settled` follow (rule 101).
    pub fn on_success<F, Fut>(mut self, call: F) -> Self
    where
        F: Fn(Arc<T>, Call<V, C>) -> Fut + 'static,
        Fut: Future<Output: CallbackResult<E>> + 'static,
    {
        self.on_success = Some(Rc::new(move |data, context| {
            call(data, context)
                .map(CallbackResult::into_result)
                .boxed_local()
        }));
        self
    }

    /// What to do after failing for good. An error from here changes nothing and is reported as
    /// [`MutationStep::CallbackFailed`](crate::MutationStep::CallbackFailed).
    pub fn on_error<F, Fut>(mut self, call: F) -> Self
    where
        F: Fn(QueryError<E>, Call<V, C>) -> Fut + 'static,
        Fut: Future<Output: CallbackResult<E>> + 'static,
    {
        self.on_error = Some(Rc::new(move |error, context| {
            call(error, context)
                .map(CallbackResult::into_result)
                .boxed_local()
        }));
        self
    }

    /// What to do last, either way. After success an error from here counts as the mutation's, so that it is called once more,
    /// after `on_error`; after a failure it is reported as from [`on_error`](Self::on_error).
    pub fn on_settled<F, Fut>(mut self, call: F) -> Self
    where
        F: Fn(Result<Arc<T>, QueryError<E>>, Call<V, C>) -> Fut + 'static,
        Fut: Future<Output: CallbackResult<E>> + 'static,
    {
        self.on_settled = Some(Rc::new(move |result, context| {
            call(result, context)
                .map(CallbackResult::into_result)
                .boxed_local()
        }));
        self
    }

    /// Names the mutation.
    pub fn key(mut self, key: impl Into<QueryKey>) -> Self {
        self.settings.key = Some(key.into());
        self
    }

    /// Mutations of one scope run one after the other, in the order of their calls (rule 103).
    pub fn scope(mut self, scope: impl Into<Arc<str>>) -> Self {
        self.settings.scope = Some(scope.into());
        self
    }

    /// Lets a call that waits for the network outlive the page: it is dehydrated with its key and variables, and run again
    /// by [`set_mutation_defaults`](QueryClient::set_mutation_defaults).
    pub fn persisted(mut self) -> Self
    where
        V: serde::Serialize,
    {
        self.encode = Some(|variables| serde_json::to_value(variables).ok());
        self
    }

    /// How often a failed run is tried again. Default: never.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Tries again while the closure says so, given the failures so far, from 0, and the error.
    pub fn retry_if(self, again: impl Fn(u32, &E) -> bool + Send + Sync + 'static) -> Self {
        let when = RetryWhen(Arc::new(move |failures, error: &Value| {
            error
                .downcast_ref::<E>()
                .is_some_and(|error| again(failures, error))
        }));
        self.retry(Retry::When(when))
    }

    /// How long to wait before trying again. Default: 1 s, doubled each time, 30 s at most.
    pub fn retry_delay(mut self, delay: RetryDelay) -> Self {
        self.settings.retry_delay = delay;
        self
    }

    /// What being offline means. Default: the run waits (rule 104).
    pub fn network_mode(mut self, mode: NetworkMode) -> Self {
        self.settings.network = mode;
        self
    }

    /// How long a settled mutation nobody looks at is kept. Default: five minutes.
    pub fn gc_time(mut self, gc_time: impl Into<GcTime>) -> Self {
        self.settings.gc_time = gc_time.into();
        self
    }
}

/// Lays optimistic changes over queries. Each is a pure function of the data below it: it is applied anew whenever that
/// moves, and simply no longer applied once the mutation is done.
pub struct Optimistic<'a> {
    pub(super) client: &'a QueryClient,
    pub(super) laid: Vec<Laid>,
}

/// A change that lies over something until it is lifted.
#[derive(Clone, Copy)]
pub(super) enum Laid {
    One(QueryId, OverlayId),
    All(OverlayId),
}

impl Optimistic<'_> {
    /// Changes what is shown at a key. `None` leaves it alone; so does data of another type.
    pub fn change<D: Send + Sync + 'static>(
        &mut self,
        key: impl Into<QueryKey>,
        change: impl Fn(&D) -> Option<D> + Send + Sync + 'static,
    ) {
        let key = key.into();
        let gc = self.client.gc_time(&key);
        let change = erased_change(change);
        // Made if missing: data that arrives while the mutation runs is shown changed, too.
        let laid = self.client.run(|core| {
            let query = core.build(&key, gc);
            Laid::One(query, core.overlay(query, &change))
        });
        self.laid.extend(laid);
    }

    /// Changes what is shown by every selected query that holds a `D`. A filter that is a prefix and nothing else selects those, too, that
    /// are made while the mutation runs.
    pub fn change_all<D: Send + Sync + 'static>(
        &mut self,
        filter: impl Into<QueryFilter>,
        change: impl Fn(&D) -> Option<D> + Send + Sync + 'static,
    ) {
        let filter = filter.into();
        let change = erased_change(change);
        let laid = self
            .client
            .run(|core| Laid::All(core.overlay_all(&filter, &change)));
        self.laid.extend(laid);
    }
}
