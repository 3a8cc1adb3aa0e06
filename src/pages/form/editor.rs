//! Filling in a form: saved as one types, handed in when it is whole, and nothing lost on the way.

use futures::FutureExt;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::Shown;
use super::control::{Control, control_id, sentence};
use super::fill::Fill;
use super::unsent::Safety;
use crate::components::keys::enter_submits_nothing;
use crate::components::phrase;
use crate::components::together::{EditedTogether, Together};
use crate::components::{
    Banner, Confirm, Conflict, Icon, Settled, Shape, Toasts, Tone, Values, Versions, focus_on,
    focus_on_next,
};
use crate::hooks::Record;
use crate::model::form_kind::text_of;
use crate::model::form_submission::reading;
use crate::model::{FormKind, FormStatus};
use crate::pages::drafts::{CameBack, slot, use_draft_disk, use_kept};
use crate::sync::outbox::{Outcome, Side, Standing};

/// The id of what is said when a form can't be handed in.
const PROBLEMS: &str = "form-problems";

/// Where both versions of something are shown.
const CONFLICT: &str = ".conflict";
/// What can be done about answers that are not saved.
const NEEDS_A_PERSON: &str = "#form-problems button";

/// The form to fill in.
#[component]
pub fn Editor(
    id: Uuid,
    kind: &'static FormKind,
    shown: Shown,
    together: Together,
) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let fill = Fill::begin(kind, shown);
    keep_safe(fill);
    let title = move || {
        untrack(|| shown.read(|form| format!("{}, {}", form.form_type.label(), form.about())))
    };
    // What can't be handed over is in no save.
    let kept_back = Memo::new(move |_| fill.kept_back());
    let disk = use_draft_disk();
    let slot = async move { slot::of_record(disk.as_ref(), &Record::Form(id).room()).await };
    let about = title();
    let kept = use_kept(
        slot.boxed_local(),
        kept_back.into(),
        move |left| fill.resume(left),
        move || about.clone(),
    );
    let busy = RwSignal::new(false);
    // A word that appears when a field loses the focus moves the button from under the pointer that took it, and eats the click.
    // Handing in judges every field anyway.
    let pressed = StoredValue::new(false);
    let on_focusout = move |_| {
        if pressed.try_update_value(std::mem::take) == Some(true) {
            fill.save();
        } else {
            fill.leave();
        }
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        pressed.set_value(false);
        if busy.get_untracked() {
            return;
        }
        let Some(handed_in) = fill.submit() else {
            // What is wrong is on the page only after this event.
            request_animation_frame(|| focus_on(PROBLEMS));
            return;
        };
        busy.set(true);
        let title = title();
        spawn_local(async move {
            match handed_in.await {
                Outcome::Stored(_) | Outcome::Elsewhere => toasts.done(format!("Submitted: {title}.")),
                Outcome::Waiting => toasts.done(format!(
                    "{title} is kept on this device. It is submitted as soon as there is a connection."
                )),
                Outcome::Conflict(_) | Outcome::Failed(_) => {
                    toasts.failed(format!("Not submitted: {title}."));
                }
                Outcome::Withdrawn => {}
            }
            // Handed in, the form is read, and this editor is gone; the focus goes where the reading begins.
            if busy.try_set(false).is_some() {
                focus_on("main");
            }
        });
    };
    let stored = Callback::new(move |key: String| untrack(|| fill.stored(&key)));
    let sections = kind
        .sections
        .iter()
        .map(|section| {
            let fields = section
                .fields
                .iter()
                .map(|field| view! { <Control fill field /> })
                .collect_view();
            view! {
                <fieldset class="form-section">
                    <legend class="form-legend">{section.title}</legend>
                    <div class="fill-grid">{fields}</div>
                </fieldset>
            }
        })
        .collect_view();
    let again = Memo::new(move |_| shown.status() == FormStatus::Returned);
    view! {
        <form
            class="card"
            novalidate
            aria-label=kind.form_type.label()
            on:keydown=move |event| enter_submits_nothing(&event)
            on:submit=submit
            on:focusout=on_focusout
        >
            <div class="card-body form-sections">
                <p class="muted">{kind.purpose}</p>
                <Show when=move || kept.came_back.get() && kept_back.with(|left| !left.is_empty())>
                    <CameBack />
                </Show>
                <Trouble fill />
                <EditedTogether together stored>
                    <div class="form-sections">{sections}</div>
                </EditedTogether>
            </div>
            <div class="fill-foot">
                <Saved fill />
                <button
                    class="button button-primary"
                    type="submit"
                    on:pointerdown=move |_| pressed.set_value(true)
                    aria-busy=move || busy.get().then_some("true")
                >
                    <Icon shape=Shape::Send />
                    {move || if again.get() { "Submit again" } else { "Submit" }}
                </button>
            </div>
        </form>
    }
}

/// Hands over what was typed before the page, the tab or the person goes.
fn keep_safe(fill: Fill) {
    let hidden = window_event_listener_untyped("pagehide", move |_| fill.save());
    // It bubbles up from the document. A hidden tab may never be seen again.
    let away = window_event_listener_untyped("visibilitychange", move |_| fill.save());
    let leaving = window_event_listener(ev::beforeunload, move |event| {
        if fill.would_lose() {
            // Most browsers then ask; while they do, it gets to the disk.
            fill.save();
            event.prevent_default();
        }
    });
    on_cleanup(move || {
        hidden.remove();
        leaving.remove();
        away.remove();
        fill.save();
    });
}

/// What keeps the form from being handed in or saved, and what can be done about it.
#[component]
fn Trouble(fill: Fill) -> impl IntoView {
    let problems = Memo::new(move |_| {
        if !fill.was_tried() {
            return Vec::new();
        }
        fill.problems()
            .into_iter()
            .map(|(field, problem)| (control_id(field), sentence(field, &problem)))
            .collect::<Vec<_>>()
    });
    let refused = Memo::new(move |_| {
        fill.unsent.with(|unsent| {
            unsent
                .iter()
                .filter_map(|entry| match &entry.standing {
                    Standing::Failed(error) => Some((entry.id, error.clone())),
                    _ => None,
                })
                .collect::<Vec<_>>()
        })
    });
    let clashes = Memo::new(move |_| fill.other_clashes());
    let disputed = Memo::new(move |_| fill.in_conflict());
    let headline = move || match problems.with(Vec::len) {
        1 => "One answer has to be put right first".to_owned(),
        count => format!("{count} answers have to be put right first"),
    };
    view! {
        <div role="alert" id=PROBLEMS tabindex="-1" class="form">
            <Show when=move || problems.with(|problems| !problems.is_empty())>
                <Banner tone=Tone::Critical shape=Shape::Alert>
                    <strong>{headline}</strong>
                    <ul class="problems">
                        <For
                            each=move || problems.get()
                            key=Clone::clone
                            children=|(id, words)| {
                                let target = format!("#{id}");
                                view! {
                                    <li>
                                        <a
                                            href=target
                                            on:click=move |event| {
                                                // The router would take it for a page of its own.
                                                event.prevent_default();
                                                event.stop_propagation();
                                                focus_on(&id);
                                            }
                                        >
                                            {words}
                                        </a>
                                    </li>
                                }
                            }
                        />
                    </ul>
                </Banner>
            </Show>
            <Show when=move || disputed.get()>
                <Banner tone=Tone::Caution shape=Shape::Alert>
                    <strong>"Someone else changed this too"</strong>
                    <p>"Choose which answer to keep where both are shown. What you typed is kept until then."</p>
                </Banner>
            </Show>
            <For
                each=move || refused.get()
                key=|(id, _)| *id
                children=move |(id, error)| {
                    let said = phrase::data_error(&error);
                    let giving_up = RwSignal::new(false);
                    let give_up = Callback::new(move |()| {
                        fill.withdraw(id);
                        focus_on_next(NEEDS_A_PERSON);
                    });
                    view! {
                        <Banner tone=Tone::Critical shape=Shape::Alert>
                            <strong>"Not saved. " {said.title}</strong>
                            <p>{said.advice} " What you typed is kept."</p>
                            <div class="form-foot">
                                <button
                                    class="button button-small"
                                    type="button"
                                    on:click=move |_| {
                                        fill.retry(id);
                                        focus_on_next(NEEDS_A_PERSON);
                                    }
                                >
                                    "Try again"
                                </button>
                                <button class="button button-small button-quiet" type="button" on:click=move |_| giving_up.set(true)>
                                    "Give it up"
                                </button>
                            </div>
                            <Confirm open=giving_up title="Give up these answers?" action="Give them up" on_confirm=give_up>
                                <p>"The form goes back to what is stored. What was not saved can't be brought back."</p>
                            </Confirm>
                        </Banner>
                    }
                }
            />
        </div>
        <For
            each=move || clashes.get()
            key=|(id, clash)| (*id, clash.field.clone())
            children=move |(id, clash)| {
                let name = clash.field.clone();
                let versions = Versions {
                    base: text_of(Some(&clash.base)),
                    mine: text_of(Some(&clash.mine)),
                    theirs: text_of(Some(&clash.theirs)),
                };
                view! {
                    <Conflict
                        label=reading(name.trim_start_matches("answers."))
                        versions=Signal::stored(versions)
                        values=Values::Whole
                        whose=Signal::derive(move || fill.shown.other_changer())
                        reads=|text: String| reading(&text)
                        on_settled=Callback::new(move |settled| {
                            let side = if settled == Settled::Theirs { Side::Theirs } else { Side::Mine };
                            fill.settle_clash(id, name.clone(), side);
                            focus_on_next(CONFLICT);
                        })
                    />
                }
            }
        />
    }
}

/// How safe what was typed is, in a word.
#[component]
fn Saved(fill: Fill) -> impl IntoView {
    let safety = Memo::new(move |_| fill.safety());
    let look = move || match safety.get() {
        Safety::Saved => (Tone::Good, Shape::Check, "Saved"),
        Safety::Saving => (Tone::Calm, Shape::Cloud, "Saving…"),
        Safety::Waiting => (
            Tone::Caution,
            Shape::Clock,
            "Waiting to be sent. Kept on this device.",
        ),
        Safety::WaitingInTab => (
            Tone::Caution,
            Shape::Clock,
            "Waiting to be sent. Leave this tab open.",
        ),
        Safety::Stopped => (Tone::Critical, Shape::Alert, "Not saved"),
    };
    // Each word typed would be followed by two words said: a screen reader hears of trouble only.
    let live = move || match safety.get() {
        Safety::Saved | Safety::Saving => "off",
        _ => "polite",
    };
    view! {
        <p class="saved" data-tone=move || look().0.word() role="status" aria-live=live aria-label="Draft">
            <Icon shape=Signal::derive(move || look().1) size=14 />
            {move || look().2}
        </p>
    }
}
