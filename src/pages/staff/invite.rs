//! Inviting a person: three fields, then the code to hand over.

use bedside_query::use_mutation;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::{Banner, Dialog, Field, FieldShell, Shape, Tone, phrase};
use crate::data::invitations::{self, Invited};
use crate::data::{DataError, Rest};
use crate::hooks::use_reading::trouble;
use crate::model::{Invitation, Role};
use crate::pages::sign_in::email_error;

#[component]
pub fn Invite(open: RwSignal<bool>) -> impl IntoView {
    let written = RwSignal::new(None::<Invitation>);
    Effect::new(move |_| {
        if open.get() {
            written.set(None);
        }
    });
    view! {
        <Dialog open title="Invite a person".to_owned()>
            {move || match written.get() {
                None => view! { <InviteForm written /> }.into_any(),
                Some(invitation) => view! { <HandOver invitation open /> }.into_any(),
            }}
        </Dialog>
    }
}

#[component]
fn InviteForm(written: RwSignal<Option<Invitation>>) -> impl IntoView {
    let invite = use_context::<Rest>().map(|rest| use_mutation(invitations::invite_mutation(rest)));
    let name = RwSignal::new(String::new());
    let email = RwSignal::new(String::new());
    let role = RwSignal::new(Role::Clinician);
    let tried = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<DataError>);

    let name_problem = move || {
        name.with(|name| name.trim().is_empty())
            .then(|| "Enter the person’s name.".to_owned())
    };
    let email_problem = move || email.with(|email| email_error(email)).map(str::to_owned);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failure.set(None);
        let sound = untrack(|| name_problem().is_none() && email_problem().is_none());
        let Some(invite) = invite.filter(|_| sound && !busy.get_untracked()) else {
            return;
        };
        busy.set(true);
        let invited = Invited {
            email: email.get_untracked(),
            full_name: name.get_untracked(),
            role: role.get_untracked(),
        };
        spawn_local(async move {
            match invite.run(invited).await {
                Ok(invitation) => written.set(Some(invitation.as_ref().clone())),
                Err(error) => failure.set(trouble(&error)),
            }
            busy.set(false);
        });
    };
    view! {
        <form class="form" novalidate aria-label="Invite a person" on:submit=submit>
            <Field
                id="invite-name"
                label="Full name"
                value=name
                error=Signal::derive(move || tried.get().then(name_problem).flatten())
            />
            <Field
                id="invite-email"
                label="Work email"
                kind="email"
                value=email
                error=Signal::derive(move || tried.get().then(email_problem).flatten())
            />
            <FieldShell id="invite-role" label="Role" error=Signal::stored(None::<String>)>
                <select
                    class="input"
                    id="invite-role"
                    aria-describedby="invite-role-note"
                    prop:value=move || role.get().word()
                    on:change=move |event| role.set(Role::from_word(&event_target_value(&event)))
                >
                    {Role::ALL
                        .iter()
                        .map(|role| view! { <option value=role.word()>{role.label()}</option> })
                        .collect_view()}
                </select>
            </FieldShell>
            <div role="alert">{move || failure.get().map(|error| refused(&error))}</div>
            <div class="dialog-foot">
                <button
                    class="button button-primary"
                    type="submit"
                    aria-busy=move || busy.get().then_some("true")
                >
                    "Invite"
                </button>
            </div>
        </form>
    }
}

fn refused(error: &DataError) -> impl IntoView + use<> {
    let (title, advice) = match error {
        DataError::Refused { code, message } if code == "23505" && message.contains("name") => (
            "A colleague has this name",
            "Add what tells the two apart, such as the ward.".to_owned(),
        ),
        DataError::Refused { code, .. } if code == "23505" => (
            "This address is taken",
            "It belongs to somebody on the staff, or an invitation is open for it.".to_owned(),
        ),
        error => {
            let said = phrase::data_error(error);
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

#[component]
fn HandOver(invitation: Invitation, open: RwSignal<bool>) -> impl IntoView {
    let way = window().location().origin().map_or_else(
        |_| "/accept".to_owned(),
        |origin| format!("{origin}/accept"),
    );
    view! {
        <div class="dialog-body">
            <p>{format!("Give {} this code. It is good once, for {}, for two weeks.", invitation.full_name, invitation.email)}</p>
            <p class="code-to-hand-over">{invitation.code_in_groups()}</p>
            <p>
                "They enter it at " <strong>{way}</strong> " and choose a password there. Nobody is told by mail."
            </p>
        </div>
        <div class="dialog-foot">
            <button class="button button-primary" type="button" autofocus on:click=move |_| open.set(false)>
                "Done"
            </button>
        </div>
    }
}
