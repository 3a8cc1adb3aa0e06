//! The first page of a shift: how many are where, what waits, what has just changed.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::components::badge::patient_look;
use crate::components::{
    Ago, Changed, ChangedText, Empty, Failed, Icon, PatientStatusBadge, Shape, SkeletonLines,
    use_title,
};
use crate::data::Page;
use crate::data::form_submissions::{use_draft_count, use_waiting_forms};
use crate::data::me::Me;
use crate::data::patients::{use_patient_count, use_recent_patients};
use crate::data::query::Reading;
use crate::model::{Patient, PatientStatus, Role};

/// The dashboard.
#[component]
pub fn Dashboard() -> impl IntoView {
    use_title(|| "Dashboard".to_owned());
    let me = use_context::<Me>();
    let my_id = me.and_then(|me| me.user.try_with_value(|user| user.id));
    let role = Memo::new(move |_| me.and_then(Me::role));
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
                                count=use_patient_count(status)
                            />
                        }
                    })
                    .collect_view()}
                <Tile
                    href="/forms?status=submitted".to_owned()
                    shape=Shape::Send
                    label="Forms to review"
                    count=use_waiting_forms()
                />
                {my_id
                    .map(|id| {
                        view! {
                            <Tile
                                href="/forms?status=draft".to_owned()
                                shape=Shape::Pen
                                label="My drafts"
                                count=use_draft_count(id)
                            />
                        }
                    })}
            </div>
            <div class="columns columns-even">
                <PatientFeed
                    id="recent"
                    title="Recent changes"
                    reading=use_recent_patients(None)
                    empty="Nothing has changed yet."
                />
                {move || {
                    (role.get() == Some(Role::Clinician))
                        .then(|| {
                            view! {
                                <PatientFeed
                                    id="mine"
                                    title="My patients"
                                    reading=use_recent_patients(my_id)
                                    empty="Nobody is assigned to you right now."
                                />
                            }
                        })
                }}
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

#[component]
fn PatientFeed(
    id: &'static str,
    title: &'static str,
    reading: Reading<Page<Arc<Patient>>>,
    empty: &'static str,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        reading.data.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let ids =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>()));
    let known = Memo::new(move |_| reading.data.with(Option::is_some));
    let failed = Memo::new(move |_| {
        if known.get() {
            None
        } else {
            reading.error.get()
        }
    });
    let item = move |id: Uuid| {
        let row =
            Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
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
        <section class="card" aria-labelledby=id>
            <div class="card-head">
                <h2 id=id>{title}</h2>
            </div>
            {move || failed.get().map(|error| view! { <Failed error retry=reading.refetch /> })}
            <Show when=move || !known.get() && failed.with(Option::is_none)>
                <div class="card-body"><SkeletonLines lines=8 /></div>
            </Show>
            <ul class="feed">
                <For each=move || ids.get() key=|id| *id children=item />
            </ul>
            <Show when=move || known.get() && ids.with(Vec::is_empty)>
                <Empty shape=Shape::Patients title="All quiet".to_owned() advice=empty.to_owned() />
            </Show>
        </section>
    }
}
