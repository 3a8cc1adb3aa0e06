//! The staff directory, for admins: who is who, and who may do what.

use std::sync::Arc;

use bedside_query::use_mutation;
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::AdminOnly;
use crate::components::{
    Ago, Changed, ChangedText, Failed, RoleBadge, SkeletonRows, Toasts, phrase, use_title,
};
use crate::data::Rest;
use crate::data::profiles::{self, Directory};
use crate::hooks::use_reading::trouble;
use crate::hooks::{Reading, use_reading};
use crate::model::{Profile, Role};
use crate::sync::Table;

const COLUMNS: &[&str] = &["cell-lead", "col-second", "col-second", "", "col-third"];

/// The staff directory.
#[component]
pub fn Staff() -> impl IntoView {
    use_title(|| "Staff".to_owned());
    view! {
        <AdminOnly>
            <StaffTable />
        </AdminOnly>
    }
}

#[component]
fn StaffTable() -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let known = Memo::new(move |_| directory.data.with(Option::is_some));
    let failed = Memo::new(move |_| {
        if known.get() {
            None
        } else {
            directory.error.get()
        }
    });
    let ids = Memo::new(move |_| {
        directory.data.with(|people| {
            people
                .as_ref()
                .map(|people| {
                    people
                        .people
                        .iter()
                        .map(|person| person.id)
                        .collect::<Vec<_>>()
                })
                .unwrap_or_default()
        })
    });
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Staff"</h1>
                    <p>"A changed role holds at once, in every open session."</p>
                </div>
            </div>
            <div class="table-frame">
                <table class="table" aria-label="Staff">
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            <th scope="col" class="col-second">"Email"</th>
                            <th scope="col" class="col-second">"Role"</th>
                            <th scope="col">"Change role"</th>
                            <th scope="col" class="col-third">"Updated"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <Show when=move || !known.get() && failed.with(Option::is_none)>
                            <SkeletonRows columns=COLUMNS />
                        </Show>
                        <For each=move || ids.get() key=|id| *id children=move |id| view! { <PersonRow id directory /> } />
                    </tbody>
                </table>
                {move || failed.get().map(|error| view! { <Failed error retry=directory.refetch /> })}
            </div>
        </div>
    }
}

#[component]
fn PersonRow(id: Uuid, directory: Reading<Directory>) -> impl IntoView {
    let change = use_context::<Rest>().map(|rest| use_mutation(profiles::role_mutation(rest)));
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let busy = RwSignal::new(false);
    let person = Memo::new(move |_| {
        directory.data.with(|people| {
            people
                .as_ref()
                .and_then(|people| people.person(id).map(Arc::clone))
        })
    });
    let text = move |read: fn(&Profile) -> String| {
        Signal::derive(move || {
            person.with(|person| person.as_deref().map(read).unwrap_or_default())
        })
    };
    let role = Signal::derive(move || {
        person.with(|person| person.as_ref().map_or(Role::Unknown, |person| person.role))
    });
    // Counts the refusals, so that the choice goes back to what the row says though the row did not change.
    let refused = RwSignal::new(0_u32);
    let choose = move |event| {
        let role = Role::from_word(&event_target_value(&event));
        let Some(change) = change else { return };
        busy.set(true);
        spawn_local(async move {
            match change.run((id, role)).await {
                Ok(person) => toasts.done(format!(
                    "{} is now {}.",
                    person.full_name,
                    person.role.label().to_lowercase()
                )),
                Err(error) => {
                    if let Some(error) = trouble(&error) {
                        let said = phrase::data_error(&error);
                        toasts.failed(format!("{}: {}", said.title, said.advice));
                    }
                    refused.update(|count| *count = count.wrapping_add(1));
                }
            }
            busy.set(false);
        });
    };
    view! {
        <tr>
            <td class="cell-lead">
                <ChangedText of=text(|person| person.full_name.clone()) />
                <span class="cell-sub">{text(|person| person.email.clone())}</span>
            </td>
            <td class="col-second">{text(|person| person.email.clone())}</td>
            <td class="col-second">
                <Changed of=Signal::derive(move || role.get().label().to_owned())>
                    <RoleBadge role />
                </Changed>
            </td>
            <td>
                <select
                    class="input input-fit"
                    aria-label=move || format!("Role of {}", text(|person| person.full_name.clone()).get())
                    disabled=move || busy.get()
                    prop:value=move || {
                        refused.track();
                        role.get().word()
                    }
                    on:change=choose
                >
                    {Role::ALL
                        .iter()
                        .map(|role| view! { <option value=role.word()>{role.label()}</option> })
                        .collect_view()}
                </select>
            </td>
            <td class="col-third">
                <Ago at=text(|person| person.updated_at.clone()) />
            </td>
        </tr>
    }
}
