//! Which rows of a long table are near enough to the screen to be made. The table keeps its full height by room above and below (the custom
//! properties `--above` and `--below`, which the styles turn into it), so that the page scrolls as if all rows were there; the rows must all be of one height.

use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, WindowListenerHandle};
use leptos::prelude::*;
use leptos::{ev, html};

/// Rows made beyond each edge of the screen, so that a flick does not outrun them.
const BEYOND: usize = 8;

/// The window moves in steps: a row that scrolls in costs nothing most of the time.
const STEP: usize = 8;

/// Rows made at once at most, however tall a screen claims to be.
const MOST: usize = 120;

/// Where a flick comes to rest is known after so long without another step of it.
const REST: Duration = Duration::from_millis(100);

/// Before a row was seen.
const USUAL_HEIGHT: f64 = 40.0;

/// The part of a table that is made. Copy it freely.
#[derive(Clone, Copy)]
pub struct RowWindow {
    /// The first row that is made, and the one after the last.
    pub rows: Memo<(usize, usize)>,
    /// The rows worth asking for: those that are made, but for what only flies by.
    pub asked: Memo<(usize, usize)>,
    frame: NodeRef<html::Div>,
    height: RwSignal<f64>,
    total: Signal<usize>,
    near: RwSignal<(usize, usize)>,
    at_rest: RwSignal<(usize, usize)>,
    resting: StoredValue<Option<TimeoutHandle>>,
}

/// Follows the screen. `frame` holds the table; its body has the room above and below that stands for the rows that are not made.
pub fn use_row_window(frame: NodeRef<html::Div>, total: Signal<usize>) -> RowWindow {
    let near = RwSignal::new((0, BEYOND * 3));
    let at_rest = RwSignal::new((0, BEYOND * 3));
    let within = move |range: RwSignal<(usize, usize)>| {
        Memo::new(move |_| {
            let (start, end) = range.get();
            let end = end.min(total.get());
            (start.min(end.saturating_sub(1)), end)
        })
    };
    let window = RowWindow {
        rows: within(near),
        asked: within(at_rest),
        at_rest,
        resting: StoredValue::new(None),
        frame,
        height: RwSignal::new(USUAL_HEIGHT),
        total,
        near,
    };
    let listening: [WindowListenerHandle; 2] = [
        window_event_listener(ev::scroll, move |_| window.look()),
        window_event_listener(ev::resize, move |_| window.look()),
    ];
    on_cleanup(move || {
        for handle in listening {
            handle.remove();
        }
        window.stop();
    });
    // The first rows tell how high a row is.
    Effect::new(move |_| {
        total.track();
        request_animation_frame(move || window.look());
    });
    window
}

impl RowWindow {
    /// Room above the rows that are made, in pixels.
    pub fn above(self) -> String {
        let start = self.rows.with(|(start, _)| *start);
        format!("{}px", start as f64 * self.height.get())
    }

    /// Room below them.
    pub fn below(self) -> String {
        let end = self.rows.with(|(_, end)| *end);
        let rest = self.total.get().saturating_sub(end);
        format!("{}px", rest as f64 * self.height.get())
    }

    /// The first row that the person sees.
    pub fn first_seen(self) -> usize {
        let top = self
            .top()
            .map_or(0.0, |top| -top / self.height.get_untracked());
        whole(top)
    }

    /// Scrolls just as far as it takes to see a row.
    pub fn bring(self, row: usize) {
        let Some(top) = self.top() else { return };
        let height = self.height.get_untracked();
        // The header stays above the rows, and on a phone a bar above the header.
        let above = self.sticks_at() + self.head();
        let at = top + row as f64 * height + self.head();
        let screen = screen_height();
        let by = if at < above {
            at - above
        } else if at + height > screen - height {
            at + height * 2.0 - screen
        } else {
            return;
        };
        window().scroll_by_with_x_and_y(0.0, by);
        self.look();
    }

    /// Scrolls so that a row is the first one seen.
    pub fn begin_at(self, row: usize) {
        let Some(top) = self.top() else { return };
        let by = top + row as f64 * self.height.get_untracked() - self.sticks_at();
        window().scroll_by_with_x_and_y(0.0, by);
        self.look();
    }

    /// Looks where the table is on the screen.
    fn look(self) {
        let Some(frame) = self.frame.try_get_untracked().flatten() else {
            return;
        };
        let row = frame.query_selector("tbody tr").ok().flatten();
        if let Some(seen) = row.map(|row| row.get_bounding_client_rect().height())
            && seen > 1.0
            && (seen - self.height.get_untracked()).abs() > 0.01
        {
            self.height.set(seen);
        }
        let height = self.height.get_untracked();
        let first = whole(-frame.get_bounding_client_rect().top() / height);
        let seen = whole(screen_height() / height) + 1;
        let start = first.saturating_sub(BEYOND) / STEP * STEP;
        let end = (first + seen + BEYOND).div_ceil(STEP) * STEP;
        let near = (start, end.min(start + MOST));
        let before = self.near.get_untracked();
        if before == near {
            return;
        }
        self.near.set(near);
        self.stop();
        if before.0 < near.1 && near.0 < before.1 {
            self.at_rest.set(near);
        } else {
            let rest = move || {
                if let Some(near) = self.near.try_get_untracked() {
                    self.at_rest.try_set(near);
                }
            };
            let _ = self
                .resting
                .try_set_value(set_timeout_with_handle(rest, REST).ok());
        }
    }

    fn stop(self) {
        if let Some(handle) = self.resting.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    }

    fn top(self) -> Option<f64> {
        let frame = self.frame.try_get_untracked().flatten()?;
        Some(frame.get_bounding_client_rect().top())
    }

    fn head(self) -> f64 {
        self.head_element()
            .map_or(0.0, |head| head.get_bounding_client_rect().height())
    }

    /// Where the header's upper edge stands when it sticks: below a bar, on a phone.
    fn sticks_at(self) -> f64 {
        self.head_element()
            .and_then(|head| head.query_selector("th").ok().flatten())
            .and_then(|cell| window().get_computed_style(&cell).ok().flatten())
            .and_then(|style| style.get_property_value("top").ok())
            .and_then(|top| top.trim_end_matches("px").parse::<f64>().ok())
            .unwrap_or_default()
    }

    fn head_element(self) -> Option<web_sys::Element> {
        let frame = self.frame.try_get_untracked().flatten()?;
        frame.query_selector("thead").ok().flatten()
    }
}

fn screen_height() -> f64 {
    window()
        .inner_height()
        .ok()
        .and_then(|height| height.as_f64())
        .unwrap_or(900.0)
}

/// A count of rows; nothing below zero, and no figure that makes no sense.
fn whole(rows: f64) -> usize {
    if rows.is_finite() && rows > 0.0 {
        rows.min(1e9) as usize
    } else {
        0
    }
}
