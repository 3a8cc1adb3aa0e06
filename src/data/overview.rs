//! The dashboard's numbers: one request for all of its charts.

use bedside_query::{QueryOptions, query_key};
use serde_json::json;

use super::query::query;
use super::{DataError, Request, Rest};
use crate::model::overview::Overview;

/// The numbers, with days that begin at this person's midnight: `offset_minutes` ahead of Greenwich.
pub async fn overview(rest: Rest, offset_minutes: i32) -> Result<Overview, DataError> {
    let question = json!({ "offset_minutes": offset_minutes }).to_string();
    rest.row(Request::function("overview", question)).await
}

/// The query of the numbers. It counts patients too; whoever asks follows both tables.
pub fn overview_query(rest: Rest, offset_minutes: i32) -> QueryOptions<Overview, DataError> {
    query(
        query_key!["form_submissions", "overview", i64::from(offset_minutes)],
        move || overview(rest.clone(), offset_minutes),
    )
}
