//! A row of the table of patients, which follows its patient and its place.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use super::keys::Current;
use super::table::COLUMNS;
use crate::components::{Ago, Changed, ChangedText, PatientStatusBadge};
use crate::data::profiles::Directory;
use crate::model::{CalendarDate, Patient, PatientStatus};

/// A patient.
#[component]
pub fn PatientRow(
    id: Uuid,
    patients: Memo<HashMap<Uuid, (usize, Arc<Patient>)>>,
    directory: Signal<Option<Arc<Directory>>>,
    today: CalendarDate,
    current: Current,
) -> impl IntoView {
    let placed = Memo::new(move |_| patients.with(|patients| patients.get(&id).cloned()));
    let place = Memo::new(move |_| placed.with(|placed| placed.as_ref().map(|(place, _)| *place)));
    // The row outlives its entry by a moment when the list moves on; it then shows nothing.
    let text = move |read: fn(&Patient) -> String| {
        Signal::derive(move || {
            placed.with(|placed| {
                placed
                    .as_ref()
                    .map(|(_, row)| read(row))
                    .unwrap_or_default()
            })
        })
    };
    let status = Signal::derive(move || {
        placed.with(|placed| {
            placed
                .as_ref()
                .map_or(PatientStatus::Unknown, |(_, row)| row.status)
        })
    });
    let clinician = Signal::derive(move || {
        let clinician = placed.with(|placed| placed.as_ref().and_then(|(_, row)| row.clinician_id));
        directory.with(|directory| {
            directory
                .as_ref()
                .map(|directory| directory.name_of(clinician))
                .unwrap_or_default()
        })
    });
    let age = move || {
        placed
            .with(|placed| placed.as_ref().and_then(|(_, row)| row.age_on(today)))
            .map(|age| format!(" · {age}"))
    };
    let row = NodeRef::<html::Tr>::new();
    Effect::new(move |_| {
        if row.get().is_some() && place.get().is_some() {
            current.row_is_there(place.get_untracked());
        }
    });
    let tab_stop = move || if current.is(place.get()) { "0" } else { "-1" };
    view! {
        <tr node_ref=row aria-rowindex=move || place.get().map(|place| (place + 2).to_string())>
            <td class="cell-lead">
                <A href=format!("/patients/{id}") attr:tabindex=tab_stop on:focus=move |_| current.came_to(place.get_untracked())>
                    <bdi>
                        <ChangedText of=text(Patient::listed_name) />
                    </bdi>
                </A>
                <span class="cell-sub">{text(|row| format!("{} · {}", row.mrn, row.ward))}</span>
            </td>
            <td class="col-second">
                <span class="numeric">{text(|row| row.mrn.clone())}</span>
            </td>
            <td class="col-third">
                <ChangedText of=text(born) />
                {age}
            </td>
            <td>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <PatientStatusBadge status />
                </Changed>
            </td>
            <td class="col-second">
                <ChangedText of=text(|row| row.ward.clone()) />
            </td>
            <td class="col-third">{clinician}</td>
            <td class="col-second">
                <Ago at=text(|row| row.updated_at.clone()) />
            </td>
        </tr>
    }
}

/// The place of a patient who is on the way, of the height that the row will have.
#[component]
pub fn WaitingRow(place: usize) -> impl IntoView {
    let cells = COLUMNS
        .iter()
        .map(|class| view! { <td class=*class><span class="skeleton"></span></td> })
        .collect_view();
    view! { <tr aria-rowindex=(place + 2).to_string() aria-busy="true">{cells}</tr> }
}

fn born(patient: &Patient) -> String {
    CalendarDate::parse(&patient.date_of_birth)
        .map_or_else(|_| patient.date_of_birth.clone(), CalendarDate::label)
}
