//! The form that is filled in when somebody is taken in.

use super::field::{Choice, Field, Question, choice};
use super::{FormKind, Section};
use crate::model::FormType;

const MOBILITY: &[Choice] = &[
    choice("independent", "Independent"),
    choice("with a stick", "With a stick"),
    choice("with a frame", "With a frame"),
    choice("wheelchair", "Wheelchair"),
    choice("bedbound", "Bedbound"),
];

const RISKS: &[Choice] = &[
    choice("fall", "Fall"),
    choice("pressure", "Pressure sores"),
    choice("confusion", "Confusion"),
    choice("infection", "Infection, isolate"),
    choice("swallowing", "Swallowing"),
];

const RELATIONS: &[Choice] = &[
    choice("partner", "Partner"),
    choice("parent", "Parent"),
    choice("child", "Child"),
    choice("sibling", "Sibling"),
    choice("grandparent", "Grandparent"),
    choice("guardian", "Guardian"),
    choice("neighbour", "Neighbour"),
    choice("friend", "Friend"),
    choice("other", "Other"),
];

pub(super) static KIND: FormKind = FormKind {
    form_type: FormType::Intake,
    purpose: "What brings the patient here, and what to know from the first hour on.",
    sections: &[
        Section {
            title: "Reason",
            fields: &[
                Field::new("reason", "Reason for coming", Question::Text).required(),
                Field::new("history", "Earlier illnesses", Question::LongText),
            ],
        },
        Section {
            title: "Safety",
            fields: &[
                Field::new("allergies", "Allergies", Question::LongText)
                    .required()
                    .hint("Substance and reaction. “None known” if asked and denied."),
                Field::new("medication", "Medication at home", Question::LongText)
                    .required()
                    .hint("One line a drug, with dose and times. “None” if there is none."),
                Field::new("mobility", "Mobility", Question::Choice(MOBILITY)).required(),
                Field::new("risks", "Risks", Question::Choices(RISKS)),
            ],
        },
        Section {
            title: "Whom to call",
            fields: &[
                Field::new("contact_name", "Name of the contact", Question::Text).required(),
                Field::new("contact_relation", "Relation", Question::Choice(RELATIONS)),
                Field::new("contact_phone", "Telephone", Question::Text).required(),
            ],
        },
    ],
    rules: &[],
};
