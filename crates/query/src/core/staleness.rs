//! Whether data is stale, to whom, and when that changes; who is looking at all (rules 12, 13, 46 to 52, 59, 76).

use super::options::{Enabled, ObserverSettings, RefetchOn, StaleTime};
use super::query::Query;
use super::time::{Alarm, Time};
use super::{Core, QueryId};

impl<S: Clone> Core<S> {
    /// Whether an occasion fetches a query that has data (rule 59).
    pub(super) fn occasion(
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
    pub(super) fn stale_time(&self, id: QueryId, settings: &ObserverSettings) -> StaleTime {
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
    pub(super) fn stale_at(
        &self,
        id: QueryId,
        query: &Query<S>,
        settings: &ObserverSettings,
    ) -> Option<Time> {
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
    pub(super) fn is_stale_for(
        &self,
        id: QueryId,
        query: &Query<S>,
        settings: &ObserverSettings,
    ) -> bool {
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

    pub(super) fn settings_of<'a>(
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
}
