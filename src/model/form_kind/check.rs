//! Whether an answer makes sense: what is wrong with it, and what should make somebody look twice.

use thiserror::Error;

use super::answer::{number, tidy};
use super::field::{Choice, Field, Quantity, Question, Span};
use super::ranges::Ranges;
use crate::model::{CalendarDate, WallTime};

/// Why an answer can't be submitted. Reads on from the name of the question.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum Problem {
    #[error("is needed")]
    Missing,
    #[error("is longer than {0} characters")]
    TooLong(usize),
    #[error("is not a number")]
    NotANumber,
    #[error("takes whole numbers only")]
    NotWhole,
    #[error("takes at most {0} digit after the point")]
    TooPrecise(u8),
    #[error("can’t be below {0}")]
    TooLow(f64),
    #[error("can’t be above {0}")]
    TooHigh(f64),
    #[error("is not a date of the calendar")]
    NotADate,
    /// Part of a date is typed; the stored answer stays until the rest is.
    #[error("is not complete")]
    Incomplete,
    #[error("lies too far back")]
    TooEarly,
    #[error("lies in the future")]
    InTheFuture,
    #[error("lies too far ahead")]
    TooLate,
    #[error("is not one of the choices")]
    NotAChoice,
    #[error("has to be below {0}")]
    NotBelow(&'static str),
}

/// What is unusual about an answer. It can be submitted all the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warning {
    BelowUsual(Quantity),
    AboveUsual(Quantity),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (word, quantity) = match self {
            Self::BelowUsual(quantity) => ("Below", quantity),
            Self::AboveUsual(quantity) => ("Above", quantity),
        };
        match quantity.usual {
            Some((least, most)) => {
                write!(
                    f,
                    "{word} the usual {least}–{most} {} in adults",
                    quantity.unit
                )
            }
            None => write!(f, "{word} the usual"),
        }
    }
}

impl Field {
    /// Checks an answer that is there. `now` bounds the dates; `ranges` are those of the patient.
    ///
    /// ```
    /// use bedside::model::{FormType, WallTime, form_kind::{FormKind, Problem, Ranges}};
    /// let now = WallTime::parse("2026-11-22T12:00+01:00").unwrap();
    /// let pain = FormKind::of(FormType::Vitals).and_then(|kind| kind.field("pain"));
    /// let checked = pain.map(|field| field.check("11", now, Ranges::Adult));
    /// assert_eq!(checked, Some(Err(Problem::TooHigh(10.0))));
    /// ```
    pub fn check(
        &self,
        text: &str,
        now: WallTime,
        ranges: Ranges,
    ) -> Result<Option<Warning>, Problem> {
        let longest = self.question.longest();
        if !matches!(self.question, Question::Choices(_)) && text.chars().count() > longest {
            return Err(Problem::TooLong(longest));
        }
        match self.question {
            Question::Number(quantity) => measured(text, &tidy(self, text), quantity, ranges),
            Question::Choice(choices) => known(choices, text),
            Question::Choices(choices) => text
                .lines()
                .try_for_each(|word| known(choices, word).map(|_| ()))
                .map(|()| None),
            Question::YesNo if !matches!(text, "true" | "false") => Err(Problem::NotAChoice),
            Question::Date(span) => {
                let date = CalendarDate::parse(text.trim()).map_err(|_| Problem::NotADate)?;
                within(date, span, now.date)
            }
            Question::Moment(span) => {
                let at = WallTime::parse(text.trim()).ok_or(Problem::NotADate)?;
                match span {
                    Span::Past if at.instant(now) > now.instant(now) + CLOCKS_DIFFER => {
                        Err(Problem::InTheFuture)
                    }
                    // It can be tomorrow already where it was measured.
                    Span::Past => within(at.date.min(now.date), span, now.date),
                    Span::Future => within(at.date, span, now.date),
                }
            }
            _ => Ok(None),
        }
    }

    /// The text as it is best stored, once typing is over.
    pub fn tidy(&self, text: &str) -> String {
        tidy(self, text)
    }
}

/// By how many minutes a clock may be ahead.
const CLOCKS_DIFFER: i64 = 5;

fn measured(
    text: &str,
    tidied: &str,
    quantity: Quantity,
    ranges: Ranges,
) -> Result<Option<Warning>, Problem> {
    let value = number(text).ok_or(Problem::NotANumber)?;
    let digits = tidied.split_once('.').map_or(0, |(_, digits)| digits.len());
    if digits > usize::from(quantity.decimals) {
        return Err(match quantity.decimals {
            0 => Problem::NotWhole,
            decimals => Problem::TooPrecise(decimals),
        });
    }
    let (least, most) = quantity.possible;
    if value < least {
        return Err(Problem::TooLow(least));
    }
    if value > most {
        return Err(Problem::TooHigh(most));
    }
    let usual = quantity.usual.filter(|_| ranges == Ranges::Adult);
    Ok(usual.and_then(|(least, most)| {
        if value < least {
            Some(Warning::BelowUsual(quantity))
        } else {
            (value > most).then_some(Warning::AboveUsual(quantity))
        }
    }))
}

fn known(choices: &[Choice], word: &str) -> Result<Option<Warning>, Problem> {
    if choices.iter().any(|choice| choice.word == word) {
        Ok(None)
    } else {
        Err(Problem::NotAChoice)
    }
}

fn within(date: CalendarDate, span: Span, today: CalendarDate) -> Result<Option<Warning>, Problem> {
    // Whole years and months are exact enough for a bound that only catches slips.
    let moved = |years: i32, months: i32| {
        let month = i32::from(today.year) * 12 + i32::from(today.month) + years * 12 + months;
        (month, today.day)
    };
    let at = (i32::from(date.year) * 12 + i32::from(date.month), date.day);
    match span {
        Span::Past if date > today => Err(Problem::InTheFuture),
        Span::Past if at < moved(-1, 0) => Err(Problem::TooEarly),
        Span::Future if at < moved(0, -1) => Err(Problem::TooEarly),
        Span::Future if at > moved(2, 0) => Err(Problem::TooLate),
        _ => Ok(None),
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
    use super::*;
    use crate::model::FormType;
    use crate::model::form_kind::FormKind;

    fn check(form_type: FormType, key: &str, text: &str) -> Result<Option<Warning>, Problem> {
        let now = WallTime::parse("2026-11-22T08:00+01:00").unwrap();
        let field = FormKind::of(form_type).unwrap().field(key).unwrap();
        field.check(text, now, Ranges::Adult)
    }

    #[test]
    fn a_measurement_is_a_number_that_an_instrument_could_show() {
        let vitals = |key: &str, text: &str| check(FormType::Vitals, key, text).err();
        assert_eq!(vitals("heart_rate", "quick"), Some(Problem::NotANumber));
        assert_eq!(vitals("heart_rate", "72.5"), Some(Problem::NotWhole));
        assert_eq!(vitals("heart_rate", "72.0"), None);
        assert_eq!(vitals("heart_rate", "7200"), Some(Problem::TooHigh(300.0)));
        assert_eq!(vitals("temperature", "3.68"), Some(Problem::TooPrecise(1)));
        assert_eq!(vitals("temperature", "3.6"), Some(Problem::TooLow(25.0)));
        assert_eq!(vitals("temperature", "36,8"), None);
    }

    #[test]
    fn an_unusual_measurement_is_pointed_out_and_taken() {
        let words = |key: &str, text: &str| {
            check(FormType::Vitals, key, text)
                .unwrap()
                .map(|warning| warning.to_string())
        };
        assert_eq!(words("oxygen_saturation", "97"), None);
        assert_eq!(
            words("oxygen_saturation", "91").as_deref(),
            Some("Below the usual 94–100 % in adults")
        );
        assert_eq!(
            words("temperature", "39.2").as_deref(),
            Some("Above the usual 36–37.9 °C in adults")
        );
    }

    #[test]
    fn a_date_that_is_absurd_is_refused() {
        let measured = |text: &str| check(FormType::Vitals, "measured_at", text).err();
        assert_eq!(measured("1926-11-22T08:00"), Some(Problem::TooEarly));
        assert_eq!(measured("2026-02-30T08:00"), Some(Problem::NotADate));
        assert_eq!(measured("2026-11-22"), Some(Problem::NotADate));
        let follow_up = |text: &str| check(FormType::Discharge, "follow_up_on", text).err();
        assert_eq!(follow_up("2026-12-03"), None);
        assert_eq!(follow_up("2020-12-03"), Some(Problem::TooEarly));
        assert_eq!(follow_up("9999-12-31"), Some(Problem::TooLate));
    }

    #[test]
    fn nothing_is_measured_later_than_now_wherever_it_is_measured() {
        let measured = |text: &str| check(FormType::Vitals, "measured_at", text).err();
        for past in [
            "2026-11-22T08:00",
            "2026-11-22T08:05",
            "2026-11-22T08:05+01:00",
            "2026-11-22T21:00+14:00",
            "2026-11-21T20:00-11:00",
        ] {
            assert_eq!(measured(past), None, "{past}");
        }
        for ahead in [
            "2026-11-22T08:06",
            "2026-11-22T23:59",
            "2026-11-23T00:00+01:00",
            "2026-11-22T08:00-05:00",
        ] {
            assert_eq!(measured(ahead), Some(Problem::InTheFuture), "{ahead}");
        }
    }

    #[test]
    fn nobody_but_an_adult_is_measured_by_the_ranges_of_adults() {
        let now = WallTime::parse("2026-11-22T08:00+01:00").unwrap();
        let kind = FormKind::of(FormType::Vitals).unwrap();
        let field = kind.field("heart_rate").unwrap();
        let warning = |ranges| field.check("140", now, ranges).unwrap();
        assert!(warning(Ranges::Adult).is_some());
        assert_eq!(warning(Ranges::None), None);
    }

    #[test]
    fn a_date_that_is_still_typed_is_not_complete() {
        let field = |form_type, key| FormKind::of(form_type).unwrap().field(key).unwrap();
        let day = field(FormType::Discharge, "follow_up_on");
        let time = field(FormType::Vitals, "measured_at");
        for (field, text, complete) in [
            (day, "", true),
            (day, "2027-02-03", true),
            (day, "0002-02-03", false),
            (day, "2027-02-31", false),
            (day, "20271-02-03", false),
            (time, "2027-02-03T08:30", true),
            (time, "2027-02-03", false),
            (time, "0202-02-03T08:30", false),
            (field(FormType::Vitals, "pain"), "1.", true),
        ] {
            assert_eq!(field.is_complete(text), complete, "{text}");
        }
    }

    #[test]
    fn a_pasted_novel_is_too_long_and_counted_in_characters() {
        assert_eq!(
            check(FormType::Intake, "history", &"é".repeat(4001)),
            Err(Problem::TooLong(4000))
        );
        assert_eq!(
            check(FormType::Intake, "history", &"é".repeat(4000)),
            Ok(None)
        );
    }

    #[test]
    fn a_choice_of_nobody_is_refused() {
        assert_eq!(
            check(FormType::Discharge, "destination", "the moon"),
            Err(Problem::NotAChoice)
        );
        assert_eq!(
            check(FormType::Consent, "anaesthesia", "maybe"),
            Err(Problem::NotAChoice)
        );
        assert_eq!(
            check(FormType::Intake, "risks", "fall\nconfusion"),
            Ok(None)
        );
        assert_eq!(
            check(FormType::Intake, "risks", "fall\nx"),
            Err(Problem::NotAChoice)
        );
    }
}
