//! What stands over a page that nobody touches: first a warning that counts down, then a lock that the password opens.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::outbox_status::SignOutQuestion;
use super::{Banner, Field, Icon, Shape, Tone, phrase};
use crate::data::{Auth, AuthError};
use crate::idle::{Idle, Screen};

/// The warning and the lock. Beside the app, not in it.
#[component]
pub fn LockScreen() -> impl IntoView {
    let idle = use_context::<Idle>();
    let screen = Memo::new(move |_| {
        idle.as_ref()
            .map_or(Screen::Open, |idle| idle.screen().get())
    });
    let locked = Memo::new(move |_| screen.get() == Screen::Locked);
    let closing = Memo::new(move |_| match screen.get() {
        Screen::Closing(seconds) => Some(seconds),
        Screen::Open | Screen::Locked => None,
    });
    let warned = Memo::new(move |_| closing.with(Option::is_some));
    view! {
        <Show when=move || warned.get()>
            <div class="idle-warning" role="alertdialog" aria-label="The screen is about to lock">
                <Icon shape=Shape::Lock />
                <p>
                    "Nobody has touched anything. The screen locks in "
                    <span class="figure" role="timer">{move || closing.get().unwrap_or_default()}</span> " s."
                </p>
                // Any touch will do; this is one that can be named.
                <button class="button" type="button">"Stay"</button>
            </div>
        </Show>
        <Show when=move || locked.get()>
            <Locked />
        </Show>
    }
}

#[component]
fn Locked() -> impl IntoView {
    let auth = use_context::<Auth>();
    let idle = use_context::<Idle>();
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AuthError>);
    let email = Signal::derive({
        let auth = auth.clone();
        move || {
            let user = auth.as_ref().and_then(Auth::user);
            user.map(|user| user.email).unwrap_or_default()
        }
    });
    let card = NodeRef::<html::Section>::new();
    card.on_load(|card| {
        let field = card.query_selector("input").ok().flatten();
        if let Some(field) = field.and_then(|field| {
            use wasm_bindgen::JsCast;
            field.dyn_into::<web_sys::HtmlElement>().ok()
        }) {
            // Without focus it can be clicked into.
            let _ = field.focus();
        }
    });
    let submit = {
        let auth = auth.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let (Some(auth), Some(idle)) = (auth.clone(), idle.clone()) else {
                return;
            };
            if busy.get_untracked() || password.with_untracked(String::is_empty) {
                return;
            }
            busy.set(true);
            failure.set(None);
            let given = password.get_untracked();
            spawn_local(async move {
                let outcome = auth.prove(&given).await;
                busy.set(false);
                match outcome {
                    Ok(()) => idle.unlock(),
                    Err(error) => {
                        password.set(String::new());
                        failure.set(Some(error));
                    }
                }
            });
        }
    };
    let leaving = RwSignal::new(false);
    let sign_out = move || {
        if let Some(auth) = auth.clone() {
            spawn_local(async move { auth.sign_out().await });
        }
    };
    view! {
        <main class="alone">
            <section class="alone-card" node_ref=card aria-labelledby="locked-title">
                <div class="brand">
                    <Icon shape=Shape::Lock size=24 />
                    <h1 id="locked-title">"Locked"</h1>
                </div>
                <p>"Your work is as you left it."</p>
                <form class="form" novalidate aria-label="Unlock" on:submit=submit>
                    // Password stores want to know whose password it is.
                    <input class="visually-hidden" type="text" autocomplete="username" tabindex="-1" aria-hidden="true" readonly prop:value=email />
                    <p class="locked-who">{email}</p>
                    <Field
                        id="unlock-password"
                        label="Password"
                        kind="password"
                        autocomplete="current-password"
                        value=password
                        error=Signal::stored(None::<String>)
                    />
                    <div role="alert">{move || failure.get().map(|error| refused(&error))}</div>
                    <button class="button button-primary" type="submit" aria-busy=move || busy.get().then_some("true")>
                        "Unlock"
                    </button>
                    <button class="button button-quiet" type="button" on:click=move |_| leaving.set(true)>
                        "Sign out instead"
                    </button>
                </form>
                <SignOutQuestion leaving leave=Callback::new(move |()| sign_out()) />
            </section>
        </main>
    }
}

fn refused(error: &AuthError) -> impl IntoView + use<> {
    let (title, advice) = match error {
        AuthError::WrongCredentials => ("Wrong password", "Try again.".to_owned()),
        error => {
            let said = phrase::auth_error(error);
            (said.title, said.advice)
        }
    };
    view! {
        <Banner tone=Tone::Critical shape=Shape::Alert>
            <strong>{title}</strong>
            <p>{advice}</p>
        </Banner>
    }
}
