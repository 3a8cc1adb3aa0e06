//! Takes the app out of the document and puts it back as it was: for a locked screen, and for a page that comes out of the
//! browser's history before it is known who is signed in.
//!
//! The app's elements stay alive outside of the document, with what was typed into them; nothing of them can be seen, found,
//! printed or read by an extension meanwhile. They lie in one element, since what is rendered anew needs a parent to go into.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDialogElement, HtmlElement};

use super::title;
use crate::data::Auth;
use crate::idle::{Idle, Screen};

/// Everything but the lock screen.
#[component]
pub fn Veil(children: Children) -> impl IntoView {
    let app = NodeRef::<html::Div>::new();
    let veiled = StoredValue::new_local(None::<Veiled>);
    let draw = move || {
        if let Some(app) = app.get_untracked()
            && veiled.with_value(Option::is_none)
        {
            veiled.set_value(Veiled::draw(app.into()));
        }
    };
    let lift = move || {
        if let Some(veiled) = veiled.try_update_value(Option::take).flatten() {
            veiled.lift();
        }
    };

    let auth = use_context::<Auth>();
    let idle = use_context::<Idle>();
    let hidden = Memo::new(move |_| {
        idle.as_ref()
            .is_some_and(|idle| idle.screen().get() == Screen::Locked)
    });
    Effect::new(move |_| {
        // Tracked: the element is there after the first rendering only.
        app.track();
        if hidden.get() {
            draw();
        } else {
            // After whatever else changes with this has been rendered: a former person's page is gone before it could be seen.
            request_animation_frame(move || {
                if !hidden.get_untracked() {
                    lift();
                }
            });
        }
    });

    // The history keeps pages as they were. What is drawn before such a page is kept is drawn when it comes back, until the
    // session was looked at again.
    let on_hide = window_event_listener(ev::pagehide, move |_| draw());
    let on_show = window_event_listener(ev::pageshow, move |_| {
        if let Some(auth) = &auth {
            auth.look_again();
        }
        request_animation_frame(move || {
            if !hidden.get_untracked() {
                lift();
            }
        });
    });
    on_cleanup(move || {
        on_hide.remove();
        on_show.remove();
    });
    view! {
        <div class="app" node_ref=app>
            {children()}
        </div>
    }
}

/// The app while it is out of the document.
struct Veiled {
    app: HtmlElement,
    /// Stands where it was.
    place: web_sys::Comment,
    focus: Option<HtmlElement>,
}

impl Veiled {
    fn draw(app: HtmlElement) -> Option<Self> {
        let document = document();
        let place = web_sys::Comment::new().ok()?;
        let focus = document
            .active_element()
            .and_then(|element| element.dyn_into().ok());
        app.replace_with_with_node_1(&place).ok()?;
        title::cover();
        Some(Self { app, place, focus })
    }

    fn lift(self) {
        // Where its place is gone the whole page is.
        if self.place.replace_with_with_node_1(&self.app).is_err() {
            return;
        }
        title::uncover();
        self.open_dialogs_again();
        if let Some(focus) = self.focus {
            // Without focus the page is still there to be used.
            let _ = focus.focus();
        }
    }

    /// A modal dialog that leaves the document is no longer modal when it comes back.
    fn open_dialogs_again(&self) {
        let Ok(open) = self.app.query_selector_all("dialog[open]") else {
            return;
        };
        for index in 0..open.length() {
            let dialog = open
                .item(index)
                .and_then(|node| node.dyn_into::<HtmlDialogElement>().ok());
            if let Some(dialog) = dialog {
                // Not `close()`: that would tell its owner that it was closed.
                let _ = dialog.remove_attribute("open");
                let _ = dialog.show_modal();
            }
        }
    }
}
