//! Short words about what just happened. They take no focus, wait politely for a screen reader, and go by themselves.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;

use super::{Icon, Shape, Tone};

/// How long a word stays; longer than it takes to read twice.
const STAY: Duration = Duration::from_secs(6);

#[derive(Clone)]
struct Toast {
    number: u32,
    tone: Tone,
    shape: Shape,
    text: String,
    undo: Option<Undo>,
}

/// Takes something back. It outlives the page on which that was done.
type Undo = Arc<dyn Fn() + Send + Sync>;

/// The words on screen. From context.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    count: StoredValue<u32>,
}

impl Toasts {
    pub fn new() -> Self {
        Self {
            shown: RwSignal::new(Vec::new()),
            count: StoredValue::new(0),
        }
    }

    /// Says that something went well.
    pub fn done(self, text: impl Into<String>) {
        self.say(Tone::Good, Shape::Check, text.into(), None);
    }

    /// Says that something went well, and offers to take it back.
    pub fn undoable(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.say(Tone::Good, Shape::Check, text.into(), Some(Arc::new(undo)));
    }

    /// Says that something did not.
    pub fn failed(self, text: impl Into<String>) {
        self.say(Tone::Critical, Shape::Alert, text.into(), None);
    }

    fn say(self, tone: Tone, shape: Shape, text: String, undo: Option<Undo>) {
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
                undo,
            })
        });
        set_timeout(move || self.drop_toast(number), STAY);
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
                {toast
                    .undo
                    .map(|undo| {
                        view! {
                            <button
                                class="button button-small"
                                type="button"
                                on:click=move |_| {
                                    toasts.drop_toast(toast.number);
                                    undo();
                                }
                            >
                                "Undo"
                            </button>
                        }
                    })}
                <button
                    class="button button-quiet button-small"
                    type="button"
                    aria-label="Dismiss"
                    on:click=move |_| toasts.drop_toast(toast.number)
                >
                    <Icon shape=Shape::Close size=12 />
                </button>
            </div>
        }
    };
    view! {
        <div class="toasts" role="log" aria-label="Notifications" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.number children=toast />
        </div>
    }
}
