//! What callers do to many queries at once: invalidate, refetch, reset, remove (rules 73 to 79).

use super::cancel::Undo;
use super::event::Action;
use super::fetch::Tries;
use super::filter::QueryFilter;
use super::options::Overlap;
use super::view::Status;
use super::{Core, QueryId};

/// Which of the invalidated queries are fetched at once (rule 75).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refetch {
    /// Those that somebody looks at; the others when somebody does.
    #[default]
    Active,
    /// Only those nobody looks at.
    Inactive,
    /// All that ever fetched.
    All,
    /// None.
    None,
}

impl<S: Clone> Core<S> {
    /// Marks every selected query before the first refetch starts (rule 74), then refetches. Answers which queries fetch.
    pub(crate) fn invalidate(
        &mut self,
        filter: &QueryFilter,
        refetch: Refetch,
        overlap: Overlap,
    ) -> Vec<QueryId> {
        let whole_family = filter.family().and_then(|prefix| self.index.range(prefix));
        if let Some(prefix) = whole_family.filter(|_| !self.listening)
            && matches!(refetch, Refetch::Active | Refetch::None)
        {
            let attended = self.queries.attended(&prefix);
            let fetched = self.invalidate_ids(&attended, refetch, overlap);
            // The others need only know it when somebody asks.
            self.index.hold(&prefix);
            for replaced in self.queries.stamp(&prefix) {
                self.index.release(&replaced);
            }
            return fetched;
        }
        let selected = self.select(filter);
        self.invalidate_ids(&selected, refetch, overlap)
    }

    pub(crate) fn invalidate_ids(
        &mut self,
        selected: &[QueryId],
        refetch: Refetch,
        overlap: Overlap,
    ) -> Vec<QueryId> {
        for id in selected {
            self.mark(*id);
        }
        match refetch {
            Refetch::None => Vec::new(),
            // Nobody looks at most queries: only observed ones can be active.
            Refetch::Active => self.refetch_all(
                selected
                    .iter()
                    .copied()
                    .filter(|id| self.is_active(*id))
                    .collect(),
                overlap,
            ),
            Refetch::Inactive => self.refetch_all(
                selected
                    .iter()
                    .copied()
                    .filter(|id| !self.is_active(*id))
                    .collect(),
                overlap,
            ),
            Refetch::All => self.refetch_all(selected.to_vec(), overlap),
        }
    }

    /// Invalidating twice is invalidating once (rule 24), but a fetch that runs owes another for either.
    fn mark(&mut self, id: QueryId) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        if let Some(fetch) = &mut query.fetch {
            fetch.owed = true;
        }
        if !query.invalidated.replace(true) {
            self.touch(id, Action::Invalidate);
        }
    }

    pub(crate) fn refetch_selected(
        &mut self,
        filter: &QueryFilter,
        overlap: Overlap,
    ) -> Vec<QueryId> {
        let selected = self.select(filter);
        self.refetch_all(selected, overlap)
    }

    /// Disabled, static and never fetched queries are left alone (rule 76).
    fn refetch_all(&mut self, selected: Vec<QueryId>, overlap: Overlap) -> Vec<QueryId> {
        let willing: Vec<QueryId> = selected
            .into_iter()
            .filter(|id| !self.refuses_refetch(*id))
            .collect();
        for id in &willing {
            self.fetch(*id, overlap, Tries::AsConfigured);
        }
        willing
    }

    /// Back to how the queries were born, then the active ones fetch (rules 27, 78).
    pub(crate) fn reset(&mut self, filter: &QueryFilter) -> Vec<QueryId> {
        let selected = self.select(filter);
        for id in &selected {
            self.drop_fetch(*id);
            let Some(query) = self.queries.get_mut(*id) else {
                continue;
            };
            let initial = query.extra.as_ref().and_then(|extra| extra.initial.clone());
            query.status = if initial.is_some() {
                Status::Success
            } else {
                Status::Pending
            };
            query.updated_at = initial.as_ref().and_then(|(_, at)| *at);
            query.base = initial.map(|(value, _)| value);
            query.update_count = 0;
            query.invalidated.set(false);
            query.trouble = None;
            query.fold();
            self.reindex(*id);
            // The alarm may have rung in vain while the fetch ran.
            self.arm_gc(*id);
            self.touch(*id, Action::Reset);
        }
        let active = selected
            .into_iter()
            .filter(|id| self.is_active(*id))
            .collect();
        self.refetch_all(active, Overlap::Join)
    }

    /// Removes the selected queries; their observers keep what they showed (rule 79).
    pub(crate) fn remove(&mut self, filter: &QueryFilter) {
        for id in self.select(filter) {
            self.keep_shown(id);
            self.remove_query(id);
        }
    }

    pub(crate) fn cancel_selected(&mut self, filter: &QueryFilter, undo: Undo) {
        for id in self.select(filter) {
            self.cancel(id, undo);
        }
    }

    pub(crate) fn fetching(&self, filter: &QueryFilter) -> usize {
        self.select(filter)
            .into_iter()
            .filter(|id| {
                self.query(*id)
                    .is_some_and(|query| query.fetch_status() == super::view::FetchStatus::Fetching)
            })
            .count()
    }
}
