//! The summary for whoever takes over after the stay.

use super::field::{Choice, Field, Question, Span, choice};
use super::{FormKind, Section};
use crate::model::FormType;

const DESTINATIONS: &[Choice] = &[
    choice("home", "Home"),
    choice("rehabilitation", "Rehabilitation"),
    choice("care home", "Care home"),
    choice("other hospital", "Another hospital"),
];

const PAPERS: &[Choice] = &[
    choice("letter", "Letter to the family doctor"),
    choice("medication plan", "Medication plan"),
    choice("prescription", "Prescription"),
    choice("aids", "Order for aids"),
];

pub(super) static KIND: FormKind = FormKind {
    form_type: FormType::Discharge,
    purpose: "The stay in short, and what has to happen next.",
    sections: &[
        Section {
            title: "The stay",
            fields: &[
                Field::new("diagnosis", "Diagnosis", Question::Text).required(),
                Field::new("summary", "Course", Question::LongText).required(),
            ],
        },
        Section {
            title: "From now on",
            fields: &[
                Field::new("medication", "Medication", Question::LongText)
                    .required()
                    .hint("What changed, with dose and times."),
                Field::new("follow_up", "Follow-up", Question::LongText).required(),
                Field::new(
                    "follow_up_on",
                    "Date of the follow-up",
                    Question::Date(Span::Future),
                ),
            ],
        },
        Section {
            title: "Leaving",
            fields: &[
                Field::new("destination", "Destination", Question::Choice(DESTINATIONS)).required(),
                Field::new("discharged_on", "Leaves on", Question::Date(Span::Past)).required(),
                Field::new("papers", "Papers handed over", Question::Choices(PAPERS)),
            ],
        },
    ],
    rules: &[],
};
