//! Observers: who looks at a query, what they want of it and what they see (rules 25, 46 to 52, 58 to 70). Knows no signals.

use std::sync::Arc;

use super::event::{Action, EventKind};
use super::fetch::Tries;
use super::options::{
    Enabled, InBackground, Interval, ObserverSettings, Overlap, Placeholder, RefetchOn,
    RetryOnMount, StaleTime,
};
use super::query::Query;
use super::time::{Alarm, Time};
use super::value::{Failure, Value};
use super::view::{FetchStatus, QueryView, Shown, Status};
use super::{Core, Effect, ObserverId, QueryId};

/// One observer.
pub(crate) struct Observer {
    /// What it looks at; `None` once that was removed.
    pub(crate) query: Option<QueryId>,
    pub(crate) settings: ObserverSettings,
    /// The query's counts when the observer attached (rule 25).
    attached_at: (u32, u32),
    /// The last data it showed, of whatever query: what a placeholder may show again (rule 67).
    last: Option<Value>,
    /// What it showed when its query was removed (rule 79).
    kept: Option<Box<Shown>>,
    interval_due: Time,
}

impl Observer {
    pub(super) fn forget(&mut self) {
        self.query = None;
        self.last = None;
        self.kept = None;
    }
}

impl<S: Clone> Core<S> {
    /// Attaches an observer and fetches if its options say so.
    pub(crate) fn observe(&mut self, id: QueryId, settings: ObserverSettings) -> ObserverId {
        let observer = self.observers.insert(Observer {
            query: None,
            settings,
            attached_at: (0, 0),
            last: None,
            kept: None,
            interval_due: Time::NEVER,
        });
        self.attach(observer, id);
        self.mount_fetch(observer);
        observer
    }

    fn attach(&mut self, observer: ObserverId, id: QueryId) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.observers.push(observer);
        query.gc_due = Time::NEVER;
        let counts = (query.update_count, query.error_update_count());
        self.queries.attend(id);
        if let Some(held) = self.observers.get_mut(observer) {
            held.query = Some(id);
            held.kept = None;
            held.attached_at = counts;
        }
        if let Some(fetch) = self
            .queries
            .get_mut(id)
            .and_then(|query| query.fetch.as_mut())
        {
            fetch.retry_stopped = false;
        }
        if self.listening {
            let key = self.key(id);
            self.emit(|| EventKind::ObserverAdded(key));
        }
    }

    fn detach(&mut self, observer: ObserverId) {
        let Some(id) = self
            .observers
            .get_mut(observer)
            .and_then(|held| held.query.take())
        else {
            return;
        };
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.observers.retain(|held| *held != observer);
        let last = query.observers.is_empty();
        self.queries.attend(id);
        if self.listening {
            let key = self.key(id);
            self.emit(|| EventKind::ObserverRemoved(key));
        }
        if last {
            self.abandon_fetch(id);
            self.arm_gc(id);
        }
    }

    /// Takes an observer away. Unknown ones are nobody (rule 69).
    pub(crate) fn unobserve(&mut self, observer: ObserverId) {
        self.detach(observer);
        self.observers.remove(observer);
    }

    /// New options, and possibly another query (rule 61). Returns nothing: what it shows is told by a `Notify`.
    pub(crate) fn reobserve(
        &mut self,
        observer: ObserverId,
        id: QueryId,
        settings: ObserverSettings,
    ) {
        let shown = self.shown(observer);
        let Some(held) = self.observers.get_mut(observer) else {
            return;
        };
        let was_enabled = held.settings.enabled;
        held.settings = settings;
        let moved = held.query != Some(id);
        if moved {
            held.last = shown
                .data
                .filter(|_| !shown.is_placeholder)
                .or(held.last.take());
            self.detach(observer);
            self.attach(observer, id);
            self.mount_fetch(observer);
        } else {
            let enabled = held.settings.enabled;
            if was_enabled == Enabled::No && enabled == Enabled::Yes {
                self.mount_fetch(observer);
            } else if was_enabled == Enabled::Yes && enabled == Enabled::Yes {
                // A shorter stale time may make it stale now, but only coming to look fetches (rule 61).
                self.arm_interval(observer);
            }
            if self.listening {
                let key = self.key(id);
                self.emit(|| EventKind::ObserverOptions(key));
            }
        }
        self.arm_stale(id);
        self.effects.push(Effect::Notify(observer));
    }

    /// Coming to look: fetches iff enabled and the data, or the want of it, asks for it (rule 58).
    fn mount_fetch(&mut self, observer: ObserverId) {
        let Some(held) = self.observers.get(observer) else {
            return;
        };
        let Some((id, query)) = held.query.and_then(|id| Some((id, self.queries.get(id)?))) else {
            return;
        };
        let settings = &held.settings;
        let wants = settings.enabled == Enabled::Yes
            && !self.around.restoring
            && if query.base.is_none() {
                query.status != Status::Error || settings.retry_on_mount == RetryOnMount::Yes
            } else {
                self.occasion(id, query, settings, settings.on_mount)
            };
        if wants {
            self.fetch(id, Overlap::Join, Tries::AsConfigured);
        }
        self.arm_stale(id);
        self.arm_interval(observer);
        self.effects.push(Effect::Notify(observer));
    }

    /// The persister is done: everybody who looks gets what it would have fetched on coming (rule 114).
    pub(super) fn mount_all(&mut self) {
        for observer in self.observers.keys().collect::<Vec<_>>() {
            self.mount_fetch(observer);
        }
    }

    /// Whether an occasion fetches a query that has data (rule 59).
    fn occasion(
        &self,
        id: QueryId,
        query: &Query<S>,
        settings: &ObserverSettings,
        on: RefetchOn,
    ) -> bool {
        match on {
            RefetchOn::Never => false,
            RefetchOn::Stale => self.is_stale_for(id, query, settings),
            RefetchOn::Always => !matches!(self.stale_time(id, settings), StaleTime::Static),
        }
    }

    /// The stale time of this moment; a function is asked with the query's state (rule 47).
    fn stale_time(&self, id: QueryId, settings: &ObserverSettings) -> StaleTime {
        let mut stale_time = settings.stale_time.clone();
        // A function that keeps returning functions is asked a few times, then counts as stale at once.
        for _ in 0..4 {
            match stale_time {
                StaleTime::With(ask) => match self.view_shallow(id) {
                    Some(view) => stale_time = ask(&view),
                    None => return StaleTime::Zero,
                },
                decided => return decided,
            }
        }
        StaleTime::Zero
    }

    /// When the data becomes stale by time for this observer; `None`: never.
    fn stale_at(&self, id: QueryId, query: &Query<S>, settings: &ObserverSettings) -> Option<Time> {
        let updated_at = query.updated_at.unwrap_or_default();
        match self.stale_time(id, settings) {
            StaleTime::Zero | StaleTime::With(_) => Some(Time::default()),
            StaleTime::After(duration) => {
                Some(updated_at.after(duration)).filter(|at| *at < Time::NEVER)
            }
            StaleTime::Infinite | StaleTime::Static => None,
        }
    }

    /// Rules 46 and 48 to 50.
    fn is_stale_for(&self, id: QueryId, query: &Query<S>, settings: &ObserverSettings) -> bool {
        if settings.enabled == Enabled::No {
            return false;
        }
        if query.base.is_none() {
            return true;
        }
        if matches!(settings.stale_time, StaleTime::Static) {
            return false;
        }
        query.invalidated.get()
            || self
                .stale_at(id, query, settings)
                .is_some_and(|at| at <= self.now)
    }

    /// Whether the query is stale to anybody (rule 13).
    pub(crate) fn is_stale(&self, id: QueryId) -> bool {
        let Some(query) = self.queries.get(id) else {
            return true;
        };
        if query.observers.is_empty() {
            return query.base.is_none() || query.invalidated.get();
        }
        self.settings_of(query)
            .any(|settings| self.is_stale_for(id, query, settings))
    }

    /// Whether data that is there is fresh under this stale time, whoever observes (rule 85).
    pub(crate) fn is_fresh_under(&self, id: QueryId, stale_time: &StaleTime) -> bool {
        let settings = ObserverSettings {
            stale_time: stale_time.clone(),
            ..ObserverSettings::default()
        };
        self.queries
            .get(id)
            .is_some_and(|query| query.base.is_some() && !self.is_stale_for(id, query, &settings))
    }

    fn settings_of<'a>(
        &'a self,
        query: &'a Query<S>,
    ) -> impl Iterator<Item = &'a ObserverSettings> + 'a {
        query
            .observers
            .iter()
            .filter_map(|id| self.observers.get(*id).map(|held| &held.settings))
    }

    /// Whether an enabled observer looks (rule 12).
    pub(crate) fn is_active(&self, id: QueryId) -> bool {
        self.queries.get(id).is_some_and(|query| {
            self.settings_of(query)
                .any(|settings| settings.enabled == Enabled::Yes)
        })
    }

    /// Whether a fetch's result would have somebody to go to.
    pub(super) fn is_wanted(&self, id: QueryId) -> bool {
        self.is_active(id) || self.queries.get(id).is_some_and(|query| query.waiting > 0)
    }

    /// Whether somebody who looks wants it fresh for good (rule 49), or nobody ever wanted it (rule 76).
    pub(super) fn refuses_refetch(&self, id: QueryId) -> bool {
        let Some(query) = self.queries.get(id) else {
            return true;
        };
        if query.observers.is_empty() {
            return !query.is_fetched() && query.fetch.is_none();
        }
        let disabled = !self.is_active(id);
        disabled
            || self
                .settings_of(query)
                .any(|s| matches!(self.stale_time(id, s), StaleTime::Static))
    }

    fn interval_of(&self, observer: ObserverId) -> Option<std::time::Duration> {
        let held = self.observers.get(observer)?;
        if held.settings.enabled == Enabled::No {
            return None;
        }
        let every = match &held.settings.interval {
            Interval::Off => None,
            Interval::Every(every) => Some(*every),
            Interval::With(ask) => ask(&self.view_shallow(held.query?)?),
        };
        every.filter(|every| !every.is_zero())
    }

    fn arm_interval(&mut self, observer: ObserverId) {
        let due = self
            .interval_of(observer)
            .map_or(Time::NEVER, |every| self.now.after(every));
        let Some(held) = self.observers.get_mut(observer) else {
            return;
        };
        held.interval_due = due;
        self.timers.set(due, Alarm::Interval(observer));
    }

    /// A polling tick (rule 62).
    pub(super) fn interval(&mut self, observer: ObserverId) {
        let now = self.now;
        let around = self.around;
        let Some(held) = self
            .observers
            .get(observer)
            .filter(|held| held.interval_due <= now)
        else {
            return;
        };
        let looks = around.visible || held.settings.in_background == InBackground::GoOn;
        if let Some(id) = held.query.filter(|_| looks && !around.restoring) {
            self.fetch(id, Overlap::Join, Tries::AsConfigured);
        }
        self.arm_interval(observer);
    }

    /// The page is seen again, or the network is back: each query is fetched once at most (rule 60).
    pub(super) fn occasion_for_all(&mut self, on: fn(&ObserverSettings) -> RefetchOn) {
        let willing: Vec<QueryId> = self
            .index
            .all()
            .filter(|id| {
                self.queries.get(*id).is_some_and(|query| {
                    self.settings_of(query).any(|settings| {
                        settings.enabled == Enabled::Yes
                            && self.occasion(*id, query, settings, on(settings))
                    })
                })
            })
            .collect();
        for id in willing {
            self.fetch(id, Overlap::Join, Tries::AsConfigured);
        }
    }

    /// The end of a command that changed the query: tell its observers, and look at their clocks again.
    pub(super) fn after_update(&mut self, id: QueryId) {
        let Some(query) = self.queries.get(id) else {
            return;
        };
        let observers = query.observers.clone();
        self.arm_stale(id);
        for observer in observers {
            let asks = self
                .observers
                .get(observer)
                .is_some_and(|held| !matches!(held.settings.interval, Interval::Off));
            if asks {
                self.arm_interval(observer);
            }
            self.effects.push(Effect::Notify(observer));
        }
    }

    /// One stale alarm a query, at the earliest moment that matters to any observer (rule 51).
    pub(super) fn arm_stale(&mut self, id: QueryId) {
        let Some(query) = self.queries.get(id) else {
            return;
        };
        if query.invalidated.get() || query.base.is_none() {
            return;
        }
        let next = self
            .settings_of(query)
            .filter(|settings| settings.enabled == Enabled::Yes)
            .filter_map(|settings| self.stale_at(id, query, settings))
            .filter(|at| *at > self.now)
            .min();
        let Some(next) = next else { return };
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let armed = query.extra.as_ref().and_then(|extra| extra.stale_due);
        if armed.is_none_or(|armed| armed > next) {
            query.extra().stale_due = Some(next);
            self.timers.set(next, Alarm::Stale(id));
        }
    }

    pub(super) fn stale_alarm(&mut self, id: QueryId) {
        if let Some(extra) = self
            .queries
            .get_mut(id)
            .and_then(|query| query.extra.as_mut())
        {
            extra.stale_due = None;
            self.after_update(id);
        }
    }

    /// What the observer sees now (rules 25, 66 to 68).
    pub(crate) fn shown(&self, observer: ObserverId) -> Shown {
        let Some(held) = self.observers.get(observer) else {
            return Shown::default();
        };
        let Some((id, query)) = held.query.and_then(|id| Some((id, self.queries.get(id)?))) else {
            return held.kept.as_deref().cloned().unwrap_or_default();
        };
        let trouble = query.trouble.as_deref();
        let data = query.visible().cloned();
        let mut shown = Shown {
            status: query.status,
            fetch_status: query.fetch_status(),
            error: trouble
                .filter(|_| query.status == Status::Error)
                .and_then(|t| t.error.clone()),
            failure_reason: trouble.and_then(|t| t.failure_reason.clone()),
            failure_count: trouble.map_or(0, |t| t.failure_count),
            data_updated_at: query.updated_at,
            error_updated_at: trouble.and_then(|t| t.error_updated_at),
            is_stale: self.is_stale_for(id, query, &held.settings),
            is_invalidated: query.invalidated.get(),
            is_optimistic: query.is_optimistic(),
            is_placeholder: false,
            is_fetched: query.is_fetched(),
            is_fetched_after_mount: query.update_count > held.attached_at.0
                || query.error_update_count() > held.attached_at.1,
            data,
        };
        if shown.data.is_none() && shown.status == Status::Pending {
            let placeholder = match &held.settings.placeholder {
                Placeholder::None => None,
                Placeholder::Previous => held.last.clone(),
                Placeholder::Value(value) => Some(Arc::clone(value)),
                Placeholder::With(ask) => ask(held.last.as_ref()),
            };
            if placeholder.is_some() {
                shown.status = Status::Success;
                shown.is_placeholder = true;
                shown.data = placeholder;
            }
        }
        shown
    }

    /// What observers keep when their query is removed under them.
    pub(crate) fn keep_shown(&mut self, id: QueryId) {
        let observers = self
            .queries
            .get(id)
            .map(|query| query.observers.clone())
            .unwrap_or_default();
        for observer in observers {
            let mut shown = self.shown(observer);
            shown.fetch_status = FetchStatus::Idle;
            if let Some(held) = self.observers.get_mut(observer) {
                held.kept = Some(Box::new(shown));
            }
        }
    }

    /// A view without the answer whether it is stale, which may itself depend on a view.
    fn view_shallow(&self, id: QueryId) -> Option<QueryView> {
        let query = self.queries.get(id)?;
        let trouble = query.trouble.as_deref();
        Some(QueryView {
            key: self.key(id),
            status: query.status,
            fetch_status: query.fetch_status(),
            data_updated_at: query.updated_at,
            error_updated_at: trouble.and_then(|t| t.error_updated_at),
            data_update_count: query.update_count,
            error_update_count: query.error_update_count(),
            failure_count: trouble.map_or(0, |t| t.failure_count),
            is_invalidated: query.invalidated.get(),
            is_stale: query.base.is_none() || query.invalidated.get(),
            observers: query.observers.len(),
            is_active: self.is_active(id),
            type_name: query.tag.map(|tag| tag().name),
            data: query.visible().cloned(),
        })
    }

    pub(crate) fn view(&self, id: QueryId) -> Option<QueryView> {
        let is_stale = self.is_stale(id);
        self.view_shallow(id)
            .map(|view| QueryView { is_stale, ..view })
    }

    /// A fetch asked for by an observer's owner; a removed query is not brought back by it.
    pub(crate) fn refetch(&mut self, observer: ObserverId, overlap: Overlap) -> Option<QueryId> {
        let id = self.observers.get(observer)?.query?;
        self.fetch(id, overlap, Tries::AsConfigured);
        Some(id)
    }

    /// Somebody outside waits until the query rests. `None`: it rests already.
    pub(crate) fn wait(&mut self, id: QueryId) -> Option<()> {
        let query = self
            .queries
            .get_mut(id)
            .filter(|query| query.fetch.is_some())?;
        query.waiting = query.waiting.saturating_add(1);
        Some(())
    }

    /// What the query holds now, as the outcome of waiting for it.
    pub(crate) fn outcome(&self, id: QueryId) -> super::Outcome {
        let query = self.queries.get(id).ok_or(Failure::Cancelled)?;
        match (&query.trouble, query.status) {
            (Some(trouble), Status::Error) => {
                Err(trouble.error.clone().unwrap_or(Failure::Cancelled))
            }
            _ => query.visible().cloned().ok_or(Failure::Cancelled),
        }
    }

    pub(super) fn touch(&mut self, id: QueryId, action: Action) {
        self.updated(id, action);
    }
}
