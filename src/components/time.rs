//! Moments as people speak of them. The one place in the interface that asks for the time.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::model::{CalendarDate, WallTime};

/// A signal that moves on every half minute, shared by every moment on the page.
#[derive(Clone, Copy)]
pub struct Now(ReadSignal<f64>);

/// Starts the clock that [`Ago`] follows. Once, at the root.
pub fn provide_now() {
    let (now, set_now) = signal(js_sys::Date::now());
    let handle = set_interval_with_handle(
        move || set_now.set(js_sys::Date::now()),
        Duration::from_secs(30),
    );
    if let Ok(handle) = handle {
        on_cleanup(move || handle.clear());
    }
    provide_context(Now(now));
}

/// The day it is here.
pub fn today() -> CalendarDate {
    day_of(&js_sys::Date::new_0())
}

fn day_of(moment: &js_sys::Date) -> CalendarDate {
    let part = |value: u32| u8::try_from(value).unwrap_or(1);
    CalendarDate {
        year: u16::try_from(moment.get_full_year()).unwrap_or(u16::MAX),
        month: part(moment.get_month()).saturating_add(1),
        day: part(moment.get_date()),
    }
}

/// A moment as it stands on paper, where nothing counts on: `23 Nov 2026, 08:30`, by the clock on the wall here.
pub fn on_paper(at: &str) -> String {
    let moment = js_sys::Date::new(&at.into());
    if moment.get_time().is_nan() {
        return at.to_owned();
    }
    let (hours, minutes) = (moment.get_hours(), moment.get_minutes());
    format!("{}, {hours:02}:{minutes:02}", day_of(&moment).label())
}

/// What the clock on the wall says here.
pub fn this_minute() -> WallTime {
    wall_time(&js_sys::Date::new_0())
}

/// A minute of this place with the offset from UTC that holds here on that day. `None` for a text that is no minute.
pub fn here_at(text: &str) -> Option<WallTime> {
    let WallTime { date, minute, .. } = WallTime::parse(text)?;
    let at = js_sys::Date::new_with_year_month_day_hr_min(
        u32::from(date.year),
        i32::from(date.month) - 1,
        i32::from(date.day),
        i32::from(minute / 60),
        i32::from(minute % 60),
    );
    let offset = offset_of(&at);
    Some(WallTime {
        date,
        minute,
        offset,
    })
}

fn wall_time(at: &js_sys::Date) -> WallTime {
    let minute = at.get_hours() * 60 + at.get_minutes();
    WallTime {
        date: day_of(at),
        minute: u16::try_from(minute).unwrap_or(0),
        offset: offset_of(at),
    }
}

/// Minutes ahead of UTC; JavaScript counts those behind.
fn offset_of(at: &js_sys::Date) -> Option<i16> {
    let behind = at.get_timezone_offset();
    behind.is_finite().then_some(-behind as i16)
}

/// How long ago, in words, for a time in milliseconds since 1970.
fn ago(then: f64, now: f64) -> String {
    // Below zero, a server's clock a little ahead, is "just now" too.
    let minutes = (now - then) / 60_000.0;
    let counted = |count: f64, unit: &str| format!("{} {unit} ago", count.floor());
    match minutes {
        minutes if !minutes.is_finite() => "–".to_owned(),
        minutes if minutes < 1.0 => "just now".to_owned(),
        minutes if minutes < 60.0 => counted(minutes, "min"),
        minutes if minutes < 24.0 * 60.0 => counted(minutes / 60.0, "h"),
        minutes if minutes < 48.0 * 60.0 => "yesterday".to_owned(),
        minutes if minutes < 60.0 * 24.0 * 60.0 => counted(minutes / (24.0 * 60.0), "days"),
        minutes if minutes < 730.0 * 24.0 * 60.0 => {
            counted(minutes / (30.44 * 24.0 * 60.0), "months")
        }
        minutes => counted(minutes / (365.25 * 24.0 * 60.0), "years"),
    }
}

/// The moment behind a timestamp, to the second, as people here write it; a dash for a text that is none.
pub fn exactly(at: &str) -> String {
    let then = js_sys::Date::parse(at);
    if !then.is_finite() {
        return "–".to_owned();
    }
    js_sys::Date::new(&then.into())
        .to_locale_string("default", &wasm_bindgen::JsValue::UNDEFINED)
        .into()
}

/// How long ago a timestamp is, in words.
pub fn ago_at(at: &str, now: f64) -> String {
    ago(js_sys::Date::parse(at), now)
}

/// The present, to the half minute, in milliseconds since 1970.
pub fn use_now() -> Signal<f64> {
    let now = use_context::<Now>();
    Signal::derive(move || now.map_or_else(js_sys::Date::now, |now| now.0.get()))
}

/// Gives a `<time>` under the pointer the exact moment as its title: writing out the moments of a whole list in the reader's own
/// way takes the browser longer than drawing it.
pub fn tell_exactly(event: &web_sys::Event) {
    let time = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .filter(|element| element.tag_name() == "TIME");
    if let Some(time) = time
        && let Some(at) = time.get_attribute("datetime")
    {
        // A title that is refused is no loss: the words are there.
        let _ = time.set_attribute("title", &exactly(&at));
    }
}

/// A moment, as long ago as it is; the exact time on hover.
#[component]
pub fn Ago(#[prop(into)] at: Signal<String>) -> impl IntoView {
    let now = use_now();
    let then = Memo::new(move |_| at.with(|at| js_sys::Date::parse(at)));
    view! {
        <time class="nowrap" datetime=move || at.get() on:pointerenter=move |event| tell_exactly(&event)>
            {move || ago(then.get(), now.get())}
        </time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: f64 = 60_000.0;
    const DAY: f64 = 24.0 * 60.0 * MINUTE;

    #[test]
    fn a_moment_is_spoken_of_in_the_unit_people_would_use() {
        let now = 100.0 * DAY;
        for (then, words) in [
            (now, "just now"),
            (now + 5.0 * MINUTE, "just now"),
            (now - MINUTE, "1 min ago"),
            (now - 59.9 * MINUTE, "59 min ago"),
            (now - 60.0 * MINUTE, "1 h ago"),
            (now - 1.5 * DAY, "yesterday"),
            (now - 3.0 * DAY, "3 days ago"),
            (now - 70.0 * DAY, "2 months ago"),
        ] {
            assert_eq!(ago(then, now), words);
        }
    }

    #[test]
    fn a_time_that_is_none_is_a_dash() {
        assert_eq!(ago(f64::NAN, DAY), "–");
    }
}
