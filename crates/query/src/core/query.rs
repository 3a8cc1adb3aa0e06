//! One query's state and the pure questions about it. Knows neither the store nor its observers' wishes.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use super::index::Path;
use super::options::FetchSettings;
use super::signal::CancelSignal;
use super::time::Time;
use super::value::{Codec, Failure, TypeTag, Value};
use super::view::{FetchStatus, Status};
use super::{ObserverId, OverlayId};
use crate::deps::RowChange;
use crate::rows::RowOps;

/// A change of data: from what is there to what should be. `None` leaves it alone.
pub(crate) type Change = Arc<dyn Fn(&Value) -> Option<Value> + Send + Sync>;

/// The state of one query. What most queries never have is behind a pointer, so that an idle one stays small.
pub(crate) struct Query<S> {
    pub(crate) path: Path,
    pub(crate) tag: Option<fn() -> TypeTag>,
    /// What the server or a manual write said.
    pub(crate) base: Option<Value>,
    /// `base` with the overlay applied; `None` while there is no overlay, or no base.
    pub(crate) shown: Option<Value>,
    pub(crate) updated_at: Option<Time>,
    pub(crate) update_count: u32,
    pub(crate) status: Status,
    /// A cell, because whoever looks carries stamps over from the store.
    pub(crate) invalidated: Cell<bool>,
    /// Up to which stamp `invalidated` is true to the store's stamps.
    pub(crate) stamps_seen: Cell<u64>,
    /// Whether the store lists it as attended.
    pub(crate) attended: Cell<bool>,
    /// Whether a `Collect` alarm is in the heap.
    pub(crate) gc_armed: bool,
    /// Whether `gc_due` means anything: nobody observes.
    pub(crate) gc_due: Time,
    /// In milliseconds; the maximum: for good.
    pub(crate) gc_time: u64,
    pub(crate) trouble: Option<Box<Trouble>>,
    pub(crate) fetch: Option<Box<Fetch>>,
    pub(crate) settings: Option<Rc<FetchSettings<S>>>,
    /// In place while there is one, as for most.
    pub(crate) observers: SmallVec<[ObserverId; 1]>,
    /// Callers outside that wait for it to come to rest.
    pub(crate) waiting: u32,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What a query remembers of failures.
#[derive(Clone, Default)]
pub(crate) struct Trouble {
    pub(crate) error: Option<Failure>,
    pub(crate) error_updated_at: Option<Time>,
    pub(crate) error_update_count: u32,
    pub(crate) failure_count: u32,
    pub(crate) failure_reason: Option<Failure>,
}

/// What only some queries have.
#[derive(Default)]
pub(crate) struct Extra {
    /// Optimistic changes, oldest first.
    pub(crate) overlay: Vec<(OverlayId, Change)>,
    /// How changes of rows reach the data.
    pub(crate) rows: Option<RowOps>,
    /// The data whose members the dependency index holds.
    pub(crate) indexed: Option<Value>,
    /// The data it was born with, for a reset (rule 27).
    pub(crate) initial: Option<(Value, Option<Time>)>,
    /// How the data is written down outside this page.
    pub(crate) codec: Option<Codec>,
    /// The stale alarm that is in the heap.
    pub(crate) stale_due: Option<Time>,
}

/// A change to be replayed over a fetch's result.
#[derive(Clone)]
pub(crate) enum Fenced {
    /// A write or patch.
    Change(Change),
    /// A change of a row, routed anew when the result is there.
    Row(Arc<RowChange>, Doubt),
}

/// What becomes of a query for which a change cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// There is none.
    None,
    /// It is invalid, and whoever told of the change says when to fetch.
    Marked,
    /// It is fetched at once, or once more.
    Owed,
}

/// A fetch from its first attempt to its settlement.
pub(crate) struct Fetch {
    pub(crate) number: u64,
    pub(crate) phase: Phase,
    pub(crate) signal: CancelSignal,
    pub(crate) revert: Revert,
    /// Changes that arrived since it began, replayed over its result.
    pub(crate) fence: Vec<Fenced>,
    pub(crate) owed: bool,
    /// Somebody came to look after a change that its answer may lack, and that nobody may fetch for.
    pub(crate) joined_in_doubt: bool,
    /// Retries end when nobody is left who wants them (rule 33).
    pub(crate) retry_stopped: bool,
    /// How often a call without observers wants a retry (rule 44); `None`: as the query's settings say.
    pub(crate) once: bool,
}

impl Fetch {
    /// Whether a change was told that its answer may lack, with the fetch that proves it left to whoever looks.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let marked = |fenced: &Fenced| matches!(fenced, Fenced::Row(_, Doubt::Marked));
        self.fence.iter().any(marked)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The source runs.
    Running,
    /// The next attempt starts when its delay is over.
    Delayed,
    /// The next attempt starts when network and page are back.
    Paused,
}

/// What a cancelled fetch goes back to (rules 35, 36).
#[derive(Clone)]
pub(crate) struct Revert {
    pub(crate) base: Option<Value>,
    pub(crate) status: Status,
    pub(crate) updated_at: Option<Time>,
    pub(crate) update_count: u32,
    pub(crate) invalidated: bool,
    pub(crate) trouble: Option<Box<Trouble>>,
}

impl<S> Query<S> {
    pub(crate) fn new(path: Path) -> Self {
        Self {
            path,
            tag: None,
            base: None,
            shown: None,
            updated_at: None,
            update_count: 0,
            status: Status::Pending,
            invalidated: Cell::new(false),
            stamps_seen: Cell::new(0),
            attended: Cell::new(false),
            gc_armed: false,
            gc_due: Time::NEVER,
            gc_time: 0,
            trouble: None,
            fetch: None,
            settings: None,
            observers: SmallVec::new(),
            waiting: 0,
            extra: None,
        }
    }

    pub(crate) fn visible(&self) -> Option<&Value> {
        self.shown.as_ref().or(self.base.as_ref())
    }

    pub(crate) fn fetch_status(&self) -> FetchStatus {
        match &self.fetch {
            None => FetchStatus::Idle,
            Some(fetch) if fetch.phase == Phase::Paused => FetchStatus::Paused,
            Some(_) => FetchStatus::Fetching,
        }
    }

    pub(crate) fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(crate) fn error_update_count(&self) -> u32 {
        self.trouble
            .as_ref()
            .map_or(0, |trouble| trouble.error_update_count)
    }

    pub(crate) fn is_optimistic(&self) -> bool {
        self.shown.is_some()
    }

    /// Whether the query ever had a fetch or write settle.
    pub(crate) fn is_fetched(&self) -> bool {
        self.update_count > 0 || self.error_update_count() > 0
    }

    pub(crate) fn clear_error(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.error = None;
            trouble.failure_count = 0;
            trouble.failure_reason = None;
        }
    }

    /// The state to go back to if the fetch that starts now is cancelled.
    pub(crate) fn revert_point(&self) -> Revert {
        Revert {
            base: self.base.clone(),
            status: self.status,
            updated_at: self.updated_at,
            update_count: self.update_count,
            invalidated: self.invalidated.get(),
            trouble: self.trouble.clone(),
        }
    }

    /// Computes `shown` anew from `base` and the overlay.
    pub(crate) fn fold(&mut self) {
        let Some(extra) = self
            .extra
            .as_ref()
            .filter(|extra| !extra.overlay.is_empty())
        else {
            self.shown = None;
            return;
        };
        self.shown = self.base.as_ref().map(|base| {
            extra
                .overlay
                .iter()
                .fold(Arc::clone(base), |value, (_, change)| {
                    change(&value).unwrap_or(value)
                })
        });
    }
}
