//! Modal dialogs, by the browser's own `<dialog>`: it keeps the focus inside, gives it back, and closes on Escape.

use leptos::html;
use leptos::prelude::*;

use super::{Icon, Shape};

/// A modal dialog while `open` says so. What is in it is made anew each time, so it begins empty.
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            // One that is not in the page can't be shown, and is not missed.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let children = StoredValue::new(children);
    view! {
        <dialog class="dialog" node_ref=dialog aria-label=move || title.get() on:close=move |_| open.set(false)>
            <Show when=move || open.get()>
                <div class="dialog-head">
                    <h2>{move || title.get()}</h2>
                    <button
                        class="button button-quiet button-icon"
                        type="button"
                        aria-label="Close"
                        on:click=move |_| open.set(false)
                    >
                        <Icon shape=Shape::Close />
                    </button>
                </div>
                {children.with_value(|children| children())}
            </Show>
        </dialog>
    }
}

/// Asks before something that has consequences. The safe answer has the focus.
#[component]
pub fn Confirm(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// What the button that goes on says.
    action: &'static str,
    on_confirm: Callback<()>,
    /// What it will mean.
    children: ChildrenFn,
) -> impl IntoView {
    let children = StoredValue::new(children);
    view! {
        <Dialog open title>
            <div class="dialog-body">{children.with_value(|children| children())}</div>
            <div class="dialog-foot">
                <button class="button" type="button" autofocus on:click=move |_| open.set(false)>
                    "Cancel"
                </button>
                <button
                    class="button button-critical"
                    type="button"
                    on:click=move |_| {
                        open.set(false);
                        on_confirm.run(());
                    }
                >
                    {action}
                </button>
            </div>
        </Dialog>
    }
}
