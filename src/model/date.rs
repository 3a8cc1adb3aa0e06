//! Calendar dates without a time zone: what a date of birth is. Never asks what day it is.

use thiserror::Error;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDate {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

/// Why a text is not a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DateError {
    #[error("a date is written as year-month-day")]
    Shape,
    #[error("the calendar has no such day")]
    NoSuchDay,
}

impl CalendarDate {
    /// Reads `YYYY-MM-DD`.
    ///
    /// ```
    /// use bedside::model::CalendarDate;
    /// assert!(CalendarDate::parse("2024-02-29").is_ok());
    /// assert!(CalendarDate::parse("2023-02-29").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            parts
                .next()
                .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|part| part.parse::<u16>().ok())
                .ok_or(DateError::Shape)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let last = match month {
            4 | 6 | 9 | 11 => 30,
            2 if is_leap(year) => 29,
            2 => 28,
            1..=12 => 31,
            _ => return Err(DateError::NoSuchDay),
        };
        if day == 0 || day > last {
            return Err(DateError::NoSuchDay);
        }
        // Both are below 100 by now.
        Ok(Self {
            year,
            month: month as u8,
            day: day as u8,
        })
    }

    /// Whole years from this day to another; `None` when the other day is earlier.
    pub fn years_until(self, today: Self) -> Option<u16> {
        let had_birthday = (today.month, today.day) >= (self.month, self.day);
        let years = today.year.checked_sub(self.year)?;
        if had_birthday {
            Some(years)
        } else {
            years.checked_sub(1)
        }
    }

    /// The day as people read it: `9 Mar 1956`.
    pub fn label(self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let month = MONTHS
            .get(usize::from(self.month).wrapping_sub(1))
            .copied()
            .unwrap_or("?");
        format!("{} {} {}", self.day, month, self.year)
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
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

    fn date(text: &str) -> CalendarDate {
        CalendarDate::parse(text).unwrap()
    }

    #[test]
    fn texts_that_are_no_date_are_refused() {
        for text in [
            "",
            "2024",
            "2024-1-01",
            "24-01-01",
            "2024-01-01T00:00",
            "20x4-01-01",
            "+024-01-01",
        ] {
            assert_eq!(CalendarDate::parse(text), Err(DateError::Shape), "{text}");
        }
        for text in [
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "1900-02-29",
            "2024-01-00",
        ] {
            assert_eq!(
                CalendarDate::parse(text),
                Err(DateError::NoSuchDay),
                "{text}"
            );
        }
    }

    #[test]
    fn a_person_turns_a_year_older_on_the_birthday() {
        let born = date("1956-03-09");
        assert_eq!(born.years_until(date("2026-03-08")), Some(69));
        assert_eq!(born.years_until(date("2026-03-09")), Some(70));
    }

    #[test]
    fn nobody_has_an_age_before_birth() {
        assert_eq!(date("2026-03-09").years_until(date("2026-03-08")), None);
        assert_eq!(date("2026-03-09").years_until(date("2025-12-31")), None);
    }

    #[test]
    fn a_date_reads_day_month_year() {
        assert_eq!(date("1956-03-09").label(), "9 Mar 1956");
    }
}
