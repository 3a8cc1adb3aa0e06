//! A minute on the wall clock of one place: what people write down for a measurement. Never asks what time it is.
//!
//! Stored as `2026-11-22T08:30+01:00`: what the clock said, and its offset from UTC, so that two of them compare as instants.
//! Answers from before the offset was stored have none and are read as times of the place where they are compared.

use super::CalendarDate;

/// A day, a minute of it, and the offset from UTC where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallTime {
    pub date: CalendarDate,
    /// Of the day, from 0.
    pub minute: u16,
    /// Minutes ahead of UTC.
    pub offset: Option<i16>,
}

impl WallTime {
    /// Reads `YYYY-MM-DDTHH:MM`, with or without an offset such as `Z` or `+01:00`.
    ///
    /// ```
    /// use bedside::model::WallTime;
    /// let here = WallTime::parse("2026-11-22T08:30+01:00").map(|at| (at.clock(), at.offset));
    /// assert_eq!(here, Some(("08:30".to_owned(), Some(60))));
    /// assert_eq!(WallTime::parse("2026-11-22T24:00"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let (clock, offset) = rest.split_at_checked(5)?;
        let offset = match offset {
            "" => None,
            "Z" => Some(0),
            offset => {
                let (sign, size) = offset.split_at_checked(1)?;
                let size = i16::try_from(minutes(size, 15)?).ok()?;
                match sign {
                    "+" => Some(size),
                    "-" => Some(-size),
                    _ => return None,
                }
            }
        };
        Some(Self {
            date: CalendarDate::parse(date).ok()?,
            minute: minutes(clock, 24)?,
            offset,
        })
    }

    /// What the clock said: `08:30`.
    pub fn clock(self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// Minutes since 1970 in UTC. Without an offset of its own, it is a time of the place where `here` is.
    pub fn instant(self, here: Self) -> i64 {
        let offset = self.offset.or(here.offset).unwrap_or(0);
        days(self.date) * 24 * 60 + i64::from(self.minute) - i64::from(offset)
    }
}

impl std::fmt::Display for WallTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CalendarDate { year, month, day } = self.date;
        write!(f, "{year:04}-{month:02}-{day:02}T{}", self.clock())?;
        if let Some(offset) = self.offset {
            let sign = if offset < 0 { '-' } else { '+' };
            let size = offset.unsigned_abs();
            write!(f, "{sign}{:02}:{:02}", size / 60, size % 60)?;
        }
        Ok(())
    }
}

/// The minutes of `HH:MM`, with fewer hours than `limit`.
fn minutes(text: &str, limit: u16) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let part = |part: &str, limit: u16| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>()
            .ok()
            .filter(|value| digits && *value < limit)
    };
    Some(part(hours, limit)? * 60 + part(minutes, 60)?)
}

/// Days since 1970-01-01, by the proleptic Gregorian calendar.
fn days(date: CalendarDate) -> i64 {
    // Years begin in March here, so that the leap day is the last one.
    let (month, years_back) = match date.month {
        0..=2 => (i64::from(date.month) + 9, 1),
        month => (i64::from(month) - 3, 0),
    };
    let year = i64::from(date.year) - years_back;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + i64::from(date.day) - 1 - 719_468
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        WallTime::parse(text).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "2026-11-22T08:30",
            "2026-11-22T00:00+14:00",
            "2026-02-28T23:59-03:30",
        ] {
            assert_eq!(at(text).to_string(), text);
        }
        for odd in [
            "2026-11-22",
            "2026-02-30T08:30",
            "2026-11-22T08:60",
            "2026-11-22T8:30",
            "2026-11-22T08:30+1",
            "2026-11-22T08:30+15:00",
            "2026-11-22T08:30é",
        ] {
            assert_eq!(WallTime::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn times_of_different_places_compare_as_instants() {
        let here = at("2026-11-22T12:00+01:00");
        let instant = |text: &str| at(text).instant(here);
        assert_eq!(instant("1970-01-01T00:00Z"), 0);
        assert_eq!(instant("2000-02-29T00:00Z"), 11_016 * 24 * 60);
        assert_eq!(
            instant("2026-11-22T08:30+01:00"),
            instant("2026-11-22T02:30-05:00")
        );
        assert_eq!(
            instant("2026-11-22T08:30"),
            instant("2026-11-22T08:30+01:00")
        );
        assert!(instant("2026-11-22T08:30-05:00") > instant("2026-11-22T12:00+01:00"));
        assert_eq!(
            instant("2026-03-01T00:00Z") - instant("2026-02-28T00:00Z"),
            24 * 60
        );
    }
}
