//! How the sync's work is done on a query cache: which queries it is about, and which rows leave them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bedside_query::{
    Activity, Overlap, QueryClient, QueryFilter, Refetch, RowChange, Segment, Staleness,
};
use uuid::Uuid;

use super::core::Lost;
use super::registry::Table;
use super::router::Work;
use crate::data::Page;
use crate::model::{FormSubmission, Patient};

/// Shows changed rows wherever they are shown. With [`Refetch::None`] a patch proves nothing: what was changed, and what can't be
/// told, is marked, and fetched with [`Work::Stale`]. With [`Refetch::Active`] only what can't be told is fetched, at once.
pub fn apply(cache: &QueryClient, changes: Vec<(Table, RowChange)>, refetch: Refetch) {
    for table in Table::ALL {
        let rows: BTreeSet<String> = changes
            .iter()
            .filter(|(of, _)| *of == table)
            .filter_map(|(_, change)| key_text(&change.pk))
            .collect();
        if rows.is_empty() {
            continue;
        }
        for reader in table.with_shown_by() {
            doubt_unseen(cache, reader, table, rows.clone());
        }
    }
    let changes = changes.into_iter().map(|(_, change)| change);
    cache.apply_with(changes, refetch);
}

fn key_text(pk: &Segment) -> Option<String> {
    match pk {
        Segment::Uuid(id) => Some(id.to_string()),
        Segment::Str(text) => Some(text.to_string()),
        _ => None,
    }
}

/// Nobody looks at these, and some were only ever written: what they depend on nobody said. They are fetched when they are
/// next looked at, except those that show another row alone.
fn doubt_unseen(cache: &QueryClient, reader: Table, table: Table, rows: BTreeSet<String>) {
    let touched = QueryFilter::prefix(reader.queries())
        .activity(Activity::Inactive)
        .staleness(Staleness::Fresh)
        .matching(move |view| {
            reader != table
                || table
                    .row_of(&view.key)
                    .is_none_or(|row| rows.contains(&row))
        });
    cache.invalidate_queries_with(touched, Refetch::None, Overlap::Owe);
}

/// Puts queries in question, and fetches those that somebody looks at if that can prove anything.
pub fn question(cache: &QueryClient, work: Work) {
    // One that is being fetched is fetched once more afterwards: its answer may be from before.
    match work {
        Work::All(table) => {
            let all = QueryFilter::prefix(table.queries());
            cache.invalidate_queries_with(all, Refetch::Active, Overlap::Owe);
        }
        Work::Doubt(table) => {
            let all = QueryFilter::prefix(table.queries());
            cache.invalidate_queries_with(all, Refetch::None, Overlap::Owe);
        }
        Work::Stale(table) => {
            let stale = QueryFilter::prefix(table.queries())
                .activity(Activity::Active)
                .staleness(Staleness::Stale);
            cache.refetch_queries_with(stale, Overlap::Owe);
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
                unreadable: page.unreadable,
            })
        });
    }
}
