//! The content of a browser's date field while it is being edited. While a part is missing, or the calendar has no such day,
//! its value is empty as if nothing had been typed; only its validity tells the two apart.

use leptos::prelude::event_target_value;
use wasm_bindgen::JsValue;

/// A date as far as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedDate {
    /// A whole date, or nothing at all.
    Whole(String),
    Part,
}

impl TypedDate {
    /// Reads the control that an event came from.
    pub fn of(event: &web_sys::Event) -> Self {
        let get = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).ok();
        let part = event
            .target()
            .and_then(|control| get(&control, "validity"))
            .and_then(|validity| get(&validity, "badInput"))
            .is_some_and(|bad| bad.is_truthy());
        if part {
            Self::Part
        } else {
            Self::Whole(event_target_value(event))
        }
    }
}
