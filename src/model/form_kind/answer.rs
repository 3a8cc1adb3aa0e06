//! An answer as stored, as edited and as read: JSON, the text in the field, the text on paper.
//!
//! Whatever is typed reads back as it was typed: a number is stored as a number only when its digits say the same again, so
//! that a half-typed `36.` in a draft comes back as `36.`.

use serde_json::{Map, Number, Value};

use super::field::{Choice, Field, Question};
use crate::model::form_submission::{plain, reading};
use crate::model::{CalendarDate, WallTime};

/// The text in the field for a stored answer. Several choices stand on lines of their own.
pub fn text_of(answer: Option<&Value>) -> String {
    match answer {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| text_of(Some(item)))
            .collect::<Vec<_>>()
            .join("\n"),
        Some(other) => other.to_string(),
    }
}

/// What is stored for a text; nothing for an empty one.
///
/// ```
/// use bedside::model::{FormType, form_kind::{FormKind, text_of, value_of}};
/// let heart_rate = FormKind::of(FormType::Vitals).and_then(|kind| kind.field("heart_rate"));
/// let stored = heart_rate.and_then(|field| value_of(field, "72"));
/// assert_eq!(stored, Some(serde_json::json!(72)));
/// assert_eq!(text_of(stored.as_ref()), "72");
/// ```
pub fn value_of(field: &Field, text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let as_text = || Value::String(text.to_owned());
    Some(match field.question {
        Question::Number(_) => numeral(text)
            .filter(|number| number.to_string() == text)
            .map_or_else(as_text, Value::Number),
        Question::YesNo if text == "true" => Value::Bool(true),
        Question::YesNo if text == "false" => Value::Bool(false),
        Question::Choices(_) => Value::Array(
            text.lines()
                .map(|word| Value::String(word.to_owned()))
                .collect(),
        ),
        _ => as_text(),
    })
}

/// The text as it is best stored, once typing is over: blanks around it gone, a decimal comma made a point.
pub fn tidy(field: &Field, text: &str) -> String {
    match field.question {
        Question::LongText => text.trim_end().to_owned(),
        Question::Number(_) => {
            numeral(text).map_or_else(|| text.trim().to_owned(), |number| number.to_string())
        }
        _ => text.trim().to_owned(),
    }
}

/// The answers with some of them changed, everything else as it was.
pub fn changed_answers(
    answers: &Value,
    changes: impl IntoIterator<Item = (&'static Field, String)>,
) -> Value {
    let mut answers = match answers {
        Value::Object(answers) => answers.clone(),
        _ => Map::new(),
    };
    for (field, text) in changes {
        match value_of(field, &text) {
            Some(value) => {
                answers.insert(field.key.to_owned(), value);
            }
            None => {
                answers.remove(field.key);
            }
        }
    }
    Value::Object(answers)
}

/// An answer that no question of the form asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAnswer {
    pub label: String,
    pub text: String,
}

/// The answers that no question asks for: of an older form, or of a newer one.
pub fn open_answers(kind: Option<&super::FormKind>, answers: &Value) -> Vec<OpenAnswer> {
    let Value::Object(answers) = answers else {
        return Vec::new();
    };
    answers
        .iter()
        .filter(|(key, _)| kind.is_none_or(|kind| kind.field(key).is_none()))
        .map(|(key, value)| OpenAnswer {
            label: reading(key),
            text: plain(value),
        })
        .collect()
}

/// The text of an answer as people read it; empty when there is none.
pub fn reading_of(field: &Field, text: &str) -> String {
    match field.question {
        Question::Number(quantity) if numeral(text).is_some() => {
            format!("{} {}", text.trim(), quantity.unit)
                .trim_end()
                .to_owned()
        }
        Question::Choice(choices) => label_of(choices, text),
        Question::Choices(choices) => text
            .lines()
            .map(|word| label_of(choices, word))
            .collect::<Vec<_>>()
            .join(", "),
        Question::YesNo if text == "true" => "Yes".to_owned(),
        Question::YesNo if text == "false" => "No".to_owned(),
        Question::Date(_) => {
            CalendarDate::parse(text).map_or_else(|_| text.to_owned(), CalendarDate::label)
        }
        Question::Moment(_) => match WallTime::parse(text) {
            Some(at) => format!("{}, {}{}", at.date.label(), at.clock(), zone(at)),
            None => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}

/// By which clock a time is told, where known: readers may be in another zone.
fn zone(at: WallTime) -> String {
    match at.offset {
        None => String::new(),
        Some(0) => " (UTC)".to_owned(),
        Some(offset) if offset % 60 == 0 => format!(" (UTC{:+})", offset / 60),
        Some(offset) => {
            let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            format!(" (UTC{sign}{:02}:{:02})", size / 60, size % 60)
        }
    }
}

fn label_of(choices: &[Choice], word: &str) -> String {
    choices
        .iter()
        .find(|choice| choice.word == word)
        .map_or(word, |choice| choice.label)
        .to_owned()
}

/// The number behind a text with digits, at most one sign in front, and at most one point or comma.
pub(super) fn number(text: &str) -> Option<f64> {
    numeral(text)?.as_f64()
}

fn numeral(text: &str) -> Option<Number> {
    let text = text.trim().replace(',', ".");
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| {
        (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !plain(whole) || !plain(rest) {
        return None;
    }
    if rest.bytes().all(|byte| byte == b'0') {
        return text
            .split('.')
            .next()?
            .parse::<i64>()
            .ok()
            .map(Number::from);
    }
    Number::from_f64(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use serde_json::json;

    use super::*;
    use crate::model::FormType;
    use crate::model::form_kind::FormKind;

    fn field(form_type: FormType, key: &str) -> &'static Field {
        FormKind::of(form_type).unwrap().field(key).unwrap()
    }

    #[test]
    fn whatever_is_typed_reads_back_as_it_was_typed() {
        for form_type in FormType::ALL {
            for field in FormKind::of(*form_type).unwrap().fields() {
                for text in [
                    "",
                    "72",
                    "36.8",
                    "36.",
                    "36,8",
                    "007",
                    "-3",
                    "1e5",
                    "NaN",
                    "true",
                    "false",
                    "maybe",
                    " x ",
                    "home",
                    "fall\ninfection",
                    "2026-11-22",
                    "<b>\u{202e}👩🏽",
                    "999999999999",
                    "0.10",
                ] {
                    let stored = value_of(field, text);
                    assert_eq!(text_of(stored.as_ref()), text, "{} {stored:?}", field.key);
                }
            }
        }
    }

    #[test]
    fn a_number_is_stored_as_one_and_an_unfinished_one_as_typed() {
        let temperature = field(FormType::Vitals, "temperature");
        assert_eq!(value_of(temperature, "36.8"), Some(json!(36.8)));
        assert_eq!(value_of(temperature, "37"), Some(json!(37)));
        assert_eq!(value_of(temperature, "37."), Some(json!("37.")));
        assert_eq!(value_of(temperature, "1e3"), Some(json!("1e3")));
    }

    #[test]
    fn tidying_makes_a_typed_number_storable_as_one() {
        let temperature = field(FormType::Vitals, "temperature");
        for (typed, tidied) in [
            ("36,8", "36.8"),
            (" 037 ", "37"),
            ("36.80", "36.8"),
            ("3 7", "3 7"),
            ("-0,5", "-0.5"),
        ] {
            assert_eq!(tidy(temperature, typed), tidied);
        }
    }

    #[test]
    fn a_change_touches_no_other_answer_not_even_one_nobody_asks_for() {
        let answers = json!({"pain": 3, "remark": "calm", "invented_later": {"a": [1]}});
        let changes = [
            (field(FormType::Vitals, "pain"), "4".to_owned()),
            (field(FormType::Vitals, "remark"), String::new()),
        ];
        assert_eq!(
            changed_answers(&answers, changes),
            json!({"pain": 4, "invented_later": {"a": [1]}})
        );
    }

    #[test]
    fn an_answer_nobody_asks_for_is_shown_as_it_is() {
        let kind = FormKind::of(FormType::Vitals);
        let shown = open_answers(kind, &json!({"pain": 3, "blood_sugar": "5.4 mmol/l"}));
        assert_eq!(
            shown,
            [OpenAnswer {
                label: "Blood sugar".to_owned(),
                text: "5.4 mmol/l".to_owned()
            }]
        );
        assert_eq!(open_answers(None, &json!({"pain": 3})).len(), 1);
        assert_eq!(open_answers(kind, &json!("nonsense")), []);
    }

    #[test]
    fn an_answer_reads_with_its_unit_its_label_or_its_date() {
        let cases = [
            (FormType::Vitals, "heart_rate", "72", "72 /min"),
            (FormType::Vitals, "heart_rate", "fast", "fast"),
            (
                FormType::Vitals,
                "measured_at",
                "2026-11-22T08:30",
                "22 Nov 2026, 08:30",
            ),
            (
                FormType::Vitals,
                "measured_at",
                "2026-11-22T08:30+01:00",
                "22 Nov 2026, 08:30 (UTC+1)",
            ),
            (
                FormType::Vitals,
                "measured_at",
                "2026-11-22T08:30-03:30",
                "22 Nov 2026, 08:30 (UTC-03:30)",
            ),
            (
                FormType::Vitals,
                "measured_at",
                "2026-11-22T25:30",
                "2026-11-22T25:30",
            ),
            (FormType::Consent, "anaesthesia", "false", "No"),
            (FormType::Discharge, "destination", "care home", "Care home"),
            (FormType::Discharge, "destination", "the moon", "the moon"),
            (
                FormType::Intake,
                "risks",
                "fall\ncrocodiles",
                "Fall, crocodiles",
            ),
        ];
        for (form_type, key, text, read) in cases {
            assert_eq!(reading_of(field(form_type, key), text), read);
        }
    }

    #[test]
    fn no_text_is_taken_for_a_number_that_people_would_not() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "1e3",
            "inf",
            "NaN",
            "0x10",
            "１２",
            "1 2",
            "--1",
            "12345678901",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number("-3,50"), Some(-3.5));
    }
}
