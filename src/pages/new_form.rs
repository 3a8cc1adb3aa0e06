//! Beginning a form: about whom, and which kind. The patient may be in the address; the form is a draft from the first moment.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use uuid::Uuid;

use super::form::opening_answers;
use super::not_found::NoSuchRow;
use crate::components::time::this_minute;
use crate::components::{
    Banner, Empty, Failed, Icon, PatientStatusBadge, SearchBox, Shape, SkeletonLines, Toasts, Tone,
    use_title,
};
use crate::data::DataError;
use crate::data::patient_filter::PatientFilter;
use crate::data::patients;
use crate::hooks::{Me, use_outbox, use_reading};
use crate::model::{FormKind, FormStatus, FormType, Patient, Role};
use crate::sync::Table;
use crate::sync::outbox::Outcome;
use crate::sync::outbox::saves::new_form;

/// How many patients are offered before somebody searches.
const OFFERED: usize = 8;

/// The address at which a form about a patient is begun.
pub fn about(patient: Uuid) -> String {
    format!("/forms/new?patient={patient}")
}

/// The page on which a form is begun.
#[component]
pub fn NewForm() -> impl IntoView {
    use_title(|| "New form".to_owned());
    let query = use_query_map();
    let patient = Memo::new(move |_| {
        query.with(|query| {
            query
                .get("patient")
                .and_then(|id| Uuid::parse_str(&id).ok())
        })
    });
    let role = use_context::<Me>();
    let role = Memo::new(move |_| role.and_then(Me::role));
    let body = move || match (role.get(), patient.get()) {
        (None, _) => view! { <div class="card card-body"><SkeletonLines /></div> }.into_any(),
        (Some(role), _) if !role.may_edit() => view! { <ReadOnly role /> }.into_any(),
        (_, Some(id)) => view! { <Kinds id /> }.into_any(),
        (_, None) => view! { <Whom /> }.into_any(),
    };
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <A href="/forms" attr:class="crumb">
                        <Icon shape=Shape::Previous size=12 />
                        "Forms"
                    </A>
                    <h1>"New form"</h1>
                </div>
            </div>
            {body}
        </div>
    }
}

#[component]
fn ReadOnly(role: Role) -> impl IntoView {
    let words = format!(
        "You are signed in as {}: you can read forms. Clinicians and admins fill them in.",
        role.label().to_lowercase()
    );
    view! { <Banner tone=Tone::Calm shape=Shape::Lock>{words}</Banner> }
}

/// Finding the patient.
#[component]
fn Whom() -> impl IntoView {
    let search = RwSignal::new(String::new());
    let ahead = RwSignal::new(false);
    let shown = RwSignal::new(OFFERED);
    let list = use_reading(&[Table::Patients], move |rest| {
        patients::list_query(
            rest,
            PatientFilter {
                search: search.get(),
                ..PatientFilter::default()
            },
        )
    });
    let navigate = use_navigate();
    let found = move || {
        if ahead.get() {
            return None;
        }
        list.data.with(|page| {
            let page = page.as_ref()?;
            let rows: Vec<_> = page.rows.iter().take(shown.get()).cloned().collect();
            Some((rows, page.rows.len(), page.total))
        })
    };
    let row = move |patient: Arc<Patient>| {
        let navigate = navigate.clone();
        let id = patient.id;
        let status = patient.status;
        view! {
            <li>
                <div class="feed-body">
                    <a
                        class="feed-title"
                        href=about(id)
                        on:click=move |event| {
                            event.prevent_default();
                            // The choice takes the place of this page: back leads to where it was begun.
                            navigate(&about(id), NavigateOptions { replace: true, ..NavigateOptions::default() });
                        }
                    >
                        {patient.listed_name()}
                    </a>
                    <p class="feed-note">{format!("{} · {}", patient.mrn, patient.ward)}</p>
                </div>
                <PatientStatusBadge status />
            </li>
        }
    };
    // All that was read can be shown; who looks for one of many more than that types another letter.
    let more = move |offered: usize, read: usize, total: usize| {
        view! {
            <div class="card-foot">
                <span class="muted small">{format!("{offered} of {total} patients")}</span>
                {if offered < read {
                    view! {
                        <button class="button button-small" type="button" on:click=move |_| shown.set(read)>
                            "Show more"
                        </button>
                    }
                        .into_any()
                } else {
                    view! { <span class="muted small">"Type more of the name to see the others."</span> }.into_any()
                }}
            </div>
        }
    };
    view! {
        <section class="card" aria-labelledby="whom-title">
            <div class="card-head">
                <h2 id="whom-title">"About whom?"</h2>
            </div>
            <div class="card-body">
                <SearchBox
                    label="Search patients"
                    text=search
                    on_search=Callback::new(move |text| {
                        shown.set(OFFERED);
                        search.set(text);
                    })
                    ahead
                />
            </div>
            {move || match (found(), list.error.get()) {
                (Some((found, ..)), _) if found.is_empty() => {
                    view! {
                        <Empty
                            shape=Shape::Search
                            title="Nobody matches".to_owned()
                            advice="Try fewer letters, or the record number.".to_owned()
                        />
                    }
                        .into_any()
                }
                (Some((found, read, total)), _) => {
                    let offered = found.len();
                    view! {
                        <ul class="feed" aria-label="Patients">
                            {found.into_iter().map(row.clone()).collect_view()}
                        </ul>
                        {(offered < total).then(|| more(offered, read, total))}
                    }
                        .into_any()
                }
                (None, Some(error)) => view! { <Failed error retry=list.refetch /> }.into_any(),
                (None, None) => view! { <div class="card-body"><SkeletonLines lines=8 /></div> }.into_any(),
            }}
        </section>
    }
}

/// Choosing the kind; the choice begins the form.
#[component]
fn Kinds(id: Uuid) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let patient = use_reading(&[Table::Patients], move |rest| {
        patients::one_query(rest, id)
    });
    let outbox = use_outbox().map(|held| held.outbox);
    let navigate = use_navigate();
    let busy = RwSignal::new(None::<FormType>);
    let begin = Callback::new(move |kind: &'static FormKind| {
        let (Some(outbox), Some(patient)) = (outbox.clone(), patient.data.get_untracked()) else {
            return;
        };
        // A second click while the first is on its way would be a second form.
        if busy.get_untracked().is_some() {
            return;
        }
        busy.set(Some(kind.form_type));
        let form = Uuid::new_v4();
        let answers = opening_answers(kind, &this_minute().to_string());
        let saving = outbox.save(new_form(
            form,
            &patient,
            kind.form_type,
            FormStatus::Draft,
            answers,
        ));
        let navigate = navigate.clone();
        spawn_local(async move {
            let outcome = saving.outcome().await;
            // The person may have gone elsewhere meanwhile: the draft is there all the same.
            if busy.try_set(None).is_some() {
                return;
            }
            match outcome {
                Outcome::Failed(_) | Outcome::Conflict(_) | Outcome::Withdrawn => {
                    toasts.failed("The form could not be begun.");
                }
                Outcome::Stored(_) | Outcome::Waiting | Outcome::Elsewhere => navigate(
                    &format!("/forms/{form}"),
                    NavigateOptions {
                        replace: true,
                        ..NavigateOptions::default()
                    },
                ),
            }
        });
    });
    let name = Signal::derive(move || {
        patient.data.with(|patient| {
            patient.as_ref().map(|patient| {
                format!(
                    "{} · {} · {}",
                    patient.full_name(),
                    patient.mrn,
                    patient.ward
                )
            })
        })
    });
    let kinds = move || {
        FormType::ALL
            .iter()
            .filter_map(|form_type| FormKind::of(*form_type))
            .map(|kind| {
                view! {
                    <li>
                        <button
                            class="kind"
                            type="button"
                            aria-busy=move || (busy.get() == Some(kind.form_type)).then_some("true")
                            on:click=move |_| begin.run(kind)
                        >
                            <span class="kind-name">
                                <Icon shape=Shape::Form />
                                {kind.form_type.label()}
                            </span>
                            <span class="muted small">{kind.purpose}</span>
                        </button>
                    </li>
                }
            })
            .collect_view()
    };
    move || match (patient.data.with(Option::is_some), patient.error.get()) {
        (true, _) => view! {
            <section class="card" aria-labelledby="kind-title">
                <div class="card-head">
                    <h2 id="kind-title">"Which form?"</h2>
                    <A href="/forms/new" attr:class="small">
                        "Another patient"
                    </A>
                </div>
                <div class="card-body form">
                    <p>"About " <strong>{move || name.get()}</strong></p>
                    <ul class="kinds">{kinds()}</ul>
                </div>
            </section>
        }
        .into_any(),
        (false, Some(DataError::NotFound)) => {
            view! { <NoSuchRow what="patient" back="/forms/new" /> }.into_any()
        }
        (false, Some(error)) => view! { <Failed error retry=patient.refetch /> }.into_any(),
        (false, None) => view! { <div class="card card-body"><SkeletonLines /></div> }.into_any(),
    }
}
