//! The cache as a plain state machine: commands and the time go in, [`Effect`]s come out. It has no signals, tasks,
//! clock or network of its own and calls none; the skin carries its effects out. Closures that it was given (predicates,
//! overlays) are pure functions of their arguments.

pub(crate) mod cancel;
pub(crate) mod effect;
pub(crate) mod event;
pub(crate) mod fetch;
pub(crate) mod filter;
mod gc;
mod index;
pub(crate) mod mutation;
pub(crate) mod observer;
pub(crate) mod operations;
pub(crate) mod options;
mod query;
mod retry;
pub(crate) mod rows;
mod showing;
pub(crate) mod signal;
mod staleness;
mod store;
mod surroundings;
pub(crate) mod time;
pub(crate) mod value;
pub(crate) mod view;
mod write;

use std::rc::Rc;

use slotmap::{SlotMap, new_key_type};

pub(crate) use self::effect::{Effect, Outcome};
use self::event::{Action, Event, EventKind};
use self::index::Index;
use self::mutation::Mutations;
use self::observer::Observer;
use self::options::{FetchSettings, GcTime};
pub(crate) use self::query::Change;
use self::query::Query;
use self::store::Store;
use self::surroundings::Resuming;
pub(crate) use self::surroundings::Surroundings;
use self::time::{Alarm, Time, Timers};
use self::value::TypeTag;
use crate::deps::Router;
use crate::key::QueryKey;

new_key_type! {
    /// A query in the store; never reused.
    pub(crate) struct QueryId;
    /// An observer of a query; never reused.
    pub(crate) struct ObserverId;
    /// A mutation, settled or not; never reused.
    pub struct MutationId;
}

/// One fetch of one query. A settlement with an older number than the query's fetch is late and is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FetchId {
    pub(crate) query: QueryId,
    pub(crate) number: u64,
}

/// One optimistic change, in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OverlayId(u64);

/// The store. `S` is how a query's fetcher is named; the core hands it out and never calls it.
pub(crate) struct Core<S> {
    now: Time,
    index: Index,
    queries: Store<S>,
    observers: SlotMap<ObserverId, Observer>,
    pub(crate) mutations: Mutations,
    pub(crate) router: Router<QueryId>,
    timers: Timers,
    /// The wake-up that the skin was last told.
    woken_for: Option<Time>,
    effects: Vec<Effect<S>>,
    /// Queries whose observers are told at the end of the command; each once (rule 74).
    dirty: Vec<QueryId>,
    around: Surroundings,
    resuming: Resuming,
    standing: Vec<write::Standing>,
    fetching: usize,
    next_number: u64,
    listening: bool,
    /// Grows with each [`clear`](Self::clear).
    epoch: u64,
}

impl<S: Clone> Core<S> {
    pub(crate) fn new() -> Self {
        Self {
            now: Time::default(),
            index: Index::default(),
            queries: Store::default(),
            observers: SlotMap::with_key(),
            mutations: Mutations::default(),
            router: Router::default(),
            timers: Timers::default(),
            woken_for: None,
            effects: Vec::new(),
            dirty: Vec::new(),
            around: Surroundings {
                online: true,
                visible: true,
                restoring: false,
            },
            resuming: Resuming::default(),
            standing: Vec::new(),
            fetching: 0,
            next_number: 1,
            listening: false,
            epoch: 0,
        }
    }

    /// Says what time it is. A clock that jumps backwards is held at the latest time seen, so that nothing gets younger.
    pub(crate) fn at(&mut self, now: Time) -> &mut Self {
        self.now = self.now.max(now);
        self
    }

    /// The latest time seen.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Asks for an [`Effect::Save`] after this long.
    pub(crate) fn save_in(&mut self, delay: std::time::Duration) {
        self.timers.set(self.now.after(delay), Alarm::Save);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn around(&self) -> Surroundings {
        self.around
    }

    /// Events are made only from now on.
    pub(crate) fn listen(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// Puts everything that is to be done now into `effects`, which is empty and lends its room. Still empty: a round of
    /// commands has been carried out.
    pub(crate) fn drain(&mut self, effects: &mut Vec<Effect<S>>) {
        while let Some(id) = self.dirty.pop() {
            self.after_update(id);
        }
        let due = self.timers.next_due();
        if due != self.woken_for {
            self.woken_for = due;
            self.effects.push(Effect::Wake(due));
        }
        std::mem::swap(&mut self.effects, effects);
    }

    /// Lets every alarm ring that is due.
    pub(crate) fn tick(&mut self) {
        self.woken_for = None;
        while let Some(alarm) = self.timers.pop_due(self.now) {
            match alarm {
                Alarm::Collect(id) => self.collect(id),
                Alarm::Stale(id) => self.stale_alarm(id),
                Alarm::Retry(fetch) => self.retry(fetch),
                Alarm::Interval(id) => self.interval(id),
                Alarm::RetryMutation(id) => self.retry_mutation(id),
                Alarm::CollectMutation(id) => self.collect_mutation(id),
                Alarm::TellQueries => self.tell_queries_by_now(),
                Alarm::Save => self.effects.push(Effect::Save),
            }
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    pub(crate) fn find(&self, key: &QueryKey) -> Option<QueryId> {
        self.index.get(key)
    }

    pub(crate) fn query(&self, id: QueryId) -> Option<&Query<S>> {
        self.queries.get(id)
    }

    pub(crate) fn key(&self, id: QueryId) -> QueryKey {
        self.queries
            .get(id)
            .map_or_else(|| QueryKey::new([]), |query| self.index.key(&query.path))
    }

    /// The query at `key`, made if it is missing (rule 6); the longest gc time ever given wins (rule 53).
    pub(crate) fn build(&mut self, key: &QueryKey, gc_time: GcTime) -> QueryId {
        let keep = match gc_time {
            GcTime::After(duration) => time::in_ms(duration),
            GcTime::Never => u64::MAX,
        };
        if let Some(id) = self.index.get(key) {
            if let Some(query) = self
                .queries
                .get_mut(id)
                .filter(|query| query.gc_time < keep)
            {
                query.gc_time = keep;
                self.arm_gc(id);
            }
            return id;
        }
        let index = &mut self.index;
        let id = self
            .queries
            .insert_with_key(|id| Query::new(index.insert(key, id)));
        if let Some(query) = self.queries.get_mut(id) {
            query.gc_time = keep;
        }
        self.lay_standing(id, key);
        self.arm_gc(id);
        self.emit(|| EventKind::Added(key.clone()));
        id
    }

    /// Gives the query its type, or says which other type it has. Without data a new type takes over.
    pub(crate) fn claim(
        &mut self,
        id: QueryId,
        tag: fn() -> TypeTag,
    ) -> Result<(), value::TypeMismatch> {
        let Some(query) = self.queries.get_mut(id) else {
            return Ok(());
        };
        match query.tag {
            Some(held)
                if held() != tag() && (query.base.is_some() || !query.observers.is_empty()) =>
            {
                Err(value::TypeMismatch {
                    key: self.key(id),
                    held: held().name,
                    asked: tag().name,
                })
            }
            _ => {
                query.tag = Some(tag);
                Ok(())
            }
        }
    }

    pub(crate) fn configure(&mut self, id: QueryId, settings: FetchSettings<S>) {
        if let Some(query) = self.queries.get_mut(id) {
            // Without a source of its own a caller borrows the one that is there (rule 39).
            let source = settings
                .source
                .or_else(|| query.settings.as_ref().and_then(|held| held.source.clone()));
            query.settings = Some(Rc::new(FetchSettings { source, ..settings }));
        }
    }

    /// Drops everything and starts a new epoch: what was fetched for the old one never arrives.
    pub(crate) fn clear(&mut self) {
        for id in self.queries.keys().collect::<Vec<_>>() {
            self.remove_query(id);
        }
        self.clear_mutations();
        self.standing.clear();
        self.resuming = Resuming::default();
        self.router = Router::default();
        self.timers.clear();
        for (id, observer) in &mut self.observers {
            observer.forget();
            self.effects.push(Effect::Notify(id));
        }
        self.epoch += 1;
        self.emit(|| EventKind::Cleared);
    }

    /// Takes a query out without a word to its observers, which keep what they showed (rule 79).
    pub(crate) fn remove_query(&mut self, id: QueryId) {
        self.drop_fetch(id);
        self.forget_members(id);
        let Some(query) = self.queries.remove(id) else {
            return;
        };
        if self.listening {
            let key = self.index.key(&query.path);
            self.emit(|| EventKind::Removed(key));
        }
        self.index.remove(&query.path);
        self.drop_stamps(&query.path);
        self.router.remove(id);
        for observer in query.observers {
            if let Some(observer) = self.observers.get_mut(observer) {
                observer.query = None;
            }
        }
        self.effects.push(Effect::Gone(id));
    }

    /// Stamps that the removed key was the last under mean nothing any more.
    fn drop_stamps(&mut self, path: &index::Path) {
        if !self.queries.has_stamps() {
            return;
        }
        for length in 0..=path.len() {
            let prefix = path.get(..length).unwrap_or_default();
            if !self.index.has_under(prefix) && self.queries.unstamp(prefix) {
                self.index.release(prefix);
            }
        }
    }

    fn emit(&mut self, kind: impl FnOnce() -> EventKind) {
        if self.listening {
            self.effects.push(Effect::Emit(Event {
                at: self.now,
                kind: kind(),
            }));
        }
    }

    /// A query changed: its observers are told at the end of the command.
    fn updated(&mut self, id: QueryId, action: Action) {
        // Queries that nobody observes have nobody to tell; only the last entry is compared, `Notify` is idempotent.
        if self
            .queries
            .get(id)
            .is_some_and(|query| !query.observers.is_empty())
            && self.dirty.last() != Some(&id)
        {
            self.dirty.push(id);
        }
        if self.listening {
            let key = self.key(id);
            self.emit(|| EventKind::Updated(key, action));
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            queries: self.index.len(),
            observers: self.observers.len(),
            fetching: self.fetching,
            mutations: self.mutations.len(),
            timers: self.timers.len(),
            segments: self.index.segments(),
        }
    }
}

/// How much of everything the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Queries, observed or not.
    pub queries: usize,
    /// Observers.
    pub observers: usize,
    /// Fetches that run; paused ones don't.
    pub fetching: usize,
    /// Mutations, settled ones included until they are collected.
    pub mutations: usize,
    /// Alarms in the heap; some may be for things that are gone.
    pub timers: usize,
    /// Distinct key segments.
    pub segments: usize,
}
