//! What the forms ask: each kind of form as data, its sections, its questions, what an answer may be.
//!
//! Everything that shows, checks, merges or prints a form reads it from here. It knows no screen and no server, and it never
//! throws an answer away: one that no question asks for, or that no question understands, is shown as it is and kept.

mod answer;
mod check;
mod consent;
mod discharge;
mod field;
mod intake;
mod ranges;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod sql;
mod vitals;

pub use answer::{OpenAnswer, changed_answers, open_answers, reading_of, text_of, value_of};
pub use check::{Problem, Warning};
pub use field::{Asked, Choice, Field, Need, Quantity, Question, Span};
pub use ranges::Ranges;

use serde_json::Value;

use super::{FormType, WallTime};

/// A kind of form.
#[derive(Debug)]
pub struct FormKind {
    pub form_type: FormType,
    /// What it is for, in one line.
    pub purpose: &'static str,
    pub sections: &'static [Section],
    /// What holds between two answers.
    pub rules: &'static [Rule],
}

/// Questions that belong together.
#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    pub fields: &'static [Field],
}

/// What must hold between two answers.
#[derive(Debug)]
pub enum Rule {
    /// The number in the first field is the smaller one.
    Below(&'static str, &'static str),
}

static KINDS: [&FormKind; 4] = [
    &intake::KIND,
    &vitals::KIND,
    &consent::KIND,
    &discharge::KIND,
];

impl FormKind {
    /// The kind behind a word of the database; `None` for one that this build does not know.
    pub fn of(form_type: FormType) -> Option<&'static Self> {
        KINDS.into_iter().find(|kind| kind.form_type == form_type)
    }

    /// Every question, in the order of the form.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.sections.iter().flat_map(|section| section.fields)
    }

    /// The question of a key.
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.key == key)
    }

    /// The answers as the texts that people edit, one a question.
    pub fn texts(&self, answers: &Value) -> Vec<(&'static str, String)> {
        self.fields()
            .map(|field| (field.key, text_of(answers.get(field.key))))
            .collect()
    }

    /// What keeps a form with these texts from being submitted, in the order of the form.
    pub fn problems(
        &self,
        text: impl Fn(&'static str) -> String,
        now: WallTime,
    ) -> Vec<(&'static Field, Problem)> {
        let mut found = Vec::new();
        for field in self.fields() {
            if !field.is_asked(&text) {
                continue;
            }
            let typed = text(field.key);
            let problem = if typed.trim().is_empty() {
                (field.need == Need::Required).then_some(Problem::Missing)
            } else {
                field.check(&typed, now, Ranges::None).err()
            };
            let problem = problem.or_else(|| self.broken_rule(field, &text));
            found.extend(problem.map(|problem| (field, problem)));
        }
        found
    }

    /// What is wrong with one answer as far as it has been typed. An empty one is not wrong yet.
    pub fn problem(
        &self,
        field: &'static Field,
        text: &impl Fn(&'static str) -> String,
        now: WallTime,
    ) -> Option<Problem> {
        let typed = text(field.key);
        if typed.trim().is_empty() {
            return None;
        }
        field
            .check(&typed, now, Ranges::None)
            .err()
            .or_else(|| self.broken_rule(field, text))
    }

    fn broken_rule(
        &self,
        field: &'static Field,
        text: &impl Fn(&'static str) -> String,
    ) -> Option<Problem> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Below(lower, upper) if *lower == field.key => {
                let (low, high) = (answer::number(&text(lower))?, answer::number(&text(upper))?);
                (low >= high).then_some(Problem::NotBelow(self.field(upper)?.label))
            }
            Rule::Below(..) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use std::collections::HashSet;

    use super::*;

    fn now() -> WallTime {
        WallTime::parse("2026-11-22T12:00+01:00").unwrap()
    }

    fn problems(form_type: FormType, answers: &[(&str, &str)]) -> Vec<(&'static str, Problem)> {
        let text = |key: &'static str| {
            answers
                .iter()
                .find(|(answered, _)| *answered == key)
                .map_or_else(String::new, |(_, text)| (*text).to_owned())
        };
        FormKind::of(form_type)
            .unwrap()
            .problems(text, now())
            .into_iter()
            .map(|(field, problem)| (field.key, problem))
            .collect()
    }

    const VITALS: [(&str, &str); 7] = [
        ("measured_at", "2026-11-22T08:30"),
        ("heart_rate", "72"),
        ("systolic", "121"),
        ("diastolic", "78"),
        ("temperature", "36,8"),
        ("respiratory_rate", "14"),
        ("oxygen_saturation", "98"),
    ];

    #[test]
    fn every_kind_of_form_has_questions_with_keys_of_their_own() {
        for form_type in FormType::ALL {
            let kind = FormKind::of(*form_type).unwrap();
            let keys: HashSet<_> = kind.fields().map(|field| field.key).collect();
            assert_eq!(keys.len(), kind.fields().count(), "{form_type:?}");
            assert!(
                kind.sections
                    .iter()
                    .all(|section| !section.fields.is_empty())
            );
        }
    }

    #[test]
    fn what_a_question_or_rule_refers_to_is_there() {
        for kind in KINDS {
            for field in kind.fields() {
                if let Asked::When { key, is } = field.asked {
                    let other = kind.field(key).unwrap();
                    assert!(
                        other.check(is, now(), Ranges::None).is_ok(),
                        "{key} is never {is}"
                    );
                }
            }
            for Rule::Below(lower, upper) in kind.rules {
                assert!(kind.field(lower).is_some() && kind.field(upper).is_some());
            }
        }
    }

    #[test]
    fn an_empty_form_lacks_exactly_what_is_required() {
        for form_type in FormType::ALL {
            let kind = FormKind::of(*form_type).unwrap();
            let found = problems(*form_type, &[]);
            let required: Vec<_> = kind
                .fields()
                .filter(|field| {
                    field.need == Need::Required && matches!(field.asked, Asked::Always)
                })
                .map(|field| (field.key, Problem::Missing))
                .collect();
            assert_eq!(found, required, "{form_type:?}");
        }
    }

    #[test]
    fn a_set_of_vitals_that_is_whole_can_be_submitted() {
        assert_eq!(problems(FormType::Vitals, &VITALS), []);
    }

    #[test]
    fn a_blood_pressure_that_is_swapped_is_noticed() {
        let mut swapped = VITALS;
        swapped[2].1 = "78";
        swapped[3].1 = "121";
        assert_eq!(
            problems(FormType::Vitals, &swapped),
            [("diastolic", Problem::NotBelow("Systolic pressure"))]
        );
    }

    #[test]
    fn a_question_that_is_not_asked_is_not_missed() {
        let asked = |interpreter: &str| {
            problems(FormType::Consent, &[("interpreter", interpreter)])
                .iter()
                .any(|(key, _)| *key == "interpreter_name")
        };
        assert!(!asked("false"));
        assert!(asked("true"));
    }

    #[test]
    fn a_half_typed_answer_is_judged_and_an_empty_one_is_not() {
        let kind = FormKind::of(FormType::Vitals).unwrap();
        let field = kind.field("heart_rate").unwrap();
        let typed = |text: &'static str| kind.problem(field, &|_| text.to_owned(), now());
        assert_eq!(typed(""), None);
        assert_eq!(typed("fast"), Some(Problem::NotANumber));
    }
}
