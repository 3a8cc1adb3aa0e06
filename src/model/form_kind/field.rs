//! A question of a form: what it asks, what an answer may be, and when it is asked at all.

use crate::model::{CalendarDate, WallTime};

/// A question.
#[derive(Debug)]
pub struct Field {
    /// The key of its answer in the row.
    pub key: &'static str,
    pub label: &'static str,
    /// What helps to answer; empty where the label says it all.
    pub hint: &'static str,
    pub need: Need,
    pub question: Question,
    pub asked: Asked,
}

/// Whether a form can be submitted without the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

/// When a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Always,
    /// Only while another question has this answer.
    When {
        key: &'static str,
        is: &'static str,
    },
}

/// What kind of answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    /// One line.
    Text,
    /// As many lines as it takes.
    LongText,
    Number(Quantity),
    /// One of these.
    Choice(&'static [Choice]),
    /// Any of these.
    Choices(&'static [Choice]),
    /// A day.
    Date(Span),
    /// A day and the time of day, by the clock on the wall, stored with its distance from UTC.
    Moment(Span),
    YesNo,
    /// The name of whoever answers for it, typed by hand.
    Signature,
}

/// A word to choose: as stored, and as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub word: &'static str,
    pub label: &'static str,
}

/// A measured number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    pub unit: &'static str,
    /// How many digits the instrument shows after the point.
    pub decimals: u8,
    /// Below and above lies a typing mistake, not a measurement.
    pub possible: (f64, f64),
    /// Outside of it a measurement of an adult is unusual. [`Ranges`](super::Ranges) says for whom it applies.
    pub usual: Option<(f64, f64)>,
}

/// Which days make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Of this stay: at most a year back, and not ahead.
    Past,
    /// An appointment: at most a month back, and at most two years ahead.
    Future,
}

impl Question {
    /// How many characters an answer may have. Sixteen long ones fit into a row.
    pub const fn longest(self) -> usize {
        match self {
            Self::LongText => 4000,
            Self::Text | Self::Signature => 200,
            _ => 100,
        }
    }
}

impl Field {
    pub(super) const fn new(key: &'static str, label: &'static str, question: Question) -> Self {
        Self {
            key,
            label,
            hint: "",
            need: Need::Optional,
            question,
            asked: Asked::Always,
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    pub(super) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    pub(super) const fn when(mut self, key: &'static str, is: &'static str) -> Self {
        self.asked = Asked::When { key, is };
        self
    }

    /// Whether a text can take the place of a stored answer, or is a date that is still being typed. A year of fewer than four
    /// digits is a date only to the browser.
    pub fn is_complete(&self, text: &str) -> bool {
        let full = |date: CalendarDate| date.year >= 1000;
        match self.question {
            _ if text.is_empty() => true,
            Question::Date(_) => CalendarDate::parse(text).is_ok_and(full),
            Question::Moment(_) => WallTime::parse(text).is_some_and(|time| full(time.date)),
            _ => true,
        }
    }

    /// Whether an answer may take several lines.
    pub fn is_long(&self) -> bool {
        matches!(self.question, Question::LongText)
    }

    /// Whether the question is asked, given the other answers.
    pub fn is_asked(&self, text: impl Fn(&'static str) -> String) -> bool {
        match self.asked {
            Asked::Always => true,
            Asked::When { key, is } => text(key) == is,
        }
    }
}

pub(super) const fn choice(word: &'static str, label: &'static str) -> Choice {
    Choice { word, label }
}

/// A number without digits after the point.
pub(super) const fn whole(unit: &'static str, possible: (f64, f64)) -> Quantity {
    Quantity {
        unit,
        decimals: 0,
        possible,
        usual: None,
    }
}

impl Quantity {
    pub(super) const fn decimals(mut self, decimals: u8) -> Self {
        self.decimals = decimals;
        self
    }

    pub(super) const fn usual(mut self, least: f64, most: f64) -> Self {
        self.usual = Some((least, most));
        self
    }
}
