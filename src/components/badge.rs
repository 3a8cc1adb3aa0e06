//! A state as icon, word and colour together, so that none of them is needed alone.

use leptos::prelude::*;

use super::{Icon, Shape};
use crate::model::{FormStatus, PatientStatus, Role};

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Accent,
    Good,
    Caution,
    Critical,
}

impl Tone {
    /// The value of `data-tone`, which the styles know.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Accent => "accent",
            Self::Good => "good",
            Self::Caution => "caution",
            Self::Critical => "critical",
        }
    }
}

/// A state.
#[component]
pub fn Badge(
    #[prop(into)] tone: Signal<Tone>,
    #[prop(into)] shape: Signal<Shape>,
    #[prop(into)] word: Signal<&'static str>,
) -> impl IntoView {
    view! {
        <span class="badge" data-tone=move || tone.get().word()>
            <Icon shape size=12 />
            {move || word.get()}
        </span>
    }
}

/// Where a patient is in their stay.
#[component]
pub fn PatientStatusBadge(#[prop(into)] status: Signal<PatientStatus>) -> impl IntoView {
    view! {
        <Badge
            tone=Signal::derive(move || patient_look(status.get()).0)
            shape=Signal::derive(move || patient_look(status.get()).1)
            word=Signal::derive(move || status.get().label())
        />
    }
}

/// The colour and icon of a patient's status.
pub const fn patient_look(status: PatientStatus) -> (Tone, Shape) {
    match status {
        PatientStatus::Waiting => (Tone::Caution, Shape::Clock),
        PatientStatus::Admitted => (Tone::Accent, Shape::Bed),
        PatientStatus::Observation => (Tone::Good, Shape::Eye),
        PatientStatus::Discharged => (Tone::Calm, Shape::Door),
        PatientStatus::Unknown => (Tone::Calm, Shape::Circle),
    }
}

/// Where a form is on its way.
#[component]
pub fn FormStatusBadge(#[prop(into)] status: Signal<FormStatus>) -> impl IntoView {
    let look = move || form_look(status.get());
    view! {
        <Badge
            tone=Signal::derive(move || look().0)
            shape=Signal::derive(move || look().1)
            word=Signal::derive(move || status.get().label())
        />
    }
}

/// The colour and icon of a form's status.
pub const fn form_look(status: FormStatus) -> (Tone, Shape) {
    match status {
        FormStatus::Draft => (Tone::Calm, Shape::Pen),
        FormStatus::Submitted => (Tone::Accent, Shape::Send),
        FormStatus::InReview => (Tone::Caution, Shape::Eye),
        FormStatus::Approved => (Tone::Good, Shape::Check),
        FormStatus::Returned => (Tone::Critical, Shape::Return),
        FormStatus::Unknown => (Tone::Calm, Shape::Circle),
    }
}

/// What a person may do.
#[component]
pub fn RoleBadge(#[prop(into)] role: Signal<Role>) -> impl IntoView {
    let look = move || match role.get() {
        Role::Admin => (Tone::Accent, Shape::Lock),
        Role::Clinician => (Tone::Good, Shape::Pulse),
        Role::Viewer => (Tone::Calm, Shape::Eye),
        Role::Unknown => (Tone::Calm, Shape::Circle),
    };
    view! {
        <Badge
            tone=Signal::derive(move || look().0)
            shape=Signal::derive(move || look().1)
            word=Signal::derive(move || role.get().label())
        />
    }
}
