//! Giving a patient to a colleague: who takes over, and what that means, before it happens.

use bedside_query::use_mutation;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use uuid::Uuid;

use crate::components::phrase;
use crate::components::{Dialog, Toasts};
use crate::data::patients::{HandOver as Given, hand_over_mutation};
use crate::data::{DataError, Rest, profiles};
use crate::hooks::use_reading::trouble;
use crate::hooks::{Me, Reading, use_reading};
use crate::model::{Patient, Role};
use crate::sync::Table;

/// The button and its dialog.
#[component]
pub fn HandOver(patient: Reading<Patient>) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button class="button" type="button" aria-haspopup="dialog" on:click=move |_| open.set(true)>
            "Hand over…"
        </button>
        <Dialog open title="Hand over">
            <Choice patient open />
        </Dialog>
    }
}

#[component]
fn Choice(patient: Reading<Patient>, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let give = use_context::<Rest>().map(|rest| use_mutation(hand_over_mutation(rest)));
    let navigate = use_navigate();
    let me = use_context::<Me>();
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let to = RwSignal::new(None::<Uuid>);
    let failed = RwSignal::new(None::<DataError>);
    let giving = RwSignal::new(false);
    let present = Memo::new(move |_| {
        patient
            .data
            .with(|row| row.as_ref().and_then(|row| row.clinician_id))
    });
    let colleagues = move || {
        directory.data.with(|people| {
            let treats = people
                .iter()
                .flat_map(|people| &people.people)
                .filter(|person| person.active && person.role.may_edit())
                .filter(|person| Some(person.id) != present.get());
            treats
                .map(|person| {
                    view! { <option value=person.id.to_string()>{person.full_name.clone()}</option> }
                })
                .collect_view()
        })
    };
    let name_of = move |id: Option<Uuid>| {
        directory
            .data
            .with_untracked(|people| people.as_ref().map(|people| people.name_of(id)))
            .unwrap_or_default()
    };
    let goes_out_of_sight = Memo::new(move |_| me.and_then(Me::role) == Some(Role::Clinician));
    let meaning = move || {
        let patient = patient
            .data
            .with(|row| row.as_deref().map(Patient::full_name).unwrap_or_default());
        to.get().map(|id| {
            let after = if goes_out_of_sight.get() {
                " You will no longer see this record."
            } else {
                ""
            };
            format!(
                "{} takes over {patient} now, with all forms.{after}",
                name_of(Some(id))
            )
        })
    };
    let confirm = move |_| {
        let row = patient.data.get_untracked();
        let (Some(give), Some(row), Some(colleague)) = (give, row, to.get_untracked()) else {
            return;
        };
        if giving.get_untracked() {
            return;
        }
        giving.set(true);
        let said = format!(
            "{} is with {} now.",
            row.full_name(),
            name_of(Some(colleague))
        );
        let navigate = navigate.clone();
        let leaves = goes_out_of_sight.get_untracked();
        let given = Given {
            id: row.id,
            to: colleague,
            version: row.version,
        };
        // On its own: whoever hands over loses sight of the record, and with it this dialogue, perhaps before the answer is here.
        spawn_local(async move {
            let outcome = give.run(given).await;
            giving.try_set(false);
            match outcome {
                Ok(_) => {
                    toasts.done(said);
                    open.try_set(false);
                    if leaves {
                        navigate("/patients", Default::default());
                    }
                }
                Err(error) => {
                    failed.try_set(trouble(&error));
                    patient.refetch.try_run(());
                }
            }
        });
    };
    view! {
        <div class="dialog-body form">
            <div class="field">
                <div class="field-label">
                    <label for="hand-over-to">"New clinician"</label>
                </div>
                <select
                    class="input"
                    id="hand-over-to"
                    on:change=move |event| {
                        failed.set(None);
                        to.set(Uuid::parse_str(&event_target_value(&event)).ok());
                    }
                >
                    <option value="">"Choose a colleague"</option>
                    {colleagues}
                </select>
            </div>
            <p class="muted" aria-live="polite">
                {move || meaning().unwrap_or_else(|| "Choose who takes over.".to_owned())}
            </p>
            <div role="alert">
                {move || {
                    failed
                        .get()
                        .map(|error| {
                            let said = phrase::data_error(&error);
                            view! { <p class="field-note field-note-error">{said.title} ". " {said.advice}</p> }
                        })
                }}
            </div>
        </div>
        <div class="dialog-foot">
            <button class="button" type="button" on:click=move |_| open.set(false)>
                "Cancel"
            </button>
            <button
                class="button button-primary"
                type="button"
                disabled=move || to.get().is_none()
                aria-busy=move || giving.get().then_some("true")
                on:click=confirm
            >
                "Hand over"
            </button>
        </div>
    }
}
