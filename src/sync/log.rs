//! The database's side of the catch-up, over REST: its log of changes, and rows by key.

use bedside_query::RowChange;
use serde_json::{Value, json};
use uuid::Uuid;

use super::catch_up::{Answer, Failure, Fetch};
use crate::data::{DataError, Page, Request, Rest};

/// What changed since a watermark.
pub async fn feed_since(rest: &Rest, since: Option<&str>) -> Result<Answer, Failure> {
    let arguments = json!({ "watermark": since }).to_string();
    let request = Request::function("feed_since", arguments);
    rest.value(request).await.map_err(|error| match error {
        // PostgREST doesn't know the function, or a gateway doesn't know PostgREST; either may change.
        DataError::Server { status: 404 } => Failure::Absent,
        DataError::Unreadable => Failure::Unreadable,
        _ => Failure::Transient,
    })
}

/// The rows of these keys that this user may see.
pub async fn rows(rest: &Rest, fetch: &Fetch) -> Result<Vec<RowChange>, Failure> {
    let table = fetch.table;
    let ids = fetch.ids.iter().map(Uuid::to_string);
    let request = Request::table(table.name())
        .select("*")
        .in_(table.primary_key(), ids);
    let page: Page<Value> = rest.page(request).await.map_err(|error| match error {
        DataError::Unreadable => Failure::Unreadable,
        _ => Failure::Transient,
    })?;
    let row = |columns: Value| {
        let id = Uuid::parse_str(columns.get(table.primary_key())?.as_str()?).ok()?;
        Some(RowChange::update(table.name(), id, columns))
    };
    let rows: Option<Vec<RowChange>> = page.rows.into_iter().map(row).collect();
    rows.filter(|_| page.unreadable == 0)
        .ok_or(Failure::Unreadable)
}
