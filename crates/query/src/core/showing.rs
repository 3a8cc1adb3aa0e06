//! What there is to see: of a query, to an observer, to tools (rules 25, 66 to 68, 79). Reads only, but for what observers
//! keep of a query that goes.

use std::sync::Arc;

use super::options::Placeholder;
use super::value::Failure;
use super::view::{FetchStatus, QueryView, Shown, Status};
use super::{Core, ObserverId, QueryId};

impl<S: Clone> Core<S> {
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
        let failed = trouble.is_some_and(|t| t.error.is_some() || t.failure_reason.is_some());
        let mut shown = Shown {
            key: failed.then(|| self.index.key(&query.path)),
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
    pub(super) fn view_shallow(&self, id: QueryId) -> Option<QueryView> {
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
}
