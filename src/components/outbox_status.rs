//! What is saved and not on the server yet: said while there is anything to say, with a way to act on what waits for a person.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos_router::components::A;

use super::outbox_conflict::{NEEDS_A_PERSON, OutboxConflict};
use super::{Confirm, Icon, Shape, Toasts, focus_on_next, phrase};
use crate::hooks::use_outbox;
use crate::sync::Table;
use crate::sync::outbox::{Change, Entry, Kept, Outcome, Standing};

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
    tell_news();
    view! {
        <div class="outbox" role="status" aria-label="Changes not sent yet" data-empty=move || said.with(Option::is_none).then_some("")>
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
                    "This browser keeps nothing for the app. Leave this tab open until they are sent."
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
    let discarded = format!("Discard your change of {}?", entry.change.title);
    view! {
        <li class="outbox-stopped">
            <A href=place(&entry.change)>{entry.change.title.clone()}</A>
            <p class="outbox-detail">{reason}</p>
            {clash
                .map(|clash| view! { <OutboxConflict open=deciding entry=whole.clone() clash /> })}
            <p class="outbox-acts">
                <Show when=move || !refused>
                    <button class="link" type="button" on:click=move |_| deciding.set(true)>
                        "Decide"
                    </button>
                </Show>
                <Show when=move || refused>
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

/// Signing out, as soon as `leaving` says so; first with a question, while anything is not sent: it would be deleted.
#[component]
pub fn SignOutQuestion(leaving: RwSignal<bool>, leave: Callback<()>) -> impl IntoView {
    let held = use_outbox();
    let unsent = Memo::new(move |_| held.as_ref().map_or(0, |held| held.unsent()));
    let asks = RwSignal::new(false);
    Effect::new(move |_| {
        if leaving.get() {
            leaving.set(false);
            if unsent.get_untracked() == 0 {
                leave.run(());
            } else {
                asks.set(true);
            }
        }
    });
    view! {
        <Confirm
            open=asks
            title=Signal::derive(move || format!("{} not sent yet", changes(unsent.get())))
            action="Sign out and delete"
            on_confirm=leave
        >
            <p>
                "Signing out deletes from this device what is not sent. Stay signed in until the connection is back, and nothing is lost."
            </p>
        </Confirm>
    }
}

/// Where the row of a change is shown.
fn place(change: &Change) -> String {
    match change.table {
        Table::Patients => format!("/patients/{}", change.row),
        Table::FormSubmissions => format!("/forms/{}", change.row),
        Table::Profiles => "/staff".to_owned(),
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
    use super::*;

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
