//! Where an invited person makes their account: address, code, a password of their own.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::{A, Redirect};

use super::sign_in::email_error;
use crate::components::{Banner, Field, Icon, Shape, Tone, phrase, use_title};
use crate::data::{Auth, AuthError, AuthState};
use crate::model::password::new_password_error;

/// The page of an invitation; whoever is signed in already goes on.
#[component]
pub fn Accept() -> impl IntoView {
    use_title(|| "Accept an invitation".to_owned());
    let auth = use_context::<Auth>();
    move || match auth.as_ref().map(|auth| auth.state().get()) {
        Some(AuthState::SignedIn(_)) => view! { <Redirect path="/" /> }.into_any(),
        Some(AuthState::SignedOut(_)) => view! { <AcceptForm /> }.into_any(),
        None => ().into_any(),
    }
}

#[component]
fn AcceptForm() -> impl IntoView {
    let auth = use_context::<Auth>();
    let email = RwSignal::new(String::new());
    let code = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AuthError>);

    let email_problem = move || email.with(|email| email_error(email)).map(str::to_owned);
    let code_problem = move || {
        code.with(|code| code.trim().is_empty())
            .then(|| "Enter the code that you were given.".to_owned())
    };
    let password_problem = move || {
        password
            .with(|password| new_password_error(password))
            .map(str::to_owned)
    };
    let shown = move |problem: &dyn Fn() -> Option<String>| tried.get().then(problem).flatten();

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failure.set(None);
        let sound = untrack(|| {
            email_problem().is_none() && code_problem().is_none() && password_problem().is_none()
        });
        let Some(auth) = auth.clone().filter(|_| sound && !busy.get_untracked()) else {
            return;
        };
        busy.set(true);
        spawn_local(async move {
            let (email, code, password) = untrack(|| (email.get(), code.get(), password.get()));
            let outcome = auth.sign_up(&email, &code, &password).await;
            // The page is gone once somebody is signed in; writing to its signals then does nothing.
            busy.set(false);
            failure.set(outcome.err());
        });
    };
    view! {
        <main class="alone">
            <section class="alone-card">
                <div class="brand">
                    <Icon shape=Shape::Bed size=24 />
                    "Bedside"
                </div>
                <form class="form" novalidate aria-label="Accept an invitation" on:submit=submit>
                    <h1 class="visually-hidden">"Accept an invitation"</h1>
                    <Field
                        id="email"
                        label="Email"
                        kind="email"
                        autocomplete="username"
                        value=email
                        error=Signal::derive(move || shown(&email_problem))
                    />
                    <Field
                        id="code"
                        label="Invitation code"
                        value=code
                        error=Signal::derive(move || shown(&code_problem))
                    />
                    <Field
                        id="password"
                        label="New password"
                        kind="password"
                        autocomplete="new-password"
                        value=password
                        error=Signal::derive(move || shown(&password_problem))
                    />
                    <div role="alert">{move || failure.get().map(|error| refused(&error))}</div>
                    <button
                        class="button button-primary"
                        type="submit"
                        aria-busy=move || busy.get().then_some("true")
                    >
                        "Create account"
                    </button>
                </form>
                <p>
                    <A href="/sign-in" attr:class="link">"I have an account"</A>
                </p>
            </section>
        </main>
    }
}

fn refused(error: &AuthError) -> impl IntoView + use<> {
    let (tone, title, advice) = match error {
        AuthError::EmailNotConfirmed => (
            Tone::Good,
            "Your account is made",
            "A message was sent to you. Open the link in it, then sign in.".to_owned(),
        ),
        error => {
            let said = phrase::auth_error(error);
            (Tone::Critical, said.title, said.advice)
        }
    };
    view! {
        <Banner tone shape=if tone == Tone::Good { Shape::Check } else { Shape::Alert }>
            <strong>{title}</strong>
            <p>{advice}</p>
        </Banner>
    }
}
