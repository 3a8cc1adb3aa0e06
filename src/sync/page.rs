//! What the page tells the cache: whether there is a network, and whether anybody looks; and how the page itself is left for a new one.
//! Nothing else knows these events.

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
    on_visibility(move |page| seen.set_visible(page));
}

/// Whether nobody can see the page.
pub fn is_hidden() -> bool {
    document().hidden()
}

/// Calls back whenever the page is shown or hidden, for its life.
pub fn on_visibility(turned: impl Fn(Page) + 'static) {
    let listener = Closure::<dyn Fn()>::new(move || {
        turned(if document().hidden() {
            Page::Hidden
        } else {
            Page::Visible
        });
    });
    // Without this event the page counts as seen, which costs requests and no truth.
    let _ = document()
        .add_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Calls back, for the life of the page, whenever somebody turns to it.
pub fn on_look(look: impl Fn() + Clone + 'static) {
    let shown = look.clone();
    on_visibility(move |page| {
        if page == Page::Visible {
            shown();
        }
    });
    std::mem::forget(window_event_listener(ev::focus, move |_| look()));
}

/// Begins a new page where people sign in, with nothing that the present one read.
pub fn leave() {
    // A page that can't be left has wiped all that it knows of.
    let _ = window().location().replace("/sign-in");
}

/// Begins the same page anew.
pub fn reload() {
    let _ = window().location().reload();
}
