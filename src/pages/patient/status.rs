//! Where the patient is in their stay, changed by one click, and taken back by another.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::badge::patient_look;
use crate::components::{Icon, Toasts};
use crate::hooks::{Reading, use_outbox};
use crate::model::{Patient, PatientField, PatientStatus};
use crate::sync::outbox::Outbox;
use crate::sync::outbox::saves::patient_edit;

/// The statuses side by side; the present one is pressed.
#[component]
pub fn StatusSwitch(patient: Reading<Patient>) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let outbox = StoredValue::new(use_outbox().map(|held| held.outbox));
    let now = Memo::new(move |_| patient.data.with(|row| row.as_ref().map(|row| row.status)));
    let change = move |to: PatientStatus| {
        let row = patient.data.get_untracked();
        let Some((row, outbox)) = row.zip(outbox.try_get_value().flatten()) else {
            return;
        };
        if row.status == to {
            return;
        }
        let before = row.status;
        set_status(&outbox, &row, to);
        // Taken back by a change of the row as it is now; what others changed meanwhile stays.
        let changed = row.with(&[(PatientField::Status, to.word().to_owned())]);
        toasts.undoable(format!("{}: {}.", row.full_name(), to.label()), move || {
            set_status(&outbox, &changed, before)
        });
    };
    let option = move |status: &PatientStatus| {
        let status = *status;
        let shape = patient_look(status).1;
        view! {
            <button
                type="button"
                class="status-option"
                aria-pressed=move || if now.get() == Some(status) { "true" } else { "false" }
                on:click=move |_| change(status)
            >
                <Icon shape size=14 />
                <span>{status.label()}</span>
            </button>
        }
    };
    view! {
        <div class="choices status-switch" role="group" aria-label="Change the status">
            {PatientStatus::ALL.iter().map(option).collect_view()}
        </div>
    }
}

fn set_status(outbox: &Outbox, row: &Patient, status: PatientStatus) {
    let saving = outbox.save(patient_edit(
        row,
        [(PatientField::Status, status.word().to_owned())],
    ));
    // Waited for here, so that nobody else says that it arrived; what needs a person stays in sight in the outbox.
    spawn_local(async move { drop(saving.outcome().await) });
}
