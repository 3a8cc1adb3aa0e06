//! The whole app: the configuration, what every page may ask for from context, and which page an address shows.

use bedside_realtime::BuildError;
use leptos::prelude::*;
use leptos::reactive::effect::ImmediateEffect;
use leptos::task::spawn_local;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::path;

use crate::components::time::provide_now;
use crate::components::{Frame, LockScreen, Toaster, Toasts, Veil};
use crate::data::{Auth, AuthState, Config, ConfigError, Rest};
use crate::hooks::Searches;
use crate::idle::{Idle, Screen};
use crate::pages::lazy::{self, Routed};
use crate::pages::{ConfigErrorPage, NotFound, Patients, SignIn};
use crate::sync::provide_live_data;

/// The app, from the moment it has no configuration yet.
#[component]
pub fn App() -> impl IntoView {
    let (config, set_config) = signal(None::<Result<Config, ConfigError>>);
    let load = move || {
        spawn_local(async move {
            let loaded = Config::load().await;
            set_config.set(Some(loaded));
        });
    };
    load();
    move || match config.get() {
        // The shell of index.html looks the same, so the wait is one.
        None => ().into_any(),
        Some(Ok(config)) => view! { <Configured config /> }.into_any(),
        Some(Err(error)) => {
            let retry = Callback::new(move |()| load());
            view! { <ConfigErrorPage error retry /> }.into_any()
        }
    }
}

/// The app of one Supabase project.
#[component]
fn Configured(config: Config) -> impl IntoView {
    let auth = Auth::restore(&config);
    auth.follow_other_tabs();
    let rest = Rest::new(&config, auth.clone());
    provide_context(rest.clone());
    if let Err(error) = provide_live_data(&config, &auth, &rest) {
        let error = match error {
            BuildError::Key => ConfigError::BadKey,
            _ => ConfigError::BadAddress,
        };
        let reload = Callback::new(|()| {
            // A page that can't be reloaded keeps showing what is wrong, which is the best it can do.
            let _ = window().location().reload();
        });
        return view! { <ConfigErrorPage error retry=reload /> }.into_any();
    }
    let state = auth.state();
    Effect::new(move |ahead: Option<bool>| {
        let signed_in = matches!(state.get(), AuthState::SignedIn(_));
        if signed_in && ahead != Some(true) {
            lazy::fetch_ahead();
        }
        ahead.unwrap_or(false) || signed_in
    });
    provide_context(auth.clone());
    provide_context(config);
    provide_context(Toasts::new());
    provide_now();
    provide_context(watched(&auth));
    provide_context(searches(&auth));
    view! {
        <Veil>
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/sign-in") view=SignIn />
                <Route path=path!("/accept") view=Routed(lazy::accept) />
                <Route path=path!("/styleguide") view=Routed(lazy::styleguide) />
                <ParentRoute path=path!("") view=Frame>
                    <Route path=path!("/") view=Routed(lazy::dashboard) />
                    <Route path=path!("/patients") view=Routed(|| view! { <Patients /> }.into_any()) />
                    <Route path=path!("/patients/new") view=Routed(lazy::new_patient) />
                    <Route path=path!("/patients/:id") view=Routed(lazy::patient) />
                    <Route path=path!("/forms") view=Routed(lazy::forms) />
                    <Route path=path!("/forms/new") view=Routed(lazy::new_form) />
                    <Route path=path!("/forms/:id") view=Routed(lazy::form) />
                    <Route path=path!("/staff") view=Routed(lazy::staff) />
                    <Route path=path!("/realtime") view=Routed(lazy::realtime) />
                    <Route path=path!("/settings") view=Routed(lazy::settings) />
                    <Route path=path!("/help") view=Routed(lazy::help) />
                </ParentRoute>
            </Routes>
        </Router>
        <Toaster />
        </Veil>
        <LockScreen />
    }
    .into_any()
}

/// The searches of whoever is signed in.
fn searches(auth: &Auth) -> Searches {
    let searches = Searches::default();
    let (state, follow) = (auth.state(), searches.clone());
    ImmediateEffect::new_scoped(move || {
        follow.belong_to(match state.get() {
            AuthState::SignedIn(user) => Some(user.id),
            AuthState::SignedOut(_) => None,
        });
    });
    searches
}

/// The idle lock, which is of whoever is signed in at that very moment.
fn watched(auth: &Auth) -> Idle {
    let idle = Idle::begin();
    let state = auth.state();
    // A locked screen has no tokens, and no screen without tokens is open.
    let (screen, locking) = (idle.screen(), auth.clone());
    ImmediateEffect::new_scoped(move || {
        if screen.get() == Screen::Locked {
            locking.lock();
        }
    });
    let (tokens, opening, opened) = (auth.token_count(), idle.clone(), auth.clone());
    ImmediateEffect::new_scoped(move || {
        tokens.track();
        if !opened.is_locked() && opening.screen().get_untracked() == Screen::Locked {
            opening.unlock();
        }
    });
    let (locked, follows) = (auth.clone(), idle.clone());
    ImmediateEffect::new_scoped(move || {
        follows.belongs_to(match state.get() {
            AuthState::SignedIn(user) => Some(user.id),
            AuthState::SignedOut(_) => None,
        });
        if locked.is_locked() {
            follows.lock_now();
        }
    });
    idle
}
