//! Proof that changes really come: a row that counts up, or one's own write that must come back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::binding::Binding;

/// A row that the database changes at a fixed pace, seen through the same path as everything else.
///
/// Two missing beats mean that the feed is dead though the server says it listens. A skipped number is a gap. So is a beat that takes more
/// than half as long again as agreed, and as the one before: a stalled database doesn't count. A beat that is a little late is
/// none, or a slow database would make every client fetch everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liveness {
    pub(crate) binding: Binding,
    pub(crate) column: String,
    pub(crate) every: u64,
}

impl Liveness {
    /// The table, the column that counts up by one, and how often.
    #[must_use]
    pub fn new(binding: Binding, column: impl Into<String>, every: Duration) -> Self {
        Self {
            binding,
            column: column.into(),
            every: u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// An own write that should come back as a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) value: String,
}

impl Echo {
    /// A row of a table, by its key column and the key as text.
    #[must_use]
    pub fn of(
        schema: impl Into<String>,
        table: impl Into<String>,
        column: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            schema: schema.into(),
            table: table.into(),
            column: column.into(),
            value: value.into(),
        }
    }
}
