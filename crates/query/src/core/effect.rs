//! What the core wants done: the only way out of it. The skin carries effects out in order, with no borrow of the core held.

use super::event::Event;
use super::signal::CancelSignal;
use super::time::Time;
use super::value::{Failure, Value};
use super::{FetchId, MutationId, ObserverId, QueryId};

/// The end of a fetch and of everything owed behind it.
pub(crate) type Outcome = Result<Value, Failure>;

pub(crate) enum Effect<S> {
    /// Run the source; report with `Core::attempted`.
    Start {
        fetch: FetchId,
        source: S,
        signal: CancelSignal,
    },
    /// Drop the running source of this fetch and tell its signal; whatever it still reports is ignored.
    Cancel {
        fetch: FetchId,
        signal: CancelSignal,
    },
    /// What this observer shows may have changed.
    Notify(ObserverId),
    /// A query came to rest: whoever waits for it gets this.
    Settled { query: QueryId, outcome: Outcome },
    /// A query is gone; who waits for it is told that it was cancelled.
    Gone(QueryId),
    /// Call `Core::tick` at this time; replaces the last one. `None`: nothing is due any more.
    Wake(Option<Time>),
    /// Run one attempt of this mutation.
    Attempt(MutationId),
    /// This mutation's attempts are over.
    Attempted(MutationId, Outcome),
    /// What this mutation shows has changed.
    NotifyMutation(MutationId),
    /// The numbers of running fetches or mutations may have changed.
    Counts,
    /// The delay asked for with `Core::save_in` is over.
    Save,
    /// For whoever listens.
    Emit(Event),
}
