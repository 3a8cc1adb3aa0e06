//! The list of patients by keyboard: one row is the current one and the table's only tab stop. Arrows, Home, End and the page keys move it
//! within the table; `j` and `k` from anywhere on the page; Enter opens it, for it is a link.

use std::ops::Range;

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::components::row_window::RowWindow;

/// Rows that the page keys skip.
const SCREENFUL: usize = 15;

/// The current row.
#[derive(Clone, Copy)]
pub struct Current {
    row: RwSignal<usize>,
    /// The row that takes the focus once it is made.
    awaited: StoredValue<Option<usize>>,
    window: RowWindow,
    total: Memo<Option<usize>>,
}

/// Follows the keys for as long as the table is there.
pub fn use_keys(window: RowWindow, total: Memo<Option<usize>>) -> Current {
    let current = Current {
        row: RwSignal::new(0),
        awaited: StoredValue::new(None),
        window,
        total,
    };
    let listening = window_event_listener(ev::keydown, move |event| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let place = Origin::of(&event);
        let by = match (event.key().as_str(), place) {
            ("j", Origin::Page) => Step::Down,
            ("k", Origin::Page) => Step::Up,
            // From the search to what it found.
            ("ArrowDown", Origin::Search) => Step::Here,
            _ => return,
        };
        event.prevent_default();
        current.go(by);
    });
    on_cleanup(move || listening.remove());
    current
}

#[derive(Clone, Copy)]
enum Step {
    Here,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// Where a key was pressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Search,
    /// Another field, or a dialog.
    Elsewhere,
    Page,
}

impl Origin {
    fn of(event: &ev::KeyboardEvent) -> Self {
        let Some(element) = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        else {
            return Self::Page;
        };
        let inside = |selector: &str| element.closest(selector).ok().flatten().is_some();
        if inside("main input[type=search]") {
            Self::Search
        } else if inside("input, textarea, select, dialog, [contenteditable]") {
            Self::Elsewhere
        } else {
            Self::Page
        }
    }
}

impl Current {
    /// The place of the current row. Tracked.
    pub fn place(self) -> usize {
        self.row.get()
    }

    /// A row took the focus, perhaps by itself: a click, a Tab.
    pub fn came_to(self, event: &ev::FocusEvent) {
        let row = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|element| element.closest("tr[aria-rowindex]").ok().flatten());
        let number = row.and_then(|row| row.get_attribute("aria-rowindex")?.parse::<usize>().ok());
        if let Some(place) = number.and_then(|number| number.checked_sub(2))
            && self.row.get_untracked() != place
        {
            self.row.set(place);
        }
    }

    /// Rows were made, perhaps with the one that is waited for.
    pub fn rows_are_there(self, places: Range<usize>) {
        let awaited = self.awaited.try_get_value().flatten();
        if awaited.is_some_and(|place| places.contains(&place)) {
            request_animation_frame(move || self.focus());
        }
    }

    /// A key within the table.
    pub fn on_key(self, event: &ev::KeyboardEvent) {
        let step = match event.key().as_str() {
            "ArrowUp" => Step::Up,
            "ArrowDown" => Step::Down,
            "PageUp" => Step::PageUp,
            "PageDown" => Step::PageDown,
            "Home" => Step::First,
            "End" => Step::Last,
            _ => return,
        };
        if event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() {
            return;
        }
        event.prevent_default();
        self.go(step);
    }

    fn go(self, step: Step) {
        let Some(last) = self
            .total
            .get_untracked()
            .and_then(|total| total.checked_sub(1))
        else {
            return;
        };
        let row = self.row.get_untracked();
        let on_row = focused_row().is_some();
        let to = match step {
            Step::Here => row,
            // The first key shows where one is; only the next one moves.
            Step::Up | Step::Down if !on_row => row,
            Step::Up => row.saturating_sub(1),
            Step::Down => row.saturating_add(1),
            Step::PageUp => row.saturating_sub(SCREENFUL),
            Step::PageDown => row.saturating_add(SCREENFUL),
            Step::First => 0,
            Step::Last => last,
        }
        .min(last);
        self.row.set(to);
        self.awaited.set_value(Some(to));
        self.window.bring(to);
        // At once where it can be: the next key may come within the frame.
        self.focus();
        request_animation_frame(move || self.focus());
    }

    /// Gives the awaited row the focus, if it is made by now.
    fn focus(self) {
        let Some(place) = self.awaited.try_get_value().flatten() else {
            return;
        };
        let link = document()
            .query_selector(&format!(
                // A row whose patient is on the way has nothing to take the focus yet.
                "tr[aria-rowindex=\"{}\"][aria-busy=\"false\"] a",
                place.saturating_add(2)
            ))
            .ok()
            .flatten()
            .and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(link) = link {
            self.awaited.set_value(None);
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            // A row that can't be focused is still the one that Enter's next try looks for.
            let _ = link.focus_with_options(&options);
        }
    }
}

/// The row that has the focus.
fn focused_row() -> Option<web_sys::Element> {
    document()
        .active_element()?
        .closest("tr[aria-rowindex]")
        .ok()
        .flatten()
}
