//! The page for an address that leads nowhere.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::{EmptyPage, Shape, use_title};

/// Says that there is no such page, and leads back.
#[component]
pub fn NotFound() -> impl IntoView {
    use_title(|| "Not found".to_owned());
    view! {
        <main class="alone">
            <EmptyPage
                shape=Shape::Search
                title="There is no such page"
                advice="The address may be mistyped, or the page may have moved."
            >
                <A href="/" attr:class="button">"Go to the dashboard"</A>
            </EmptyPage>
        </main>
    }
}

/// Says that a row is not there, or not for this person, which the server does not tell apart either.
#[component]
pub fn NoSuchRow(what: &'static str, back: &'static str) -> impl IntoView {
    view! {
        <EmptyPage
            shape=Shape::Search
            title=format!("No such {what}")
            advice=format!("This {what} does not exist, or it is not yours to see any more.")
        >
            <A href=back attr:class="button">"Back to the list"</A>
        </EmptyPage>
    }
}
