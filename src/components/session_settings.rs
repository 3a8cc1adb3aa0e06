//! What a person can do about their own sessions: change the password, end those on other devices, end all.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::outbox_status::use_unsaved;
use super::{Banner, Confirm, Field, Icon, Shape, Toasts, Tone, phrase};
use crate::data::auth::SignOut;
use crate::data::{Auth, AuthError};
use crate::hooks::use_outbox;
use crate::model::password::new_password_error;

/// Password and sign-out, for a settings page.
#[component]
pub fn SessionSettings() -> impl IntoView {
    let auth = use_context::<Auth>();
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let asking = RwSignal::new(false);
    let end = move |reach: SignOut| {
        let Some(auth) = auth.clone() else { return };
        spawn_local(async move {
            match auth.sign_out_beyond(reach).await {
                Ok(()) => toasts.done("The other devices are signed out."),
                Err(error) => {
                    let said = phrase::auth_error(&error);
                    toasts.failed(format!("{}: {}", said.title, said.advice));
                }
            }
        });
    };
    let elsewhere = {
        let end = end.clone();
        move |_| end(SignOut::Elsewhere)
    };
    let unsaved = use_unsaved();
    let outbox = use_outbox().map(|held| held.outbox);
    let ask = move |_| unsaved.count(outbox.clone(), move || asking.set(true));
    let everywhere = Callback::new(move |()| end(SignOut::Everywhere));
    view! {
        <PasswordForm />
        <div class="form" role="group" aria-label="Other devices">
            <p>"Left signed in at another desk? A device that is signed out here notices within the life of its token, an hour at most."</p>
            <div class="form-foot">
                <button class="button" type="button" on:click=elsewhere>
                    <Icon shape=Shape::Device />
                    "Sign out other devices"
                </button>
                <button class="button" type="button" on:click=ask>
                    <Icon shape=Shape::Door />
                    "Sign out everywhere"
                </button>
            </div>
            <Confirm
                open=asking
                title="Sign out everywhere?".to_owned()
                action="Sign out everywhere"
                on_confirm=everywhere
            >
                <p>"This device too: you will have to sign in again."</p>
                {move || {
                    unsaved
                        .loss()
                        .map(|loss| {
                            view! { <p><strong>{loss} "."</strong> " Signing out deletes that from this device."</p> }
                        })
                }}
            </Confirm>
        </div>
    }
}

#[component]
fn PasswordForm() -> impl IntoView {
    let auth = use_context::<Auth>();
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let present = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AuthError>);
    let present_problem = move || {
        present
            .with(String::is_empty)
            .then(|| "Enter your present password.".to_owned())
    };
    let new_problem = move || new.with(|new| new_password_error(new)).map(str::to_owned);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failure.set(None);
        let sound = untrack(|| present_problem().is_none() && new_problem().is_none());
        let Some(auth) = auth.clone().filter(|_| sound && !busy.get_untracked()) else {
            return;
        };
        busy.set(true);
        let (old, chosen) = (present.get_untracked(), new.get_untracked());
        spawn_local(async move {
            match auth.change_password(&old, &chosen).await {
                Ok(()) => {
                    toasts.done("The password is changed, and other devices are signed out.");
                    tried.set(false);
                    present.set(String::new());
                    new.set(String::new());
                }
                Err(error) => failure.set(Some(error)),
            }
            busy.set(false);
        });
    };
    view! {
        <form class="form" novalidate aria-label="Change password" on:submit=submit>
            <Field
                id="present-password"
                label="Present password"
                kind="password"
                autocomplete="current-password"
                value=present
                error=Signal::derive(move || tried.get().then(present_problem).flatten())
            />
            <Field
                id="new-password"
                label="New password"
                kind="password"
                autocomplete="new-password"
                value=new
                error=Signal::derive(move || tried.get().then(new_problem).flatten())
            />
            <div role="alert">
                {move || {
                    failure
                        .get()
                        .map(|error| {
                            let said = match error {
                                AuthError::WrongCredentials => {
                                    phrase::Phrase {
                                        title: "Wrong present password",
                                        advice: "Nothing was changed. Try again.".to_owned(),
                                    }
                                }
                                error => phrase::auth_error(&error),
                            };
                            view! {
                                <Banner tone=Tone::Critical shape=Shape::Alert>
                                    <strong>{said.title}</strong>
                                    <p>{said.advice}</p>
                                </Banner>
                            }
                        })
                }}
            </div>
            <div class="form-foot">
                <button class="button button-primary" type="submit" aria-busy=move || busy.get().then_some("true")>
                    "Change password"
                </button>
            </div>
        </form>
    }
}
