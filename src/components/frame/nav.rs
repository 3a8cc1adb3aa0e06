//! The links of the frame: the pages that are open to the person.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::{Icon, Shape};
use crate::hooks::Me;
use crate::model::Role;
use crate::model::policy::Place;

/// The pages of the work.
#[component]
pub fn MainNav() -> impl IntoView {
    view! {
        <nav class="nav" aria-label="Main">
            <ul>
                <NavLink place=Place::Dashboard href="/" shape=Shape::Dashboard label="Dashboard" />
                <NavLink place=Place::Patients href="/patients" shape=Shape::Patients label="Patients" />
                <NavLink place=Place::Forms href="/forms" shape=Shape::Form label="Forms" />
                <NavLink place=Place::Staff href="/staff" shape=Shape::Staff label="Staff" />
                <NavLink place=Place::Realtime href="/realtime" shape=Shape::Pulse label="Realtime" />
            </ul>
        </nav>
    }
}

/// A link to a place that is open to the person; what is open to everybody is there before the role is known.
#[component]
fn NavLink(place: Place, href: &'static str, shape: Shape, label: &'static str) -> impl IntoView {
    let me = use_context::<Me>();
    let open = Memo::new(move |_| match me.and_then(Me::role) {
        Some(role) => place.opens_to(role),
        None => Role::ALL.iter().all(|role| place.opens_to(*role)),
    });
    view! {
        <Show when=move || open.get()>
            <li>
                <A href exact={href == "/"}>
                    <Icon shape size=18 />
                    <span>{label}</span>
                </A>
            </li>
        </Show>
    }
}

/// What is not about the work itself, and so everybody's.
#[component]
pub fn MinorNav() -> impl IntoView {
    view! {
        <nav class="nav-minor" aria-label="More">
            <ul>
                <NavLink place=Place::Settings href="/settings" shape=Shape::Gear label="Settings" />
                <NavLink place=Place::Help href="/help" shape=Shape::Help label="Help" />
            </ul>
        </nav>
    }
}
