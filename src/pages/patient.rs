//! A patient's page: the facts, the forms, and the form to change the facts. All of it follows the row as it changes.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::not_found::NoSuchRow;
use super::patient_form::PatientForm;
use crate::components::time::today;
use crate::components::{
    Ago, AlsoHere, Banner, Changed, ChangedText, Empty, Failed, FormStatusBadge, Icon,
    NotRefreshed, PatientStatusBadge, Shape, SkeletonLines, SkeletonRows, Together, Tone,
    use_title,
};
use crate::data::DataError;
use crate::data::form_submissions::{self, FormFilter};
use crate::data::{patients, profiles};
use crate::hooks::{Me, Reading, Record, use_company, use_reading};
use crate::model::{CalendarDate, FormStatus, FormSubmission, Patient, PatientStatus, Role};
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
    use_title(move || {
        patient.data.with(|row| {
            row.as_ref()
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
            return view! { <Failed error retry=patient.refetch /> }.into_any();
        }
        if known.get() {
            view! { <Loaded id patient /> }.into_any()
        } else {
            view! {
                <div class="page" aria-busy="true">
                    <Crumb />
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
    let together = Together::provide(use_company(Record::Patient(id)));
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <Crumb />
                    <h1>
                        <ChangedText of=text(Patient::full_name) />
                    </h1>
                </div>
                <AlsoHere together />
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <PatientStatusBadge status />
                </Changed>
            </div>
            <NotRefreshed shown=true error=patient.error retry=patient.refetch />
            <div class="columns">
                <Facts patient />
                <section class="card aside" aria-labelledby="edit-title">
                    <div class="card-head">
                        <h2 id="edit-title">"Edit record"</h2>
                    </div>
                    <div class="card-body">
                        {move || match role.get() {
                            Some(role) if role.may_edit() => view! { <PatientForm id patient together /> }.into_any(),
                            Some(role) => view! { <ReadOnly role /> }.into_any(),
                            None => view! { <SkeletonLines lines=6 /> }.into_any(),
                        }}
                    </div>
                </section>
                <PatientForms id />
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

#[component]
fn Facts(patient: Reading<Patient>) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let today = today();
    let text = move |read: fn(&Patient) -> String| {
        Signal::derive(move || {
            patient
                .data
                .with(|row| row.as_deref().map(read).unwrap_or_default())
        })
    };
    let born = Signal::derive(move || {
        patient.data.with(|row| {
            let Some(row) = row else { return String::new() };
            let date = CalendarDate::parse(&row.date_of_birth)
                .map_or_else(|_| row.date_of_birth.clone(), CalendarDate::label);
            row.age_on(today)
                .map_or(date.clone(), |age| format!("{date} · {age} y"))
        })
    });
    let clinician = Signal::derive(move || {
        let id = patient
            .data
            .with(|row| row.as_ref().and_then(|row| row.clinician_id));
        directory.data.with(|people| {
            people
                .as_ref()
                .map(|people| people.name_of(id))
                .unwrap_or_default()
        })
    });
    let notes = text(|row| row.notes.clone());
    view! {
        <section class="card" aria-labelledby="facts-title">
            <div class="card-head">
                <h2 id="facts-title">"Record"</h2>
                <span class="muted small">"Updated " <Ago at=text(|row| row.updated_at.clone()) /></span>
            </div>
            <div class="card-body">
                <dl class="facts">
                    <div>
                        <dt>"Record number"</dt>
                        <dd class="numeric">{text(|row| row.mrn.clone())}</dd>
                    </div>
                    <div>
                        <dt>"Born"</dt>
                        <dd><ChangedText of=born /></dd>
                    </div>
                    <div>
                        <dt>"Sex"</dt>
                        <dd><ChangedText of=text(|row| row.sex.label().to_owned()) /></dd>
                    </div>
                    <div>
                        <dt>"Ward"</dt>
                        <dd><ChangedText of=text(|row| row.ward.clone()) /></dd>
                    </div>
                    <div>
                        <dt>"Clinician"</dt>
                        <dd><ChangedText of=clinician /></dd>
                    </div>
                    <div>
                        <dt>"In the clinic since"</dt>
                        <dd><Ago at=text(|row| row.created_at.clone()) /></dd>
                    </div>
                    <div class="facts-wide">
                        <dt>"Notes"</dt>
                        <dd class="prose">
                            <Show
                                when=move || notes.with(|notes| !notes.trim().is_empty())
                                fallback=|| view! { <span class="muted">"No notes yet"</span> }
                            >
                                <ChangedText of=notes />
                            </Show>
                        </dd>
                    </div>
                </dl>
            </div>
        </section>
    }
}

const FORM_COLUMNS: &[&str] = &["cell-lead", "", "col-second", "col-second"];

#[component]
fn PatientForms(id: Uuid) -> impl IntoView {
    let list = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::list_query(
            rest,
            FormFilter {
                patient: Some(id),
                ..FormFilter::default()
            },
        )
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let known = Memo::new(move |_| list.data.with(Option::is_some));
    let waiting = Memo::new(move |_| !known.get() && list.error.with(Option::is_none));
    let failed = Memo::new(move |_| if known.get() { None } else { list.error.get() });
    let rows = Memo::new(move |_| {
        list.data.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let ids =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>()));
    let row = move |id: Uuid| {
        let form: Memo<Option<Arc<FormSubmission>>> =
            Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
        let status = Signal::derive(move || {
            form.with(|form| {
                form.as_ref()
                    .map_or(FormStatus::Unknown, |form| form.status)
            })
        });
        let kind = move || {
            form.with(|form| {
                form.as_ref()
                    .map(|form| form.form_type.label())
                    .unwrap_or_default()
            })
        };
        let author = move || {
            let author = form.with(|form| form.as_ref().and_then(|form| form.submitted_by));
            directory.data.with(|people| match (people, author) {
                (Some(people), Some(_)) => people.name_of(author),
                _ => "–".to_owned(),
            })
        };
        let updated = Signal::derive(move || {
            form.with(|form| {
                form.as_ref()
                    .map(|form| form.updated_at.clone())
                    .unwrap_or_default()
            })
        });
        view! {
            <tr>
                <td class="cell-lead">
                    <A href=format!("/forms/{id}")>{kind}</A>
                </td>
                <td>
                    <Changed of=Signal::derive(move || status.get().label().to_owned())>
                        <FormStatusBadge status />
                    </Changed>
                </td>
                <td class="col-second">{author}</td>
                <td class="col-second">
                    <Ago at=updated />
                </td>
            </tr>
        }
    };
    view! {
        <section class="card" aria-labelledby="forms-title">
            <div class="card-head">
                <h2 id="forms-title">"Forms"</h2>
                <span class="muted small">{move || known.get().then(|| ids.with(Vec::len))}</span>
            </div>
            <div class="table-frame">
                <table class="table" aria-label="Forms">
                    <thead>
                        <tr>
                            <th scope="col">"Form"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col" class="col-second">"Written by"</th>
                            <th scope="col" class="col-second">"Updated"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <Show when=move || waiting.get()>
                            <SkeletonRows rows=3 columns=FORM_COLUMNS />
                        </Show>
                        <For each=move || ids.get() key=|id| *id children=row />
                    </tbody>
                </table>
                {move || failed.get().map(|error| view! { <Failed error retry=list.refetch /> })}
                <Show when=move || known.get() && ids.with(Vec::is_empty)>
                    <Empty
                        shape=Shape::Form
                        title="No forms yet".to_owned()
                        advice="Forms about this patient appear here as they are written.".to_owned()
                    />
                </Show>
            </div>
        </section>
    }
}
