//! A query that follows its tables: what `use_query` gives, kept true by the feed.

use bedside_query::{QueryOptions, UseQuery, use_query};
use leptos::prelude::{on_cleanup, use_context};

use crate::sync::{Feed, Table};

/// Reads a query and follows the tables that it shows, while the calling component is mounted.
///
/// The server listens from soon after the first such call; what was fetched before that is fetched once more then, so that
/// nothing that happened in between is missed. Without a feed in context it is a plain query.
pub fn use_live_query<T, E>(
    tables: &'static [Table],
    options: impl Fn() -> QueryOptions<T, E> + 'static,
) -> UseQuery<T, E>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    if let Some(feed) = use_context::<Feed>() {
        let following: Vec<_> = tables.iter().map(|table| feed.follow(*table)).collect();
        on_cleanup(move || drop(following));
    }
    use_query(options)
}
