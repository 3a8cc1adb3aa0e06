//! What two people made of one text: the words that each changed, and both changes in one text. Pure; knows nothing of fields,
//! rows or screens.

/// What became of a piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Added,
    Removed,
}

/// Two versions of a text in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub text: String,
    /// Whether the two changed different places. Otherwise both stand in the text, one after the other.
    pub apart: bool,
}

/// Above this many comparisons two texts are not compared word by word: one piece went, another came.
const COMPARISONS: usize = 1_000_000;

/// How `text` came from `base`, piece by piece.
///
/// ```
/// use bedside::model::merge::{Fate, changes};
/// let pieces = changes("calm and awake", "calm and asleep");
/// let added: Vec<_> = pieces.iter().filter(|(fate, _)| *fate == Fate::Added).map(|(_, text)| text.as_str()).collect();
/// assert_eq!(added, ["asleep"]);
/// ```
pub fn changes(base: &str, text: &str) -> Vec<(Fate, String)> {
    let (before, after) = (words(base), words(text));
    let mut pieces: Vec<(Fate, String)> = Vec::new();
    let mut add = |fate: Fate, words: &[&str]| {
        for word in words {
            match pieces.last_mut() {
                Some((last, text)) if *last == fate => text.push_str(word),
                _ => pieces.push((fate, (*word).to_owned())),
            }
        }
    };
    let (mut from, mut to) = (0, 0);
    for (old, new) in shared(&before, &after) {
        add(Fate::Removed, before.get(from..old).unwrap_or_default());
        add(Fate::Added, after.get(to..new).unwrap_or_default());
        add(Fate::Kept, after.get(new..=new).unwrap_or_default());
        (from, to) = (old + 1, new + 1);
    }
    add(Fate::Removed, before.get(from..).unwrap_or_default());
    add(Fate::Added, after.get(to..).unwrap_or_default());
    pieces
}

/// Both changes of `base` in one text: where only one side changed something, its words; where both did, both, mine first.
///
/// ```
/// use bedside::model::merge::merge;
/// let merged = merge("Calm.\nAwake.", "Calm today.\nAwake.", "Calm.\nAwake.\nAte well.");
/// assert_eq!(merged.text, "Calm today.\nAwake.\nAte well.");
/// assert!(merged.apart);
/// ```
pub fn merge(base: &str, mine: &str, theirs: &str) -> Merged {
    let (base, mine, theirs) = (words(base), words(mine), words(theirs));
    let (to_mine, to_theirs) = (shared(&base, &mine), shared(&base, &theirs));
    let mut merged = Merged {
        text: String::new(),
        apart: true,
    };
    let (mut b, mut m, mut t) = (0, 0, 0);
    // The words that nobody touched divide the texts into places; within a place one side, or both, changed something.
    let stable = to_mine.iter().filter_map(|(old, in_mine)| {
        let at = to_theirs.binary_search_by_key(old, |(old, _)| *old).ok()?;
        let (_, in_theirs) = to_theirs.get(at)?;
        Some((*old, *in_mine, *in_theirs))
    });
    for (old, in_mine, in_theirs) in stable.chain([(base.len(), mine.len(), theirs.len())]) {
        let place = |words: &[&str], from: usize, to: usize| {
            words
                .get(from..to)
                .map(<[&str]>::concat)
                .unwrap_or_default()
        };
        settle(
            &mut merged,
            &place(&base, b, old),
            &place(&mine, m, in_mine),
            &place(&theirs, t, in_theirs),
        );
        // The blanks behind a word are those of the side that changed them.
        let word = match theirs.get(in_theirs) {
            word if word == base.get(old) => mine.get(in_mine),
            word => word,
        };
        merged.text.push_str(word.copied().unwrap_or_default());
        (b, m, t) = (old + 1, in_mine + 1, in_theirs + 1);
    }
    merged
}

fn settle(merged: &mut Merged, base: &str, mine: &str, theirs: &str) {
    if mine == base || mine == theirs {
        merged.text.push_str(theirs);
    } else if theirs == base {
        merged.text.push_str(mine);
    } else {
        merged.apart = false;
        merged.text.push_str(mine);
        if !mine.is_empty() && !mine.ends_with(char::is_whitespace) && !theirs.is_empty() {
            merged
                .text
                .push(if theirs.starts_with(char::is_whitespace) {
                    ' '
                } else {
                    '\n'
                });
        }
        merged.text.push_str(theirs);
    }
}

/// A text in words, each with the blanks behind it; a line's end is a word of its own. Together they are the text.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(_) => line.split_at(line.len() - 1),
            None => (line, ""),
        };
        let mut rest = line;
        while !rest.is_empty() {
            let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let blank = rest
                .get(word..)
                .and_then(|blank| blank.find(|letter: char| !letter.is_whitespace()))
                .map_or(rest.len(), |blank| word + blank);
            let (word, more) = rest.split_at(blank);
            words.push(word);
            rest = more;
        }
        if !end.is_empty() {
            words.push(end);
        }
    }
    words
}

/// The longest row of words that both have, as pairs of places. Blanks at a word's end don't tell words apart.
fn shared(before: &[&str], after: &[&str]) -> Vec<(usize, usize)> {
    let same =
        |a: &str, b: &str| a.trim_end_matches([' ', '\t']) == b.trim_end_matches([' ', '\t']);
    let start = before
        .iter()
        .zip(after)
        .take_while(|(a, b)| same(a, b))
        .count();
    let most = before.len().min(after.len()) - start;
    let end = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take(most)
        .take_while(|(a, b)| same(a, b))
        .count();
    let old = before.get(start..before.len() - end).unwrap_or_default();
    let new = after.get(start..after.len() - end).unwrap_or_default();

    let mut pairs: Vec<_> = (0..start).map(|place| (place, place)).collect();
    if old.len().saturating_mul(new.len()) <= COMPARISONS {
        // How many words the rests behind two places share, for all pairs of places, from the ends up.
        let mut table = vec![vec![0_u16; new.len() + 1]; old.len() + 1];
        let at = |table: &[Vec<u16>], i: usize, j: usize| {
            table
                .get(i)
                .and_then(|row| row.get(j))
                .copied()
                .unwrap_or(0)
        };
        for (i, a) in old.iter().enumerate().rev() {
            for (j, b) in new.iter().enumerate().rev() {
                let most = if same(a, b) {
                    at(&table, i + 1, j + 1).saturating_add(1)
                } else {
                    at(&table, i + 1, j).max(at(&table, i, j + 1))
                };
                if let Some(cell) = table.get_mut(i).and_then(|row| row.get_mut(j)) {
                    *cell = most;
                }
            }
        }
        let (mut i, mut j) = (0, 0);
        while let (Some(a), Some(b)) = (old.get(i), new.get(j)) {
            if same(a, b) {
                pairs.push((start + i, start + j));
                i += 1;
                j += 1;
            } else if at(&table, i + 1, j) >= at(&table, i, j + 1) {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    pairs.extend(
        (0..end)
            .rev()
            .map(|place| (before.len() - 1 - place, after.len() - 1 - place)),
    );
    pairs
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

    fn merged(base: &str, mine: &str, theirs: &str) -> (String, bool) {
        let merged = merge(base, mine, theirs);
        (merged.text, merged.apart)
    }

    #[test]
    fn changes_of_different_places_come_together() {
        let both = merged(
            "Slept well. Ate nothing. Walks with a frame.",
            "Slept badly. Ate nothing. Walks with a frame.",
            "Slept well. Ate nothing. Walks alone.",
        );
        assert_eq!(
            both,
            ("Slept badly. Ate nothing. Walks alone.".to_owned(), true)
        );
    }

    #[test]
    fn lines_added_by_both_at_one_place_both_stay() {
        let both = merged("Calm.", "Calm.\nFasting.", "Calm.\nVisit at four.");
        assert_eq!(both.0.matches("Fasting.").count(), 1);
        assert_eq!(both.0.matches("Visit at four.").count(), 1);
        assert!(!both.1);
    }

    #[test]
    fn one_side_alone_is_taken_as_it_is() {
        assert_eq!(
            merged("a b c", "a b c", "a x c"),
            ("a x c".to_owned(), true)
        );
        assert_eq!(merged("a b c", "a", "a b c"), ("a".to_owned(), true));
        assert_eq!(merged("", "new", ""), ("new".to_owned(), true));
    }

    #[test]
    fn the_same_change_made_twice_is_made_once() {
        assert_eq!(
            merged("calm", "asleep", "asleep"),
            ("asleep".to_owned(), true)
        );
    }

    #[test]
    fn the_pieces_of_a_change_are_both_texts() {
        for (base, text) in [
            ("", ""),
            ("one  two\n three", "one two\nfour three\n"),
            ("שלום world", "world שלום 👩🏽\u{200d}⚕️"),
            ("  lead", "lead  "),
        ] {
            let pieces = changes(base, text);
            let without = |fate: Fate| -> String {
                pieces
                    .iter()
                    .filter(|(is, _)| *is != fate)
                    .map(|(_, text)| text.as_str())
                    .collect()
            };
            assert_eq!(without(Fate::Removed), text);
            // Blanks at a word's end are taken as they are now.
            let blankless = |text: &str| text.replace([' ', '\t'], "");
            assert_eq!(blankless(&without(Fate::Added)), blankless(base));
        }
    }

    #[test]
    fn a_novel_is_compared_without_hanging() {
        let novel = |word: &str| format!("{word} and more ").repeat(1_200);
        let both = merge(&novel("old"), &novel("mine"), &novel("theirs"));
        assert!(both.text.contains("mine") && both.text.contains("theirs"));
    }
}
