//! Observers: who looks at a query, and what their coming, their wishes and their clocks fetch (rules 58 to 63). What they
//! see is told elsewhere.

use super::event::{Action, EventKind};
use super::fetch::Tries;
use super::options::{
    Enabled, InBackground, Interval, ObserverSettings, Overlap, RefetchOn, RetryOnMount,
};
use super::time::{Alarm, Time};
use super::value::Value;
use super::view::{Shown, Status};
use super::{Core, Effect, ObserverId, QueryId};

/// One observer.
pub(crate) struct Observer {
    /// What it looks at; `None` once that was removed.
    pub(crate) query: Option<QueryId>,
    pub(crate) settings: ObserverSettings,
    /// The query's counts when the observer attached (rule 25).
    pub(super) attached_at: (u32, u32),
    /// The last data it showed, of whatever query: what a placeholder may show again (rule 67).
    pub(super) last: Option<Value>,
    /// What it showed when its query was removed (rule 79).
    pub(super) kept: Option<Box<Shown>>,
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

    pub(super) fn touch(&mut self, id: QueryId, action: Action) {
        self.updated(id, action);
    }
}
