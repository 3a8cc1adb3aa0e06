//! The first page of a shift: how many are where, what waits, what has just changed, how it went lately.

mod charts;
mod feeds;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::components::badge::patient_look;
use crate::components::{ChangedText, Icon, Shape, use_title};
use crate::data::form_submissions::FormFilter;
use crate::data::{form_submissions, patients};
use crate::hooks::{Me, Reading, use_reading};
use crate::model::{PatientStatus, Role};
use crate::sync::Table;
use charts::Charts;
use feeds::{FormFeed, PatientFeed, Told, waiting};

/// The dashboard. Each place is there from the first moment on and filled once the role is known, so that nothing moves.
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
                    .map(patient_tile)
                    .collect_view()}
                <Tile
                    href="/forms?status=submitted".to_owned()
                    shape=Shape::Send
                    label="Forms to review"
                    count=use_reading(&[Table::FormSubmissions], form_submissions::waiting_query)
                />
                {move || last_tile(role.get(), my_id)}
            </div>
            <div class="thirds">
                {move || first_list(role.get(), my_id)}
                <FormFeed
                    id="review"
                    title="Waiting longest for review"
                    empty="No form waits for a review."
                    told=Told::Submitted
                    reading=use_reading(&[Table::FormSubmissions, Table::Patients], form_submissions::review_query)
                />
                {move || last_list(role.get(), my_id)}
            </div>
            <Charts />
        </div>
    }
}

fn patient_tile(status: PatientStatus) -> AnyView {
    let count = use_reading(&[Table::Patients], move |rest| {
        patients::count_query(rest, status)
    });
    let href = format!("/patients?status={}", status.word());
    view! { <Tile href shape=patient_look(status).1 label=status.label() count /> }.into_any()
}

/// A writer's drafts; whoever only reads has none.
fn last_tile(role: Option<Role>, me: Option<Uuid>) -> AnyView {
    match (role, me) {
        (None, _) | (_, None) => view! { <div class="tile"></div> }.into_any(),
        (Some(role), Some(me)) if role.may_edit() => {
            let count = use_reading(&[Table::FormSubmissions], move |rest| {
                form_submissions::drafts_query(rest, me)
            });
            view! { <Tile href="/forms?status=draft".to_owned() shape=Shape::Pen label="My drafts" count /> }
                .into_any()
        }
        (Some(_), Some(_)) => patient_tile(PatientStatus::Discharged),
    }
}

/// What a writer has begun or got back; to whoever only reads, what happens to forms.
fn first_list(role: Option<Role>, me: Option<Uuid>) -> AnyView {
    let (title, empty, reading) = match (role, me) {
        (None, _) | (_, None) => return waiting(),
        (Some(role), Some(me)) if role.may_edit() => (
            "Waiting for me",
            "No draft of yours is open, and no form came back to you.",
            use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
                form_submissions::mine_query(rest, me)
            }),
        ),
        (Some(_), Some(_)) => (
            "Latest forms",
            "No form has been written yet.",
            use_reading(&[Table::FormSubmissions, Table::Patients], |rest| {
                form_submissions::list_query(rest, FormFilter::default())
            }),
        ),
    };
    view! { <FormFeed id="mine" title empty told=Told::Changed reading /> }.into_any()
}

/// The patients that changed last: a clinician's own, or anybody's.
fn last_list(role: Option<Role>, me: Option<Uuid>) -> AnyView {
    let (title, empty, of) = match role {
        None => return waiting(),
        Some(Role::Clinician) => ("My patients", "Nobody is assigned to you right now.", me),
        Some(_) => ("Recent changes", "Nothing has changed yet.", None),
    };
    let reading = use_reading(&[Table::Patients], move |rest| {
        patients::recent_query(rest, of)
    });
    view! { <PatientFeed title empty reading /> }.into_any()
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
