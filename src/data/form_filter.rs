//! Which forms a list shows, and in which order: as a value, in the address, in a query's key, and as a request.

use bedside_query::{Condition, Predicate, Segment, TableDep};
use serde_json::{Value, json};
use uuid::Uuid;

use super::form_submissions::{COLUMNS, FOUND, WAITING};
use super::patient_filter::search_patterns;
use super::request::percent_encoded;
use super::{Request, rows};
use crate::model::{FormStatus, FormType};

/// How many rows a page of the list has.
pub const PAGE: usize = 50;

/// What a list of forms is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FormView {
    /// Everything, the latest change first.
    #[default]
    All,
    /// What waits for a review by this person, the longest first.
    ToReview,
}

/// Which forms a list shows. All but the reviewer lives in the URL, so that a link shows the same list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct FormFilter {
    pub view: FormView,
    /// Words that all occur in the patient's name or record number.
    pub search: String,
    pub patient: Option<Uuid>,
    pub status: Option<FormStatus>,
    pub form_type: Option<FormType>,
    /// Who submitted it, or is writing it.
    pub author: Option<Uuid>,
    /// Who asks for what waits: nobody reviews a form of their own.
    pub reviewer: Option<Uuid>,
    /// From zero.
    pub page: usize,
}

impl FormFilter {
    /// What waits for a review by this person.
    pub fn to_review_by(reviewer: Option<Uuid>) -> Self {
        Self {
            view: FormView::ToReview,
            reviewer,
            ..Self::default()
        }
    }

    /// Reads the filter from the URL's query; what it doesn't know is as if it were not there.
    pub fn from_query(get: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            view: match get("view").as_deref() {
                Some("review") => FormView::ToReview,
                _ => FormView::All,
            },
            search: get("q").unwrap_or_default(),
            patient: None,
            status: get("status")
                .map(|word| FormStatus::from_word(&word))
                .filter(|status| *status != FormStatus::Unknown),
            form_type: get("type")
                .map(|word| FormType::from_word(&word))
                .filter(|form_type| *form_type != FormType::Unknown),
            author: get("by").and_then(|id| Uuid::parse_str(&id).ok()),
            reviewer: None,
            page: get("page")
                .and_then(|page| page.parse::<usize>().ok())
                .map_or(0, |page| page.saturating_sub(1)),
        }
    }

    /// The URL's query for this filter; empty for the plain list.
    pub fn to_query(&self) -> String {
        let parts = [
            (self.view == FormView::ToReview).then(|| "view=review".to_owned()),
            (!self.search.is_empty()).then(|| format!("q={}", percent_encoded(&self.search))),
            self.status
                .map(|status| format!("status={}", status.word())),
            self.form_type
                .map(|form_type| format!("type={}", form_type.word())),
            self.author.map(|author| format!("by={author}")),
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
    pub(super) fn to_json(&self) -> Value {
        json!({
            "view": self.view == FormView::ToReview,
            "search": self.search.trim(),
            "patient_id": self.patient,
            "status": self.status.map(FormStatus::word),
            "form_type": self.form_type.map(FormType::word),
            "author": self.author,
            "reviewer": self.reviewer,
            "page": self.page,
        })
    }

    /// Whether the list leaves any form of its view out.
    pub fn narrows(&self) -> bool {
        !self.search.trim().is_empty()
            || self.status.is_some()
            || self.form_type.is_some()
            || self.author.is_some()
    }

    /// The same view without anything left out.
    pub fn widened(&self) -> Self {
        Self {
            view: self.view,
            ..Self::default()
        }
    }

    /// What the list depends on. What a search finds and what waits for whom is the database's to say.
    pub(super) fn dep(&self) -> TableDep {
        let here = self.search.trim().is_empty() && self.view == FormView::All;
        let mut shown = if here {
            Predicate::all()
        } else {
            Predicate::opaque()
        };
        let mut only = |column: &str, value: Option<Segment>| {
            if let Some(value) = value {
                shown = std::mem::take(&mut shown).and(column, Condition::Eq(value));
            }
        };
        only("patient_id", self.patient.map(Segment::from));
        only("status", self.status.map(|status| status.word().into()));
        only("form_type", self.form_type.map(|kind| kind.word().into()));
        only("submitted_by", self.author.map(Segment::from));
        rows::latest_first(rows::form_submissions()).matching(shown)
    }

    pub(super) fn request(&self) -> Request {
        // Only a search by the patient's name needs the patient to be there for the form to be listed.
        let columns = if self.search.trim().is_empty() {
            COLUMNS
        } else {
            FOUND
        };
        let from = self.page.saturating_mul(PAGE);
        self.narrow(Request::table("form_submissions").select(columns))
            .range(from, from.saturating_add(PAGE - 1))
    }

    /// A request of any columns, narrowed to these forms, in the order of the view.
    pub(super) fn narrow(&self, mut request: Request) -> Request {
        request = match self.view {
            FormView::All => request.order("updated_at.desc,id.asc"),
            FormView::ToReview => request
                .in_("status", WAITING)
                .order("submitted_at.asc,id.asc"),
        };
        if let (FormView::ToReview, Some(reviewer)) = (self.view, self.reviewer) {
            // Whoever wrote it may be gone: then the column is null, which is not equal to anything.
            request = request.or(format!("submitted_by.is.null,submitted_by.neq.{reviewer}"));
        }
        for pattern in search_patterns(&self.search) {
            request = request.like("patient.search_text", pattern);
        }
        for (column, wanted) in [("patient_id", self.patient), ("submitted_by", self.author)] {
            if let Some(id) = wanted {
                request = request.eq(column, id.to_string());
            }
        }
        if let Some(status) = self.status {
            request = request.eq("status", status.word());
        }
        if let Some(form_type) = self.form_type {
            request = request.eq("form_type", form_type.word());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(query: &str) -> FormFilter {
        let pairs: Vec<_> = query
            .trim_start_matches('?')
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        FormFilter::from_query(|name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_link_shows_the_list_that_it_was_copied_from() {
        let query = "?view=review&q=okafor&status=in_review&type=vitals&by=00000000-0000-4000-a000-000000000002&page=3";
        assert_eq!(from(query).to_query(), query);
        assert!(from(query).narrows());
        assert_eq!(from(query).widened().to_query(), "?view=review");
    }

    #[test]
    fn nonsense_in_the_url_gives_the_plain_list() {
        let filter = from("?view=all&status=lost&type=poem&by=me&page=-1");
        assert_eq!(filter, FormFilter::default());
        assert_eq!(filter.to_query(), "");
    }
}
