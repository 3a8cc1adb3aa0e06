//! A list of patients that stays true.

use std::sync::Arc;

use leptos::prelude::*;

use super::{ConnectionState, Reading, use_reading, use_realtime};
use crate::data::Page;
use crate::data::patient_filter::PatientFilter;
use crate::data::patients;
use crate::model::Patient;
use crate::sync::Table;

/// A page of the patients that this person may see. Its signals live as long as the component that asked.
#[derive(Clone, Copy)]
pub struct RealtimePatients {
    /// The patients; whoever is created, changed, reassigned or discharged meanwhile comes, changes or goes by itself.
    pub list: Reading<Page<Arc<Patient>>>,
    /// Whether changes arrive by themselves at this moment. While they don't, the list is asked for again from time to time.
    pub is_live: Signal<bool>,
}

/// The first page of all patients, by name. See [`use_realtime_patients_with`].
///
/// ```
/// use bedside::hooks::use_realtime_patients;
/// use leptos::prelude::*;
///
/// # any_spawner::Executor::init_futures_executor().ok();
/// # Owner::new().with(|| {
/// let patients = use_realtime_patients();
/// let count = move || patients.list.data.with(|page| page.as_ref().map(|page| page.total));
/// assert_eq!(count(), None, "not known before the first answer");
/// # });
/// ```
pub fn use_realtime_patients() -> RealtimePatients {
    use_realtime_patients_with(PatientFilter::default)
}

/// The patients that a filter selects, followed while the calling component is mounted.
///
/// `filter` is reactive: when a signal it reads changes, the list follows, and the former rows stay until the new ones are
/// there. Mounted twice with the same filter, the list is fetched once and the table followed once.
pub fn use_realtime_patients_with(
    filter: impl Fn() -> PatientFilter + 'static,
) -> RealtimePatients {
    let view = use_realtime().view;
    RealtimePatients {
        list: use_reading(&[Table::Patients], move |rest| {
            patients::list_query(rest, filter())
        }),
        is_live: Signal::derive(move || view.with(|view| view.state == ConnectionState::Live)),
    }
}
