//! The first page of a shift: how many are where, what waits, what has just changed, how it went lately.

mod charts;
mod feeds;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use crate::components::badge::patient_look;
use crate::components::{ChangedText, Icon, Shape, use_title};
use crate::data::form_submissions::FormFilter;
use crate::data::{DataError, form_submissions, patients};
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
    // What this person could review, which nothing of their own is; the same query as the list that the tile leads to.
    let review = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::list_query(rest, FormFilter::to_review_by(my_id))
    });
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
                    href="/forms?view=review".to_owned()
                    shape=Shape::Send
                    label="Forms to review"
                    count=Signal::derive(move || review.data.with(|page| page.as_ref().map(|page| page.total)))
                    error=review.error
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
                    reading=review
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
    tile(href, patient_look(status).1, status.label(), count)
}

/// A writer's drafts; whoever only reads has none.
fn last_tile(role: Option<Role>, me: Option<Uuid>) -> AnyView {
    match (role, me) {
        (None, _) | (_, None) => view! { <div class="tile"></div> }.into_any(),
        (Some(role), Some(me)) if role.may_edit() => {
            let count = use_reading(&[Table::FormSubmissions], move |rest| {
                form_submissions::drafts_query(rest, me)
            });
            tile(
                format!("/forms?status=draft&by={me}"),
                Shape::Pen,
                "My drafts",
                count,
            )
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

fn tile(href: String, shape: Shape, label: &'static str, count: Reading<usize>) -> AnyView {
    let error = count.error;
    let count = Signal::derive(move || count.data.with(|count| count.as_deref().copied()));
    view! { <Tile href shape label count error /> }.into_any()
}

#[component]
fn Tile(
    href: String,
    shape: Shape,
    label: &'static str,
    count: Signal<Option<usize>>,
    error: Signal<Option<DataError>>,
) -> impl IntoView {
    let figure = Signal::derive(move || match (count.get(), error.with(Option::is_some)) {
        (Some(count), _) => count.to_string(),
        (None, true) => "–".to_owned(),
        (None, false) => String::new(),
    });
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
