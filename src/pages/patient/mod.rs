//! A patient's page: the facts, the forms, the history, and the ways to change the record. All of it follows the row as it changes.

mod draft_field;
mod edit;
mod facts;
mod forms;
mod hand_over;
mod history;
mod new;
mod reopen;
mod status;

pub use self::new::NewPatient;

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use self::edit::PatientForm;
use self::facts::Facts;
use self::forms::PatientForms;
use self::hand_over::HandOver;
use self::history::History;
use self::status::StatusSwitch;
use super::not_found::NoSuchRow;
use crate::components::{
    AlsoHere, Banner, Changed, ChangedText, Failed, Icon, NotRefreshed, PatientStatusBadge, Shape,
    SkeletonLines, Together, Tone, titles_name_patients, use_title,
};
use crate::data::{DataError, patients};
use crate::hooks::{Me, Reading, Record, use_company, use_reading};
use crate::model::{Patient, PatientStatus, Role};
use crate::sync::Table;

/// The page of the patient whose id the address holds.
#[component]
pub fn PatientPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id").and_then(|id| Uuid::parse_str(&id).ok()))
    });
    // Another patient is another page: no draft and no mark of the former one may show on it.
    move || match id.get() {
        Some(id) => view! { <KnownPatient id /> }.into_any(),
        None => view! { <NoSuchRow what="patient" back="/patients" /> }.into_any(),
    }
}

#[component]
fn KnownPatient(id: Uuid) -> impl IntoView {
    let patient = use_reading(&[Table::Patients], move |rest| {
        patients::one_query(rest, id)
    });
    let named = titles_name_patients();
    use_title(move || {
        patient.data.with(|row| {
            row.as_ref()
                .filter(|_| named)
                .map_or_else(|| "Patient".to_owned(), |row| row.full_name())
        })
    });
    // No longer visible is no longer here, whatever was read before.
    let missing = Memo::new(move |_| patient.error.get() == Some(DataError::NotFound));
    let failed = Memo::new(move |_| {
        if patient.data.with(Option::is_none) {
            patient.error.get()
        } else {
            None
        }
    });
    let known = Memo::new(move |_| patient.data.with(Option::is_some));
    move || {
        if missing.get() {
            return view! { <NoSuchRow what="patient" back="/patients" /> }.into_any();
        }
        if let Some(error) = failed.get() {
            return view! {
                <h1 class="visually-hidden">"Patient"</h1>
                <Failed error retry=patient.refetch />
            }
            .into_any();
        }
        if known.get() {
            view! { <Loaded id patient /> }.into_any()
        } else {
            view! {
                <div class="page" aria-busy="true">
                    <Crumb />
                    <h1 class="visually-hidden">"Patient"</h1>
                    <div class="card card-body"><SkeletonLines lines=8 /></div>
                </div>
            }
            .into_any()
        }
    }
}

#[component]
fn Crumb() -> impl IntoView {
    view! {
        <A href="/patients" attr:class="crumb">
            <Icon shape=Shape::Previous size=12 />
            "Patients"
        </A>
    }
}

#[component]
fn Loaded(id: Uuid, patient: Reading<Patient>) -> impl IntoView {
    let me = use_context::<Me>();
    let text = move |read: fn(&Patient) -> String| {
        Signal::derive(move || {
            patient
                .data
                .with(|row| row.as_deref().map(read).unwrap_or_default())
        })
    };
    let status = Signal::derive(move || {
        patient.data.with(|row| {
            row.as_ref()
                .map_or(PatientStatus::Unknown, |row| row.status)
        })
    });
    let role = Memo::new(move |_| me.and_then(Me::role));
    let may_edit = Memo::new(move |_| role.get().is_some_and(Role::may_edit));
    let together = Together::provide(use_company(Record::Patient(id)));
    view! {
        <div class="page patient">
            <div class="page-head">
                <div class="page-title">
                    <Crumb />
                    <h1>
                        <bdi>
                            <ChangedText of=text(Patient::full_name) />
                        </bdi>
                    </h1>
                    <p class="patient-line">
                        <span class="numeric">{text(|row| row.mrn.clone())}</span>
                        <Changed of=Signal::derive(move || status.get().label().to_owned())>
                            <PatientStatusBadge status />
                        </Changed>
                        <AlsoHere together />
                    </p>
                </div>
                <div class="toolbar no-print">
                    <Show when=move || may_edit.get()>
                        <StatusSwitch patient />
                        <HandOver patient />
                    </Show>
                    <button
                        class="button"
                        type="button"
                        on:click=move |_| {
                            // A browser that can't print says so itself.
                            let _ = window().print();
                        }
                    >
                        "Print"
                    </button>
                </div>
            </div>
            <NotRefreshed shown=true error=patient.error retry=patient.refetch />
            <div class="columns">
                <Facts patient />
                <section class="card aside no-print" aria-labelledby="edit-title">
                    <div class="card-head">
                        <h2 id="edit-title">
                            {move || match role.get() {
                                Some(role) if !role.may_edit() => "Read only",
                                _ => "Edit record",
                            }}
                        </h2>
                    </div>
                    <div class="card-body">
                        {move || match role.get() {
                            Some(role) if role.may_edit() => view! { <PatientForm id patient together /> }.into_any(),
                            Some(role) => view! { <ReadOnly role /> }.into_any(),
                            None => view! { <SkeletonLines lines=6 /> }.into_any(),
                        }}
                    </div>
                </section>
                <div class="stack">
                    <PatientForms id />
                    <History id />
                </div>
            </div>
        </div>
    }
}

#[component]
fn ReadOnly(role: Role) -> impl IntoView {
    let text = format!(
        "You are signed in as {}: you can read this record. The clinician in charge and admins can change it.",
        role.label().to_lowercase()
    );
    view! { <Banner tone=Tone::Calm shape=Shape::Lock>{text}</Banner> }
}
