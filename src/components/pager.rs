//! Which part of a long list is on screen, and the way to the next.

use leptos::prelude::*;

use super::{Icon, Shape};

/// Says which rows are on screen, and goes to the page before or after.
#[component]
pub fn Pager(
    /// From zero.
    #[prop(into)]
    page: Signal<usize>,
    page_size: usize,
    #[prop(into)] total: Signal<usize>,
    on_page: Callback<usize>,
) -> impl IntoView {
    let first = move || {
        page.get()
            .saturating_mul(page_size)
            .saturating_add(1)
            .min(total.get())
    };
    let last = move || {
        page.get()
            .saturating_add(1)
            .saturating_mul(page_size)
            .min(total.get())
    };
    let at_start = move || page.get() == 0;
    let at_end = move || last() >= total.get();
    view! {
        <nav class="table-foot" aria-label="Pages">
            <span>{move || format!("{}–{} of {}", first(), last(), total.get())}</span>
            <span class="toolbar">
                <button
                    class="button button-small"
                    type="button"
                    disabled=at_start
                    on:click=move |_| on_page.run(page.get_untracked().saturating_sub(1))
                >
                    <Icon shape=Shape::Previous size=12 />
                    "Previous"
                </button>
                <button
                    class="button button-small"
                    type="button"
                    disabled=at_end
                    on:click=move |_| on_page.run(page.get_untracked().saturating_add(1))
                >
                    "Next"
                    <Icon shape=Shape::Next size=12 />
                </button>
            </span>
        </nav>
    }
}
