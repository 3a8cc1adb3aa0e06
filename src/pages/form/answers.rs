//! The answers of a form as they are read, section by section, with what should make somebody look twice.

use leptos::prelude::*;

use super::Shown;
use crate::components::time::this_minute;
use crate::components::{ChangedText, Icon, Shape};
use crate::model::FormKind;
use crate::model::form_kind::{Field, OpenAnswer, open_answers, reading_of};

/// The answers, and those that no question of this build asks for.
#[component]
pub fn Answers(shown: Shown) -> impl IntoView {
    let kind = move || FormKind::of(shown.form_type());
    let open = Memo::new(move |_| {
        shown.form.with(|form| {
            form.as_ref()
                .map(|form| open_answers(kind(), &form.answers))
                .unwrap_or_default()
        })
    });
    let sections = move || {
        kind().map(|kind| {
            kind.sections
                .iter()
                .map(|section| {
                    let fields = section
                        .fields
                        .iter()
                        .map(|field| view! { <Answer shown field /> })
                        .collect_view();
                    view! {
                        <section class="form-section">
                            <h3>{section.title}</h3>
                            <dl class="facts">{fields}</dl>
                        </section>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <section class="card" aria-labelledby="answers-title">
            <div class="card-head">
                <h2 id="answers-title">"Answers"</h2>
            </div>
            <div class="card-body form-sections">
                {sections}
                <Show when=move || open.with(|open| !open.is_empty())>
                    <section class="form-section">
                        <h3>"Other answers"</h3>
                        <dl class="facts">
                            <For
                                each=move || open.get()
                                key=|answer| (answer.label.clone(), answer.text.clone())
                                children=|OpenAnswer { label, text }| {
                                    view! {
                                        <div>
                                            <dt>{label}</dt>
                                            <dd class="prose">{text}</dd>
                                        </div>
                                    }
                                }
                            />
                        </dl>
                    </section>
                </Show>
            </div>
        </section>
    }
}

#[component]
fn Answer(shown: Shown, field: &'static Field) -> impl IntoView {
    let text = Memo::new(move |_| shown.text(field.key));
    // An answer to a question that is no longer asked is still an answer.
    let listed =
        Memo::new(move |_| !text.get().is_empty() || field.is_asked(|key| shown.text(key)));
    let reading = Signal::derive(move || match text.get() {
        text if text.trim().is_empty() => "–".to_owned(),
        text => reading_of(field, &text),
    });
    let warning = move || {
        let checked = field.check(&text.get(), this_minute(), shown.ranges.get());
        Some(checked.ok().flatten()?.to_string())
    };
    view! {
        <Show when=move || listed.get()>
            <div class=if field.is_long() { "facts-wide" } else { "" }>
                <dt>{field.label}</dt>
                <dd class="prose" dir="auto">
                    <ChangedText of=reading />
                    {move || {
                        warning()
                            .map(|words| {
                                view! {
                                    <span class="field-note field-note-warning">
                                        <Icon shape=Shape::Alert size=12 />
                                        {words}
                                    </span>
                                }
                            })
                    }}
                </dd>
            </div>
        </Show>
    }
}
