//! A labelled field, with what is wrong with it and what else there is to say about it.

use leptos::prelude::*;

use super::together::{BothInThisField, InThisField, Together};
use super::{Icon, Shape};

/// A label, a control, and the notes below it. The control must carry `id`, and `{id}-note` as `aria-describedby`.
#[component]
pub fn FieldShell(
    /// The id of the control.
    #[prop(into)]
    id: String,
    #[prop(into)] label: String,
    /// What is wrong with the value.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The field's name among those who edit together, where the page edits in company; the control's `data-field`.
    #[prop(optional, into)]
    shared: Option<String>,
    children: Children,
) -> impl IntoView {
    let note = format!("{id}-note");
    let together = use_context::<Together>().zip(shared);
    let in_it = together
        .clone()
        .map(|(together, field)| view! { <InThisField together field /> });
    let both_in_it = together.map(|(together, field)| view! { <BothInThisField together field /> });
    view! {
        <div class="field">
            <div class="field-label">
                <label for=id>{label}</label>
                {in_it}
            </div>
            {children()}
            {both_in_it}
            <div id=note>
                {move || {
                    error
                        .get()
                        .map(|error| {
                            view! {
                                <p class="field-note field-note-error">
                                    <Icon shape=Shape::Alert size=12 />
                                    {error}
                                </p>
                            }
                        })
                }}
            </div>
        </div>
    }
}

/// A labelled line of text.
#[component]
pub fn Field(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    /// The input's type: `text`, `email`, `password`, `date`.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    value: RwSignal<String>,
    #[prop(into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let note = format!("{id}-note");
    view! {
        <FieldShell id=id.clone() label error>
            <input
                class="input"
                id=id
                type=kind
                name=autocomplete
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=note
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                bind:value=value
            />
        </FieldShell>
    }
}
