//! How the sync's work is done on a query cache: which queries it is about, and which rows leave them.

use std::sync::Arc;

use bedside_query::{Overlap, QueryClient, QueryFilter, Refetch};
use uuid::Uuid;

use super::core::Lost;
use super::registry::Table;
use super::router::Work;
use crate::data::Page;
use crate::model::{FormSubmission, Patient};

/// Puts queries in question, and fetches those that somebody looks at if that can prove anything.
pub fn question(cache: &QueryClient, work: Work) {
    let (filter, refetch) = selection(work);
    // One that is being fetched is fetched once more afterwards: its answer may be from before.
    cache.invalidate_queries_with(filter, refetch, Overlap::Owe);
}

/// The queries that a piece of work is about.
fn selection(work: Work) -> (QueryFilter, Refetch) {
    match work {
        Work::All(table) => (QueryFilter::prefix(table.queries()), Refetch::Active),
        Work::Doubt(table) => (QueryFilter::prefix(table.queries()), Refetch::None),
        Work::Rows(table, rows) => {
            let touched = QueryFilter::prefix(table.queries()).matching(move |view| {
                table
                    .row_of(&view.key)
                    .is_none_or(|row| rows.contains(&row))
            });
            (touched, Refetch::Active)
        }
    }
}

/// Takes lost rows out of every query: those that show the row alone lose their data, lists lose the row.
pub fn drop_lost(cache: &QueryClient, lost: &Lost) {
    match lost {
        Lost::Everything => cache.reset_queries(QueryFilter::all()),
        Lost::Row(Table::Patients, row) => {
            drop_rows(cache, Table::Patients, row, is_patient);
            drop_rows(cache, Table::FormSubmissions, row, is_form_of);
        }
        Lost::Row(Table::FormSubmissions, row) => {
            drop_rows(cache, Table::FormSubmissions, row, is_form);
        }
        // Whoever may read the directory may read all of it.
        Lost::Row(Table::Profiles, _) => cache.reset_queries(Table::Profiles.queries()),
    }
}

fn is_patient(patient: &Patient, id: Uuid) -> bool {
    patient.id == id
}

fn is_form(form: &FormSubmission, id: Uuid) -> bool {
    form.id == id
}

fn is_form_of(form: &FormSubmission, patient: Uuid) -> bool {
    form.patient_id == patient
}

fn drop_rows<T>(cache: &QueryClient, table: Table, id: &str, gone: fn(&T, Uuid) -> bool)
where
    T: PartialEq + Send + Sync + 'static,
{
    let Ok(id) = Uuid::parse_str(id) else {
        // Not a key of ours: better to ask for all of it again than to leave a row in sight.
        return cache.reset_queries(table.queries());
    };
    for view in cache.query_views(&QueryFilter::prefix(table.queries())) {
        let alone = table
            .row_of(&view.key)
            .is_some_and(|row| row == id.to_string());
        if alone || view.data::<T>().is_some_and(|row| gone(&row, id)) {
            // It shows nothing else. Asked again, the database says what to show instead.
            cache.reset_queries(QueryFilter::exact(view.key));
            continue;
        }
        let lists = |page: &Page<Arc<T>>| page.rows.iter().any(|row| gone(row, id));
        if !view.data().is_some_and(|page| lists(&page)) {
            continue;
        }
        // The type was read just now. A patch does not make the list fresh, and is repeated over what a running fetch brings.
        let _ = cache.patch(view.key, move |page: &Page<Arc<T>>| {
            let stays = |row: &&Arc<T>| !gone(row, id);
            let rows: Vec<Arc<T>> = page.rows.iter().filter(stays).cloned().collect();
            let lost = page.rows.len().saturating_sub(rows.len());
            let total = page.total.saturating_sub(lost);
            Some(Page {
                rows,
                total,
                from: page.from,
            })
        });
    }
}
