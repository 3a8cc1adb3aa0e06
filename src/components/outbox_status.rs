//! What is saved and not on the server yet: said while there is anything to say, with a way to act on what waits for a person.

use leptos::prelude::*;
use leptos_router::components::A;

use super::outbox_conflict::OutboxConflict;
use super::{Confirm, Icon, Shape, Toasts, phrase};
use crate::hooks::use_outbox;
use crate::sync::Table;
use crate::sync::outbox::{Change, Entry, Kept, Outcome, Standing, View};

/// The outbox in words. Nothing while it is empty.
#[component]
pub fn OutboxStatus() -> impl IntoView {
    let Some(held) = use_outbox() else {
        return ().into_any();
    };
    let view = held.view.clone();
    let said = Memo::new({
        let view = view.clone();
        move |_| view.with(sentence)
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
    let deciding = RwSignal::new(false);
    let clash = match &entry.standing {
        Standing::Conflict(clash) => Some(clash.clone()),
        _ => None,
    };
    let whole = entry.clone();
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
                                }
                            >
                                "Try again"
                            </button>
                        }
                    }
                </Show>
                <button
                    class="link"
                    type="button"
                    on:click=move |_| {
                        if let Some(outbox) = &outbox {
                            outbox.withdraw(id);
                        }
                    }
                >
                    "Discard"
                </button>
            </p>
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

/// How many changes wait, and for what.
fn sentence(view: &View) -> Option<(Shape, String)> {
    match (view.waiting(), view.stopped()) {
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
    use std::sync::Arc;

    use serde_json::Map;
    use uuid::Uuid;

    use super::*;
    use crate::data::DataError;

    fn view(standings: &[Standing]) -> View {
        let entry = |standing: &Standing| Entry {
            id: Uuid::nil(),
            number: 1,
            change: Change::create(Table::Patients, Uuid::nil(), Map::new(), ""),
            attempts: 0,
            standing: standing.clone(),
        };
        View {
            entries: Arc::new(standings.iter().map(entry).collect()),
            kept: Kept::OnDisk,
        }
    }

    #[test]
    fn what_waits_is_counted_and_what_needs_a_person_is_told_apart() {
        let words = |standings: &[Standing]| sentence(&view(standings)).map(|(_, words)| words);
        let failed = Standing::Failed(DataError::NotFound);
        assert_eq!(words(&[]), None);
        assert_eq!(
            words(&[Standing::Queued]).as_deref(),
            Some("1 change waiting to be sent")
        );
        assert_eq!(
            words(&[Standing::Sending, Standing::Queued]).as_deref(),
            Some("2 changes waiting to be sent")
        );
        assert_eq!(
            words(std::slice::from_ref(&failed)).as_deref(),
            Some("1 change needs you")
        );
        assert_eq!(
            words(&[Standing::Queued, failed]).as_deref(),
            Some("2 changes not sent, 1 of them for you to decide")
        );
    }
}
