//! A long text: grows with what is typed, says how much room is left before there is none, and shows where others have their caret.

use leptos::prelude::*;
use leptos::{ev, html};
use uuid::Uuid;

use super::together::Together;
use crate::model::caret;

/// From this share of the limit on, the room that is left is said.
const NEARLY: f64 = 0.8;

/// A long text. Others' carets show where the page edits in company and `field` names the place.
#[component]
pub fn LongText(
    #[prop(into)] id: String,
    /// The field's name among those who edit together.
    #[prop(into)]
    field: String,
    #[prop(into)] value: Signal<String>,
    /// The text that the database holds, by which carets are placed.
    #[prop(into)]
    stored: Signal<String>,
    on_input: Callback<String>,
    /// How many characters the database takes.
    limit: usize,
    #[prop(default = 5)] rows: u32,
    #[prop(into)] invalid: Signal<bool>,
) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    let note = format!("{id}-note");
    let length = Memo::new(move |_| value.with(|value| value.chars().count()));
    let left = move || {
        let length = length.get();
        (length as f64 >= limit as f64 * NEARLY).then(|| match limit.checked_sub(length) {
            Some(left) => (false, format!("{left} characters left of {limit}")),
            None => (
                true,
                format!(
                    "{} characters too many; {limit} fit",
                    length.saturating_sub(limit)
                ),
            ),
        })
    };
    let scrolled = RwSignal::new(0);
    let together = use_context::<Together>();
    view! {
        <div class="long-text">
            <textarea
                class="input"
                id=id
                dir="auto"
                rows=rows
                data-field=field.clone()
                aria-describedby=note
                aria-invalid=move || invalid.get().then_some("true")
                node_ref=area
                prop:value=move || value.get()
                on:input=move |event| on_input.run(event_target_value(&event))
                on:scroll=move |event: ev::Event| scrolled.set(event_target::<web_sys::HtmlTextAreaElement>(&event).scroll_top())
            ></textarea>
            {together
                .map(|together| {
                    view! { <Carets together field value stored scrolled=scrolled.read_only() /> }
                })}
        </div>
        <div class="long-text-left" role="status">
            {move || {
                left()
                    .map(|(over, words)| {
                        view! { <p class=if over { "field-note field-note-error" } else { "field-note" }>{words}</p> }
                    })
            }}
        </div>
    }
}

/// A copy of the text that nobody sees, laid over it, with a caret for everyone who has one in it.
#[component]
fn Carets(
    together: Together,
    field: String,
    value: Signal<String>,
    stored: Signal<String>,
    scrolled: ReadSignal<i32>,
) -> impl IntoView {
    let here = Memo::new(move |_| {
        let carets = together
            .company
            .in_field(&field)
            .into_iter()
            .filter_map(|companion| {
                let caret = companion.place.as_ref()?.caret?;
                Some((companion.user, together.name_of(&companion), caret))
            });
        carets.collect::<Vec<_>>()
    });
    let caret = move |(_, name, place): (Uuid, String, u32)| {
        let before = stored
            .with(|stored| value.with(|value| split(value, caret::in_copy(stored, value, place))));
        view! {
            <div class="caret-copy" dir="auto" style:transform=move || format!("translateY({}px)", -scrolled.get())>
                {before.0}
                <span class="caret" data-name=name></span>
                {before.1}
            </div>
        }
    };
    move || {
        let carets = here.get();
        (!carets.is_empty()).then(|| {
            view! { <div class="carets" aria-hidden="true">{carets.into_iter().map(caret).collect_view()}</div> }
        })
    }
}

/// A text in two at a place counted in UTF-16 units; within a letter of two units, before it.
fn split(text: &str, place: u32) -> (String, String) {
    let mut units = 0_u32;
    let at = text
        .char_indices()
        .find(|(_, letter)| {
            units = units.saturating_add(u32::try_from(letter.len_utf16()).unwrap_or(1));
            units > place
        })
        .map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    (before.to_owned(), after.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_where_the_browser_counts() {
        let parts = |text: &str, place: u32| split(text, place);
        assert_eq!(parts("calm", 2), ("ca".to_owned(), "lm".to_owned()));
        assert_eq!(parts("👩🏽x", 4), ("👩🏽".to_owned(), "x".to_owned()));
        assert_eq!(parts("👩", 1), (String::new(), "👩".to_owned()));
        assert_eq!(parts("ab", 99), ("ab".to_owned(), String::new()));
    }
}
