//! Marks for a moment what has just changed, wherever the change came from.
//!
//! It compares the text it had with the text it has. A text that arrives where there was none is no change, so a page that
//! opens does not flash.

use leptos::prelude::*;

/// The mark on something that changes.
#[derive(Clone, Copy)]
pub struct Mark {
    count: ReadSignal<u32>,
    marked: RwSignal<bool>,
}

/// A mark that is set whenever the text that stands for something changes.
pub fn use_mark(of: Signal<String>) -> Mark {
    let (count, set_count) = signal(0_u32);
    let marked = RwSignal::new(false);
    Effect::new(move |former: Option<String>| {
        let now = of.get();
        if former.is_some_and(|former| !former.is_empty() && former != now) {
            set_count.update(|count| *count = count.wrapping_add(1));
            marked.set(true);
        }
        now
    });
    Mark { count, marked }
}

impl Mark {
    /// The value of `data-changed`. Odd and even are the same animation under two names: the second change in a row starts it
    /// anew. Tracked.
    pub fn word(self) -> Option<&'static str> {
        self.marked.get().then(|| {
            if self.count.get().is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }
        })
    }

    /// Takes the mark off, when its animation is over.
    pub fn clear(self) {
        self.marked.set(false);
    }
}

/// Anything, marked when the text that stands for it changes.
#[component]
pub fn Changed(#[prop(into)] of: Signal<String>, children: Children) -> impl IntoView {
    let mark = use_mark(of);
    view! {
        <span class="changed" data-changed=move || mark.word() on:animationend=move |_| mark.clear()>
            {children()}
        </span>
    }
}

/// A text, marked when it changes.
#[component]
pub fn ChangedText(#[prop(into)] of: Signal<String>) -> impl IntoView {
    view! { <Changed of>{move || of.get()}</Changed> }
}
