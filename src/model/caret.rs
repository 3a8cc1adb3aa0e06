//! Where a caret stands in a text that two people hold in different states. Each types in a copy of one stored text; a place in one
//! copy travels as a place in the stored text and is found again in the other copy, so that no word of it has to travel.
//!
//! Places are counted in UTF-16 units, as browsers do.

/// A place in a copy as a place in the stored text.
///
/// ```
/// use bedside::model::caret;
/// // Two letters more before the caret, and it still stands before "awake".
/// let place = caret::in_stored("calm, awake", "so calm, awake", 9);
/// assert_eq!(caret::in_copy("calm, awake", "calm, wide awake", place), 6);
/// ```
pub fn in_stored(stored: &str, copy: &str, place: u32) -> u32 {
    follow(copy, stored, place)
}

/// A place in the stored text as a place in a copy.
pub fn in_copy(stored: &str, copy: &str, place: u32) -> u32 {
    follow(stored, copy, place)
}

/// A place that lies before what differs counts from the front, one behind it from the back, one in between goes to its start.
fn follow(from: &str, to: &str, place: u32) -> u32 {
    let (from, to): (Vec<u16>, Vec<u16>) =
        (from.encode_utf16().collect(), to.encode_utf16().collect());
    let place = usize::try_from(place).unwrap_or(usize::MAX).min(from.len());
    let same = |(a, b): &(&u16, &u16)| a == b;
    let front = from.iter().zip(&to).take_while(same).count();
    let most = from.len().min(to.len()) - front;
    let back = from
        .iter()
        .rev()
        .zip(to.iter().rev())
        .take(most)
        .take_while(same)
        .count();
    let followed = if place <= front {
        place
    } else if from.len() - place <= back {
        to.len() - (from.len() - place)
    } else {
        front
    };
    u32::try_from(followed).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_keeps_its_place_when_the_other_copy_grew_elsewhere() {
        let stored = "calm, awake";
        assert_eq!(in_copy(stored, "calm, awake, hungry", 4), 4);
        assert_eq!(in_copy(stored, "very calm, awake", 11), 16);
    }

    #[test]
    fn a_caret_in_new_words_stands_where_they_begin() {
        assert_eq!(in_stored("calm", "calm and hungry", 10), 4);
    }

    #[test]
    fn a_place_beyond_the_text_is_its_end() {
        assert_eq!(in_copy("calm", "calm", u32::MAX), 4);
        assert_eq!(in_copy("", "", 9), 0);
    }

    #[test]
    fn letters_of_two_units_count_as_two() {
        assert_eq!(in_copy("👩🏽 calm", "👩🏽 calm now", 9), 9);
        assert_eq!(in_stored("calm 👩🏽", "so calm 👩🏽", 12), 9);
    }
}
