//! Mutations: attempts, retries, waiting for network and scope (rules 45, 97 to 107). The lifecycle's callbacks are the
//! skin's to run; this room says when an attempt may start and what it comes to.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use slotmap::SlotMap;

use super::event::EventKind;
use super::options::{GcTime, NetworkMode, Retry, RetryDelay};
use super::time::{Alarm, Time};
use super::value::Failure;
use super::{Core, Effect, MutationId, Outcome};
use crate::key::QueryKey;

/// What a mutation has come to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum MutationStatus {
    /// Not called yet.
    #[default]
    Idle,
    /// Running, waiting for its turn, or paused; until all its callbacks are done.
    Pending,
    /// It failed for good.
    Error,
    /// It succeeded.
    Success,
}

/// How a mutation runs.
#[derive(Clone)]
pub(crate) struct MutationSettings {
    pub(crate) key: Option<QueryKey>,
    pub(crate) scope: Option<Arc<str>>,
    pub(crate) retry: Retry,
    pub(crate) retry_delay: RetryDelay,
    pub(crate) network: NetworkMode,
    pub(crate) gc_time: GcTime,
    /// What it was called with, if that can be stored and run again in another session.
    pub(crate) variables: Option<serde_json::Value>,
}

impl Default for MutationSettings {
    fn default() -> Self {
        Self {
            key: None,
            scope: None,
            retry: Retry::Never,
            retry_delay: RetryDelay::default(),
            network: NetworkMode::default(),
            gc_time: GcTime::default(),
            variables: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `on_mutate` runs.
    Preparing,
    /// Its turn or the network has not come.
    Waiting,
    Running,
    Delayed,
    /// The attempts are over; callbacks run.
    Settling,
    Settled,
}

/// One call of a mutation.
pub(crate) struct Mutation {
    pub(crate) settings: MutationSettings,
    pub(crate) status: MutationStatus,
    phase: Phase,
    pub(crate) failure_count: u32,
    pub(crate) failure_reason: Option<Failure>,
    pub(crate) submitted_at: Time,
    pub(crate) outcome: Option<Outcome>,
    observed: u32,
}

impl Mutation {
    pub(crate) fn is_paused(&self) -> bool {
        self.phase == Phase::Waiting
    }
}

/// All mutations, and who waits for whom.
#[derive(Default)]
pub(crate) struct Mutations {
    all: SlotMap<MutationId, Mutation>,
    /// In each scope the first one may run; the others wait (rule 103).
    scopes: HashMap<Arc<str>, VecDeque<MutationId>>,
}

impl Mutations {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, id: MutationId) -> Option<&Mutation> {
        self.all.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (MutationId, &Mutation)> {
        self.all.iter()
    }

    fn has_turn(&self, id: MutationId) -> bool {
        self.all.get(id).is_some_and(|mutation| {
            mutation.settings.scope.as_ref().is_none_or(|scope| {
                self.scopes
                    .get(scope)
                    .is_none_or(|queue| queue.front() == Some(&id))
            })
        })
    }

    fn leave_scope(&mut self, id: MutationId) -> Option<MutationId> {
        let scope = self.all.get(id)?.settings.scope.clone()?;
        let queue = self.scopes.get_mut(&scope)?;
        queue.retain(|held| *held != id);
        let next = queue.front().copied();
        if next.is_none() {
            self.scopes.remove(&scope);
        }
        next
    }
}

impl<S: Clone> Core<S> {
    /// A new call. It takes its place in its scope at once; its first attempt follows [`prepared`](Self::prepared).
    pub(crate) fn mutate(&mut self, settings: MutationSettings) -> MutationId {
        let scope = settings.scope.clone();
        let submitted_at = self.now;
        let id = self.mutations.all.insert(Mutation {
            settings,
            status: MutationStatus::Pending,
            phase: Phase::Preparing,
            failure_count: 0,
            failure_reason: None,
            submitted_at,
            outcome: None,
            observed: 0,
        });
        if let Some(scope) = scope {
            self.mutations
                .scopes
                .entry(scope)
                .or_default()
                .push_back(id);
        }
        self.mutation_changed(id);
        self.effects.push(Effect::Counts);
        id
    }

    /// `on_mutate` is done: the first attempt starts when turn and network allow (rule 104).
    pub(crate) fn prepared(&mut self, id: MutationId) {
        self.set_phase(id, Phase::Waiting);
        self.start_mutation(id);
    }

    fn start_mutation(&mut self, id: MutationId) {
        let around = self.around;
        let Some(mutation) = self
            .mutations
            .get(id)
            .filter(|mutation| mutation.is_paused())
        else {
            return;
        };
        let first = mutation.failure_count == 0;
        let connected = match mutation.settings.network {
            NetworkMode::Always => true,
            NetworkMode::OfflineFirst => first || around.online,
            NetworkMode::Online => around.online,
        };
        // The first attempt does not wait for the page to be seen; retries do (rule 43).
        if self.mutations.has_turn(id) && connected && (first || around.visible) {
            self.set_phase(id, Phase::Running);
            self.effects.push(Effect::Attempt(id));
        }
    }

    pub(crate) fn mutation_attempted(&mut self, id: MutationId, outcome: Outcome) {
        let now = self.now;
        let Some(mutation) = self
            .mutations
            .all
            .get_mut(id)
            .filter(|mutation| mutation.phase == Phase::Running)
        else {
            return;
        };
        if let Err(failure) = &outcome {
            let failures = mutation.failure_count;
            mutation.failure_count = failures.saturating_add(1);
            mutation.failure_reason = Some(failure.clone());
            if mutation.settings.retry.again(failures, failure) {
                let at = now.after(mutation.settings.retry_delay.after(failures));
                self.timers.set(at, Alarm::RetryMutation(id));
                self.set_phase(id, Phase::Delayed);
                return;
            }
        }
        self.set_phase(id, Phase::Settling);
        self.effects.push(Effect::Attempted(id, outcome));
    }

    pub(super) fn retry_mutation(&mut self, id: MutationId) {
        if self
            .mutations
            .get(id)
            .is_some_and(|mutation| mutation.phase == Phase::Delayed)
        {
            self.set_phase(id, Phase::Waiting);
            self.start_mutation(id);
        }
    }

    /// All callbacks are done: the state follows, and the next of the scope has its turn (rules 97 to 99).
    pub(crate) fn finish_mutation(&mut self, id: MutationId, outcome: Outcome) {
        let Some(mutation) = self.mutations.all.get_mut(id) else {
            return;
        };
        mutation.status = if outcome.is_ok() {
            MutationStatus::Success
        } else {
            MutationStatus::Error
        };
        mutation.outcome = Some(outcome);
        self.set_phase(id, Phase::Settled);
        let next = self.mutations.leave_scope(id);
        self.arm_mutation_gc(id);
        self.effects.push(Effect::Counts);
        if let Some(next) = next {
            self.start_mutation(next);
        }
        self.mutation_ended(id);
    }

    /// What waits for the network goes on, scopes in parallel (rule 104). Answers what now runs or will when its turn comes.
    pub(super) fn resume_mutations(&mut self) -> Vec<MutationId> {
        let waiting: Vec<MutationId> = self
            .mutations
            .iter()
            .filter(|(_, mutation)| mutation.is_paused())
            .map(|(id, _)| id)
            .collect();
        for id in &waiting {
            self.start_mutation(*id);
        }
        let going = |id: &MutationId| {
            self.mutations.get(*id).is_some_and(|mutation| {
                mutation.phase == Phase::Running || !self.mutations.has_turn(*id)
            })
        };
        waiting.into_iter().filter(going).collect()
    }

    pub(crate) fn watch_mutation(&mut self, id: MutationId) {
        if let Some(mutation) = self.mutations.all.get_mut(id) {
            mutation.observed = mutation.observed.saturating_add(1);
        }
    }

    pub(crate) fn unwatch_mutation(&mut self, id: MutationId) {
        if let Some(mutation) = self.mutations.all.get_mut(id) {
            mutation.observed = mutation.observed.saturating_sub(1);
            self.arm_mutation_gc(id);
        }
    }

    fn arm_mutation_gc(&mut self, id: MutationId) {
        let Some(mutation) = self.mutations.get(id) else {
            return;
        };
        if let GcTime::After(after) = mutation.settings.gc_time
            && mutation.observed == 0
            && mutation.phase == Phase::Settled
        {
            let due = self.now.after(after);
            self.timers.set(due, Alarm::CollectMutation(id));
        }
    }

    /// A pending mutation is never collected (rule 105).
    pub(super) fn collect_mutation(&mut self, id: MutationId) {
        if self
            .mutations
            .get(id)
            .is_some_and(|m| m.observed == 0 && m.phase == Phase::Settled)
        {
            self.mutations.all.remove(id);
        }
    }

    pub(super) fn clear_mutations(&mut self) {
        self.mutations = Mutations::default();
        self.effects.push(Effect::Counts);
    }

    pub(crate) fn mutating(&self) -> usize {
        self.mutations
            .iter()
            .filter(|(_, m)| m.status == MutationStatus::Pending)
            .count()
    }

    fn set_phase(&mut self, id: MutationId, phase: Phase) {
        if let Some(mutation) = self.mutations.all.get_mut(id) {
            mutation.phase = phase;
            self.mutation_changed(id);
        }
    }

    fn mutation_changed(&mut self, id: MutationId) {
        self.effects.push(Effect::NotifyMutation(id));
        if let Some(status) = self.mutations.get(id).map(|mutation| mutation.status) {
            self.emit(|| EventKind::Mutation(id, status));
        }
    }
}
