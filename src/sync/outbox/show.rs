//! How a save that is on its way looks in the cache: a change laid over the rows of its table, wherever they are shown. It says
//! nothing about which rows a list has: that is the database's answer.

use std::sync::Arc;

use bedside_query::{Optimistic, QueryClient, QueryFilter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::change::{Change, Columns, Write};
use crate::data::Page;
use crate::data::written::Versioned;
use crate::data::{form_submissions, patients};
use crate::model::{FormSubmission, Patient};
use crate::sync::Table;

/// A row as queries hold it, which can be read from columns.
trait Held:
    Versioned + Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static
{
    /// What a reply to a save doesn't have: columns of joined tables.
    fn keep_joined(&mut self, _held: &Self) {}
}

impl Held for Patient {}

impl Held for FormSubmission {
    fn keep_joined(&mut self, held: &Self) {
        if self.patient_id == held.patient_id && self.patient.is_none() {
            self.patient.clone_from(&held.patient);
        }
    }
}

/// Lays a change over what is cached, until it is settled.
pub fn lay(optimistic: &mut Optimistic<'_>, change: &Change) {
    if change.write == Write::Create {
        // Nothing of it is cached; its page shows it when it is stored.
        return;
    }
    match change.table {
        Table::Patients => lay_over::<Patient>(optimistic, change, patients::one_key(change.row)),
        Table::FormSubmissions => {
            lay_over::<FormSubmission>(optimistic, change, form_submissions::one_key(change.row));
        }
        Table::Profiles => {}
    }
}

fn lay_over<T: Held>(
    optimistic: &mut Optimistic<'_>,
    change: &Change,
    one: bedside_query::QueryKey,
) {
    let columns = Arc::new(change.columns.clone());
    let id = change.row;
    optimistic.change(one, {
        let columns = Arc::clone(&columns);
        move |row: &T| changed(row, &columns)
    });
    let lists = QueryFilter::prefix(change.table.queries());
    optimistic.change_all(lists, move |page: &Page<Arc<T>>| {
        let place = page.rows.iter().position(|row| row.id() == id)?;
        let held = page.rows.get(place)?;
        let row = changed(held.as_ref(), &columns)?;
        let mut rows = page.rows.clone();
        *rows.get_mut(place)? = Arc::new(row);
        Some(Page {
            rows,
            from: page.from,
            total: page.total,
        })
    });
}

/// The row with these columns; `None` if they don't make one.
fn changed<T: Held>(row: &T, columns: &Columns) -> Option<T> {
    let Ok(Value::Object(mut whole)) = serde_json::to_value(row) else {
        return None;
    };
    whole.extend(columns.clone());
    serde_json::from_value(Value::Object(whole)).ok()
}

/// Puts the row that the server stored where the row is shown alone, and asks anew for the lists that it may be in.
pub fn settle(cache: &QueryClient, table: Table, row: &Columns) {
    match table {
        Table::Patients => put::<Patient>(cache, row, patients::one_key),
        Table::FormSubmissions => put::<FormSubmission>(cache, row, form_submissions::one_key),
        Table::Profiles => {}
    }
    cache.invalidate_queries(table.queries());
    for reader in table.shown_by() {
        cache.invalidate_queries(reader.queries());
    }
}

fn put<T: Held>(cache: &QueryClient, row: &Columns, key: fn(Uuid) -> bedside_query::QueryKey) {
    let Ok(mut row) = serde_json::from_value::<T>(Value::Object(row.clone())) else {
        return;
    };
    let key = key(row.id());
    if let Some(held) = cache.query_view(&key).and_then(|view| view.data::<T>()) {
        if held.version() > row.version() {
            // The feed was quicker, and has brought a later change, too.
            return;
        }
        row.keep_joined(&held);
    }
    // A key in use with another type would be a mistake of the app; the feed mends the screen even then.
    let _ = cache.set_query_data(key, row);
}
