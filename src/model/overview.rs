//! The numbers behind the dashboard's charts, as the database adds them up for the person who asks.

use serde::{Deserialize, Serialize};

use super::{FormStatus, FormType};

/// Everything that the charts show, of one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The last 30 days, the oldest first, none left out.
    pub days: Vec<Day>,
    /// A status that no form has is left out.
    pub statuses: Vec<StatusCount>,
    /// Wards with anybody in them, by name.
    pub wards: Vec<Ward>,
    /// Kinds of which any was approved lately.
    pub reviews: Vec<ReviewTime>,
}

/// A day, and how many forms were handed in on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// As `2026-11-22`.
    pub day: String,
    pub submitted: u32,
}

/// How many forms have a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCount {
    pub status: FormStatus,
    pub count: u32,
}

/// Who is in a ward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ward {
    pub ward: String,
    pub waiting: u32,
    pub admitted: u32,
    pub observation: u32,
}

impl Ward {
    /// Everybody who is there.
    pub const fn patients(&self) -> u32 {
        self.waiting
            .saturating_add(self.admitted)
            .saturating_add(self.observation)
    }
}

/// How long forms of a kind waited for their approval, in hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewTime {
    pub form_type: FormType,
    pub count: u32,
    /// Half of them took no longer.
    pub median_hours: f64,
    /// Nine of ten took no longer.
    pub slow_hours: f64,
}

/// A wait in the unit people would use.
///
/// ```
/// use bedside::model::overview::spoken_hours;
/// assert_eq!(spoken_hours(0.4), "24 min");
/// assert_eq!(spoken_hours(5.26), "5.3 h");
/// assert_eq!(spoken_hours(73.0), "3.0 days");
/// ```
pub fn spoken_hours(hours: f64) -> String {
    match hours {
        hours if !hours.is_finite() || hours < 0.0 => "–".to_owned(),
        hours if hours < 1.0 => format!("{:.0} min", hours * 60.0),
        hours if hours < 48.0 => format!("{hours:.1} h"),
        hours => format!("{:.1} days", hours / 24.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_databases_answer_is_read_and_a_word_it_learns_later_stops_nothing() {
        let answer = r#"{
            "days": [{"day": "2026-11-22", "submitted": 3}],
            "statuses": [{"status": "in_review", "count": 2}, {"status": "archived", "count": 1}],
            "wards": [{"ward": "Surgery", "waiting": 1, "admitted": 2, "observation": 3}],
            "reviews": [{"form_type": "vitals", "count": 2, "median_hours": 1.5, "slow_hours": 20}]
        }"#;
        let overview: Overview = serde_json::from_str(answer).unwrap();
        assert_eq!(
            overview.statuses.last().map(|row| row.status),
            Some(FormStatus::Unknown)
        );
        assert_eq!(overview.wards.first().map(Ward::patients), Some(6));
    }

    #[test]
    fn a_wait_that_is_none_is_a_dash() {
        assert_eq!(spoken_hours(f64::NAN), "–");
        assert_eq!(spoken_hours(-1.0), "–");
    }
}
