//! Registering a patient. The key is made here, once for this form: however often it is sent, it is one patient.

use futures::FutureExt;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use uuid::Uuid;

use super::draft_field::{DraftField, PatientDraft, by_column, field_id, of_column};
use super::reopen::{self, use_reopened};
use crate::components::keys::enter_submits_nothing;
use crate::components::outbox_status::waiting;
use crate::components::phrase;
use crate::components::time::today;
use crate::components::{Banner, Field, Icon, Shape, Toasts, Tone, focus_on, use_title};
use crate::data::{DataError, profiles};
use crate::hooks::{Me, use_outbox, use_reading};
use crate::model::patient::check_mrn;
use crate::model::policy::Place;
use crate::model::{Draft, PatientField, PatientStatus, Role, Sex};
use crate::pages::Guard;
use crate::pages::drafts::{CameBack, slot, use_draft_disk, use_kept};
use crate::sync::Table;
use crate::sync::kept_drafts::Left;
use crate::sync::outbox::saves::new_patient;
use crate::sync::outbox::{Change, Outcome as Saved, Standing, Write};

const NUMBER: &str = "mrn";
const CLINICIAN: &str = "clinician_id";

/// The page that registers a patient.
#[component]
pub fn NewPatient() -> impl IntoView {
    use_title(|| "New patient".to_owned());
    view! {
        <Guard place=Place::NewPatient>
            <div class="page page-narrow">
                <div class="page-head">
                    <div class="page-title">
                        <A href="/patients" attr:class="crumb">
                            <Icon shape=Shape::Previous size=12 />
                            "Patients"
                        </A>
                        <h1>"New patient"</h1>
                    </div>
                </div>
                <section class="card">
                    <div class="card-body">
                        <NewPatientForm />
                    </div>
                </section>
            </div>
        </Guard>
    }
}

/// What a new record begins with.
fn blank() -> PatientDraft {
    let text = |field: PatientField| match field {
        PatientField::Sex => Sex::NotKnown.word().to_owned(),
        PatientField::Status => PatientStatus::Waiting.word().to_owned(),
        _ => String::new(),
    };
    Draft::new(
        0,
        PatientField::ALL.iter().map(|field| (*field, text(*field))),
    )
}

#[component]
fn NewPatientForm() -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let outbox = use_outbox().map(|held| held.outbox);
    let navigate = use_navigate();
    let me = use_context::<Me>();
    let assigns = Memo::new(move |_| me.and_then(Me::role) == Some(Role::Admin));
    let id = StoredValue::new(Uuid::new_v4());
    let mrn = RwSignal::new(String::new());
    let taken = RwSignal::new(None::<String>);
    let clinician = RwSignal::new(None::<Uuid>);
    let draft = RwSignal::new(blank());
    let tried = RwSignal::new(false);
    let saving = RwSignal::new(false);
    let failed = RwSignal::new(None::<DataError>);
    let stopped = StoredValue::new(None::<Uuid>);
    let typed = Memo::new(move |_| {
        let beside = [
            (NUMBER, mrn.get()),
            (
                CLINICIAN,
                clinician.get().map(|id| id.to_string()).unwrap_or_default(),
            ),
        ];
        let beside = beside.into_iter().filter(|(_, typed)| !typed.is_empty());
        let mut left: Vec<Left> = beside
            .map(|(name, typed)| (name.to_owned(), String::new(), typed))
            .collect();
        draft.with(|draft| left.extend(draft.left().into_iter().map(by_column)));
        left
    });
    let resume = Callback::new(move |left: Vec<Left>| {
        for (name, _, typed) in &left {
            match name.as_str() {
                NUMBER if mrn.with_untracked(String::is_empty) => mrn.set(typed.clone()),
                CLINICIAN => clinician.set(Uuid::parse_str(typed).ok()),
                _ => {}
            }
        }
        let fields = left.into_iter().filter_map(of_column);
        draft.update(|draft| draft.resume(fields));
    });
    let disk = StoredValue::new_local(use_draft_disk());
    // Registrations that were begun elsewhere and left.
    let others = RwSignal::new(Vec::<(String, Vec<Left>)>::new());
    let own = async move {
        let own = slot::registration().await;
        if let Some(disk) = disk.try_get_value().flatten() {
            let record = own.record.clone();
            spawn_local(async move {
                // The user may have left the page.
                let _ = others.try_set(slot::left(&disk, &record).await);
            });
        }
        own
    };
    let kept = use_kept(
        own.boxed_local(),
        typed.into(),
        move |left| resume.run(left),
        || "a new patient".to_owned(),
    );
    let forget = move |record: String| {
        others.update(|others| others.retain(|(other, _)| *other != record));
        if let Some(disk) = disk.get_value() {
            spawn_local(async move { disk.forget(&record).await });
        }
    };
    let go_on = Callback::new(move |(record, left): (String, Vec<Left>)| {
        resume.run(left);
        forget(record);
        focus_on("patient-mrn");
    });
    let give_up = Callback::new(forget);
    use_reopened(move |entry| {
        let Change { row, columns, .. } = &entry.change;
        if !matches!(entry.change.write, Write::Create) || entry.change.table != Table::Patients {
            return;
        }
        id.set_value(*row);
        stopped.set_value(Some(entry.id));
        let fields = reopen::fields(&entry.change);
        draft.set(blank());
        draft.update(|draft| {
            for (field, _, text) in fields {
                draft.type_in(field, text);
            }
        });
        let number = reopen::text(columns.get(NUMBER));
        clinician.set(Uuid::parse_str(&reopen::text(columns.get(CLINICIAN))).ok());
        tried.set(true);
        match &entry.standing {
            Standing::Failed(error) if is_taken_number(error) => taken.set(Some(number.clone())),
            Standing::Failed(error) => failed.set(Some(error.clone())),
            _ => {}
        }
        mrn.set(number);
        focus_on("patient-mrn");
    });
    let start_over = move |_| {
        draft.set(blank());
        mrn.set(String::new());
        clinician.set(None);
        tried.set(false);
        failed.set(None);
        focus_on("patient-mrn");
    };

    let mrn_error = Signal::derive(move || {
        let typed = mrn.get();
        if taken.get().as_deref() == Some(typed.trim()) {
            return Some("Another patient has this record number.".to_owned());
        }
        let error = tried
            .get()
            .then(|| check_mrn(typed.trim()).err())
            .flatten()?;
        Some(format!("Record number {error}."))
    });
    // Capitals, as the wristband has them, whatever the keyboard says.
    Effect::new(move |_| {
        let typed = mrn.get();
        let capitals = typed.to_uppercase();
        if capitals != typed {
            mrn.set(capitals);
        }
    });
    let error_of = move |field: PatientField| {
        Signal::derive(move || {
            let day = today();
            tried
                .get()
                .then(|| {
                    draft.with(|draft| field.check_among(|field| draft.typed(field), day).err())
                })
                .flatten()
                .map(|error| format!("{} {error}.", field.label()))
        })
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if saving.get_untracked() {
            return;
        }
        if mrn_error.get_untracked().is_some() {
            return focus_on("patient-mrn");
        }
        let day = today();
        let wrong = |field: &PatientField| {
            draft
                .with_untracked(|draft| field.check_among(|field| draft.typed(field), day).is_err())
        };
        if let Some(field) = PatientField::ALL.iter().copied().find(wrong) {
            return focus_on(&field_id(field));
        }
        let Some(outbox) = outbox.clone() else { return };
        let fields: Vec<_> = draft.with_untracked(|draft| {
            let typed = |field: &PatientField| (*field, draft.typed(*field).to_owned());
            PatientField::ALL.iter().map(typed).collect()
        });
        let number = mrn.get_untracked().trim().to_owned();
        let id = id.get_value();
        let change = new_patient(id, &number, clinician.get_untracked(), fields);
        let title = change.title.clone();
        saving.set(true);
        failed.set(None);
        let sent = match stopped.try_get_value().flatten() {
            Some(former) => outbox.save_instead(former, change),
            None => outbox.save(change),
        };
        stopped.set_value(None);
        let navigate = navigate.clone();
        spawn_local(async move {
            let save = sent.id;
            let outcome = sent.outcome().await;
            let here = saving.try_set(false).is_none();
            let kept_where = outbox.kept();
            match outcome {
                Saved::Stored(_) | Saved::Elsewhere => {
                    kept.done();
                    toasts.done(format!("{title} is registered."));
                    if here {
                        navigate(&format!("/patients/{id}"), Default::default());
                    }
                }
                Saved::Waiting => {
                    kept.done();
                    toasts.done(format!(
                        "{title} is not registered yet. {}",
                        waiting(kept_where)
                    ));
                    if here {
                        navigate("/patients", Default::default());
                    }
                }
                Saved::Withdrawn => {}
                Saved::Conflict(_) => {
                    let _ = failed.try_set(Some(DataError::Conflict));
                }
                Saved::Failed(error) => {
                    stopped.try_update_value(|stopped| *stopped = Some(save));
                    if is_taken_number(&error) {
                        let _ = taken.try_set(Some(number));
                        focus_on("patient-mrn");
                    } else {
                        let _ = failed.try_set(Some(error));
                    }
                }
            }
        });
    };
    let fields = |fields: &'static [PatientField]| {
        fields
            .iter()
            .map(|field| view! { <DraftField field=*field draft error=error_of(*field) /> })
            .collect_view()
    };
    view! {
        <form class="form" novalidate aria-label="New patient" on:keydown=move |event| enter_submits_nothing(&event) on:submit=submit>
            <Show when=move || kept.came_back.get() && typed.with(|typed| !typed.is_empty())>
                <CameBack />
            </Show>
            <Show when=move || typed.with(Vec::is_empty) && !others.with(Vec::is_empty)>
                <LeftBefore others go_on give_up />
            </Show>
            <div class="form-grid">
                <Field id="patient-mrn" label="Record number" value=mrn error=mrn_error />
                {fields(
                    &[
                        PatientField::FirstName,
                        PatientField::LastName,
                        PatientField::DateOfBirth,
                        PatientField::Sex,
                        PatientField::Ward,
                        PatientField::Status,
                    ],
                )}
                <Show when=move || assigns.get()>
                    <Responsible clinician />
                </Show>
            </div>
            {fields(&[PatientField::Notes])}
            <div role="alert">
                {move || {
                    failed
                        .get()
                        .map(|error| {
                            let said = phrase::data_error(&error);
                            view! {
                                <Banner tone=Tone::Critical shape=Shape::Alert>
                                    <strong>{said.title}</strong>
                                    <p>{said.advice} " What you typed is still here."</p>
                                </Banner>
                            }
                        })
                }}
            </div>
            <div class="form-foot">
                <button class="button button-primary" type="submit" aria-busy=move || saving.get().then_some("true")>
                    "Save"
                </button>
                <A href="/patients" attr:class="button button-quiet">
                    "Cancel"
                </A>
                <Show when=move || typed.with(|typed| !typed.is_empty())>
                    <button class="button button-quiet" type="button" on:click=start_over>
                        "Start over"
                    </button>
                </Show>
            </div>
        </form>
    }
}

/// Registrations that were begun and left, to go on with.
#[component]
fn LeftBefore(
    others: RwSignal<Vec<(String, Vec<Left>)>>,
    go_on: Callback<(String, Vec<Left>)>,
    give_up: Callback<String>,
) -> impl IntoView {
    view! {
        <Banner tone=Tone::Accent shape=Shape::Pen>
            <strong>"Started earlier and not registered"</strong>
            <ul>
                <For
                    each=move || others.get()
                    key=|(record, _)| record.clone()
                    children=move |(record, left)| {
                        let title = slot::title(&left);
                        let discarded = record.clone();
                        let (continues, discards) = (format!("Continue {title}"), format!("Discard {title}"));
                        view! {
                            <li>
                                {title} " "
                                <button
                                    class="link"
                                    type="button"
                                    aria-label=continues
                                    on:click=move |_| go_on.run((record.clone(), left.clone()))
                                >
                                    "Continue"
                                </button>
                                " "
                                <button
                                    class="link"
                                    type="button"
                                    aria-label=discards
                                    on:click=move |_| give_up.run(discarded.clone())
                                >
                                    "Discard"
                                </button>
                            </li>
                        }
                    }
                />
            </ul>
        </Banner>
    }
}

/// Whether the database has a patient with that number already.
fn is_taken_number(error: &DataError) -> bool {
    matches!(error, DataError::Refused { code, message } if code == "23505" && message.contains("mrn"))
}

#[component]
fn Responsible(clinician: RwSignal<Option<Uuid>>) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let people = move || {
        let chosen = clinician.get();
        directory.data.with(|people| {
            people
                .iter()
                .flat_map(|people| &people.people)
                .filter(|person| person.active && person.role.may_edit())
                .map(|person| {
                    let selected = chosen == Some(person.id);
                    view! { <option value=person.id.to_string() selected=selected>{person.full_name.clone()}</option> }
                })
                .collect_view()
        })
    };
    view! {
        <div class="field">
            <div class="field-label">
                <label for="patient-clinician">"Clinician"</label>
            </div>
            <select
                class="input"
                id="patient-clinician"
                on:change=move |event| clinician.set(Uuid::parse_str(&event_target_value(&event)).ok())
            >
                <option value="">"Not assigned yet"</option>
                {people}
            </select>
        </div>
    }
}
