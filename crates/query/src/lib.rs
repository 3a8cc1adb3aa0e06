#![doc = include_str!("../docs/guide.md")]
#![warn(missing_docs)]

mod core;
mod deps;
mod key;
mod rows;
mod skin;

#[cfg(doc)]
pub mod docs {
    //! Longer pages.

    #[doc = include_str!("../docs/coming_from_tanstack_query.md")]
    pub mod coming_from_tanstack_query {}

    #[doc = include_str!("../docs/rules.md")]
    pub mod rules {}
}

pub use crate::core::event::{Action, Event, EventKind};
pub use crate::core::filter::{Activity, QueryFilter, Staleness};
pub use crate::core::mutation::MutationStatus;
pub use crate::core::operations::Refetch;
pub use crate::core::options::{
    Enabled, GcTime, InBackground, Interval, IntervalFn, NetworkMode, Overlap, RefetchOn, Retry,
    RetryDelay, RetryOnMount, RetryWhen, StaleTime,
};
pub use crate::core::rows::Routed;
pub use crate::core::signal::CancelSignal;
pub use crate::core::time::Time;
pub use crate::core::value::{QueryError, TypeMismatch};
pub use crate::core::view::{FetchStatus, QueryView, Status};
pub use crate::core::{Counts, MutationId};
pub use crate::deps::{
    ChangeKind, Columns, Condition, Membership, Order, Predicate, Record, RouteAction, RowChange,
    Shape, TableDep, Window, route,
};
pub use crate::key::{KeyError, QueryKey, Segment};
pub use crate::rows::{Row, RowError, RowSet, Rows};
pub use crate::skin::*;
