//! What the hooks with callbacks have in common: a table is followed and heard while somebody is mounted.

use leptos::prelude::{on_cleanup, use_context};
use serde::de::DeserializeOwned;

use crate::sync::ears::Word;
use crate::sync::{Feed, RowUpdate, Table};

/// Calls back with every change of a table while the calling component is mounted. However many call, the server is asked once.
pub(super) fn use_row_updates<T: DeserializeOwned>(
    table: Table,
    callback: impl Fn(RowUpdate<T>) + Send + Sync + 'static,
) {
    let Some(feed) = use_context::<Feed>() else {
        return;
    };
    let hearing = feed.hear(move |word| {
        if let Word::Said(said, event) = word
            && said == table
            && let Some(update) = RowUpdate::of(table, event)
        {
            callback(update);
        }
    });
    let following = feed.follow(table);
    on_cleanup(move || drop((following, hearing)));
}
