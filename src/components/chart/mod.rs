//! Charts: drawn from the page's own boxes, so that a new number only makes a bar grow, and each with its table behind a button
//! for those who would rather read. A chart is one picture to a screen reader, with what it shows in a sentence.

mod bars;
mod card;
mod columns;

pub use bars::{Bar, Bars, Part};
pub use card::ChartCard;
pub use columns::{Column, Columns};

/// A share of a whole in percent, for the length of a bar; nothing of nothing is nothing.
fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { part / whole } else { 0.0 };
    format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
}

/// The end of an axis: the next round number, so that the scale stays while the numbers move a little.
fn axis_end(largest: f64) -> f64 {
    let magnitude = 10_f64.powf(largest.max(1.0).log10().floor());
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * magnitude)
        .find(|end| *end >= largest)
        .unwrap_or(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_less_than_nothing_nor_more_than_all() {
        assert_eq!(percent(1.0, 4.0), "25.00%");
        assert_eq!(percent(3.0, 0.0), "0.00%");
        assert_eq!(percent(9.0, 4.0), "100.00%");
        assert_eq!(percent(f64::NAN, 0.0), "0.00%");
    }

    #[test]
    fn an_axis_ends_at_the_next_round_number() {
        for (largest, end) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (7.0, 8.0),
            (38.0, 40.0),
            (79.0, 80.0),
            (101.0, 200.0),
        ] {
            assert!((axis_end(largest) - end).abs() < 1e-9, "{largest}");
        }
    }
}
