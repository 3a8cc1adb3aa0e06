//! A question that has to be answered before going on: the browser's own modal dialog, with its focus rules.

use leptos::html;
use leptos::prelude::*;

/// A modal dialog while `open` holds. Escape, and a press outside, answer it like its "no".
#[component]
pub fn Dialog(
    #[prop(into)] title: Signal<String>,
    #[prop(into)] open: Signal<bool>,
    /// Called when the person leaves without an answer.
    on_leave: Callback<()>,
    children: Children,
) -> impl IntoView {
    let element = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let open = open.get();
        let Some(element) = element.get() else { return };
        if open && !element.open() {
            // Fails only when the element has left the page, and then nobody can answer.
            let _ = element.show_modal();
        } else if !open && element.open() {
            element.close();
        }
    });
    view! {
        <dialog
            class="dialog"
            node_ref=element
            aria-label=move || title.get()
            on:close=move |_| on_leave.run(())
        >
            <div class="dialog-body">
                <h2>{move || title.get()}</h2>
                {children()}
            </div>
        </dialog>
    }
}
