//! What is saved and not on the server yet: said while there is anything to say, with a way to act on what waits for a person.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;

use super::outbox_conflict::{NEEDS_A_PERSON, OutboxConflict};
use super::outbox_content::OutboxContent;
use super::{Confirm, Icon, Shape, Toasts, focus_on_next, phrase};
use crate::hooks::use_outbox;
use crate::sync::Table;
use crate::sync::outbox::{Entry, Kept, Outbox, Outcome, Standing, Write};

/// Most saves are with the server within this. Said sooner, each of them would be a flicker, and words that nobody needs to hear.
const GRACE: Duration = Duration::from_secs(1);

/// The outbox in words. Nothing while it is empty.
#[component]
pub fn OutboxStatus() -> impl IntoView {
    let Some(held) = use_outbox() else {
        return ().into_any();
    };
    let view = held.view.clone();
    let overdue = {
        let view = view.clone();
        use_overdue(Memo::new(move |_| view.with(|view| view.waiting() > 0)))
    };
    let said = Memo::new({
        let view = view.clone();
        move |_| {
            let (waiting, stopped) = view.with(|view| (view.waiting(), view.stopped()));
            sentence(if overdue.get() { waiting } else { 0 }, stopped)
        }
    });
    let stopped = Memo::new(move |_| {
        view.with(|view| {
            let stopped = view.entries.iter().filter(|entry| !entry.is_waiting());
            stopped.cloned().collect::<Vec<_>>()
        })
    });
    let memory_only = {
        let view = held.view.clone();
        Memo::new(move |_| {
            view.with(|view| view.kept == Kept::InMemory && !view.entries.is_empty())
        })
    };
    let unreadable = {
        let view = held.view.clone();
        Memo::new(move |_| view.with(|view| view.unreadable))
    };
    let empty = move || (said.with(Option::is_none) && unreadable.get() == 0).then_some("");
    tell_news();
    view! {
        <div class="outbox" role="status" aria-label="Changes not sent yet" data-empty=empty>
            {move || {
                said.get()
                    .map(|(shape, words)| {
                        view! {
                            <p class="outbox-line">
                                <Icon shape />
                                <span>{words}</span>
                            </p>
                        }
                    })
            }}
            <Show when=move || memory_only.get()>
                <p class="outbox-detail">
                    "This browser can't keep them at the moment. Leave this tab open until they are sent."
                </p>
            </Show>
            <Show when=move || { unreadable.get() > 0 }>
                <p class="outbox-detail">
                    {move || format!("{} on this device can't be read by this version of the app. Nothing is deleted: reload the page to update.", changes(unreadable.get()))}
                </p>
            </Show>
            <ul class="outbox-list">
                <For each=move || stopped.get() key=|entry| (entry.id, entry.attempts) children=|entry| view! { <Stopped entry /> } />
            </ul>
        </div>
    }
    .into_any()
}

/// A save that waits for a person.
#[component]
fn Stopped(entry: Entry) -> impl IntoView {
    let outbox = use_outbox().map(|held| held.outbox);
    let id = entry.id;
    let again = outbox.clone();
    let reason = match &entry.standing {
        Standing::Failed(error) => phrase::data_error(error).title,
        Standing::Conflict(_) => "Changed by someone else, too",
        Standing::Queued | Standing::Sending => "",
    };
    let refused = matches!(entry.standing, Standing::Failed(_));
    let (deciding, giving_up) = (RwSignal::new(false), RwSignal::new(false));
    let give_up = Callback::new(move |()| {
        if let Some(outbox) = &outbox {
            outbox.withdraw(id);
        }
        focus_on_next(NEEDS_A_PERSON);
    });
    let clash = match &entry.standing {
        Standing::Conflict(clash) => Some(clash.clone()),
        _ => None,
    };
    let whole = entry.clone();
    let form = place(&entry);
    let change = entry.change.clone();
    let discarded = format!("Discard your change of {}?", entry.change.title);
    view! {
        <li class="outbox-stopped">
            <A href=place(&entry)>{entry.change.title.clone()}</A>
            <p class="outbox-detail">{reason}</p>
            <OutboxContent change=change />
            {clash
                .map(|clash| view! { <OutboxConflict open=deciding entry=whole.clone() clash /> })}
            <p class="outbox-acts">
                <Show when=move || !refused>
                    <button class="link" type="button" on:click=move |_| deciding.set(true)>
                        "Decide"
                    </button>
                </Show>
                <Show when=move || refused>
                    <A href=form.clone() attr:class="link">
                        "Edit"
                    </A>
                    {
                        let again = again.clone();
                        view! {
                            <button
                                class="link"
                                type="button"
                                on:click=move |_| {
                                    if let Some(outbox) = &again {
                                        outbox.retry(id);
                                    }
                                    focus_on_next(NEEDS_A_PERSON);
                                }
                            >
                                "Try again"
                            </button>
                        }
                    }
                </Show>
                <button class="link" type="button" on:click=move |_| giving_up.set(true)>
                    "Discard"
                </button>
            </p>
            <Confirm open=giving_up title=discarded action="Discard it" on_confirm=give_up>
                <p>"What you saved is not on the server yet and can't be brought back."</p>
            </Confirm>
        </li>
    }
}

/// What signing out would delete from this device. Copy it freely.
#[derive(Clone, Copy)]
pub struct Unsaved {
    /// Saves that the server has not confirmed.
    unsent: Memo<usize>,
    /// Records with unsaved typing, in any tab, as of the last count.
    drafts: RwSignal<usize>,
}

impl Unsaved {
    /// What signing out would delete. `None` if that is nothing. Tracked.
    pub fn loss(self) -> Option<String> {
        loss(self.unsent.get(), self.drafts.get())
    }

    /// Counts, then calls back.
    pub fn count(self, outbox: Option<Outbox>, then: impl FnOnce() + 'static) {
        spawn_local(async move {
            if let Some(outbox) = outbox {
                let drafts = outbox.drafts().await;
                // Whoever asked may be gone.
                if self.drafts.try_set(drafts).is_some() {
                    return;
                }
            }
            then();
        });
    }
}

/// What signing out would delete.
pub fn use_unsaved() -> Unsaved {
    let held = use_outbox();
    Unsaved {
        unsent: Memo::new(move |_| held.as_ref().map_or(0, |held| held.unsent())),
        drafts: RwSignal::new(0),
    }
}

/// What would be lost, as the title of a question.
fn loss(unsent: usize, drafts: usize) -> Option<String> {
    let typing = || match drafts {
        1 => "typing in 1 record not saved".to_owned(),
        drafts => format!("typing in {drafts} records not saved"),
    };
    match (unsent, drafts) {
        (0, 0) => None,
        (unsent, 0) => Some(format!("{} not sent yet", changes(unsent))),
        (0, _) => {
            let mut typing = typing();
            typing.replace_range(..1, "T");
            Some(typing)
        }
        (unsent, _) => Some(format!("{} not sent yet, {}", changes(unsent), typing())),
    }
}

/// Signing out, as soon as `leaving` says so; first with a question, while anything is not sent or not saved: it would be deleted.
#[component]
pub fn SignOutQuestion(leaving: RwSignal<bool>, leave: Callback<()>) -> impl IntoView {
    let unsaved = use_unsaved();
    let outbox = StoredValue::new(use_outbox().map(|held| held.outbox));
    let asks = RwSignal::new(false);
    Effect::new(move |_| {
        if leaving.get() {
            leaving.set(false);
            unsaved.count(outbox.get_value(), move || {
                if untrack(|| unsaved.loss()).is_none() {
                    leave.run(());
                } else {
                    asks.set(true);
                }
            });
        }
    });
    view! {
        <Confirm
            open=asks
            title=Signal::derive(move || unsaved.loss().unwrap_or_default())
            action="Sign out and delete"
            on_confirm=leave
        >
            <p>
                "Signing out deletes from this device what is not sent and what is not saved. Save what you typed and stay signed in until it is sent, and nothing is lost."
            </p>
        </Confirm>
    }
}

/// What to say of a save that could not be sent at once.
pub const fn waiting(kept: Kept) -> &'static str {
    match kept {
        Kept::OnDisk => "Kept on this device. It is sent as soon as there is a connection.",
        Kept::InMemory => {
            "This browser can't keep it. Leave this tab open until it is sent, as soon as there is a connection."
        }
    }
}

/// Where a save can be read in the form that it was made in. A patient whose registration was refused has no page of their own.
fn place(entry: &Entry) -> String {
    let change = &entry.change;
    let save = match entry.standing {
        Standing::Failed(_) => format!("?save={}", entry.id),
        _ => String::new(),
    };
    match (change.table, &change.write) {
        (Table::Patients, Write::Create) => format!("/patients/new{save}"),
        (Table::Patients, Write::Update { .. }) => format!("/patients/{}{save}", change.row),
        (Table::FormSubmissions, _) => format!("/forms/{}", change.row),
        (Table::Profiles, _) => "/staff".to_owned(),
    }
}

/// Whether anything has been on its way for longer than is usual.
fn use_overdue(waiting: Memo<bool>) -> ReadSignal<bool> {
    let (overdue, set_overdue) = signal(false);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    Effect::new(move |_| {
        stop();
        if waiting.get() {
            let late = move || set_overdue.set(true);
            timer.set_value(set_timeout_with_handle(late, GRACE).ok());
        } else {
            set_overdue.set(false);
        }
    });
    on_cleanup(stop);
    overdue
}

/// How many changes wait, and for what.
fn sentence(waiting: usize, stopped: usize) -> Option<(Shape, String)> {
    match (waiting, stopped) {
        (0, 0) => None,
        (waiting, 0) => Some((
            Shape::Clock,
            format!("{} waiting to be sent", changes(waiting)),
        )),
        (0, 1) => Some((Shape::Alert, "1 change needs you".to_owned())),
        (0, stopped) => Some((Shape::Alert, format!("{stopped} changes need you"))),
        (waiting, stopped) => Some((
            Shape::Alert,
            format!(
                "{} not sent, {stopped} of them for you to decide",
                changes(waiting.saturating_add(stopped))
            ),
        )),
    }
}

/// So many changes, in words.
fn changes(count: usize) -> String {
    match count {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    }
}

/// Says what became of saves that nobody waited for.
fn tell_news() {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let Some(held) = use_outbox() else { return };
    let news = held.outbox.news_signal();
    Effect::new(move |_| {
        news.track();
        for news in held.outbox.take_news() {
            let title = news.change.title;
            match news.outcome {
                Outcome::Stored(_) => toasts.done(format!("Sent: {title}.")),
                Outcome::Conflict(_) => toasts.failed(format!("{title} was changed by someone else, too. Nothing is lost: choose what to keep.")),
                Outcome::Failed(error) => {
                    let said = phrase::data_error(&error);
                    toasts.failed(format!("{title} is not saved. {}: {}", said.title, said.advice));
                }
                Outcome::Waiting | Outcome::Withdrawn | Outcome::Elsewhere => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use uuid::Uuid;

    use super::*;
    use crate::data::DataError;
    use crate::sync::outbox::Change;

    #[test]
    fn a_refused_registration_leads_back_to_its_form() {
        let entry = Entry {
            id: Uuid::from_u128(1),
            number: 1,
            change: Change::create(Table::Patients, Uuid::from_u128(7), Map::new(), ""),
            attempts: 1,
            standing: Standing::Failed(DataError::NotFound),
            replaces: Vec::new(),
        };
        assert_eq!(
            place(&entry),
            "/patients/new?save=00000000-0000-0000-0000-000000000001"
        );
    }

    #[test]
    fn signing_out_counts_what_is_not_sent_and_what_is_not_saved() {
        let words = |unsent, drafts| loss(unsent, drafts).unwrap_or_default();
        assert_eq!(words(0, 0), "");
        assert_eq!(words(1, 0), "1 change not sent yet");
        assert_eq!(words(0, 1), "Typing in 1 record not saved");
        assert_eq!(
            words(2, 3),
            "2 changes not sent yet, typing in 3 records not saved"
        );
    }

    #[test]
    fn what_waits_is_counted_and_what_needs_a_person_is_told_apart() {
        let words = |waiting, stopped| sentence(waiting, stopped).map(|(_, words)| words);
        assert_eq!(words(0, 0), None);
        assert_eq!(words(1, 0).as_deref(), Some("1 change waiting to be sent"));
        assert_eq!(words(2, 0).as_deref(), Some("2 changes waiting to be sent"));
        assert_eq!(words(0, 1).as_deref(), Some("1 change needs you"));
        assert_eq!(
            words(1, 1).as_deref(),
            Some("2 changes not sent, 1 of them for you to decide")
        );
    }
}
