//! A fetch's next attempts: after a delay, and when network and page are back (rules 23, 43, 109). Whether there is a next attempt
//! is decided where the last one ends.

use super::event::Action;
use super::options::NetworkMode;
use super::query::Phase;
use super::{Core, Effect, FetchId, QueryId};

impl<S: Clone> Core<S> {
    /// The delay is over: the next attempt runs, unless the page is hidden or the network away (rule 43).
    pub(super) fn retry(&mut self, fetch: FetchId) {
        let around = self.around;
        let Some(query) = self.queries.get_mut(fetch.query) else {
            return;
        };
        let network = query
            .settings
            .as_ref()
            .map_or(NetworkMode::Online, |held| held.network);
        let Some(waiting) = query
            .fetch
            .as_mut()
            .filter(|held| held.number == fetch.number && held.phase == Phase::Delayed)
        else {
            return;
        };
        if around.visible && (around.online || network == NetworkMode::Always) {
            self.run_again(fetch.query, Action::Fetch);
        } else {
            waiting.phase = Phase::Paused;
            self.count_fetching(-1);
            self.updated(fetch.query, Action::Pause);
        }
    }

    fn run_again(&mut self, id: QueryId, action: Action) {
        let Some(query) = self.queries.get_mut(id) else {
            return;
        };
        let source = query
            .settings
            .as_ref()
            .and_then(|settings| settings.source.clone());
        let (Some(fetch), Some(source)) = (query.fetch.as_mut(), source) else {
            return;
        };
        let was_paused = fetch.phase == Phase::Paused;
        fetch.phase = Phase::Running;
        let (fetch, signal) = (
            FetchId {
                query: id,
                number: fetch.number,
            },
            fetch.signal.clone(),
        );
        if was_paused {
            self.count_fetching(1);
        }
        self.effects.push(Effect::Start {
            fetch,
            source,
            signal,
        });
        if action == Action::Continue {
            self.updated(id, action);
        }
    }

    /// Network or page are back: what waited for them goes on.
    pub(super) fn resume_paused(&mut self) {
        let around = self.around;
        let paused: Vec<QueryId> = self
            .queries
            .iter()
            .filter(|(_, query)| {
                let network = query
                    .settings
                    .as_ref()
                    .map_or(NetworkMode::Online, |held| held.network);
                query
                    .fetch
                    .as_ref()
                    .is_some_and(|fetch| fetch.phase == Phase::Paused)
                    && (around.online || network == NetworkMode::Always)
                    && around.visible
            })
            .map(|(id, _)| id)
            .collect();
        for id in paused {
            self.run_again(id, Action::Continue);
        }
    }
}
