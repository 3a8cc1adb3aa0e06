//! What a save that was stopped says, for its author to read and to copy: nothing that was typed is out of reach.

use std::fmt::Write as _;

use leptos::prelude::*;
use serde_json::Value;

use super::Toasts;
use super::copy::copy;
use crate::model::PatientField;
use crate::model::form_submission::reading;
use crate::sync::Table;
use crate::sync::outbox::{Change, Write};

/// The values of a save by name, and a button that copies them.
#[component]
pub fn OutboxContent(change: Change) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let content = content(&change);
    let text = as_text(&change.title, &content);
    view! {
        <details class="outbox-content">
            <summary>"What you saved"</summary>
            <dl>
                {content
                    .into_iter()
                    .map(|(name, value)| {
                        view! {
                            <dt>{name}</dt>
                            <dd dir="auto">{value}</dd>
                        }
                    })
                    .collect_view()}
            </dl>
            <button
                class="link"
                type="button"
                on:click=move |_| {
                    copy(
                        text.clone(),
                        move |copied| {
                            if copied {
                                toasts.done("Copied.");
                            } else {
                                toasts.failed("This browser doesn't allow copying. Select the text instead.");
                            }
                        },
                    );
                }
            >
                "Copy"
            </button>
        </details>
    }
}

/// The values that a save sets, each with its name. Answers that were there before are left out.
pub fn content(change: &Change) -> Vec<(String, String)> {
    let mut content = Vec::new();
    for (column, value) in &change.columns {
        let before = match &change.write {
            Write::Update { base, .. } => base.get(column),
            Write::Create => None,
        };
        match value {
            Value::Object(answers) => {
                let before = before.and_then(Value::as_object);
                let was = |key: &String| before.and_then(|before| before.get(key));
                let changed = answers
                    .iter()
                    .filter(|(key, value)| was(key) != Some(value));
                content.extend(changed.map(|(key, value)| (reading(key), shown(value))));
                let gone = before.into_iter().flat_map(|before| before.keys());
                let gone = gone.filter(|key| !answers.contains_key(*key));
                content.extend(gone.map(|key| (reading(key), shown(&Value::Null))));
            }
            // Which patient a form is about is in its title.
            _ if column.ends_with("_id") => {}
            value => content.push(named(change.table, column, value)),
        }
    }
    content
}

fn named(table: Table, column: &str, value: &Value) -> (String, String) {
    let field = (table == Table::Patients)
        .then(|| PatientField::of_column(column))
        .flatten();
    match field {
        Some(field) => (field.label().to_owned(), field.reading(&shown_plain(value))),
        None if column == "mrn" => ("Record number".to_owned(), shown(value)),
        None => (reading(column), shown(value)),
    }
}

fn shown(value: &Value) -> String {
    let text = shown_plain(value);
    if text.is_empty() {
        "(empty)".to_owned()
    } else {
        text
    }
}

fn shown_plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(shown_plain).collect();
            values.join(", ")
        }
        other => other.to_string(),
    }
}

fn as_text(title: &str, content: &[(String, String)]) -> String {
    let mut text = title.to_owned();
    for (name, value) in content {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{name}: {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::sync::outbox::Columns;
    use crate::sync::outbox::saves::new_patient;

    fn columns(json: Value) -> Columns {
        match json {
            Value::Object(columns) => columns,
            _ => Columns::new(),
        }
    }

    #[test]
    fn a_refused_registration_shows_all_that_was_typed() {
        let fields = [
            (PatientField::FirstName, "Ines".to_owned()),
            (PatientField::Notes, "Two lines\nof notes".to_owned()),
        ];
        let change = new_patient(Uuid::nil(), "BD-9", Some(Uuid::nil()), fields);
        let text = as_text("Marsh, Ines", &content(&change));
        assert_eq!(
            text,
            "Marsh, Ines\nFirst name: Ines\nRecord number: BD-9\nNotes: Two lines\nof notes"
        );
    }

    #[test]
    fn refused_answers_are_shown_without_those_that_were_there_before() {
        let seen = columns(json!({"answers": {"pain": 1, "heart_rate": 60, "remark": "calm"}}));
        let set = columns(json!({"answers": {"pain": 1, "heart_rate": 72}, "status": "submitted"}));
        let change = Change::update(Table::FormSubmissions, Uuid::nil(), 3, &seen, set, "Vitals");
        let expected = [
            ("Heart rate", "72"),
            ("Remark", "(empty)"),
            ("Status", "submitted"),
        ];
        assert_eq!(
            content(&change),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
