//! The dashboard's short lists: what waits for this person, what waits longest, which patients changed last.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::components::{
    Ago, Changed, ChangedText, Empty, Failed, FormStatusBadge, PatientStatusBadge, Shape,
    SkeletonLines, UnreadableRows,
};
use crate::data::{DataError, Page};
use crate::hooks::Reading;
use crate::model::{FormStatus, FormSubmission, Patient, PatientStatus};

/// How many lines a list has at most.
const LINES: usize = 6;

/// A list before it is known which.
pub fn waiting() -> AnyView {
    view! {
        <div class="card feed-card">
            <div class="card-head"></div>
            <div class="card-body">
                <SkeletonLines lines=LINES />
            </div>
        </div>
    }
    .into_any()
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
    /// How many more can't be read.
    #[prop(into)]
    unreadable: Signal<usize>,
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
        <section class="card feed-card" aria-labelledby=id>
            <div class="card-head">
                <h2 id=id>{title}</h2>
            </div>
            {move || failed.get().map(|error| view! { <Failed error retry=refetch /> })}
            <Show when=move || waiting.get()>
                <div class="card-body">
                    <SkeletonLines lines=LINES />
                </div>
            </Show>
            <ul class="feed">{children()}</ul>
            <UnreadableRows count=unreadable />
            <Show when=move || count.get() == Some(0) && unreadable.get() == 0>
                <Empty shape title="All quiet".to_owned() advice=empty.to_owned() />
            </Show>
        </section>
    }
}

fn unreadable<T: Send + Sync + 'static>(reading: Reading<Page<Arc<T>>>) -> Signal<usize> {
    Signal::derive(move || {
        (reading.data).with(|page| page.as_ref().map_or(0, |page| page.unreadable))
    })
}

/// Patients, the latest change first.
#[component]
pub fn PatientFeed(
    title: &'static str,
    empty: &'static str,
    reading: Reading<Page<Arc<Patient>>>,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        reading
            .data
            .with(|page| page.as_ref().map(|page| page.rows.clone()))
    });
    let ids = move || {
        rows.with(|rows| {
            rows.iter()
                .flatten()
                .map(|row| row.id)
                .take(LINES)
                .collect::<Vec<_>>()
        })
    };
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
                        <ChangedText of=text(Patient::listed_name) />
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
            unreadable=unreadable(reading)
            error=reading.error
            refetch=reading.refetch
        >
            <For each=ids key=|id| *id children=item />
        </Feed>
    }
}

/// Which moment of a form a list tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Submitted,
    Changed,
}

/// Forms, in the order that they come in.
#[component]
pub fn FormFeed(
    id: &'static str,
    title: &'static str,
    empty: &'static str,
    told: Told,
    reading: Reading<Page<Arc<FormSubmission>>>,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        reading
            .data
            .with(|page| page.as_ref().map(|page| page.rows.clone()))
    });
    let ids = move || {
        rows.with(|rows| {
            rows.iter()
                .flatten()
                .map(|row| row.id)
                .take(LINES)
                .collect::<Vec<_>>()
        })
    };
    let moment: fn(&FormSubmission) -> String = match told {
        Told::Submitted => |form| form.submitted_at.clone().unwrap_or_default(),
        Told::Changed => |form| form.updated_at.clone(),
    };
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
                        {match told {
                            Told::Submitted => " · submitted ",
                            Told::Changed => " · changed ",
                        }}
                        <Ago at=text(moment) />
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
            id
            title
            empty
            shape=Shape::Form
            count=Signal::derive(move || rows.with(|rows| rows.as_ref().map(Vec::len)))
            unreadable=unreadable(reading)
            error=reading.error
            refetch=reading.refetch
        >
            <For each=ids key=|id| *id children=item />
        </Feed>
    }
}
