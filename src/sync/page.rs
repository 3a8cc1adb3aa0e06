//! What the page tells the cache: whether there is a network, and whether anybody looks. Nothing else knows these events.

use bedside_query::{Network, Page, QueryClient};
use leptos::ev;
use leptos::prelude::{document, window, window_event_listener};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Tells the cache for the life of the page.
pub fn tell(cache: &QueryClient) {
    let online = cache.clone();
    // The handles would end the listening when dropped, and the page listens as long as it lives.
    std::mem::forget(window_event_listener(ev::online, move |_| {
        online.set_online(Network::Online)
    }));
    let offline = cache.clone();
    std::mem::forget(window_event_listener(ev::offline, move |_| {
        offline.set_online(Network::Offline)
    }));
    if !window().navigator().on_line() {
        cache.set_online(Network::Offline);
    }
    let seen = cache.clone();
    let on_visibility = Closure::<dyn Fn()>::new(move || {
        seen.set_visible(if document().hidden() {
            Page::Hidden
        } else {
            Page::Visible
        });
    });
    // Without this event the page counts as seen, which costs requests and no truth.
    let _ = document().add_event_listener_with_callback(
        "visibilitychange",
        on_visibility.as_ref().unchecked_ref(),
    );
    on_visibility.forget();
}

/// Calls back, for the life of the page, whenever somebody turns to it.
pub fn on_look(look: impl Fn() + 'static) {
    std::mem::forget(window_event_listener(ev::focus, move |_| look()));
}
