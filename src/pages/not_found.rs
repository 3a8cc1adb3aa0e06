//! The page for an address that leads nowhere.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::{Icon, Shape, use_title};

/// Says that there is no such page, and leads back.
#[component]
pub fn NotFound() -> impl IntoView {
    use_title(|| "Not found".to_owned());
    view! {
        <main class="alone">
            <section class="state">
                <Icon shape=Shape::Search size=28 />
                <h1 class="state-title">"There is no such page"</h1>
                <p>"The address may be mistyped, or the page may have moved."</p>
                <A href="/" attr:class="button">"Go to the dashboard"</A>
            </section>
        </main>
    }
}

/// Says that a row is not there, or not for this person, which the server does not tell apart either.
#[component]
pub fn NoSuchRow(what: &'static str, back: &'static str) -> impl IntoView {
    view! {
        <section class="state">
            <Icon shape=Shape::Search size=28 />
            <h1 class="state-title">{format!("No such {what}")}</h1>
            <p>{format!("This {what} does not exist, or it is not yours to see any more.")}</p>
            <A href=back attr:class="button">"Back to the list"</A>
        </section>
    }
}
