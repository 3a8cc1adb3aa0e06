//! An edit in progress over a row that may change underneath: a three-way merge, field by field.
//!
//! A draft knows, for each field, the text the row had when it was last looked at (`base`) and the text as typed. When the row
//! moves, fields that nobody typed in follow it; a field changed on both sides becomes a conflict for the person to
//! settle. It never knows what the fields mean, and never talks to a server.

use super::Version;

/// An edit in progress. `F` names the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<F> {
    version: Version,
    fields: Vec<DraftField<F>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DraftField<F> {
    field: F,
    base: String,
    /// What both sides started from, while they are in conflict.
    ancestor: String,
    typed: String,
    followed: bool,
    conflict: bool,
}

/// What a save took from a draft, to be given back if the save comes to nothing: each field with the row's text and the one sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent<F>(Vec<(F, String, String)>);

impl<F> Default for Sent<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F> Sent<F> {
    /// Each field with the row's text and the one sent.
    pub fn fields(&self) -> &[(F, String, String)] {
        &self.0
    }
}

/// How a field stands against the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// As in the row.
    Untouched,
    /// As in the row, which changed it since the edit began.
    FollowedTheRow,
    /// Typed in; the row has not moved.
    Typed,
    /// Typed in, and the row has another text by now.
    Conflict { base: String, theirs: String },
}

impl<F: Copy + PartialEq> Draft<F> {
    /// Begins an edit of a row as it is now.
    ///
    /// ```
    /// use bedside::model::{Draft, FieldState};
    /// let mut draft = Draft::new(1, [("ward", "Surgery".to_owned()), ("notes", String::new())]);
    /// draft.type_in("notes", "Fasting".to_owned());
    /// draft.follow(2, [("ward", "Maternity".to_owned()), ("notes", String::new())]);
    /// assert_eq!(draft.typed("ward"), "Maternity");
    /// assert_eq!(draft.typed("notes"), "Fasting");
    /// assert_eq!(draft.state("ward"), FieldState::FollowedTheRow);
    /// assert_eq!(draft.changes(), vec![("notes", "Fasting".to_owned())]);
    /// ```
    pub fn new(version: Version, row: impl IntoIterator<Item = (F, String)>) -> Self {
        let fields = row
            .into_iter()
            .map(|(field, text)| DraftField {
                field,
                base: text.clone(),
                ancestor: String::new(),
                typed: text,
                followed: false,
                conflict: false,
            })
            .collect();
        Self { version, fields }
    }

    /// Takes up an edit that was left: the texts that were typed, each with the one that the row had then. What the row did since is
    /// found by [`Draft::follow`]. A field that is typed in already stays as it is.
    ///
    /// ```
    /// use bedside::model::{Draft, FieldState};
    /// let mut draft = Draft::new(2, [("ward", "Maternity".to_owned())]);
    /// draft.resume([("ward", "Surgery".to_owned(), "Oncology".to_owned())]);
    /// assert!(matches!(draft.state("ward"), FieldState::Conflict { .. }));
    /// ```
    pub fn resume(&mut self, left: impl IntoIterator<Item = (F, String, String)>) {
        for (field, base, typed) in left {
            let Some(held) = self.field_mut(field) else {
                continue;
            };
            if held.typed != held.base {
                continue;
            }
            held.conflict = held.base != base && held.base != typed;
            held.ancestor = base;
            held.typed = typed;
            held.followed = false;
        }
    }

    /// What was typed and is not saved: each field with the row's text and the typed one.
    pub fn left(&self) -> Vec<(F, String, String)> {
        self.fields
            .iter()
            .filter(|held| held.typed != held.base)
            .map(|held| {
                let base = if held.conflict {
                    &held.ancestor
                } else {
                    &held.base
                };
                (held.field, base.clone(), held.typed.clone())
            })
            .collect()
    }

    /// The version of the row that a save must still find.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The text of a field as the person sees it.
    pub fn typed(&self, field: F) -> &str {
        self.field(field).map_or("", |held| held.typed.as_str())
    }

    /// How a field stands against the row.
    pub fn state(&self, field: F) -> FieldState {
        match self.field(field) {
            Some(held) if held.conflict => FieldState::Conflict {
                base: held.ancestor.clone(),
                theirs: held.base.clone(),
            },
            Some(held) if held.typed != held.base => FieldState::Typed,
            Some(held) if held.followed => FieldState::FollowedTheRow,
            _ => FieldState::Untouched,
        }
    }

    /// Takes what the person typed.
    pub fn type_in(&mut self, field: F, text: String) {
        if let Some(held) = self.field_mut(field) {
            held.typed = text;
            held.followed = false;
            held.conflict &= held.typed != held.base;
        }
    }

    /// Follows the row to a newer version. An older one, arriving late, is ignored.
    pub fn follow(&mut self, version: Version, row: impl IntoIterator<Item = (F, String)>) {
        if version <= self.version {
            return;
        }
        self.version = version;
        for (field, theirs) in row {
            let Some(held) = self.field_mut(field) else {
                continue;
            };
            if theirs == held.base {
                continue;
            }
            let untouched = held.typed == held.base;
            let before = std::mem::replace(&mut held.base, theirs);
            if !held.conflict {
                held.ancestor = before;
            }
            if untouched {
                held.typed.clone_from(&held.base);
                held.followed = true;
            }
            held.conflict = held.typed != held.base;
        }
    }

    /// Settles a conflict for what the person typed.
    pub fn keep_mine(&mut self, field: F) {
        if let Some(held) = self.field_mut(field) {
            held.conflict = false;
        }
    }

    /// Settles a conflict for a text made of both.
    pub fn merge_into(&mut self, field: F, text: String) {
        self.type_in(field, text);
        self.keep_mine(field);
    }

    /// The text of a field in the row, as it was last looked at.
    pub fn stored(&self, field: F) -> &str {
        self.field(field).map_or("", |held| held.base.as_str())
    }

    /// Settles a conflict for what the row has.
    pub fn take_theirs(&mut self, field: F) {
        if let Some(held) = self.field_mut(field) {
            held.typed.clone_from(&held.base);
            held.conflict = false;
            held.followed = true;
        }
    }

    /// Gives up everything typed.
    pub fn discard(&mut self) {
        for held in &mut self.fields {
            held.typed.clone_from(&held.base);
            held.conflict = false;
            held.followed = false;
        }
    }

    /// What a save would send: only what the person changed.
    pub fn changes(&self) -> Vec<(F, String)> {
        self.fields
            .iter()
            .filter(|held| held.typed != held.base)
            .map(|held| (held.field, held.typed.clone()))
            .collect()
    }

    /// What the row held when it was last looked at, field by field.
    pub fn seen(&self) -> impl Iterator<Item = (F, String)> + '_ {
        self.fields
            .iter()
            .map(|held| (held.field, held.base.clone()))
    }

    /// A save takes along everything that was typed up to now. It counts as what the row holds from here on; what is typed while the save
    /// is on its way is new.
    ///
    /// ```
    /// use bedside::model::Draft;
    /// let mut draft = Draft::new(1, [("notes", String::new())]);
    /// draft.type_in("notes", "A".to_owned());
    /// let sent = draft.send();
    /// draft.type_in("notes", "A B".to_owned());
    /// assert_eq!(draft.changes(), vec![("notes", "A B".to_owned())]);
    /// draft.give_back(&sent);
    /// assert_eq!(draft.left(), vec![("notes", String::new(), "A B".to_owned())]);
    /// ```
    pub fn send(&mut self) -> Sent<F> {
        let sent = self.left();
        for held in &mut self.fields {
            held.base.clone_from(&held.typed);
            held.conflict = false;
        }
        Sent(sent)
    }

    /// The save came to nothing: what it took is unsaved again, under what was typed since.
    pub fn give_back(&mut self, sent: &Sent<F>) {
        for (field, base, text) in &sent.0 {
            let Some(held) = self.field_mut(*field) else {
                continue;
            };
            if held.typed == held.base {
                // Nothing was typed since.
                held.typed.clone_from(text);
                held.followed = false;
            }
            if held.base == *text {
                held.base.clone_from(base);
            } else {
                // The row has moved.
                held.ancestor.clone_from(base);
            }
            held.conflict = held.base != *base && held.typed != held.base;
        }
    }

    /// Gives away what a save is to send now: what the person changed, unless somebody else did, too, or it may not go yet. From
    /// here on it counts as what the row holds.
    pub fn hand_over(&mut self, may_go: impl Fn(F, &str) -> bool) -> Vec<(F, String)> {
        let mut sent = Vec::new();
        for held in &mut self.fields {
            let changed = held.typed != held.base && !held.conflict;
            if changed && may_go(held.field, &held.typed) {
                held.base.clone_from(&held.typed);
                sent.push((held.field, held.typed.clone()));
            }
        }
        sent
    }

    /// The fields that wait for the person's choice.
    pub fn conflicts(&self) -> Vec<F> {
        self.fields
            .iter()
            .filter(|held| held.conflict)
            .map(|held| held.field)
            .collect()
    }

    fn field(&self, field: F) -> Option<&DraftField<F>> {
        self.fields.iter().find(|held| held.field == field)
    }

    fn field_mut(&mut self, field: F) -> Option<&mut DraftField<F>> {
        self.fields.iter_mut().find(|held| held.field == field)
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

    type Row<'a> = [(&'static str, &'a str); 2];

    fn row(fields: Row<'_>) -> impl Iterator<Item = (&'static str, String)> {
        fields
            .into_iter()
            .map(|(field, text)| (field, text.to_owned()))
    }

    fn draft() -> Draft<&'static str> {
        Draft::new(1, row([("ward", "Surgery"), ("notes", "calm")]))
    }

    #[test]
    fn a_field_nobody_typed_in_follows_the_row() {
        let mut draft = draft();
        draft.follow(2, row([("ward", "Maternity"), ("notes", "calm")]));
        assert_eq!(draft.typed("ward"), "Maternity");
        assert_eq!(draft.state("ward"), FieldState::FollowedTheRow);
        assert_eq!(draft.state("notes"), FieldState::Untouched);
        assert!(draft.changes().is_empty());
    }

    #[test]
    fn typing_survives_a_change_of_another_field() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Maternity"), ("notes", "calm")]));
        assert_eq!(draft.changes(), vec![("notes", "in pain".to_owned())]);
        assert!(draft.conflicts().is_empty());
        assert_eq!(draft.version(), 2);
    }

    #[test]
    fn the_same_field_changed_on_both_sides_is_a_conflict_that_keeps_both_texts() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        assert_eq!(draft.typed("notes"), "in pain");
        assert_eq!(
            draft.state("notes"),
            FieldState::Conflict {
                base: "calm".to_owned(),
                theirs: "asleep".to_owned()
            }
        );
        assert_eq!(draft.conflicts(), vec!["notes"]);
    }

    #[test]
    fn both_sides_typing_the_same_is_no_conflict() {
        let mut draft = draft();
        draft.type_in("notes", "asleep".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        assert_eq!(draft.state("notes"), FieldState::Untouched);
    }

    #[test]
    fn a_conflict_ends_with_either_choice() {
        let conflicted = || {
            let mut draft = draft();
            draft.type_in("notes", "in pain".to_owned());
            draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
            draft
        };
        let mut mine = conflicted();
        mine.keep_mine("notes");
        assert_eq!(mine.changes(), vec![("notes", "in pain".to_owned())]);
        assert!(mine.conflicts().is_empty());

        let mut theirs = conflicted();
        theirs.take_theirs("notes");
        assert_eq!(theirs.typed("notes"), "asleep");
        assert!(theirs.changes().is_empty());
    }

    #[test]
    fn a_merged_text_is_what_a_save_sends() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        draft.follow(3, row([("ward", "Surgery"), ("notes", "awake")]));
        let FieldState::Conflict { base, theirs } = draft.state("notes") else {
            panic!("no conflict");
        };
        assert_eq!((base.as_str(), theirs.as_str()), ("calm", "awake"));
        draft.merge_into("notes", "awake, in pain".to_owned());
        assert!(draft.conflicts().is_empty());
        assert_eq!(
            draft.changes(),
            vec![("notes", "awake, in pain".to_owned())]
        );
    }

    #[test]
    fn what_was_handed_over_comes_back_as_ones_own_while_typing_goes_on() {
        let mut draft = draft();
        draft.type_in("notes", "in".to_owned());
        let sent = draft.hand_over(|_, _| true);
        assert_eq!(sent, vec![("notes", "in".to_owned())]);
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Maternity"), ("notes", "in")]));
        assert!(draft.conflicts().is_empty());
        assert_eq!(draft.changes(), vec![("notes", "in pain".to_owned())]);
    }

    #[test]
    fn what_may_not_go_yet_and_what_is_in_conflict_is_kept_back() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.type_in("ward", "Maternity".to_owned());
        assert!(draft.hand_over(|_, text| text == "nothing").is_empty());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        assert_eq!(
            draft.hand_over(|_, _| true),
            vec![("ward", "Maternity".to_owned())]
        );
        assert_eq!(draft.conflicts(), vec!["notes"]);
    }

    #[test]
    fn a_choice_holds_until_the_row_moves_again() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        draft.keep_mine("notes");
        draft.follow(3, row([("ward", "Maternity"), ("notes", "asleep")]));
        assert!(draft.conflicts().is_empty());
        draft.follow(4, row([("ward", "Maternity"), ("notes", "awake")]));
        assert_eq!(draft.conflicts(), vec!["notes"]);
    }

    #[test]
    fn a_late_older_version_changes_nothing() {
        let mut draft = draft();
        draft.follow(3, row([("ward", "Maternity"), ("notes", "calm")]));
        draft.follow(2, row([("ward", "Oncology"), ("notes", "calm")]));
        assert_eq!(draft.typed("ward"), "Maternity");
    }

    #[test]
    fn the_own_saved_change_comes_back_without_a_mark() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "in pain")]));
        assert_eq!(draft.state("notes"), FieldState::Untouched);
        assert!(draft.changes().is_empty());
    }

    #[test]
    fn what_is_typed_while_a_save_is_on_its_way_stays_unsaved() {
        let mut draft = draft();
        draft.type_in("notes", "A".to_owned());
        let sent = draft.send();
        assert_eq!(
            sent.fields(),
            [("notes", "calm".to_owned(), "A".to_owned())]
        );
        draft.type_in("notes", "A B".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "A")]));
        assert_eq!(draft.changes(), vec![("notes", "A B".to_owned())]);
        assert!(draft.conflicts().is_empty());
    }

    #[test]
    fn what_a_failed_save_took_is_unsaved_again() {
        let mut draft = draft();
        draft.type_in("notes", "A".to_owned());
        let before = draft.clone();
        let sent = draft.send();
        draft.give_back(&sent);
        assert_eq!(draft, before);
    }

    #[test]
    fn a_failed_save_leaves_what_was_typed_since() {
        let mut draft = draft();
        draft.type_in("notes", "A".to_owned());
        let sent = draft.send();
        draft.type_in("notes", "A B".to_owned());
        draft.give_back(&sent);
        let left = ("notes", "calm".to_owned(), "A B".to_owned());
        assert_eq!(draft.left(), vec![left]);
        assert!(draft.conflicts().is_empty());
    }

    #[test]
    fn a_save_that_met_somebody_else_s_text_is_a_conflict_of_both() {
        let mut draft = draft();
        draft.type_in("notes", "A".to_owned());
        let sent = draft.send();
        draft.follow(2, row([("ward", "Surgery"), ("notes", "theirs")]));
        draft.give_back(&sent);
        assert_eq!(draft.typed("notes"), "A");
        let conflict = FieldState::Conflict {
            base: "calm".to_owned(),
            theirs: "theirs".to_owned(),
        };
        assert_eq!(draft.state("notes"), conflict);
    }

    #[test]
    fn what_is_on_its_way_counts_as_stored_until_the_row_says_otherwise() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.send();
        assert!(draft.changes().is_empty());
        draft.follow(2, row([("ward", "Maternity"), ("notes", "in pain")]));
        assert_eq!(draft.typed("notes"), "in pain");
        assert!(draft.conflicts().is_empty());
    }

    #[test]
    fn typing_the_row_s_text_settles_the_conflict() {
        let mut draft = draft();
        draft.type_in("notes", "in pain".to_owned());
        draft.follow(2, row([("ward", "Surgery"), ("notes", "asleep")]));
        draft.type_in("notes", "asleep".to_owned());
        assert!(draft.conflicts().is_empty());
    }
}
