//! The invitations that nobody has used yet. Without any there is nothing to show.

use std::sync::Arc;

use bedside_query::use_mutation;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::{NotRefreshed, RoleBadge, Toasts, phrase};
use crate::data::{Rest, invitations};
use crate::hooks::use_reading;
use crate::hooks::use_reading::trouble;
use crate::model::Invitation;
use crate::sync::Table;

#[component]
pub fn Invitations() -> impl IntoView {
    let open = use_reading(&[Table::Profiles], invitations::list_query);
    let rows = Memo::new(move |_| open.data.get().unwrap_or_default());
    let each = move || rows.with(|rows| rows.iter().map(Arc::clone).collect::<Vec<_>>());
    view! {
        <NotRefreshed shown=true error=open.error retry=open.refetch />
        <Show when=move || rows.with(|rows| !rows.is_empty())>
            <div class="table-frame">
                <table class="table table-staff" aria-label="Invitations">
                    <thead>
                        <tr>
                            <th scope="col">"Invited"</th>
                            <th scope="col" class="col-second">"Role"</th>
                            <th scope="col">"Code"</th>
                            <th scope="col" class="col-third">"Good until"</th>
                            <th scope="col">
                                <span class="visually-hidden">"Actions"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For
                            each
                            key=|invitation| invitation.id
                            children=|invitation| view! { <InvitationRow invitation /> }
                        />
                    </tbody>
                </table>
            </div>
        </Show>
    }
}

#[component]
fn InvitationRow(invitation: Arc<Invitation>) -> impl IntoView {
    let withdraw =
        use_context::<Rest>().map(|rest| use_mutation(invitations::withdraw_mutation(rest)));
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let (id, role, name) = (invitation.id, invitation.role, invitation.full_name.clone());
    let until: String = invitation.expires_at.chars().take(10).collect();
    let label = format!("Withdraw the invitation of {name}");
    let take_back = move |_| {
        let Some(withdraw) = withdraw else { return };
        let name = name.clone();
        spawn_local(async move {
            match withdraw.run(id).await {
                Ok(_) => toasts.done(format!("The invitation of {name} is withdrawn.")),
                Err(error) => {
                    if let Some(error) = trouble(&error) {
                        let said = phrase::data_error(&error);
                        toasts.failed(format!("{}: {}", said.title, said.advice));
                    }
                }
            }
        });
    };
    view! {
        <tr>
            <td class="cell-lead">
                {invitation.full_name.clone()}
                <span class="cell-sub cell-sub-always">{invitation.email.clone()}</span>
            </td>
            <td class="col-second">
                <RoleBadge role=Signal::stored(role) />
            </td>
            <td>
                <code>{invitation.code_in_groups()}</code>
            </td>
            <td class="col-third">
                {until}
            </td>
            <td class="cell-actions">
                <button class="button button-small" type="button" aria-label=label on:click=take_back>
                    "Withdraw"
                </button>
            </td>
        </tr>
    }
}
