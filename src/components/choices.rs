//! One of a few, and on or off: the controls of the settings, made of what the browser knows how to work by keyboard.

use leptos::prelude::*;

use crate::data::look::Look;

/// One of the ways that something can look. Chosen, it holds at once, here and in every other tab.
#[component]
pub fn LookChoice(look: &'static Look) -> impl IntoView {
    let (chosen, choose) = signal(look.kept());
    let option = move |(word, label): &'static (&'static str, &'static str)| {
        view! {
            <label class="choice">
                <input
                    type="radio"
                    name=look.key
                    prop:checked=move || chosen.get() == *word
                    on:change=move |_| {
                        look.choose(word);
                        choose.set(word);
                    }
                />
                {*label}
            </label>
        }
    };
    view! {
        <fieldset class="setting">
            <legend>{look.label}</legend>
            <div class="choices">{look.options.iter().map(option).collect_view()}</div>
        </fieldset>
    }
}

/// Something that is on or off, with what it means.
#[component]
pub fn Switch(
    id: &'static str,
    label: &'static str,
    #[prop(into)] note: Signal<String>,
    #[prop(into)] on: Signal<bool>,
    on_toggle: Callback<()>,
) -> impl IntoView {
    let note_id = format!("{id}-note");
    view! {
        <div class="setting setting-line">
            <div>
                <label for=id>{label}</label>
                <p class="setting-note" id=note_id.clone()>
                    {move || note.get()}
                </p>
            </div>
            <button
                class="switch"
                id=id
                type="button"
                role="switch"
                aria-checked=move || if on.get() { "true" } else { "false" }
                aria-describedby=note_id
                on:click=move |_| on_toggle.run(())
            ></button>
        </div>
    }
}
