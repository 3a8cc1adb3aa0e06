//! Changes of the staff directory, as they happen.

use super::use_row_updates::use_row_updates;
use crate::model::Profile;
use crate::sync::{RowUpdate, Table};

/// Calls back with every change of a profile while the calling component is mounted: a new colleague, a new name, another role.
///
/// For effects that a query is no use for, such as a word on the screen; what is shown belongs in a query, which is kept true
/// by itself. The cache has taken in a change before the callback hears of it. On [`RowUpdate::Missed`], whatever was made of
/// former changes has to be asked for anew.
///
/// ```
/// use bedside::hooks::use_profile_updates;
/// use bedside::sync::RowUpdate;
/// use leptos::prelude::*;
///
/// # Owner::new().with(|| {
/// let latest = RwSignal::new(String::new());
/// use_profile_updates(move |update| {
///     if let RowUpdate::Changed(profile) = update {
///         latest.set(profile.full_name.clone());
///     }
/// });
/// assert_eq!(latest.get_untracked(), "");
/// # });
/// ```
pub fn use_profile_updates(callback: impl Fn(RowUpdate<Profile>) + Send + Sync + 'static) {
    use_row_updates(Table::Profiles, callback);
}
