//! Who is signed in, and the ways out: locking the screen and signing out.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;

use crate::components::{Icon, Shape};
use crate::data::Auth;
use crate::hooks::Me;
use crate::idle::Idle;
use crate::model::Role;
use crate::model::profile::initials;

/// The person, with the way to the settings and the ways out.
#[component]
pub fn Person(leave: Callback<()>) -> impl IntoView {
    let me = use_context::<Me>();
    let name = move || {
        let profile = me.and_then(|me| me.profile.data.get());
        match (profile, me) {
            (Some(profile), _) => profile.full_name.clone(),
            (None, Some(me)) => me
                .user
                .try_with_value(|user| user.email.clone())
                .unwrap_or_default(),
            (None, None) => String::new(),
        }
    };
    let role = move || me.and_then(Me::role).map(Role::label).unwrap_or_default();
    let lock = use_lock();
    view! {
        <div class="person">
            <A href="/settings" attr:class="person-link" attr:title="Settings">
                <span class="avatar" aria-hidden="true">{move || initials(&name())}</span>
                <span class="person-who">
                    <span class="person-name">{name}</span>
                    <span class="person-role">{role}</span>
                </span>
            </A>
            <button class="button button-quiet button-icon" type="button" aria-label="Lock the screen" title="Lock the screen" on:click=move |_| lock.run(())>
                <Icon shape=Shape::Lock />
            </button>
            <button class="button button-quiet button-icon" type="button" aria-label="Sign out" title="Sign out" on:click=move |_| leave.run(())>
                <Icon shape=Shape::Door />
            </button>
        </div>
    }
}

/// Locks the screen.
pub fn use_lock() -> Callback<()> {
    let idle = use_context::<Idle>();
    Callback::new(move |()| {
        if let Some(idle) = &idle {
            idle.lock_now();
        }
    })
}

/// Signs out, without a question.
pub fn use_sign_out() -> Callback<()> {
    let auth = use_context::<Auth>();
    Callback::new(move |()| {
        if let Some(auth) = auth.clone() {
            spawn_local(async move { auth.sign_out().await });
        }
    })
}
