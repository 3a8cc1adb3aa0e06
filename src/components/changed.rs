//! Marks for a moment what has just changed, wherever the change came from.
//!
//! It compares the text it had with the text it has. A text that arrives where there was none is no change, so a page that
//! opens does not flash.

use leptos::prelude::*;

/// Anything, marked when the text that stands for it changes.
#[component]
pub fn Changed(#[prop(into)] of: Signal<String>, children: Children) -> impl IntoView {
    let (count, set_count) = signal(0_u32);
    let (marked, set_marked) = signal(false);
    Effect::new(move |former: Option<String>| {
        let now = of.get();
        if former.is_some_and(|former| !former.is_empty() && former != now) {
            set_count.update(|count| *count = count.wrapping_add(1));
            set_marked.set(true);
        }
        now
    });
    // Odd and even are the same animation under two names: the second change in a row starts it anew.
    let mark = move || {
        marked.get().then(|| {
            if count.get().is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }
        })
    };
    view! {
        <span class="changed" data-changed=mark on:animationend=move |_| set_marked.set(false)>
            {children()}
        </span>
    }
}

/// A text, marked when it changes.
#[component]
pub fn ChangedText(#[prop(into)] of: Signal<String>) -> impl IntoView {
    view! { <Changed of>{move || of.get()}</Changed> }
}
