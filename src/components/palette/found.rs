//! What the palette finds by asking the server: patients, and forms by the patient whom they are about, under this person's rights.

use bedside_query::{QueryOptions, query_key};
use leptos::prelude::*;

use super::{Does, Entry, Shape};
use crate::components::phrase;
use crate::data::form_submissions::FormFilter;
use crate::data::patient_filter::PatientFilter;
use crate::data::{form_submissions, patients};
use crate::hooks::{use_reading, use_search_address};
use crate::sync::Table;

/// So many of each; the list has the rest.
const FEW: usize = 5;

/// The answer to a search, as it comes.
#[derive(Clone, Copy)]
pub struct Found {
    pub entries: Memo<Vec<Entry>>,
    pub busy: Memo<bool>,
    /// Why there is no answer, in words.
    pub trouble: Memo<Option<&'static str>>,
}

/// The way to all that were found, where they are more than are offered here.
fn all(total: usize, what: &str, shape: Shape, list: String) -> Option<Entry> {
    (total > FEW).then(|| Entry {
        shape,
        name: format!("All {total} {what} found"),
        note: "List".to_owned(),
        does: Does::Open(list),
    })
}

/// Searches for the text, each time it changes. An empty one is not asked for.
pub fn search(text: ReadSignal<String>) -> Found {
    let people = use_reading(&[Table::Patients], move |rest| {
        let search = text.get();
        if search.is_empty() {
            return QueryOptions::without_fetcher(query_key!["nothing", "patients"]);
        }
        let filter = PatientFilter {
            search,
            ..PatientFilter::default()
        };
        patients::list_query(rest, filter)
    });
    let forms = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        let search = text.get();
        if search.is_empty() {
            return QueryOptions::without_fetcher(query_key!["nothing", "forms"]);
        }
        let filter = FormFilter {
            search,
            ..FormFilter::default()
        };
        form_submissions::list_query(rest, filter)
    });
    let asked = Memo::new(move |_| text.with(|text| !text.is_empty()));
    let address = use_search_address();
    let entries = Memo::new(move |_| {
        // Patients first, and forms only after them: nothing moves from under a key that is about to be pressed.
        let people_are_there =
            people.error.with(Option::is_some) || people.data.with(Option::is_some);
        if !asked.get() || !people_are_there {
            return Vec::new();
        }
        let mut entries = Vec::new();
        if let Some(page) = people.data.get() {
            entries.extend(page.rows.iter().take(FEW).map(|row| Entry {
                shape: Shape::Patients,
                name: row.listed_name(),
                note: format!("Patient · {} · {}", row.mrn, row.ward),
                does: Does::Open(format!("/patients/{}", row.id)),
            }));
            let filter = PatientFilter {
                search: text.get(),
                ..PatientFilter::default()
            };
            let query = address.query(&filter.to_query(), &filter.search);
            let list = format!("/patients{query}");
            entries.extend(all(page.total, "patients", Shape::Patients, list));
        }
        if let Some(page) = forms.data.get() {
            entries.extend(page.rows.iter().take(FEW).map(|row| Entry {
                shape: Shape::Form,
                name: format!("{} for {}", row.form_type.label(), row.about()),
                note: format!("Form · {}", row.status.label()),
                does: Does::Open(format!("/forms/{}", row.id)),
            }));
            let filter = FormFilter {
                search: text.get(),
                ..FormFilter::default()
            };
            let query = address.query(&filter.to_query(), &filter.search);
            let list = format!("/forms{query}");
            entries.extend(all(page.total, "forms", Shape::Form, list));
        }
        entries
    });
    let trouble = Memo::new(move |_| {
        let error = people.error.get().or_else(|| forms.error.get());
        error
            .filter(|_| asked.get())
            .map(|error| phrase::data_error(&error).title)
    });
    Found {
        entries,
        busy: Memo::new(move |_| {
            let missing = people.data.with(Option::is_none) || forms.data.with(Option::is_none);
            asked.get() && trouble.with(Option::is_none) && missing
        }),
        trouble,
    }
}
