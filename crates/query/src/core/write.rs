//! Writes that are not fetches: manual sets, patches, optimistic changes, seeds (rules 17, 36, 71, 80, 81). The three kinds
//! differ in what they say about freshness, so they are three functions.

use std::sync::Arc;

use super::event::Action;
use super::filter::QueryFilter;
use super::query::Change;
use super::time::Time;
use super::value::{Codec, Failure, TypeMismatch, TypeTag, Value};
use super::view::Status;
use super::{Core, OverlayId, QueryId};
use crate::key::QueryKey;

/// An optimistic change that lies over many queries.
pub(super) struct Standing {
    overlay: OverlayId,
    filter: QueryFilter,
    change: Change,
}

impl<S: Clone> Core<S> {
    /// Stores what a fetch or a set brought. Equal data keeps the old `Arc`.
    pub(super) fn store(&mut self, id: QueryId, value: Value, updated_at: Option<Time>) {
        let now = self.now;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let same = match (&query.base, query.tag) {
            (Some(held), Some(tag)) => Arc::ptr_eq(held, &value) || (tag().same)(held, &value),
            _ => false,
        };
        if !same {
            let rows = query.extra.as_ref().and_then(|extra| extra.rows);
            let shared = match (&query.base, rows) {
                (Some(held), Some(rows)) => (rows.share)(held, value),
                _ => value,
            };
            query.base = Some(shared);
            query.fold();
        }
        query.status = Status::Success;
        query.updated_at = Some(updated_at.unwrap_or(now));
        query.clear_error();
        if !same {
            self.reindex(id);
        }
    }

    /// A manual write: data, fresh as of `updated_at` or now; a running fetch goes on (rule 81). Where upstream lets that
    /// fetch overwrite it, here the write is replayed over its result and one more fetch is owed (rule 36).
    pub(crate) fn set(&mut self, id: QueryId, value: Value, updated_at: Option<Time>) {
        if let Some(query) = self.queries.get(id)
            && query.fetch.is_some()
        {
            let held = Arc::clone(&value);
            let change: Change = Arc::new(move |_| Some(Arc::clone(&held)));
            self.fence(id, &change);
            if let Some(fetch) = self
                .queries
                .get_mut(id)
                .and_then(|query| query.fetch.as_mut())
            {
                fetch.owed = true;
                fetch.revert.base = Some(Arc::clone(&value));
                fetch.revert.status = Status::Success;
                fetch.revert.updated_at = updated_at.or(Some(self.now));
                fetch.revert.invalidated = false;
            }
        }
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        query.invalidated.set(false);
        query.update_count = query.update_count.saturating_add(1);
        self.store(id, value, updated_at);
        if let Some(fetch) = self
            .queries
            .get_mut(id)
            .and_then(|query| query.fetch.as_mut())
        {
            fetch.revert.update_count = fetch.revert.update_count.saturating_add(1);
        }
        self.arm_gc(id);
        self.updated(id, Action::Set);
    }

    /// Data a query is born with: adopted only while it has none, and no update (rules 17, 18).
    pub(crate) fn seed(&mut self, id: QueryId, value: &Value, updated_at: Option<Time>) {
        let now = self.now;
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let at = Some(updated_at.unwrap_or(now));
        query.extra().initial = Some((Arc::clone(value), at));
        if query.base.is_none() {
            query.base = Some(Arc::clone(value));
            query.status = Status::Success;
            query.updated_at = at;
            query.fold();
            self.reindex(id);
            self.updated(id, Action::Set);
        }
    }

    /// Says how the data is written down.
    pub(crate) fn encode_with(&mut self, id: QueryId, codec: Codec) {
        if let Some(query) = self.queries.get_mut(id) {
            query.extra().codec = Some(codec);
        }
    }

    /// Data from another session or tab: the newer wins, and a fetch that runs goes on (rule 111).
    pub(crate) fn hydrate(&mut self, id: QueryId, value: Value, updated_at: Time) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        if query.updated_at.is_some_and(|held| held >= updated_at) {
            return;
        }
        query.invalidated.set(false);
        self.store(id, value, Some(updated_at));
        self.updated(id, Action::Set);
    }

    /// Changes part of the data. Says nothing about the rest of it: neither the time of the last update nor an
    /// invalidation moves. Answers whether there was anything to change.
    pub(crate) fn patch(&mut self, id: QueryId, change: &Change) -> bool {
        self.fence(id, change);
        let Some(query) = self.queries.get_mut(id) else {
            return false;
        };
        let Some(value) = query.base.as_ref().and_then(|base| change(base)) else {
            return false;
        };
        let same = match (&query.base, query.tag) {
            (Some(held), Some(tag)) => Arc::ptr_eq(held, &value) || (tag().same)(held, &value),
            _ => false,
        };
        if same {
            return true;
        }
        query.base = Some(value);
        query.fold();
        self.reindex(id);
        self.updated(id, Action::Patch);
        true
    }

    /// Lays an optimistic change over the data until it is lifted. It is re-applied whenever the base moves.
    pub(crate) fn overlay(&mut self, id: QueryId, change: &Change) -> OverlayId {
        let overlay = OverlayId(self.number());
        self.lay(id, overlay, change);
        overlay
    }

    /// Lays an optimistic change over every selected query and, where the filter is a prefix and nothing else, over those that are made
    /// while it stands: a list opened during a save shows it, too.
    pub(crate) fn overlay_all(&mut self, filter: &QueryFilter, change: &Change) -> OverlayId {
        let overlay = OverlayId(self.number());
        for id in self.select(filter) {
            self.lay(id, overlay, change);
        }
        let standing = Standing {
            overlay,
            filter: filter.clone(),
            change: Arc::clone(change),
        };
        self.standing.push(standing);
        overlay
    }

    /// Lays what stands over a query that was just made.
    pub(super) fn lay_standing(&mut self, id: QueryId, key: &QueryKey) {
        let laid: Vec<(OverlayId, Change)> = self
            .standing
            .iter()
            .filter(|standing| {
                let family = standing.filter.family();
                family.is_some_and(|prefix| prefix.is_prefix_of(key))
            })
            .map(|standing| (standing.overlay, Arc::clone(&standing.change)))
            .collect();
        if let Some(query) = self.queries.get_mut(id).filter(|_| !laid.is_empty()) {
            query.extra().overlay = laid;
        }
    }

    fn lay(&mut self, id: QueryId, overlay: OverlayId, change: &Change) {
        if let Some(query) = self.queries.get_mut(id) {
            query.extra().overlay.push((overlay, Arc::clone(change)));
            query.fold();
            self.updated(id, Action::Overlay);
        }
    }

    /// Takes an optimistic change away from all that it lies over.
    pub(crate) fn lift_all(&mut self, overlay: OverlayId) {
        let place = self
            .standing
            .iter()
            .position(|held| held.overlay == overlay);
        let Some(standing) = place.map(|place| self.standing.remove(place)) else {
            return;
        };
        // Not by the whole filter: what it selected by state has changed its state since.
        for id in self.select(&standing.filter.by_key()) {
            self.lift(id, overlay);
        }
    }

    /// Takes an optimistic change away, confirmed or not. Nothing else is touched: that is the whole of a rollback.
    pub(crate) fn lift(&mut self, id: QueryId, overlay: OverlayId) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let Some(extra) = query.extra.as_mut() else {
            return;
        };
        let before = extra.overlay.len();
        extra.overlay.retain(|(held, _)| *held != overlay);
        if extra.overlay.len() != before {
            query.fold();
            self.updated(id, Action::Overlay);
        }
    }

    /// The data at a key as shown, with its type checked.
    pub(crate) fn read(&self, id: QueryId, tag: fn() -> TypeTag) -> Result<Option<Value>, Failure> {
        let Some(query) = self.queries.get(id) else {
            return Ok(None);
        };
        match (query.visible(), query.tag) {
            (Some(_), Some(held)) if held() != tag() => Err(Failure::Mismatch(TypeMismatch {
                key: self.key(id),
                held: held().name,
                asked: tag().name,
            })),
            (value, _) => Ok(value.cloned()),
        }
    }
}
