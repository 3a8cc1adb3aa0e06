//! The directory as a table: a role to choose, and an account to switch off and on.

use std::sync::Arc;

use bedside_query::use_mutation;
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;

use crate::components::{
    Ago, Badge, Changed, ChangedText, Confirm, Failed, Shape, SkeletonRows, Toasts, Tone,
    UnreadableRows, phrase,
};
use crate::data::Rest;
use crate::data::profiles::{self, Directory, Standing};
use crate::hooks::use_reading::trouble;
use crate::hooks::{Me, Reading, use_reading};
use crate::model::{Profile, Role};
use crate::sync::Table;

const COLUMNS: &[&str] = &["cell-lead", "", "col-second", "col-third", ""];

#[component]
pub fn People() -> impl IntoView {
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
    let unreadable = Memo::new(move |_| {
        (directory.data).with(|people| people.as_ref().map_or(0, |people| people.unreadable))
    });
    view! {
        <div class="table-frame">
            <table class="table table-staff" aria-label="Staff">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col" class="col-second">"Account"</th>
                        <th scope="col" class="col-third">"Updated"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Actions"</span>
                        </th>
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
        <UnreadableRows count=unreadable />
    }
}

/// A change that waits for an answer: it takes something away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Deactivate,
    /// From one's own account.
    StepDown(Role),
}

#[component]
fn PersonRow(id: Uuid, directory: Reading<Directory>) -> impl IntoView {
    let change = use_context::<Rest>().map(|rest| use_mutation(profiles::standing_mutation(rest)));
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let myself =
        use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id)) == Some(id);
    let busy = RwSignal::new(false);
    let asking = RwSignal::new(false);
    let asked = RwSignal::new(Asked::Deactivate);
    let person = Memo::new(move |_| {
        directory.data.with(|people| {
            people
                .as_ref()
                .and_then(|people| people.person(id).map(Arc::clone))
        })
    });
    let last_admin = Memo::new(move |_| {
        directory.data.with(|people| {
            people
                .as_ref()
                .is_some_and(|people| people.is_last_admin(id))
        })
    });
    let text = move |read: fn(&Profile) -> String| {
        Signal::derive(move || {
            person.with(|person| person.as_deref().map(read).unwrap_or_default())
        })
    };
    let name = text(|person| person.full_name.clone());
    let role = Signal::derive(move || {
        person.with(|person| person.as_ref().map_or(Role::Unknown, |person| person.role))
    });
    let active = Memo::new(move |_| {
        person.with(|person| person.as_ref().is_some_and(|person| person.active))
    });
    let standing = move || {
        if active.get() {
            (Tone::Good, Shape::Check, "Active")
        } else {
            (Tone::Calm, Shape::Close, "Not active")
        }
    };
    // Counts the refusals, so that the choice goes back to what the row says though the row did not change.
    let refused = RwSignal::new(0_u32);
    let put_back = move || refused.update(|count| *count = count.wrapping_add(1));
    let undo_to = StoredValue::new(None::<Standing>);
    let set = move |standing: Standing, undo: Option<Callback<()>>| {
        let Some(change) = change else { return };
        busy.set(true);
        spawn_local(async move {
            match change.run((id, standing)).await {
                Ok(person) => {
                    let said = said(&person, standing);
                    match undo {
                        Some(undo) => toasts.undoable(said, move || {
                            let _ = undo.try_run(());
                        }),
                        None => toasts.done(said),
                    }
                }
                Err(error) => {
                    if let Some(error) = trouble(&error) {
                        let said = phrase::data_error(&error);
                        toasts.failed(format!("{}: {}", said.title, said.advice));
                    }
                    put_back();
                }
            }
            busy.set(false);
        });
    };
    let undo = Callback::new(move |()| {
        if let Some(former) = undo_to.try_update_value(Option::take).flatten() {
            set(former, None);
        }
    });
    // Whoever steps down can't take it back themselves.
    let undoable = move |former: Standing| {
        undo_to.set_value(Some(former));
        (!myself).then_some(undo)
    };
    let choose = move |event| {
        let chosen = Role::from_word(&event_target_value(&event));
        let former = role.get_untracked();
        if myself && former.may_administer() && !chosen.may_administer() {
            asked.set(Asked::StepDown(chosen));
            asking.set(true);
            put_back();
        } else {
            set(Standing::Role(chosen), undoable(Standing::Role(former)));
        }
    };
    let switch = move |_| {
        if active.get_untracked() {
            asked.set(Asked::Deactivate);
            asking.set(true);
        } else {
            set(Standing::Active(true), undoable(Standing::Active(false)));
        }
    };
    let confirmed = Callback::new(move |()| match asked.get_untracked() {
        Asked::Deactivate => set(Standing::Active(false), undoable(Standing::Active(true))),
        Asked::StepDown(role) => set(Standing::Role(role), None),
    });
    let question = move || match asked.get() {
        Asked::Deactivate if myself => "Deactivate your own account?".to_owned(),
        Asked::Deactivate => format!("Deactivate {}?", name.get()),
        Asked::StepDown(role) => format!("Become a {}?", role.label().to_lowercase()),
    };
    let consequence = move || match asked.get() {
        Asked::Deactivate => {
            "Every open session of this account ends at once and it sees nothing any more. Patients stay assigned, and what was written keeps its author. An admin can activate it again."
        }
        Asked::StepDown(_) => {
            "You will no longer see this page. Another admin can make you an admin again; you can't."
        }
    };
    view! {
        <tr>
            <td class="cell-lead">
                <ChangedText of=name />
                <span class="cell-sub cell-sub-always">{text(|person| person.email.clone())}</span>
            </td>
            <td>
                <select
                    class="input input-fit"
                    aria-label=move || format!("Role of {}", name.get())
                    disabled=move || busy.get() || last_admin.get()
                    title=move || last_admin.get().then_some("The last admin keeps the role.")
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
            <td class="col-second">
                <Changed of=Signal::derive(move || standing().2.to_owned())>
                    <Badge
                        tone=Signal::derive(move || standing().0)
                        shape=Signal::derive(move || standing().1)
                        word=Signal::derive(move || standing().2)
                    />
                </Changed>
            </td>
            <td class="col-third">
                <Ago at=text(|person| person.updated_at.clone()) />
            </td>
            <td class="cell-actions">
                <button
                    class="button button-small"
                    type="button"
                    aria-label=move || format!("{} {}", if active.get() { "Deactivate" } else { "Activate" }, name.get())
                    disabled=move || busy.get() || last_admin.get()
                    title=move || last_admin.get().then_some("The last admin stays active.")
                    on:click=switch
                >
                    {move || if active.get() { "Deactivate" } else { "Activate" }}
                </button>
                <Confirm
                    open=asking
                    title=Signal::derive(question)
                    action="Go ahead"
                    on_confirm=confirmed
                >
                    <p>{consequence}</p>
                </Confirm>
            </td>
        </tr>
    }
}

fn said(person: &Profile, standing: Standing) -> String {
    let name = &person.full_name;
    match standing {
        Standing::Role(role) => format!("{name} is now {}.", role.label().to_lowercase()),
        Standing::Active(true) => format!("{name} is let in."),
        Standing::Active(false) => format!("{name} is shut out, in every open session."),
    }
}
