//! The title of the browser's tab: the page, then the app.

use leptos::prelude::*;

/// Keeps the title of the tab as long as the page is open.
pub fn use_title(title: impl Fn() -> String + Send + Sync + 'static) {
    Effect::new(move |_| document().set_title(&format!("{} · Bedside", title())));
}
