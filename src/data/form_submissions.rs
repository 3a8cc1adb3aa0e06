//! Forms: which can be asked for.

use std::collections::HashMap;
use std::sync::Arc;

use bedside_query::{QueryKey, QueryOptions, query_key};
use postgrest::Builder;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::query::query;
use super::{DataError, Page, Rest};
use crate::model::form_submission::PatientName;
use crate::model::{FormStatus, FormSubmission, FormType};

/// A form with the name of the patient that it is about.
const COLUMNS: &str = "*,patient:patients(id,mrn,first_name,last_name)";
/// Statuses of a form that somebody should look at.
const WAITING: [&str; 2] = ["submitted", "in_review"];
/// How many rows a page of the list has.
pub const PAGE: usize = 50;

/// Which forms a list shows, the latest change first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct FormFilter {
    pub patient: Option<Uuid>,
    pub status: Option<FormStatus>,
    pub form_type: Option<FormType>,
    /// From zero.
    pub page: usize,
}

impl FormFilter {
    /// Reads the filter from the URL's query; what it doesn't know is as if it were not there.
    pub fn from_query(get: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            patient: None,
            status: get("status")
                .map(|word| FormStatus::from_word(&word))
                .filter(|status| *status != FormStatus::Unknown),
            form_type: get("type")
                .map(|word| FormType::from_word(&word))
                .filter(|form_type| *form_type != FormType::Unknown),
            page: get("page")
                .and_then(|page| page.parse::<usize>().ok())
                .map_or(0, |page| page.saturating_sub(1)),
        }
    }

    /// The URL's query for this filter; empty for the plain list.
    ///
    /// ```
    /// use bedside::{data::form_submissions::FormFilter, model::FormStatus};
    /// let filter = FormFilter { status: Some(FormStatus::InReview), page: 1, ..FormFilter::default() };
    /// assert_eq!(filter.to_query(), "?status=in_review&page=2");
    /// ```
    pub fn to_query(&self) -> String {
        let parts = [
            self.status
                .map(|status| format!("status={}", status.word())),
            self.form_type
                .map(|form_type| format!("type={}", form_type.word())),
            (self.page > 0).then(|| format!("page={}", self.page.saturating_add(1))),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!("?{}", parts.join("&"))
        }
    }

    /// The filter in a query's key.
    fn to_json(&self) -> Value {
        json!({
            "patient_id": self.patient,
            "status": self.status.map(FormStatus::word),
            "form_type": self.form_type.map(FormType::word),
            "page": self.page,
        })
    }

    /// Whether the list leaves any form out.
    pub fn narrows(&self) -> bool {
        self.status.is_some() || self.form_type.is_some()
    }

    fn request(&self, rest: &Rest) -> Builder {
        let mut request = rest
            .table("form_submissions")
            .select(COLUMNS)
            .order("updated_at.desc,id.asc");
        if let Some(patient) = self.patient {
            request = request.eq("patient_id", patient.to_string());
        }
        if let Some(status) = self.status {
            request = request.eq("status", status.word());
        }
        if let Some(form_type) = self.form_type {
            request = request.eq("form_type", form_type.word());
        }
        let from = self.page.saturating_mul(PAGE);
        request.range(from, from.saturating_add(PAGE - 1))
    }
}

/// A page of the list.
pub async fn list(rest: Rest, filter: FormFilter) -> Result<Page<Arc<FormSubmission>>, DataError> {
    let page = rest.page::<FormSubmission>(filter.request(&rest)).await?;
    Ok(Page {
        rows: page.rows.into_iter().map(Arc::new).collect(),
        total: page.total,
    })
}

/// One form.
pub async fn one(rest: Rest, id: Uuid) -> Result<FormSubmission, DataError> {
    rest.row(
        rest.table("form_submissions")
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
    let request = rest
        .table("form_submissions")
        .select("id,patient:patients(id,mrn,first_name,last_name)")
        .in_("id", ids);
    let rows = rest.rows::<About>(request).await?.into_iter();
    Ok(rows
        .filter_map(|row| Some((row.id, row.patient?)))
        .collect())
}

/// The forms that have waited longest for a review.
pub async fn to_review(rest: Rest) -> Result<Page<Arc<FormSubmission>>, DataError> {
    let request = rest
        .table("form_submissions")
        .select(COLUMNS)
        .in_("status", WAITING)
        .order("submitted_at.asc,id.asc")
        .range(0, 7);
    let page = rest.page::<FormSubmission>(request).await?;
    Ok(Page {
        rows: page.rows.into_iter().map(Arc::new).collect(),
        total: page.total,
    })
}

/// How many forms wait for a review.
pub async fn waiting(rest: Rest) -> Result<usize, DataError> {
    rest.count(
        rest.table("form_submissions")
            .select("id")
            .in_("status", WAITING),
    )
    .await
}

/// How many drafts a person is writing.
pub async fn drafts(rest: Rest, author: Uuid) -> Result<usize, DataError> {
    let request = rest
        .table("form_submissions")
        .select("id")
        .eq("status", "draft");
    rest.count(request.eq("submitted_by", author.to_string()))
        .await
}

/// What a person has to go on with: their drafts, and what came back to them.
pub async fn mine(rest: Rest, author: Uuid) -> Result<Page<Arc<FormSubmission>>, DataError> {
    let request = rest
        .table("form_submissions")
        .select(COLUMNS)
        .in_("status", ["draft", "returned"])
        .eq("submitted_by", author.to_string())
        .order("updated_at.desc,id.asc")
        .range(0, 7);
    let page = rest.page::<FormSubmission>(request).await?;
    Ok(Page {
        rows: page.rows.into_iter().map(Arc::new).collect(),
        total: page.total,
    })
}

/// The query of a page of the list. The former page stays until the next one has come.
pub fn list_query(
    rest: Rest,
    filter: FormFilter,
) -> QueryOptions<Page<Arc<FormSubmission>>, DataError> {
    let key = query_key!["form_submissions", "list", filter.to_json()];
    query(key, move || list(rest.clone(), filter.clone())).keep_previous_data()
}

/// The key of one form's query.
pub fn one_key(id: Uuid) -> QueryKey {
    query_key!["form_submissions", "one", id]
}

/// The query of one form.
pub fn one_query(rest: Rest, id: Uuid) -> QueryOptions<FormSubmission, DataError> {
    query(one_key(id), move || one(rest.clone(), id))
}

/// The query of how many forms wait for a review.
pub fn waiting_query(rest: Rest) -> QueryOptions<usize, DataError> {
    query(
        query_key!["form_submissions", "count", "waiting"],
        move || waiting(rest.clone()),
    )
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
}

/// The query of the forms that have waited longest for a review.
pub fn review_query(rest: Rest) -> QueryOptions<Page<Arc<FormSubmission>>, DataError> {
    query(query_key!["form_submissions", "review"], move || {
        to_review(rest.clone())
    })
}
