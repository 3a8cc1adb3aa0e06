//! The form on paper: who it is about on top of every page, each question with its answer, room for signatures.
//!
//! It is a table because a table's head is what browsers repeat on each page. On screen it is not there at all.

use leptos::prelude::*;

use super::{Shown, born};
use crate::components::time::on_paper;
use crate::model::FormKind;
use crate::model::form_kind::{Field, Question, open_answers, reading_of};

/// What the printer gets in place of the page. It is made when it is wanted: nobody needs each answer twice.
#[component]
pub fn PrintSheet(shown: Shown, printing: RwSignal<bool>) -> impl IntoView {
    let before = window_event_listener_untyped("beforeprint", move |_| printing.set(true));
    let after = window_event_listener_untyped("afterprint", move |_| printing.set(false));
    on_cleanup(move || {
        before.remove();
        after.remove();
    });
    move || printing.get().then(|| untrack(|| sheet(shown)))
}

fn sheet(shown: Shown) -> AnyView {
    let kind = FormKind::of(shown.form_type());
    let name = shown.patient.with(|patient| {
        patient.as_ref().map_or_else(
            || shown.read(|form| form.about()),
            |patient| patient.listed_name(),
        )
    });
    let facts = shown.patient.with(|patient| {
        let patient = patient.as_ref()?;
        Some(format!(
            "Born {} · {} · Record number {} · {}",
            born(patient),
            patient.sex.label(),
            patient.mrn,
            patient.ward
        ))
    });
    let sections = kind.map(|kind| {
        kind.sections
            .iter()
            .map(|section| {
                let rows = section
                    .fields
                    .iter()
                    .filter_map(|field| row(shown, field))
                    .collect_view();
                view! {
                    <section class="print-section">
                        <h2>{section.title}</h2>
                        <dl>{rows}</dl>
                    </section>
                }
            })
            .collect_view()
    });
    let open = shown
        .form
        .with(|form| form.as_ref().map(|form| open_answers(kind, &form.answers)))
        .filter(|open| !open.is_empty())
        .map(|open| {
            let rows = open
                .into_iter()
                .map(|answer| view! { <div><dt>{answer.label}</dt><dd>{answer.text}</dd></div> })
                .collect_view();
            view! {
                <section class="print-section">
                    <h2>"Other answers"</h2>
                    <dl>{rows}</dl>
                </section>
            }
        });
    let submitted = shown.read(|form| {
        form.submitted_at
            .as_deref()
            .map_or_else(|| "not yet".to_owned(), on_paper)
    });
    let comment = shown.read(|form| form.review_comment.trim().to_owned());
    view! {
        <table class="print-sheet">
            <thead>
                <tr>
                    <th scope="col">
                        <div class="print-head">
                            <p class="print-name">{name}</p>
                            <p>{facts}</p>
                        </div>
                    </th>
                </tr>
            </thead>
            <tbody>
                <tr>
                    <td>
                        <div class="print-title">
                            <h1>{shown.form_type().label()}</h1>
                            <p>{shown.status().label()}</p>
                        </div>
                        {sections}
                        {open}
                        <section class="print-section">
                            <h2>"Record"</h2>
                            <dl>
                                <div>
                                    <dt>"Written by"</dt>
                                    <dd>{shown.person(|form| form.submitted_by)}</dd>
                                </div>
                                <div>
                                    <dt>"Submitted"</dt>
                                    <dd>{submitted}</dd>
                                </div>
                                <div>
                                    <dt>"Reviewed by"</dt>
                                    <dd>{shown.person(|form| form.reviewed_by)}</dd>
                                </div>
                                {(!comment.is_empty())
                                    .then(|| view! { <div><dt>"Reviewer’s comment"</dt><dd>{comment}</dd></div> })}
                            </dl>
                        </section>
                        <div class="print-signatures">
                            <p>"Date, signature of the author"</p>
                            <p>"Date, signature of the reviewer"</p>
                        </div>
                    </td>
                </tr>
            </tbody>
        </table>
    }
    .into_any()
}

/// A question and its answer; nothing for a question that is not asked and has none.
fn row(shown: Shown, field: &'static Field) -> Option<AnyView> {
    let text = shown.text(field.key);
    if text.is_empty() && !field.is_asked(|key| shown.text(key)) {
        return None;
    }
    let class = match field.question {
        Question::Signature => "print-signature",
        _ => "",
    };
    let reading = match text.trim() {
        "" => "–".to_owned(),
        _ => reading_of(field, &text),
    };
    Some(view! { <div><dt>{field.label}</dt><dd class=class>{reading}</dd></div> }.into_any())
}
