//! The history of a patient's record: the latest steps, and how many there are.

use bedside_query::{QueryOptions, query_key};
use uuid::Uuid;

use super::query::query;
use super::{DataError, Page, Rest};
use crate::model::PatientChange;

/// How many steps are read at first; longer histories are read in such portions, up to [`MOST`].
pub const PORTION: usize = 8;

/// More than this is for an audit, not for a screen.
pub const MOST: usize = 200;

/// The latest steps of a patient's history.
pub async fn list(rest: Rest, id: Uuid, steps: usize) -> Result<Page<PatientChange>, DataError> {
    let request = rest
        .table("patient_changes")
        .select("patient_id,version,changed_by,changed_at,changes")
        .eq("patient_id", id.to_string())
        .order("version.desc")
        .range(0, steps.clamp(1, MOST) - 1);
    rest.page(request).await
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
