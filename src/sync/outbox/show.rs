//! How a save that is on its way looks in the cache: a change laid over the rows of its table, wherever they are shown. It says
//! nothing about which rows a list has: that is the database's answer.

use std::sync::{Arc, Mutex, PoisonError};

use bedside_query::{MutationOptions, NetworkMode, Optimistic, QueryClient, QueryFilter};
use futures::channel::oneshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::change::{Change, Columns, Write};
use super::merge::merge;
use super::queue::Outcome;
use crate::data::written::Versioned;
use crate::data::{DataError, Page};
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

/// Shows a change until there is a last word about it; then what the server stored, or what was there before.
pub fn until_told(cache: &QueryClient, change: Change, told: oneshot::Receiver<Outcome>) {
    let table = change.table;
    let told = Arc::new(Mutex::new(Some(told)));
    let options = MutationOptions::new(move |_: Change| {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let outcome = match told {
                Some(told) => told.await.unwrap_or(Outcome::Withdrawn),
                None => Outcome::Withdrawn,
            };
            match outcome {
                Outcome::Stored(row) => Ok(row),
                Outcome::Failed(error) => Err(error),
                _ => Err(DataError::Conflict),
            }
        }
    })
    // It waits for the outbox, which knows about networks.
    .network_mode(NetworkMode::Always)
    .optimistic(lay)
    .on_success(move |row: Arc<Columns>, call| {
        settle(&call.client, table, &row);
        async { Ok(()) }
    });
    // It runs whether or not anybody waits for it here.
    drop(cache.mutate(options, change));
}

/// Lays a change over what is cached.
fn lay(optimistic: &mut Optimistic<'_>, change: &Change) {
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
    let change = Arc::new(change.clone());
    let lists = QueryFilter::prefix(change.table.queries());
    optimistic.change(one, {
        let change = Arc::clone(&change);
        move |row: &T| changed(row, &change)
    });
    optimistic.change_all(lists, move |page: &Page<Arc<T>>| {
        let place = page.rows.iter().position(|row| row.id() == change.row)?;
        let held = page.rows.get(place)?;
        let row = changed(held.as_ref(), &change)?;
        let mut rows = page.rows.clone();
        *rows.get_mut(place)? = Arc::new(row);
        Some(Page {
            rows,
            from: page.from,
            total: page.total,
            unreadable: page.unreadable,
        })
    });
}

/// The row as it will be, on the grounds of the row as it is; `None` if that makes no row.
fn changed<T: Held>(row: &T, change: &Change) -> Option<T> {
    let Ok(Value::Object(mut whole)) = serde_json::to_value(row) else {
        return None;
    };
    let Write::Update { base, .. } = &change.write else {
        return None;
    };
    whole.extend(merge(base, &change.columns, &whole).columns);
    serde_json::from_value(Value::Object(whole)).ok()
}

/// Puts the row that the server stored where the row is shown alone, and asks anew for the lists that it may be in.
pub fn settle(cache: &QueryClient, table: Table, row: &Columns) {
    match table {
        Table::Patients => put::<Patient>(cache, row, patients::one_key),
        Table::FormSubmissions => put::<FormSubmission>(cache, row, form_submissions::one_key),
        Table::Profiles => {}
    }
    for reader in table.with_shown_by() {
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
