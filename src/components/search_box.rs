//! A search field that `/` jumps to, that waits for a pause in typing, and that follows the URL when it changes from outside.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::{ev, html};

use super::keys::is_typing;
use super::{Icon, Shape};

/// Long enough to skip the middle of a word, short enough to feel at once.
const PAUSE: Duration = Duration::from_millis(160);

/// A search field. `text` is the search in force; `on_search` is called with what the person typed, after a pause.
#[component]
pub fn SearchBox(
    label: &'static str,
    #[prop(into)] text: Signal<String>,
    on_search: Callback<String>,
    /// Whether something else is typed than what was searched for last: what is found belongs to another word.
    #[prop(default = RwSignal::new(false))]
    ahead: RwSignal<bool>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let (typed, set_typed) = signal(text.get_untracked());
    let (sent, set_sent) = signal(text.get_untracked());
    let pause = StoredValue::new(None::<TimeoutHandle>);
    let send = move || {
        if let Some(handle) = pause.try_update_value(Option::take).flatten() {
            handle.clear();
        }
        if let Some(now) = typed.try_get_untracked()
            && sent.try_get_untracked().is_some_and(|sent| sent != now)
        {
            set_sent.set(now.clone());
            on_search.run(now);
        }
        ahead.try_set(false);
    };
    // The back button, or a link: the field shows the search in force, unless it is the echo of what was typed here.
    Effect::new(move |_| {
        let now = text.get();
        if now != sent.get_untracked() {
            set_sent.set(now.clone());
            set_typed.set(now);
        }
    });
    let on_input = move |event| {
        set_typed.set(event_target_value(&event));
        ahead.set(true);
        if let Some(handle) = pause.try_update_value(Option::take).flatten() {
            handle.clear();
        }
        pause.set_value(set_timeout_with_handle(send, PAUSE).ok());
    };
    let on_key = move |event: ev::KeyboardEvent| match event.key().as_str() {
        // Down leads to what was found.
        "Enter" | "ArrowDown" => send(),
        "Escape" => {
            set_typed.set(String::new());
            send();
        }
        _ => {}
    };
    let jump = window_event_listener(ev::keydown, move |event| {
        let plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key();
        if event.key() == "/" && plain && !is_typing(&event) {
            event.prevent_default();
            if let Some(input) = input.get_untracked() {
                let _ = input.focus();
                input.select();
            }
        }
    });
    on_cleanup(move || {
        jump.remove();
        if let Some(handle) = pause.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    });
    view! {
        <div class="search" role="search">
            <Icon shape=Shape::Search />
            <input
                class="input"
                node_ref=input
                type="search"
                aria-label=label
                placeholder=label
                autocomplete="off"
                spellcheck="false"
                maxlength="200"
                aria-keyshortcuts="/"
                prop:value=move || typed.get()
                on:input=on_input
                on:keydown=on_key
            />
            <kbd aria-hidden="true">"/"</kbd>
        </div>
    }
}
