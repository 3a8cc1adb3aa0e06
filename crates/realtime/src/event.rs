//! What a holder of a binding or a room hears.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::gap::Gap;
use crate::wire::Change;

/// News of a binding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BindingEvent {
    /// The server says that it listens: changes from here on arrive, so fetch now, not before.
    Ready(Ready),
    /// A row changed. During a resubscription a change may come twice, so apply it idempotently.
    Change(Arc<Change>),
    /// Continuity is lost: nothing is proven until the next [`BindingEvent::Ready`].
    Gap(Gap),
    /// This binding is wrong and will not be tried again until somebody reconnects; the others go on.
    Refused(Refusal),
}

/// The server listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Unix milliseconds.
    pub at: u64,
    /// The gap that this ends; `None` the first time.
    pub gap: Option<Gap>,
}

/// Why the server will not serve a binding or a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The server's text; a hint for developers, it changes between versions.
    pub reason: String,
}
