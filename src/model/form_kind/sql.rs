//! The questions as rows of `private.form_fields`, from which the database checks what is submitted.
//!
//! The newest migration named `*_form_kinds.sql` must say what this build asks. A released migration never changes, so a changed form
//! kind needs a new one: the test prints its text.

use std::fmt::Write as _;
use std::path::Path;

use super::{Asked, Choice, Field, KINDS, Need, Question, Rule, Span};
use crate::model::FormType;

/// The migration for the form kinds of this build.
fn migration() -> String {
    let mut fields = Vec::new();
    let mut rules = Vec::new();
    for kind in KINDS {
        let form_type = text(kind.form_type.word());
        for (position, field) in kind.fields().enumerate() {
            fields.push(row(kind.form_type, position + 1, field));
        }
        for Rule::Below(lower, upper) in kind.rules {
            rules.push(format!("  ({form_type}, {}, {})", text(lower), text(upper)));
        }
    }
    let mut sql = String::from(
        "-- What each form asks, generated from src/model/form_kind by its test `the_database_checks_what_the_forms_ask`.\n\n\
         delete from private.form_fields;\n\
         insert into private.form_fields (form_type, position, key, question, required, asked_when, asked_is, longest, least, most, decimals, choices, span) values\n",
    );
    _ = writeln!(sql, "{};", fields.join(",\n"));
    _ = write!(
        sql,
        "\ndelete from private.form_rules;\ninsert into private.form_rules (form_type, lower_key, upper_key) values\n{};\n",
        rules.join(",\n")
    );
    sql
}

fn row(form_type: FormType, position: usize, field: &Field) -> String {
    let (asked_when, asked_is) = match field.asked {
        Asked::Always => (None, None),
        Asked::When { key, is } => (Some(text(key)), Some(text(is))),
    };
    let (mut least, mut most, mut decimals, mut choices, mut span) = (None, None, None, None, None);
    let question = match field.question {
        Question::Text | Question::LongText | Question::Signature => "text",
        Question::Number(quantity) => {
            least = Some(quantity.possible.0.to_string());
            most = Some(quantity.possible.1.to_string());
            decimals = Some(quantity.decimals.to_string());
            "number"
        }
        Question::Choice(known) => {
            choices = Some(array(known));
            "choice"
        }
        Question::Choices(known) => {
            choices = Some(array(known));
            "choices"
        }
        Question::Date(days) => {
            span = Some(span_of(days));
            "date"
        }
        Question::Moment(days) => {
            span = Some(span_of(days));
            "moment"
        }
        Question::YesNo => "yes_no",
    };
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    format!(
        "  ({}, {position}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        text(form_type.word()),
        text(field.key),
        text(question),
        field.need == Need::Required,
        or_null(asked_when),
        or_null(asked_is),
        field.question.longest(),
        or_null(least),
        or_null(most),
        or_null(decimals),
        or_null(choices),
        or_null(span),
    )
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn array(choices: &[Choice]) -> String {
    let words: Vec<_> = choices.iter().map(|choice| text(choice.word)).collect();
    format!("array[{}]", words.join(", "))
}

fn span_of(span: Span) -> String {
    text(match span {
        Span::Past => "past",
        Span::Future => "future",
    })
}

#[test]
fn the_database_checks_what_the_forms_ask() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("supabase/migrations");
    let newest = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with("_form_kinds.sql"))
        .max();
    let released = newest.map(|path| std::fs::read_to_string(path).unwrap());
    let asked = migration();
    assert!(
        released.as_deref() == Some(asked.as_str()),
        "The forms have changed. Add a migration named YYYYMMDDHHMMSS_form_kinds.sql with this text:\n\n{asked}"
    );
}
