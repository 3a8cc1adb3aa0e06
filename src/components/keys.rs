//! The keyboard map: every shortcut as data, which the help page and its dialog show, and the one listener that carries out those
//! that hold everywhere. Never while somebody types, except for those with Control.

use std::time::Duration;

use leptos::ev;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;

/// How long `g` waits for the letter of a page.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A shortcut, as people are told of it.
pub struct Shortcut {
    pub keys: &'static [&'static str],
    pub does: &'static str,
}

const fn shortcut(keys: &'static [&'static str], does: &'static str) -> Shortcut {
    Shortcut { keys, does }
}

/// All shortcuts, by where they hold.
pub const MAP: &[(&str, &[Shortcut])] = &[
    (
        "Everywhere",
        &[
            shortcut(&["Ctrl", "K"], "Find a patient, a form or an action"),
            shortcut(&["?"], "Show this map"),
            shortcut(&["N"], "Open the notifications"),
            shortcut(&["Esc"], "Close what stands over the page"),
        ],
    ),
    (
        "Go to",
        &[
            shortcut(&["G", "D"], "Dashboard"),
            shortcut(&["G", "P"], "Patients"),
            shortcut(&["G", "F"], "Forms"),
            shortcut(&["G", "S"], "Settings"),
            shortcut(&["G", "H"], "Help"),
        ],
    ),
    (
        "In a list",
        &[
            shortcut(&["/"], "Search"),
            shortcut(&["J", "K"], "Next and former patient"),
            shortcut(&["Home", "End"], "First and last row"),
            shortcut(&["Enter"], "Open the row"),
        ],
    ),
    (
        "In the review queue",
        &[shortcut(&["J", "K"], "Next and former form")],
    ),
];

/// What the shortcuts that hold everywhere do.
#[derive(Clone, Copy)]
pub struct Doings {
    /// Whether none of them holds: nobody but the person who locked a screen may do anything behind it.
    pub barred: Memo<bool>,
    pub palette: Callback<()>,
    pub map: Callback<()>,
    pub notifications: Callback<()>,
    pub devtools: Callback<()>,
}

/// Listens for the shortcuts that hold everywhere, while the calling component is mounted.
pub fn listen(doings: Doings) {
    let navigate = use_navigate();
    let going = StoredValue::new(None::<TimeoutHandle>);
    let go = move || going.try_update_value(Option::take).flatten();
    let listener = window_event_listener(ev::keydown, move |event| {
        if doings.barred.get_untracked() {
            return;
        }
        let control = event.ctrl_key() || event.meta_key();
        let key = event.key();
        if control && !event.alt_key() && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            return doings.palette.run(());
        }
        if control || event.alt_key() || is_typing(&event) || is_in_dialog(&event) {
            return;
        }
        if let Some(handle) = go() {
            handle.clear();
            let path = match key.as_str() {
                "d" => "/",
                "p" => "/patients",
                "f" => "/forms",
                "s" => "/settings",
                "h" => "/help",
                _ => return,
            };
            event.prevent_default();
            return navigate(path, leptos_router::NavigateOptions::default());
        }
        let doing = match key.as_str() {
            "g" => {
                let forget = move || {
                    go();
                };
                going.set_value(set_timeout_with_handle(forget, PATIENCE).ok());
                return;
            }
            "?" => doings.map,
            "n" => doings.notifications,
            "`" => doings.devtools,
            _ => return,
        };
        event.prevent_default();
        doing.run(());
    });
    on_cleanup(move || {
        listener.remove();
        if let Some(handle) = go() {
            handle.clear();
        }
    });
}

fn target(event: &ev::KeyboardEvent) -> Option<web_sys::Element> {
    event.target()?.dyn_into::<web_sys::Element>().ok()
}

/// Keeps Enter in a field of one line from submitting its form: barcode scanners and keypads send it after every value. A button is
/// pressed on purpose, and a long text needs its lines.
pub fn enter_submits_nothing(event: &ev::KeyboardEvent) {
    let in_a_line = target(event).is_some_and(|element| {
        let kind = element.get_attribute("type").unwrap_or_default();
        element.tag_name() == "INPUT" && !matches!(kind.as_str(), "submit" | "button" | "image")
    });
    if event.key() == "Enter" && in_a_line {
        event.prevent_default();
    }
}

/// Whether a key belongs to a field that the person is typing in.
pub fn is_typing(event: &ev::KeyboardEvent) -> bool {
    target(event).is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    })
}

/// Whether something stands over the page and wants an answer first.
fn is_in_dialog(event: &ev::KeyboardEvent) -> bool {
    target(event).is_some_and(|element| matches!(element.closest("dialog"), Ok(Some(_))))
}

/// The map, by where the shortcuts hold.
#[component]
pub fn KeyMap() -> impl IntoView {
    let line = |shortcut: &'static Shortcut| {
        view! {
            <div class="keymap-line">
                <dt>{shortcut.does}</dt>
                <dd>{shortcut.keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}</dd>
            </div>
        }
    };
    let group = move |(place, shortcuts): &'static (&'static str, &'static [Shortcut])| {
        view! {
            <section class="keymap-group">
                <h3>{*place}</h3>
                <dl>{shortcuts.iter().map(line).collect_view()}</dl>
            </section>
        }
    };
    view! { <div class="keymap">{MAP.iter().map(group).collect_view()}</div> }
}
