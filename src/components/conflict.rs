//! One field that two people changed: both versions side by side, with what each changed marked, and the ways out of it.
//! It knows texts and labels; never a record, a server or how the choice is stored.

use leptos::html;
use leptos::prelude::*;

use super::{Icon, Shape, focus_on};
use crate::model::merge::{self, Fate};

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Mine,
    Theirs,
    /// A text that is neither, made of both.
    Merged(String),
}

/// What kind of value the field holds, and so how two of them can be brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of a few, or a name or a date: one of both has to go.
    Whole,
    /// Words, of which both may stay.
    Text,
}

/// A field changed on both sides since `base`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    pub base: String,
    pub mine: String,
    pub theirs: String,
}

/// Both versions of a field, and the ways to settle it: keep mine, take theirs, or for words a text made of both.
#[component]
pub fn Conflict(
    #[prop(into)] label: String,
    #[prop(into)] versions: Signal<Versions>,
    values: Values,
    /// Whose the other version is, if that is known.
    #[prop(optional, into)]
    whose: MaybeProp<String>,
    /// The longest text that can be saved, in characters.
    #[prop(optional)]
    limit: Option<usize>,
    /// How a stored value reads for people.
    #[prop(into)]
    reads: Callback<String, String>,
    on_settled: Callback<Settled>,
    /// The id of the field's own control: the focus goes there once it is settled, since what was pressed is gone then.
    #[prop(optional, into)]
    control: Option<String>,
) -> impl IntoView {
    let merging = RwSignal::new(None::<String>);
    let (whole, text) = (
        NodeRef::<html::Div>::new(),
        NodeRef::<html::Textarea>::new(),
    );
    let settle = Callback::new(move |settled| {
        on_settled.run(settled);
        if let Some(control) = &control {
            focus_on(control);
        }
    });
    // Who works by keyboard goes on where the next thing to do has appeared.
    let merge = move |begun: Option<String>| {
        merging.set(begun);
        request_animation_frame(move || {
            let text = text.try_get_untracked().flatten().map(|text| text.focus());
            if text.is_none()
                && let Some(whole) = whole.try_get_untracked().flatten()
            {
                let _ = whole.focus();
            }
        });
    };
    let over = Memo::new(move |_| {
        let typed = merging.with(|text| text.as_ref().map_or(0, |text| text.chars().count()));
        over(typed, limit)
    });
    let both_in_one = format!("{label}, both versions in one");
    let version = move |title: AnyView, text: fn(&Versions) -> &str| {
        let body = move || {
            versions.with(|versions| {
                let text = text(versions);
                match values {
                    Values::Whole => reads.run(text.to_owned()).into_any(),
                    Values::Text => marked(&versions.base, text),
                }
            })
        };
        view! {
            <div class="conflict-version">
                <p class="conflict-whose">{title}</p>
                <div class="conflict-text" dir="auto">{body}</div>
            </div>
        }
    };
    let theirs = move || {
        whose
            .get()
            .unwrap_or_else(|| "The other version".to_owned())
    };
    let question = move || match whose.get() {
        Some(name) => format!("{name} changed this too. Which text should stay?"),
        None => "Both of you changed this. Which text should stay?".to_owned(),
    };
    let together = move || {
        versions.with(|versions| merge::merge(&versions.base, &versions.mine, &versions.theirs))
    };
    view! {
        <div
            class="conflict"
            role="group"
            tabindex="-1"
            aria-label=format!("{label}: changed by both")
            node_ref=whole
        >
            <p class="conflict-title">
                <Icon shape=Shape::Alert size=14 />
                {question}
            </p>
            <div class="conflict-versions">
                {version("Yours".into_any(), |versions| &versions.mine)}
                {version(theirs.into_any(), |versions| &versions.theirs)}
            </div>
            {move || {
                merging
                    .get()
                    .is_some()
                    .then(|| {
                        view! {
                            <textarea
                                class="input"
                                dir="auto"
                                rows="4"
                                node_ref=text
                                aria-label=both_in_one.clone()
                                aria-invalid=move || over.with(Option::is_some).then_some("true")
                                prop:value=move || merging.get().unwrap_or_default()
                                on:input=move |event| merging.set(Some(event_target_value(&event)))
                            ></textarea>
                            <p class="field-note field-note-error" role="alert">{move || over.get()}</p>
                        }
                    })
            }}
            <div class="form-foot">
                <Show
                    when=move || merging.with(Option::is_none)
                    fallback=move || {
                        view! {
                            <button
                                class="button button-small button-primary"
                                type="button"
                                aria-disabled=move || over.with(Option::is_some).then_some("true")
                                on:click=move |_| {
                                    if over.with_untracked(Option::is_some) {
                                        return merge(merging.get_untracked());
                                    }
                                    settle.run(Settled::Merged(merging.get_untracked().unwrap_or_default()));
                                }
                            >
                                "Use this text"
                            </button>
                            <button class="button button-small button-quiet" type="button" on:click=move |_| merge(None)>
                                "Back"
                            </button>
                        }
                    }
                >
                    <button class="button button-small" type="button" on:click=move |_| settle.run(Settled::Mine)>
                        "Keep mine"
                    </button>
                    <button class="button button-small" type="button" on:click=move |_| settle.run(Settled::Theirs)>
                        "Take theirs"
                    </button>
                    {(values == Values::Text)
                        .then(|| {
                            view! {
                                <button
                                    class="button button-small"
                                    type="button"
                                    on:click=move |_| merge(Some(together().text))
                                >
                                    "Merge both"
                                </button>
                            }
                        })}
                </Show>
            </div>
        </div>
    }
}

/// What is wrong with a text of this length; the database would refuse it.
fn over(length: usize, limit: Option<usize>) -> Option<String> {
    let limit = limit?;
    Some(match length.checked_sub(limit).filter(|over| *over > 0)? {
        1 => format!("1 character too long. The limit is {limit}."),
        over => format!("{over} characters too long. The limit is {limit}."),
    })
}

/// A text with what was changed in it since `base`.
pub fn marked(base: &str, text: &str) -> AnyView {
    let pieces = merge::changes(base, text)
        .into_iter()
        .map(|(fate, piece)| match fate {
            Fate::Kept => piece.into_any(),
            Fate::Added => view! { <ins>{piece}</ins> }.into_any(),
            Fate::Removed => view! { <del>{piece}</del> }.into_any(),
        });
    match pieces.collect::<Vec<_>>() {
        pieces if pieces.is_empty() => view! { <span class="muted">"(empty)"</span> }.into_any(),
        pieces => pieces.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_text_that_the_database_would_refuse_is_said_to_be_too_long() {
        assert_eq!(over(10_000, Some(10_000)), None);
        assert_eq!(over(50, None), None);
        let words = over(10_002, Some(10_000));
        assert_eq!(
            words.as_deref(),
            Some("2 characters too long. The limit is 10000.")
        );
    }
}
