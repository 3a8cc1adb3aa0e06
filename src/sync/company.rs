//! Who else has a record open, and where in it they are: what a room's presence and messages add up to. It knows places by
//! the names of fields, never what stands in them; times come from outside.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data::clock::Moment;

/// After so long without a word from a typist the typing is over, even if the word that says so was lost.
pub const PAUSE: Duration = Duration::from_secs(4);

/// More tabs than this in one record are not shown.
const MOST: usize = 64;

/// A place in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The field's name, as the record's table spells it.
    pub field: String,
    /// Whether words are coming this very moment.
    pub typing: bool,
    /// The caret's place in the stored text of a long field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caret: Option<u32>,
}

/// What a tab tells the others: where its person is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    pub tab: Uuid,
    pub place: Option<Place>,
}

/// What a tab shows of itself in the room: that it is one of several of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    pub tab: Uuid,
}

/// Somebody else, or oneself in another tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    pub tab: Uuid,
    pub user: Uuid,
    pub place: Option<Place>,
}

/// Everybody else in a record.
#[derive(Clone, Debug)]
pub struct Company {
    own: Uuid,
    present: BTreeMap<Uuid, Uuid>,
    places: BTreeMap<Uuid, (Place, Moment)>,
}

impl Company {
    /// Nobody yet, as seen by the tab `own`.
    pub fn of(own: Uuid) -> Self {
        Self {
            own,
            present: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    /// Takes who is in the room now, as pairs of tab and person. Says whether somebody came who has not heard where anybody is.
    pub fn attend(&mut self, present: impl IntoIterator<Item = (Uuid, Uuid)>) -> bool {
        let present: BTreeMap<_, _> = present
            .into_iter()
            .filter(|(tab, _)| *tab != self.own)
            .take(MOST)
            .collect();
        let newcomer = present.keys().any(|tab| !self.present.contains_key(tab));
        // Who comes is told where the others are before the presence says that they are here, so places of strangers stay a while.
        self.places
            .retain(|tab, _| present.contains_key(tab) || !self.present.contains_key(tab));
        self.present = present;
        newcomer
    }

    /// Takes what a tab said of itself.
    pub fn hear(&mut self, said: Whereabouts, now: Moment) {
        if said.tab == self.own {
            return;
        }
        match said.place {
            Some(place) if self.places.len() < MOST || self.places.contains_key(&said.tab) => {
                self.places.insert(said.tab, (place, now));
            }
            Some(_) => {}
            None => {
                self.places.remove(&said.tab);
            }
        }
    }

    /// Ends the typing of those who have been silent for [`PAUSE`].
    pub fn settle(&mut self, now: Moment) {
        for (place, heard) in self.places.values_mut() {
            if now.since(*heard) >= PAUSE {
                place.typing = false;
            }
        }
    }

    /// Whether anybody types, so that it has to be looked at again after a [`PAUSE`].
    pub fn anybody_types(&self) -> bool {
        self.places.values().any(|(place, _)| place.typing)
    }

    /// Everybody else, one entry a person: of several tabs, the one whose place was heard of last.
    pub fn others(&self) -> Vec<Companion> {
        let mut others: BTreeMap<Uuid, (Option<Moment>, Companion)> = BTreeMap::new();
        for (tab, user) in &self.present {
            let (place, heard) = self.places.get(tab).map_or((None, None), |(place, heard)| {
                (Some(place.clone()), Some(*heard))
            });
            if others.get(user).is_none_or(|(known, _)| *known < heard) {
                let companion = Companion {
                    tab: *tab,
                    user: *user,
                    place,
                };
                others.insert(*user, (heard, companion));
            }
        }
        others
            .into_values()
            .map(|(_, companion)| companion)
            .collect()
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

    const OWN: Uuid = Uuid::from_u128(1);
    const ANA: Uuid = Uuid::from_u128(10);
    const ANAS_TAB: Uuid = Uuid::from_u128(11);
    const ANAS_OTHER_TAB: Uuid = Uuid::from_u128(12);

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn types_in(field: &str) -> Option<Place> {
        Some(Place {
            field: field.to_owned(),
            typing: true,
            caret: None,
        })
    }

    fn said(tab: Uuid, place: Option<Place>) -> Whereabouts {
        Whereabouts { tab, place }
    }

    #[test]
    fn somebody_who_came_is_seen_and_their_place_too() {
        let mut company = Company::of(OWN);
        assert!(company.attend([(OWN, ANA), (ANAS_TAB, ANA)]));
        company.hear(said(ANAS_TAB, types_in("notes")), at(0));
        let others = company.others();
        assert_eq!(others.len(), 1);
        assert_eq!(others[0].place, types_in("notes"));
        assert!(!company.attend([(ANAS_TAB, ANA)]), "nobody new");
    }

    #[test]
    fn who_left_is_gone_with_their_place() {
        let mut company = Company::of(OWN);
        company.attend([(ANAS_TAB, ANA)]);
        company.hear(said(ANAS_TAB, types_in("notes")), at(0));
        company.attend([]);
        assert!(company.others().is_empty());
        company.attend([(ANAS_TAB, ANA)]);
        assert_eq!(company.others()[0].place, None);
    }

    #[test]
    fn a_place_told_before_its_tab_is_known_is_kept() {
        let mut company = Company::of(OWN);
        company.hear(said(ANAS_TAB, types_in("ward")), at(0));
        assert!(company.others().is_empty(), "a stranger is nobody");
        company.attend([(ANAS_TAB, ANA)]);
        assert_eq!(company.others()[0].place, types_in("ward"));
    }

    #[test]
    fn typing_ends_by_itself() {
        let mut company = Company::of(OWN);
        company.attend([(ANAS_TAB, ANA)]);
        company.hear(said(ANAS_TAB, types_in("notes")), at(0));
        company.settle(at(3));
        assert!(company.anybody_types());
        company.settle(at(4));
        assert!(!company.anybody_types());
        assert_eq!(company.others()[0].place.as_ref().unwrap().field, "notes");
    }

    #[test]
    fn of_two_tabs_the_last_to_speak_shows_the_place() {
        let mut company = Company::of(OWN);
        company.attend([(ANAS_TAB, ANA), (ANAS_OTHER_TAB, ANA)]);
        company.hear(said(ANAS_OTHER_TAB, types_in("ward")), at(1));
        company.hear(said(ANAS_TAB, types_in("notes")), at(0));
        let others = company.others();
        assert_eq!(others.len(), 1);
        assert_eq!(others[0].place, types_in("ward"));
    }

    #[test]
    fn a_crowd_of_made_up_tabs_costs_no_more_than_a_full_room() {
        let mut company = Company::of(OWN);
        for tab in 100..10_000 {
            company.hear(said(Uuid::from_u128(tab), types_in("notes")), at(0));
        }
        company.attend((100..10_000).map(|tab| (Uuid::from_u128(tab), ANA)));
        assert!(company.places.len() <= MOST && company.present.len() <= MOST);
    }
}
