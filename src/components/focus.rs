//! Moving the focus to where the person has to go next.

use leptos::prelude::document;
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
