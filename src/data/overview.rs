//! The dashboard's numbers: one request for all of its charts.

use bedside_query::{QueryOptions, query_key};
use serde_json::json;

use super::query::query;
use super::{DataError, Request, Rest};
use crate::model::overview::Overview;

/// The numbers, with days that begin at this person's midnight. A zone that the database doesn't know counts as UTC.
pub async fn overview(rest: Rest, time_zone: String) -> Result<Overview, DataError> {
    let question = json!({ "time_zone": time_zone }).to_string();
    rest.row(Request::function("overview_in", question)).await
}

/// The query of the numbers. It counts patients too; whoever asks follows both tables.
pub fn overview_query(rest: Rest, time_zone: &str) -> QueryOptions<Overview, DataError> {
    let time_zone = time_zone.to_owned();
    query(
        query_key!["form_submissions", "overview", time_zone.as_str()],
        move || overview(rest.clone(), time_zone.clone()),
    )
}
