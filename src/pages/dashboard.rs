//! The first page of a shift: how many are where, what waits, what has just changed.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::components::badge::patient_look;
use crate::components::{
    Ago, Changed, ChangedText, Empty, Failed, FormStatusBadge, Icon, PatientStatusBadge, Shape,
    SkeletonLines, use_title,
};
use crate::data::{DataError, Page, form_submissions, patients};
use crate::hooks::{Me, Reading, use_reading};
use crate::model::{FormStatus, FormSubmission, Patient, PatientStatus, Role};
use crate::sync::Table;

/// The dashboard.
#[component]
pub fn Dashboard() -> impl IntoView {
    use_title(|| "Dashboard".to_owned());
    let me = use_context::<Me>();
    let my_id = me.and_then(|me| me.user.try_with_value(|user| user.id));
    let clinician = Memo::new(move |_| me.and_then(Me::role).map(|role| role == Role::Clinician));
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Dashboard"</h1>
                </div>
            </div>
            <div class="tiles">
                {[PatientStatus::Waiting, PatientStatus::Admitted, PatientStatus::Observation]
                    .map(|status| {
                        view! {
                            <Tile
                                href=format!("/patients?status={}", status.word())
                                shape=patient_look(status).1
                                label=status.label()
                                count=use_reading(
                                    &[Table::Patients],
                                    move |rest| patients::count_query(rest, status),
                                )
                            />
                        }
                    })
                    .collect_view()}
                <Tile
                    href="/forms?status=submitted".to_owned()
                    shape=Shape::Send
                    label="Forms to review"
                    count=use_reading(&[Table::FormSubmissions], form_submissions::waiting_query)
                />
                {my_id
                    .map(|id| {
                        view! {
                            <Tile
                                href="/forms?status=draft".to_owned()
                                shape=Shape::Pen
                                label="My drafts"
                                count=use_reading(
                                    &[Table::FormSubmissions],
                                    move |rest| form_submissions::drafts_query(rest, id),
                                )
                            />
                        }
                    })}
            </div>
            <div class="halves">
                {move || match clinician.get() {
                    // A clinician sees their own patients only: what changed and what is theirs are one list.
                    Some(true) => {
                        view! {
                            <PatientFeed
                                title="My patients"
                                empty="Nobody is assigned to you right now."
                                reading=use_reading(
                                    &[Table::Patients],
                                    move |rest| patients::recent_query(rest, my_id),
                                )
                            />
                        }
                            .into_any()
                    }
                    Some(false) => {
                        view! {
                            <PatientFeed
                                title="Recent changes"
                                empty="Nothing has changed yet."
                                reading=use_reading(&[Table::Patients], |rest| patients::recent_query(rest, None))
                            />
                        }
                            .into_any()
                    }
                    None => ().into_any(),
                }}
                <ReviewQueue />
            </div>
        </div>
    }
}

#[component]
fn Tile(href: String, shape: Shape, label: &'static str, count: Reading<usize>) -> impl IntoView {
    let figure =
        Signal::derive(
            move || match (count.data.get(), count.error.with(Option::is_some)) {
                (Some(count), _) => count.to_string(),
                (None, true) => "–".to_owned(),
                (None, false) => String::new(),
            },
        );
    view! {
        <A href attr:class="tile">
            <span class="tile-label">
                <Icon shape />
                {label}
            </span>
            <span class="tile-figure">
                <ChangedText of=figure />
            </span>
        </A>
    }
}

/// A card with a short list: its outline, its trouble, its emptiness, or the list.
#[component]
fn Feed(
    id: &'static str,
    title: &'static str,
    empty: &'static str,
    shape: Shape,
    /// How many there are, once known.
    #[prop(into)]
    count: Signal<Option<usize>>,
    #[prop(into)] error: Signal<Option<DataError>>,
    refetch: Callback<()>,
    children: Children,
) -> impl IntoView {
    let failed = Memo::new(move |_| {
        if count.get().is_some() {
            None
        } else {
            error.get()
        }
    });
    let waiting = Memo::new(move |_| count.get().is_none() && failed.with(Option::is_none));
    view! {
        <section class="card" aria-labelledby=id>
            <div class="card-head">
                <h2 id=id>{title}</h2>
            </div>
            {move || failed.get().map(|error| view! { <Failed error retry=refetch /> })}
            <Show when=move || waiting.get()>
                <div class="card-body">
                    <SkeletonLines lines=8 />
                </div>
            </Show>
            <ul class="feed">{children()}</ul>
            <Show when=move || count.get() == Some(0)>
                <Empty shape title="All quiet".to_owned() advice=empty.to_owned() />
            </Show>
        </section>
    }
}

#[component]
fn PatientFeed(
    title: &'static str,
    empty: &'static str,
    reading: Reading<Page<Arc<Patient>>>,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        reading
            .data
            .with(|page| page.as_ref().map(|page| page.rows.clone()))
    });
    let ids = move || rows.with(|rows| rows.iter().flatten().map(|row| row.id).collect::<Vec<_>>());
    let item = move |id: Uuid| {
        let row = Memo::new(move |_| {
            rows.with(|rows| rows.iter().flatten().find(|row| row.id == id).cloned())
        });
        let text = move |read: fn(&Patient) -> String| {
            Signal::derive(move || row.with(|row| row.as_deref().map(read).unwrap_or_default()))
        };
        let status = Signal::derive(move || {
            row.with(|row| {
                row.as_ref()
                    .map_or(PatientStatus::Unknown, |row| row.status)
            })
        });
        view! {
            <li>
                <div class="feed-body">
                    <A href=format!("/patients/{id}") attr:class="feed-title">
                        <ChangedText of=text(Patient::full_name) />
                    </A>
                    <p class="feed-note">
                        <ChangedText of=text(|row| row.ward.clone()) />
                        " · "
                        <Ago at=text(|row| row.updated_at.clone()) />
                    </p>
                </div>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <PatientStatusBadge status />
                </Changed>
            </li>
        }
    };
    view! {
        <Feed
            id="patient-feed"
            title
            empty
            shape=Shape::Patients
            count=Signal::derive(move || rows.with(|rows| rows.as_ref().map(Vec::len)))
            error=reading.error
            refetch=reading.refetch
        >
            <For each=ids key=|id| *id children=item />
        </Feed>
    }
}

#[component]
fn ReviewQueue() -> impl IntoView {
    let reading = use_reading(
        &[Table::FormSubmissions, Table::Patients],
        form_submissions::review_query,
    );
    let rows = Memo::new(move |_| {
        reading
            .data
            .with(|page| page.as_ref().map(|page| page.rows.clone()))
    });
    let ids = move || rows.with(|rows| rows.iter().flatten().map(|row| row.id).collect::<Vec<_>>());
    let item = move |id: Uuid| {
        let row = Memo::new(move |_| {
            rows.with(|rows| rows.iter().flatten().find(|row| row.id == id).cloned())
        });
        let text = move |read: fn(&FormSubmission) -> String| {
            Signal::derive(move || row.with(|row| row.as_deref().map(read).unwrap_or_default()))
        };
        let status = Signal::derive(move || {
            row.with(|row| row.as_ref().map_or(FormStatus::Unknown, |row| row.status))
        });
        view! {
            <li>
                <div class="feed-body">
                    <A href=format!("/forms/{id}") attr:class="feed-title">{text(FormSubmission::about)}</A>
                    <p class="feed-note">
                        {text(|form| form.form_type.label().to_owned())}
                        " · submitted "
                        <Ago at=text(|form| form.submitted_at.clone().unwrap_or_default()) />
                    </p>
                </div>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <FormStatusBadge status />
                </Changed>
            </li>
        }
    };
    view! {
        <Feed
            id="review"
            title="Waiting longest for review"
            empty="No form waits for a review."
            shape=Shape::Form
            count=Signal::derive(move || rows.with(|rows| rows.as_ref().map(Vec::len)))
            error=reading.error
            refetch=reading.refetch
        >
            <For each=ids key=|id| *id children=item />
        </Feed>
    }
}
