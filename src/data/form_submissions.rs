//! Forms: which can be asked for.

use std::collections::HashMap;
use std::sync::Arc;

use bedside_query::{
    Condition, MutationOptions, NetworkMode, Predicate, QueryKey, QueryOptions, query_key,
};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

pub use super::form_filter::{FormFilter, FormView, PAGE};
use super::query::query;
use super::{DataError, Page, Request, Rest, portions, rows};
use crate::model::form_submission::PatientName;
use crate::model::{FormStatus, FormSubmission, Version};

/// A form with the name of the patient that it is about.
pub(super) const COLUMNS: &str = "*,patient:patients(id,mrn,first_name,last_name)";
/// The same, of forms whose patient is found by a search.
pub(super) const FOUND: &str = "*,patient:patients!inner(id,mrn,first_name,last_name)";
/// Statuses of a form that somebody should look at.
pub(super) const WAITING: [&str; 2] = ["submitted", "in_review"];
/// A page of the list.
pub async fn list(rest: Rest, filter: FormFilter) -> Result<Page<Arc<FormSubmission>>, DataError> {
    let page = rest.page::<FormSubmission>(filter.request()).await?;
    Ok(page.shared())
}

/// All forms of a list, however many: for paper.
pub async fn every(rest: Rest, filter: FormFilter) -> Result<Page<FormSubmission>, DataError> {
    let request = filter.request();
    let read = |from, to| rest.page(request.clone().range(from, to));
    portions::all(|form: &FormSubmission| form.id, read).await
}

/// One form.
pub async fn one(rest: Rest, id: Uuid) -> Result<FormSubmission, DataError> {
    rest.row(
        Request::table("form_submissions")
            .select(COLUMNS)
            .eq("id", id.to_string()),
    )
    .await
}

/// Whom forms are about, by form. A form that this person may not see is not among them.
pub async fn about(rest: Rest, forms: Vec<Uuid>) -> Result<HashMap<Uuid, PatientName>, DataError> {
    #[derive(Deserialize)]
    struct About {
        id: Uuid,
        patient: Option<PatientName>,
    }
    let ids: Vec<String> = forms.iter().map(Uuid::to_string).collect();
    let request = Request::table("form_submissions")
        .select("id,patient:patients(id,mrn,first_name,last_name)")
        .in_("id", ids);
    let rows = rest.rows::<About>(request).await?.into_iter();
    Ok(rows
        .filter_map(|row| Some((row.id, row.patient?)))
        .collect())
}

/// The forms that wait for this reviewer, in the order of the queue.
pub async fn queue(rest: Rest, reviewer: Uuid) -> Result<Vec<Uuid>, DataError> {
    #[derive(Deserialize)]
    struct Waiting {
        id: Uuid,
    }
    let filter = FormFilter::to_review_by(Some(reviewer));
    let request = filter.narrow(Request::table("form_submissions").select("id"));
    let waiting = portions::all(
        |row: &Waiting| row.id,
        |from, to| rest.page(request.clone().range(from, to)),
    );
    Ok(waiting.await?.rows.into_iter().map(|row| row.id).collect())
}

/// A step of a form on its way that is decided over what the person saw, and over nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub id: Uuid,
    /// The version that the person saw.
    pub version: Version,
    pub status: FormStatus,
    /// What the reviewer asks for, where the step takes a comment.
    pub comment: Option<String>,
}

/// Takes a step, if the form is still as the person saw it.
///
/// Fails with [`DataError::Conflict`] when the form has moved on, or is out of this person's reach.
pub async fn decide(rest: Rest, decision: Decision) -> Result<FormSubmission, DataError> {
    let mut body = json!({ "status": decision.status.word() });
    if let (Some(comment), Some(body)) = (decision.comment, body.as_object_mut()) {
        body.insert("review_comment".to_owned(), comment.into());
    }
    let request = Request::table("form_submissions")
        .update(body.to_string())
        .eq("id", decision.id.to_string())
        .eq("version", decision.version.to_string())
        .select(COLUMNS);
    rest.write(request).await
}

/// How many drafts a person is writing.
pub async fn drafts(rest: Rest, author: Uuid) -> Result<usize, DataError> {
    let request = Request::table("form_submissions")
        .select("id")
        .eq("status", "draft");
    rest.count(request.eq("submitted_by", author.to_string()))
        .await
}

/// What a person has to go on with: their drafts, and what came back to them.
pub async fn mine(rest: Rest, author: Uuid) -> Result<Page<Arc<FormSubmission>>, DataError> {
    let request = Request::table("form_submissions")
        .select(COLUMNS)
        .in_("status", ["draft", "returned"])
        .eq("submitted_by", author.to_string())
        .order("updated_at.desc,id.asc")
        .range(0, 7);
    let page = rest.page::<FormSubmission>(request).await?;
    Ok(page.shared())
}

/// The query of a page of the list. The former page stays until the next one has come.
pub fn list_query(
    rest: Rest,
    filter: FormFilter,
) -> QueryOptions<Page<Arc<FormSubmission>>, DataError> {
    let key = query_key!["form_submissions", "list", filter.to_json()];
    let dep = filter.dep();
    query(key, move || list(rest.clone(), filter.clone()))
        .row_set(dep)
        .and_deps(rows::form_joins())
        .keep_previous_data()
}

/// The key of one form's query.
pub fn one_key(id: Uuid) -> QueryKey {
    query_key!["form_submissions", "one", id]
}

/// The query of one form.
pub fn one_query(rest: Rest, id: Uuid) -> QueryOptions<FormSubmission, DataError> {
    query(one_key(id), move || one(rest.clone(), id))
        .row(rows::form_submissions().matching(rows::by_key(id)))
        .and_deps(rows::form_joins())
}

/// The query of the forms that wait for this reviewer, in the order of the queue.
pub fn queue_query(rest: Rest, reviewer: Uuid) -> QueryOptions<Vec<Uuid>, DataError> {
    query(
        query_key!["form_submissions", "queue", reviewer],
        move || queue(rest.clone(), reviewer),
    )
}

/// The mutation that takes a step of a form on its way. The page shows it when it is decided, not before: a review that was
/// not stored must never look as if it were.
pub fn decision_mutation(rest: Rest) -> MutationOptions<Decision, FormSubmission, DataError> {
    MutationOptions::new(move |decision| decide(rest.clone(), decision))
        .network_mode(NetworkMode::Always)
        .on_settled(|_, call| async move {
            call.client
                .invalidate_queries(query_key!["form_submissions"]);
        })
}

/// The query of how many drafts a person is writing.
pub fn drafts_query(rest: Rest, author: Uuid) -> QueryOptions<usize, DataError> {
    query(
        query_key!["form_submissions", "count", "drafts", author],
        move || drafts(rest.clone(), author),
    )
}

/// The query of what a person has to go on with.
pub fn mine_query(rest: Rest, author: Uuid) -> QueryOptions<Page<Arc<FormSubmission>>, DataError> {
    query(query_key!["form_submissions", "mine", author], move || {
        mine(rest.clone(), author)
    })
    .row_set(
        rows::latest_first(rows::form_submissions()).matching(
            Predicate::all()
                .and(
                    "status",
                    Condition::In(vec!["draft".into(), "returned".into()]),
                )
                .and("submitted_by", Condition::Eq(author.into())),
        ),
    )
    .and_deps(rows::form_joins())
}
