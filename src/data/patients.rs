//! Patients: which can be asked for.

use std::sync::Arc;

use bedside_query::{
    Condition, MutationOptions, NetworkMode, Predicate, QueryKey, QueryOptions, query_key,
};
use uuid::Uuid;

use super::patient_filter::PatientFilter;
use super::query::query;
use super::{DataError, Page, Request, Rest, portions, rows};
use crate::model::{Patient, PatientStatus, Version};

/// A page of the list.
pub async fn list(rest: Rest, filter: PatientFilter) -> Result<Page<Arc<Patient>>, DataError> {
    let page = rest.page::<Patient>(filter.request()).await?;
    Ok(page.shared())
}

/// All patients of a list, however many: for paper.
pub async fn every(rest: Rest, filter: PatientFilter) -> Result<Page<Patient>, DataError> {
    let request = filter.request();
    let read = |from, to| rest.page(request.clone().range(from, to));
    portions::all(|patient: &Patient| patient.id, read).await
}

/// One patient.
pub async fn one(rest: Rest, id: Uuid) -> Result<Patient, DataError> {
    rest.row(
        Request::table("patients")
            .select("*")
            .eq("id", id.to_string()),
    )
    .await
}

/// The patients that changed last; of one clinician, or all that are visible.
pub async fn recent(rest: Rest, of: Option<Uuid>) -> Result<Page<Arc<Patient>>, DataError> {
    let mut request = Request::table("patients")
        .select("*")
        .order("updated_at.desc,id.asc")
        .range(0, 7);
    if let Some(clinician) = of {
        request = request
            .eq("clinician_id", clinician.to_string())
            .neq("status", "discharged");
    }
    Ok(rest.page::<Patient>(request).await?.shared())
}

/// How many patients have a status.
pub async fn count(rest: Rest, status: PatientStatus) -> Result<usize, DataError> {
    rest.count(
        Request::table("patients")
            .select("id")
            .eq("status", status.word()),
    )
    .await
}

/// A patient given to a colleague, at the version that the person saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    pub id: Uuid,
    pub to: Uuid,
    pub version: Version,
}

/// Gives a patient to a colleague.
///
/// Fails with [`DataError::Conflict`] when the patient was changed, or given away, meanwhile.
pub async fn hand_over(rest: Rest, given: HandOver) -> Result<Version, DataError> {
    let arguments = serde_json::json!({
        "patient": given.id,
        "new_clinician": given.to,
        "expected_version": given.version,
    });
    let version: Option<Version> = rest
        .value(Request::function(
            "hand_over_patient",
            arguments.to_string(),
        ))
        .await?;
    version.ok_or(DataError::Conflict)
}

/// The mutation that gives a patient to a colleague. Without a network the person is told: a hand-over that happens later, unseen, is none.
pub fn hand_over_mutation(rest: Rest) -> MutationOptions<HandOver, Version, DataError> {
    MutationOptions::new(move |given| hand_over(rest.clone(), given))
        .network_mode(NetworkMode::Always)
        .on_settled(|_, call| async move {
            call.client.invalidate_queries(query_key!["patients"]);
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
    page_query(rest, filter).keep_previous_data()
}

/// The query of a page of the list, which shows nothing before that page has come.
pub fn page_query(
    rest: Rest,
    filter: PatientFilter,
) -> QueryOptions<Page<Arc<Patient>>, DataError> {
    let key = query_key!["patients", "list", filter.to_json()];
    let dep = filter.dep();
    query(key, move || list(rest.clone(), filter.clone())).row_set(dep)
}

/// The query of one patient.
pub fn one_query(rest: Rest, id: Uuid) -> QueryOptions<Patient, DataError> {
    query(one_key(id), move || one(rest.clone(), id))
        .row(rows::patients().matching(rows::by_key(id)))
}

/// The query of the patients that changed last.
pub fn recent_query(rest: Rest, of: Option<Uuid>) -> QueryOptions<Page<Arc<Patient>>, DataError> {
    let shown = match of {
        Some(clinician) => Predicate::all()
            .and("clinician_id", Condition::Eq(clinician.into()))
            .and("status", Condition::Neq("discharged".into())),
        None => Predicate::all(),
    };
    query(query_key!["patients", "recent", of], move || {
        recent(rest.clone(), of)
    })
    .row_set(rows::latest_first(rows::patients()).matching(shown))
}

/// The query of how many patients have a status.
pub fn count_query(rest: Rest, status: PatientStatus) -> QueryOptions<usize, DataError> {
    query(query_key!["patients", "count", status.word()], move || {
        count(rest.clone(), status)
    })
}
