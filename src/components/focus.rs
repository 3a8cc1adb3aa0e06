//! Moving the focus to where the person has to go next.

use leptos::prelude::{document, request_animation_frame};
use wasm_bindgen::JsCast;

/// Gives the focus to the element with this id, if there is one that can take it.
pub fn focus_on(id: &str) {
    let element = document()
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(element) = element {
        // What can't take the focus is on the page all the same.
        let _ = element.focus();
    }
}

/// Gives the focus to the first thing of this kind that is left on the page, or to the page. For an act that takes away what was pressed: whoever
/// works by keyboard goes on with the next one of its kind. After the next frame, when what goes is gone.
pub fn focus_on_next(kind: &'static str) {
    request_animation_frame(move || {
        // Only a wrong selector is refused.
        let next = document().query_selector(kind).ok().flatten();
        match next.and_then(|next| next.dyn_into::<web_sys::HtmlElement>().ok()) {
            Some(next) => drop(next.focus()),
            None => focus_on("main"),
        }
    });
}
