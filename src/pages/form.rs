//! A form's page: what was filled in, by whom, and where it is on its way.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;

use super::not_found::NoSuchRow;
use crate::components::{
    Ago, Banner, Changed, ChangedText, Failed, FormStatusBadge, Icon, NotRefreshed, Shape,
    SkeletonLines, Tone, use_title,
};
use crate::data::DataError;
use crate::data::{form_submissions, profiles};
use crate::hooks::{Reading, use_reading};
use crate::model::{FormStatus, FormSubmission};
use crate::sync::Table;

/// The page of the form whose id the address holds.
#[component]
pub fn FormPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id").and_then(|id| Uuid::parse_str(&id).ok()))
    });
    move || match id.get() {
        Some(id) => view! { <KnownForm id /> }.into_any(),
        None => view! { <NoSuchRow what="form" back="/forms" /> }.into_any(),
    }
}

#[component]
fn KnownForm(id: Uuid) -> impl IntoView {
    let form = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::one_query(rest, id)
    });
    use_title(move || {
        form.data.with(|form| {
            form.as_ref()
                .map_or("Form", |form| form.form_type.label())
                .to_owned()
        })
    });
    let missing = Memo::new(move |_| form.error.get() == Some(DataError::NotFound));
    let failed = Memo::new(move |_| {
        if form.data.with(Option::is_none) {
            form.error.get()
        } else {
            None
        }
    });
    let known = Memo::new(move |_| form.data.with(Option::is_some));
    move || {
        if missing.get() {
            return view! { <NoSuchRow what="form" back="/forms" /> }.into_any();
        }
        if let Some(error) = failed.get() {
            return view! { <Failed error retry=form.refetch /> }.into_any();
        }
        if known.get() {
            view! { <Loaded form /> }.into_any()
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
        <A href="/forms" attr:class="crumb">
            <Icon shape=Shape::Previous size=12 />
            "Forms"
        </A>
    }
}

#[component]
fn Loaded(form: Reading<FormSubmission>) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let text = move |read: fn(&FormSubmission) -> String| {
        Signal::derive(move || {
            form.data
                .with(|form| form.as_deref().map(read).unwrap_or_default())
        })
    };
    let person = move |read: fn(&FormSubmission) -> Option<Uuid>| {
        Signal::derive(move || {
            let id = form.data.with(|form| form.as_deref().and_then(read));
            directory.data.with(|people| match (people, id) {
                (Some(people), Some(_)) => people.name_of(id),
                _ => "–".to_owned(),
            })
        })
    };
    let status = Signal::derive(move || {
        form.data.with(|form| {
            form.as_ref()
                .map_or(FormStatus::Unknown, |form| form.status)
        })
    });
    let patient = move || {
        form.data
            .with(|form| {
                form.as_ref()
                    .map(|form| (form.patient_id, form.patient.clone()))
            })
            .map(|(id, patient)| {
                let name = patient.map_or_else(
                    || "Open the patient".to_owned(),
                    |patient| format!("{} {}", patient.first_name, patient.last_name),
                );
                view! { <A href=format!("/patients/{id}")>{name}</A> }
            })
    };
    let comment = text(|form| form.review_comment.clone());
    let lines = Memo::new(move |_| {
        form.data
            .with(|form| form.as_ref().map(|form| form.lines()).unwrap_or_default())
    });
    let questions = Memo::new(move |_| {
        lines.with(|lines| {
            lines
                .iter()
                .map(|(question, _)| question.clone())
                .collect::<Vec<_>>()
        })
    });
    let answer = move |question: String| {
        let asked = question.clone();
        let answer = Signal::derive(move || {
            lines.with(|lines| {
                lines
                    .iter()
                    .find(|(question, _)| *question == asked)
                    .map(|(_, answer)| answer.clone())
                    .unwrap_or_default()
            })
        });
        view! {
            <div>
                <dt>{question}</dt>
                <dd class="prose">
                    <ChangedText of=answer />
                </dd>
            </div>
        }
    };
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <Crumb />
                    <h1>{text(|form| form.form_type.label().to_owned())}</h1>
                </div>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <FormStatusBadge status />
                </Changed>
            </div>
            <NotRefreshed shown=true error=form.error retry=form.refetch />
            <Show when=move || comment.with(|comment| !comment.trim().is_empty())>
                <Banner tone=Tone::Caution shape=Shape::Return>
                    <strong>"The reviewer asks"</strong>
                    <p class="prose">{comment}</p>
                </Banner>
            </Show>
            <div class="columns">
                <section class="card" aria-labelledby="answers-title">
                    <div class="card-head">
                        <h2 id="answers-title">"Answers"</h2>
                    </div>
                    <div class="card-body">
                        <Show
                            when=move || questions.with(|questions| !questions.is_empty())
                            fallback=|| view! { <p class="muted">"Nothing is filled in yet."</p> }
                        >
                            <dl class="facts">
                                <For each=move || questions.get() key=Clone::clone children=answer />
                            </dl>
                        </Show>
                    </div>
                </section>
                <section class="card aside" aria-labelledby="way-title">
                    <div class="card-head">
                        <h2 id="way-title">"About"</h2>
                    </div>
                    <div class="card-body">
                        <dl class="facts">
                            <div>
                                <dt>"Patient"</dt>
                                <dd>{patient}</dd>
                            </div>
                            <div>
                                <dt>"Written by"</dt>
                                <dd><ChangedText of=person(|form| form.submitted_by) /></dd>
                            </div>
                            <div>
                                <dt>"Reviewed by"</dt>
                                <dd><ChangedText of=person(|form| form.reviewed_by) /></dd>
                            </div>
                            <div>
                                <dt>"Updated"</dt>
                                <dd><Ago at=text(|form| form.updated_at.clone()) /></dd>
                            </div>
                            <div>
                                <dt>"Begun"</dt>
                                <dd><Ago at=text(|form| form.created_at.clone()) /></dd>
                            </div>
                        </dl>
                    </div>
                </section>
            </div>
        </div>
    }
}
