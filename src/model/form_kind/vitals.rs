//! A set of measurements at the bed.

use super::field::{Field, Question, Span, whole};
use super::{FormKind, Rule, Section};
use crate::model::FormType;

pub(super) static KIND: FormKind = FormKind {
    form_type: FormType::Vitals,
    purpose: "One set of measurements, taken at the bed.",
    sections: &[
        Section {
            title: "Circulation",
            fields: &[
                Field::new("measured_at", "Measured at", Question::Moment(Span::Past)).required(),
                Field::new(
                    "heart_rate",
                    "Heart rate",
                    Question::Number(whole("/min", (20.0, 300.0)).usual(50.0, 100.0)),
                )
                .required(),
                Field::new(
                    "systolic",
                    "Systolic pressure",
                    Question::Number(whole("mmHg", (40.0, 300.0)).usual(95.0, 140.0)),
                )
                .required(),
                Field::new(
                    "diastolic",
                    "Diastolic pressure",
                    Question::Number(whole("mmHg", (20.0, 200.0)).usual(55.0, 90.0)),
                )
                .required(),
            ],
        },
        Section {
            title: "Breathing and temperature",
            fields: &[
                Field::new(
                    "respiratory_rate",
                    "Respiratory rate",
                    Question::Number(whole("/min", (3.0, 80.0)).usual(12.0, 20.0)),
                )
                .required(),
                Field::new(
                    "oxygen_saturation",
                    "Oxygen saturation",
                    Question::Number(whole("%", (40.0, 100.0)).usual(94.0, 100.0)),
                )
                .required(),
                Field::new(
                    "temperature",
                    "Temperature",
                    Question::Number(whole("°C", (25.0, 45.0)).decimals(1).usual(36.0, 37.9)),
                )
                .required(),
            ],
        },
        Section {
            title: "Comfort and weight",
            fields: &[
                Field::new(
                    "pain",
                    "Pain",
                    Question::Number(whole("of 10", (0.0, 10.0)).usual(0.0, 4.0)),
                )
                .hint("0 none, 10 the worst imaginable."),
                Field::new(
                    "weight_kg",
                    "Weight",
                    Question::Number(whole("kg", (0.3, 400.0)).decimals(1)),
                ),
                Field::new("remark", "Remark", Question::LongText),
            ],
        },
    ],
    rules: &[Rule::Below("diastolic", "systolic")],
};
