//! What happened, for tools that watch the cache. Made only while somebody listens.

use super::MutationId;
use super::time::Time;
use crate::key::QueryKey;

/// One thing that happened in the cache (rule 89), with the time it happened at.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    pub kind: EventKind,
}

/// What can happen in a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A query came into being.
    Added(QueryKey),
    /// A query was removed or collected.
    Removed(QueryKey),
    /// A query's state changed.
    Updated(QueryKey, Action),
    /// An observer attached.
    ObserverAdded(QueryKey),
    /// An observer left.
    ObserverRemoved(QueryKey),
    /// An observer has new options.
    ObserverOptions(QueryKey),
    /// A mutation changed state.
    Mutation(MutationId, super::mutation::MutationStatus),
    /// Everything was dropped, and a new epoch began.
    Cleared,
}

/// How a query's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A fetch started.
    Fetch,
    /// An attempt failed and will be repeated.
    Failed,
    /// The fetch waits for the network.
    Pause,
    /// It goes on.
    Continue,
    /// A fetch brought data.
    Success,
    /// A fetch failed for good.
    Error,
    /// A manual write.
    Set,
    /// A patch.
    Patch,
    /// An optimistic change came or went.
    Overlay,
    /// It was invalidated.
    Invalidate,
    /// A fetch was cancelled.
    Cancel,
    /// It was reset.
    Reset,
}
