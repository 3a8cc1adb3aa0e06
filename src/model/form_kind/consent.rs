//! The agreement to a procedure, with the name of whoever agrees.

use super::field::{Choice, Field, Question, Span, choice};
use super::{FormKind, Section};
use crate::model::FormType;

const SIGNERS: &[Choice] = &[
    choice("patient", "The patient"),
    choice("guardian", "A parent or guardian"),
    choice("proxy", "An authorised person"),
];

pub(super) static KIND: FormKind = FormKind {
    form_type: FormType::Consent,
    purpose: "What was explained before a procedure, and who agreed to it.",
    sections: &[
        Section {
            title: "Procedure",
            fields: &[
                Field::new("procedure", "Procedure", Question::Text).required(),
                Field::new("anaesthesia", "With anaesthesia", Question::YesNo).required(),
            ],
        },
        Section {
            title: "Explained",
            fields: &[
                Field::new("risks_explained", "Risks were explained", Question::YesNo).required(),
                Field::new(
                    "questions_answered",
                    "Questions were answered",
                    Question::YesNo,
                )
                .required(),
                Field::new("interpreter", "With an interpreter", Question::YesNo).required(),
                Field::new(
                    "interpreter_name",
                    "Name of the interpreter",
                    Question::Text,
                )
                .required()
                .when("interpreter", "true"),
                Field::new(
                    "data_sharing",
                    "Data may be shared with the family doctor",
                    Question::YesNo,
                )
                .required(),
            ],
        },
        Section {
            title: "Signature",
            fields: &[
                Field::new("signed_by", "Signed by", Question::Choice(SIGNERS)).required(),
                Field::new("signed_on", "Signed on", Question::Date(Span::Past)).required(),
                Field::new("signature", "Signature", Question::Signature)
                    .required()
                    .hint("First and last name, typed by whoever signs."),
            ],
        },
    ],
    rules: &[],
};
