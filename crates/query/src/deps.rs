//! What queries depend on, and what a change of a row means for them.

/// Placeholder of what one query depends on.
pub(crate) struct QueryDeps;

/// Which queries a change of a row may touch.
pub(crate) struct Router<Q>(std::marker::PhantomData<Q>);

impl<Q> Default for Router<Q> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<Q> Router<Q> {
    pub(crate) fn remove(&mut self, _query: Q) {}
}
