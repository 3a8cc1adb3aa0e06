//! A button that gives a file to the person, made in the page: nothing of it leaves the browser.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

use super::{Icon, Shape};

/// Asks for the content when pressed, and saves it under the name.
#[component]
pub fn Download(
    name: &'static str,
    content: Callback<(), String>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class="button"
            type="button"
            on:click=move |_| {
                // A browser that refuses to save shows that by itself; the page has nothing to add.
                let _ = save(name, &content.run(()));
            }
        >
            <Icon shape=Shape::Download />
            {children()}
        </button>
    }
}

fn save(name: &str, content: &str) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&content.into());
    let blob = web_sys::Blob::new_with_str_sequence(&parts)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let link: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&address);
    link.set_download(name);
    link.click();
    web_sys::Url::revoke_object_url(&address)
}
