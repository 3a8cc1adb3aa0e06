//! A field of a patient's record as it is edited: the control that suits it, and what the others do with it meanwhile.

use leptos::prelude::*;

use crate::components::{
    Author, Authors, Conflict, FieldShell, Icon, LongText, Settled, Shape, TypedDate, Values,
    Versions,
};
use crate::model::patient::NOTES_LIMIT;
use crate::model::{Draft, FieldState, PatientField, PatientStatus, Sex, WARDS};
use crate::sync::kept_drafts::Left;

/// A patient's record as somebody edits it.
pub type PatientDraft = Draft<PatientField>;

/// The id of a field's control.
pub fn field_id(field: PatientField) -> String {
    format!("patient-{}", field.column().replace('_', "-"))
}

/// A field by its column, as it is kept on disk.
pub fn by_column((field, base, typed): (PatientField, String, String)) -> Left {
    (field.column().to_owned(), base, typed)
}

/// The field that was kept, if this build knows it.
pub fn of_column((column, base, typed): Left) -> Option<(PatientField, String, String)> {
    Some((PatientField::of_column(&column)?, base, typed))
}

/// A field with its label, its trouble, and its conflict.
#[component]
pub fn DraftField(
    field: PatientField,
    draft: RwSignal<PatientDraft>,
    #[prop(into)] error: Signal<Option<String>>,
    /// Who else changes the record, where there is one already.
    #[prop(optional)]
    authors: Option<Authors>,
) -> impl IntoView {
    // Whose the text in the row is.
    let author = Memo::new(move |_| match authors {
        Some(authors) => {
            draft.with(|draft| authors.of(field, draft.version(), draft.stored(field)))
        }
        None => Author::Unknown,
    });
    let id = field_id(field);
    let note = format!("{id}-note");
    let value = Memo::new(move |_| draft.with(|draft| draft.typed(field).to_owned()));
    let state = Memo::new(move |_| draft.with(|draft| draft.state(field)));
    let type_in = move |text: String| draft.update(|draft| draft.type_in(field, text));
    // A date of which a part is typed. Another text takes its place.
    let partial = RwSignal::new(false);
    Effect::new(move |_| {
        if !value.with(String::is_empty) {
            partial.set(false);
        }
    });
    let error = Signal::derive(move || match error.get() {
        Some(_) if partial.get() => Some(format!("{} is not complete.", field.label())),
        error => error,
    });
    let invalid = move || error.with(Option::is_some).then_some("true");
    let control = match field {
        PatientField::Notes => view! {
            <LongText
                id=id.clone()
                field=field.column()
                value
                stored=Signal::derive(move || draft.with(|draft| draft.stored(field).to_owned()))
                on_input=Callback::new(type_in)
                limit=NOTES_LIMIT
                invalid=Signal::derive(move || error.with(Option::is_some))
            />
        }
        .into_any(),
        PatientField::Sex | PatientField::Status | PatientField::Ward => view! {
            <select
                class="input"
                id=id.clone()
                data-field=field.column()
                aria-describedby=note
                prop:value=move || value.get()
                on:change=move |event| type_in(event_target_value(&event))
            >
                {move || choices(field, &value.get())}
            </select>
        }
        .into_any(),
        PatientField::DateOfBirth => view! {
            <input
                class="input"
                id=id.clone()
                type="date"
                autocomplete="off"
                data-field=field.column()
                aria-describedby=note
                aria-invalid=invalid
                prop:value=move || value.get()
                on:input=move |event| match TypedDate::of(&event) {
                    TypedDate::Whole(date) => {
                        partial.set(false);
                        type_in(date);
                    }
                    // Without a date nothing is saved, and the stored one stays.
                    TypedDate::Part => {
                        partial.set(true);
                        type_in(String::new());
                    }
                }
            />
        }
        .into_any(),
        _ => view! {
            <input
                class="input"
                id=id.clone()
                type="text"
                autocomplete="off"
                dir="auto"
                data-field=field.column()
                aria-describedby=note
                aria-invalid=invalid
                prop:value=move || value.get()
                on:input=move |event| type_in(event_target_value(&event))
            />
        }
        .into_any(),
    };
    view! {
        <FieldShell id label=field.label() error shared=field.column()>
            {control}
            {move || match state.get() {
                FieldState::Untouched | FieldState::Typed => ().into_any(),
                FieldState::FollowedTheRow => followed(author.get()),
                FieldState::Conflict { base, theirs } => {
                    let versions = Signal::derive(move || Versions {
                        base: base.clone(),
                        mine: value.get(),
                        theirs: theirs.clone(),
                    });
                    let values = if field == PatientField::Notes { Values::Text } else { Values::Whole };
                    view! {
                        <Conflict
                            control=field_id(field)
                            label=field.label()
                            versions
                            whose=Signal::derive(move || author.get().name())
                            values
                            limit=NOTES_LIMIT
                            reads=move |stored: String| field.reading(&stored)
                            on_settled=Callback::new(move |settled| {
                                draft.update(|draft| match settled {
                                    Settled::Mine => draft.keep_mine(field),
                                    Settled::Theirs => draft.take_theirs(field),
                                    Settled::Merged(text) => draft.merge_into(field, text),
                                });
                            })
                        />
                    }
                        .into_any()
                }
            }}
        </FieldShell>
    }
}

/// Beside a field that took somebody else's text. What one changed oneself, on this page or another, needs no word.
fn followed(author: Author) -> AnyView {
    let words = match author {
        Author::NotYetKnown | Author::Oneself => return ().into_any(),
        Author::Named(name) => format!("Changed by {name}"),
        Author::Unknown => "Changed elsewhere".to_owned(),
    };
    view! {
        <p class="field-note field-note-elsewhere" role="status">
            <Icon shape=Shape::Refresh size=12 />
            {words}
        </p>
    }
    .into_any()
}

/// The options of a field; a value that this build does not know stays choosable rather than change by itself.
fn choices(field: PatientField, value: &str) -> Vec<AnyView> {
    let mut options: Vec<(String, String)> = match field {
        PatientField::Sex => Sex::ALL
            .iter()
            .map(|sex| (sex.word().to_owned(), sex.label().to_owned()))
            .collect(),
        PatientField::Status => PatientStatus::ALL
            .iter()
            .map(|status| (status.word().to_owned(), status.label().to_owned()))
            .collect(),
        _ => WARDS
            .iter()
            .map(|ward| ((*ward).to_owned(), (*ward).to_owned()))
            .collect(),
    };
    if !options.iter().any(|(word, _)| word == value) {
        let label = if value.is_empty() { "Choose" } else { value };
        options.insert(0, (value.to_owned(), label.to_owned()));
    }
    options
        .into_iter()
        .map(|(word, label)| {
            let chosen = word == value;
            view! { <option value=word selected=chosen>{label}</option> }.into_any()
        })
        .collect()
}
