//! Whose usual ranges apply to a patient's measurements.

use crate::model::{CalendarDate, Patient};

/// The youngest age at which the ranges of adults hold. The ranges of early-warning scores begin at 16 as well.
const ADULT: u16 = 16;

/// Wards whose patients the ranges of adults are wrong for at any age: children, pregnancy and the weeks after birth.
const OTHER_RANGES: [&str; 2] = ["Paediatrics", "Maternity"];

/// The ranges outside of which a measurement is unusual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranges {
    Adult,
    /// This app knows none that hold for the patient.
    #[default]
    None,
}

impl Ranges {
    /// The ranges that hold for a patient; none while the patient, or the age, is not known.
    pub fn of(patient: Option<&Patient>, today: CalendarDate) -> Self {
        let adult = |patient: &Patient| {
            patient.age_on(today).is_some_and(|age| age >= ADULT)
                && !OTHER_RANGES.contains(&patient.ward.as_str())
        };
        if patient.is_some_and(adult) {
            Self::Adult
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ranges(born: &str, ward: &str) -> Ranges {
        let patient: Patient = serde_json::from_value(serde_json::json!({
            "id": uuid::Uuid::nil(), "mrn": "BD-1", "first_name": "Ines", "last_name": "Marsh",
            "date_of_birth": born, "sex": "female", "status": "admitted", "ward": ward, "clinician_id": null,
            "notes": "", "version": 1, "created_at": "", "updated_at": "",
        }))
        .unwrap();
        Ranges::of(Some(&patient), CalendarDate::parse("2026-11-22").unwrap())
    }

    #[test]
    fn the_ranges_of_adults_hold_for_adults_alone() {
        assert_eq!(ranges("1956-03-09", "Cardiology"), Ranges::Adult);
        assert_eq!(ranges("2010-11-22", "Cardiology"), Ranges::Adult);
        assert_eq!(ranges("2010-11-23", "Cardiology"), Ranges::None);
        assert_eq!(ranges("2026-11-20", "Emergency"), Ranges::None);
    }

    #[test]
    fn they_hold_for_nobody_in_paediatrics_or_maternity() {
        assert_eq!(ranges("2008-01-01", "Paediatrics"), Ranges::None);
        assert_eq!(ranges("1995-01-01", "Maternity"), Ranges::None);
    }

    #[test]
    fn nothing_is_assumed_about_a_patient_whose_age_is_not_known() {
        let today = CalendarDate::parse("2026-11-22").unwrap();
        assert_eq!(Ranges::of(None, today), Ranges::None);
        assert_eq!(ranges("0000-99-99", "Cardiology"), Ranges::None);
        assert_eq!(ranges("2050-01-01", "Cardiology"), Ranges::None);
    }
}
