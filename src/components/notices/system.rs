//! Notifications of the operating system. They are read on locked screens and over shoulders: they say that there is news, never
//! about whom.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification, NotificationOptions, NotificationPermission};

/// What the browser says about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Given,
    /// Not asked yet.
    Open,
    /// Refused: only the person can change that, in the browser's own settings.
    Refused,
    /// There are none in this browser, or not at this address.
    Impossible,
}

#[wasm_bindgen]
extern "C" {
    /// Absent in some browsers, where touching it would throw.
    #[wasm_bindgen(thread_local_v2, js_namespace = globalThis, js_name = Notification)]
    static NOTIFICATION: Option<js_sys::Object>;
}

/// Whether the person lets us.
pub fn consent() -> Consent {
    if NOTIFICATION.with(Option::is_none) {
        return Consent::Impossible;
    }
    match Notification::permission() {
        NotificationPermission::Granted => Consent::Given,
        NotificationPermission::Denied => Consent::Refused,
        _ => Consent::Open,
    }
}

/// Asks the person; the answer goes to `then`.
pub fn ask(then: Callback<Consent>) {
    if consent() != Consent::Open {
        return then.run(consent());
    }
    spawn_local(async move {
        if let Ok(question) = Notification::request_permission() {
            // Refused, dismissed or failed: what counts is what the browser says afterwards.
            let _ = JsFuture::from(question).await;
        }
        then.run(consent());
    });
}

/// Says that so many forms have news. A click leads back to the tab.
pub fn tell(count: usize) {
    if consent() != Consent::Given {
        return;
    }
    let options = NotificationOptions::new();
    // One at a time: the next takes the place of the last.
    options.set_tag("bedside");
    options.set_body("Open Bedside to see what happened.");
    let title = match count {
        1 => "A form has news".to_owned(),
        count => format!("{count} forms have news"),
    };
    // Some systems let a page ask and then show nothing; the inbox has it all the same.
    if let Ok(notification) = Notification::new_with_options(&title, &options) {
        let shown = notification.clone();
        let on_click = wasm_bindgen::closure::Closure::once_into_js(move || {
            let _ = window().focus();
            shown.close();
        });
        notification.set_onclick(Some(on_click.unchecked_ref()));
    }
}
