//! A list's filter by one of a few values.

use leptos::prelude::*;

/// Chooses one value, or every. `options` are the words of the address and those for people.
#[component]
pub fn Choose(
    label: &'static str,
    /// What it says while nothing is left out.
    every: &'static str,
    #[prop(into)] options: Signal<Vec<(String, String)>>,
    /// The word in force; empty for every.
    #[prop(into)]
    chosen: Signal<String>,
    on_choose: Callback<String>,
) -> impl IntoView {
    let option = move |(word, label): (String, String)| {
        let is = word.clone();
        let selected = move || chosen.with(|chosen| *chosen == is);
        view! { <option value=word selected=selected>{label}</option> }
    };
    view! {
        <select
            class="input input-fit"
            aria-label=label
            on:change=move |event| on_choose.run(event_target_value(&event))
            prop:value=move || chosen.get()
        >
            <option value="">{every}</option>
            {move || options.get().into_iter().map(option).collect_view()}
        </select>
    }
}
