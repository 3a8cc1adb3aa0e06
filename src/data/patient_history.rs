//! The history of a patient's record: the latest steps, and how many there are.

use bedside_query::{QueryOptions, query_key};
use uuid::Uuid;

use super::query::query;
use super::{DataError, Page, Request, Rest, portions};
use crate::model::PatientChange;

/// How many steps are read at first.
pub const AT_FIRST: usize = 8;

/// The latest steps of a patient's history.
pub async fn list(rest: Rest, id: Uuid, steps: usize) -> Result<Page<PatientChange>, DataError> {
    let request = Request::table("patient_changes")
        .select("patient_id,version,changed_by,changed_at,changes")
        .eq("patient_id", id.to_string())
        .order("version.desc");
    let read = |from, to| rest.page(request.clone().range(from, to));
    portions::first(steps, |step: &PatientChange| step.version, read).await
}

/// The query of the latest steps. A query of that patient alone, so that it follows the patient's changes and no others.
pub fn list_query(
    rest: Rest,
    id: Uuid,
    steps: usize,
) -> QueryOptions<Page<PatientChange>, DataError> {
    query(query_key!["patients", "history", id, steps], move || {
        list(rest.clone(), id, steps)
    })
    .keep_previous_data()
}
