//! Changes of forms, as they happen.

use super::use_row_updates::use_row_updates;
use crate::model::FormSubmission;
use crate::sync::{RowUpdate, Table};

/// Calls back with every change of a form that this person may see, one's own included, while the calling component is mounted.
///
/// A form from the feed names its patient by id only: [`FormSubmission::patient`] is empty. For what a person should be told of,
/// see [`use_realtime_forms`](super::use_realtime_forms()) and its notifications. The cache has taken in a change before the
/// callback hears of it. On [`RowUpdate::Missed`], whatever was made of former changes has to be asked for anew.
///
/// ```
/// use bedside::hooks::use_form_submission_updates;
/// use bedside::model::FormStatus;
/// use bedside::sync::RowUpdate;
/// use leptos::prelude::*;
///
/// # Owner::new().with(|| {
/// let approved = RwSignal::new(0);
/// use_form_submission_updates(move |update| {
///     if let RowUpdate::Changed(form) = update
///         && form.status == FormStatus::Approved
///     {
///         approved.update(|count| *count += 1);
///     }
/// });
/// assert_eq!(approved.get_untracked(), 0);
/// # });
/// ```
pub fn use_form_submission_updates(
    callback: impl Fn(RowUpdate<FormSubmission>) + Send + Sync + 'static,
) {
    use_row_updates(Table::FormSubmissions, callback);
}
