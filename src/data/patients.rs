//! Patients: which can be asked for.

use std::sync::Arc;

use bedside_query::{QueryKey, QueryOptions, query_key};
use uuid::Uuid;

use super::patient_filter::PatientFilter;
use super::query::query;
use super::{DataError, Page, Rest};
use crate::model::{Patient, PatientStatus};

/// A page of the list.
pub async fn list(rest: Rest, filter: PatientFilter) -> Result<Page<Arc<Patient>>, DataError> {
    shared(rest.page::<Patient>(filter.request(&rest)).await)
}

/// One patient.
pub async fn one(rest: Rest, id: Uuid) -> Result<Patient, DataError> {
    rest.row(rest.table("patients").select("*").eq("id", id.to_string()))
        .await
}

/// The patients that changed last; of one clinician, or all that are visible.
pub async fn recent(rest: Rest, of: Option<Uuid>) -> Result<Page<Arc<Patient>>, DataError> {
    let mut request = rest
        .table("patients")
        .select("*")
        .order("updated_at.desc,id.asc")
        .range(0, 7);
    if let Some(clinician) = of {
        request = request
            .eq("clinician_id", clinician.to_string())
            .neq("status", "discharged");
    }
    shared(rest.page::<Patient>(request).await)
}

/// How many patients have a status.
pub async fn count(rest: Rest, status: PatientStatus) -> Result<usize, DataError> {
    rest.count(
        rest.table("patients")
            .select("id")
            .eq("status", status.word()),
    )
    .await
}

fn shared<T>(page: Result<Page<T>, DataError>) -> Result<Page<Arc<T>>, DataError> {
    page.map(|page| Page {
        rows: page.rows.into_iter().map(Arc::new).collect(),
        total: page.total,
    })
}

/// The key of one patient's query.
pub fn one_key(id: Uuid) -> QueryKey {
    query_key!["patients", "one", id]
}

/// The query of a page of the list. The former page stays until the next one has come.
pub fn list_query(
    rest: Rest,
    filter: PatientFilter,
) -> QueryOptions<Page<Arc<Patient>>, DataError> {
    let key = query_key!["patients", "list", filter.to_json()];
    query(key, move || list(rest.clone(), filter.clone())).keep_previous_data()
}

/// The query of one patient.
pub fn one_query(rest: Rest, id: Uuid) -> QueryOptions<Patient, DataError> {
    query(one_key(id), move || one(rest.clone(), id))
}

/// The query of the patients that changed last.
pub fn recent_query(rest: Rest, of: Option<Uuid>) -> QueryOptions<Page<Arc<Patient>>, DataError> {
    query(query_key!["patients", "recent", of], move || {
        recent(rest.clone(), of)
    })
}

/// The query of how many patients have a status.
pub fn count_query(rest: Rest, status: PatientStatus) -> QueryOptions<usize, DataError> {
    query(query_key!["patients", "count", status.word()], move || {
        count(rest.clone(), status)
    })
}
