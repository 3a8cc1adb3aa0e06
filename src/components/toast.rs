//! Short words about what just happened. They take no focus, wait politely for a screen reader, and go by themselves, but not
//! while somebody's pointer or focus is on one of them.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, Shape, Tone, focus_on_next};

/// How long a word stays; longer than it takes to read twice.
const STAY: Duration = Duration::from_secs(6);

/// More than this are not read: the oldest makes room.
const MOST: usize = 4;

/// What can be done about a word.
#[derive(Clone)]
enum Offer {
    Nothing,
    /// It outlives the page on which that was done.
    Undo(Arc<dyn Fn() + Send + Sync>),
    /// To see what it is about.
    Open(String),
}

#[derive(Clone)]
struct Toast {
    number: u32,
    tone: Tone,
    shape: Shape,
    text: String,
    offer: Offer,
}

/// The words on screen. From context.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    count: StoredValue<u32>,
    /// Somebody reads.
    held: StoredValue<bool>,
}

impl Toasts {
    pub fn new() -> Self {
        Self {
            shown: RwSignal::new(Vec::new()),
            count: StoredValue::new(0),
            held: StoredValue::new(false),
        }
    }

    /// Says that something went well.
    pub fn done(self, text: impl Into<String>) {
        self.say(Tone::Good, Shape::Check, text.into(), Offer::Nothing);
    }

    /// Says that something went well, and offers to take it back.
    pub fn undoable(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.say(
            Tone::Good,
            Shape::Check,
            text.into(),
            Offer::Undo(Arc::new(undo)),
        );
    }

    /// Says that something did not.
    pub fn failed(self, text: impl Into<String>) {
        self.say(Tone::Critical, Shape::Alert, text.into(), Offer::Nothing);
    }

    /// Says what somebody else did, and where to see it.
    pub fn news(self, text: String, link: String) {
        self.say(Tone::Accent, Shape::Bell, text, Offer::Open(link));
    }

    fn say(self, tone: Tone, shape: Shape, text: String, offer: Offer) {
        let number = self.count.try_update_value(|count| {
            *count = count.wrapping_add(1);
            *count
        });
        let Some(number) = number else { return };
        self.shown.update(|shown| {
            shown.push(Toast {
                number,
                tone,
                shape,
                text,
                offer,
            });
            let extra = shown.len().saturating_sub(MOST);
            shown.drain(..extra);
        });
        self.end_later(number);
    }

    /// Ends a word after its time; one that is being read stays that long again.
    fn end_later(self, number: u32) {
        let end = move || {
            if self.held.try_get_value().unwrap_or(false) {
                self.end_later(number);
            } else {
                self.drop_toast(number);
            }
        };
        set_timeout(end, STAY);
    }

    /// The person is done with it, and goes on with the next one or with the page.
    fn put_away(self, number: u32) {
        // What had the focus is gone without a word.
        self.held.set_value(false);
        self.drop_toast(number);
        focus_on_next(".toast button");
    }

    fn drop_toast(self, number: u32) {
        self.shown
            .update(|shown| shown.retain(|toast| toast.number != number));
    }
}

impl Default for Toasts {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the words appear. Once, at the root.
#[component]
pub fn Toaster() -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let toast = move |toast: Toast| {
        view! {
            <div class="toast" data-tone=toast.tone.word()>
                <Icon shape=toast.shape />
                <p class="toast-body">{toast.text}</p>
                {offered(toasts, toast.number, toast.offer)}
                <button
                    class="button button-quiet button-small"
                    type="button"
                    aria-label="Dismiss"
                    on:click=move |_| toasts.put_away(toast.number)
                >
                    <Icon shape=Shape::Close size=12 />
                </button>
            </div>
        }
    };
    view! {
        <div
            class="toasts"
            role="log"
            aria-label="News"
            aria-live="polite"
            on:pointerenter=move |_| toasts.held.set_value(true)
            on:pointerleave=move |_| toasts.held.set_value(false)
            on:focusin=move |_| toasts.held.set_value(true)
            on:focusout=move |_| toasts.held.set_value(false)
        >
            <For each=move || toasts.shown.get() key=|toast| toast.number children=toast />
        </div>
    }
}

fn offered(toasts: Toasts, number: u32, offer: Offer) -> AnyView {
    match offer {
        Offer::Nothing => ().into_any(),
        Offer::Undo(undo) => view! {
            <button
                class="button button-small"
                type="button"
                on:click=move |_| {
                    toasts.put_away(number);
                    undo();
                }
            >
                "Undo"
            </button>
        }
        .into_any(),
        Offer::Open(link) => view! {
            <a class="button button-small" href=link on:click=move |_| toasts.drop_toast(number)>
                "Open"
            </a>
        }
        .into_any(),
    }
}
