//! A reactive query cache for Leptos.

mod core;
mod deps;
mod key;
mod skin;

pub use crate::core::event::{Action, Event, EventKind};
pub use crate::core::filter::{Activity, QueryFilter, Staleness};
pub use crate::core::mutation::MutationStatus;
pub use crate::core::operations::Refetch;
pub use crate::core::options::{
    Enabled, GcTime, InBackground, Interval, NetworkMode, Overlap, RefetchOn, Retry, RetryDelay,
    RetryOnMount, RetryWhen, StaleTime,
};
pub use crate::core::signal::CancelSignal;
pub use crate::core::time::Time;
pub use crate::core::value::{QueryError, TypeMismatch};
pub use crate::core::view::{FetchStatus, QueryView, Status};
pub use crate::core::{Counts, MutationId};
pub use crate::key::{KeyError, QueryKey, Segment};
pub use crate::skin::*;
