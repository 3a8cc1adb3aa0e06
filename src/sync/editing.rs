//! Who is editing which form: what the presence of the room of all forms adds up to. It knows ids, never a form.

use std::collections::BTreeMap;

use bedside_realtime::PresenceState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The private room of all forms.
pub const FORMS_ROOM: &str = "ward:forms";

/// More forms than this are not edited at once in any house; what claims to be more is cut off.
const MOST: usize = 500;

/// What somebody shows of themselves in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Editing {
    pub form: Uuid,
}

/// The people at each form that somebody is editing, each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editors(BTreeMap<Uuid, Vec<Uuid>>);

impl Editors {
    /// Reads the presence of the room, whose keys are people. What is neither a person nor a form is passed over.
    pub fn of(present: &PresenceState) -> Self {
        let mut editors = BTreeMap::<Uuid, Vec<Uuid>>::new();
        for (person, shown) in present {
            let Ok(person) = Uuid::parse_str(person) else {
                continue;
            };
            for presence in shown {
                let Ok(Editing { form }) = serde_json::from_str(&presence.json) else {
                    continue;
                };
                if editors.len() >= MOST && !editors.contains_key(&form) {
                    continue;
                }
                let people = editors.entry(form).or_default();
                // All tabs of a person come one after the other.
                if people.last() != Some(&person) {
                    people.push(person);
                }
            }
        }
        Self(editors)
    }

    /// Who is editing this form.
    pub fn at(&self, form: Uuid) -> &[Uuid] {
        self.0.get(&form).map_or(&[], Vec::as_slice)
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
    use bedside_realtime::Presence;

    const ANA: Uuid = Uuid::from_u128(1);
    const BO: Uuid = Uuid::from_u128(2);
    const FORM: Uuid = Uuid::from_u128(10);
    const OTHER: Uuid = Uuid::from_u128(11);

    fn shown(json: &str) -> Presence {
        Presence {
            reference: "1".to_owned(),
            json: json.to_owned(),
        }
    }

    fn edits(form: Uuid) -> Presence {
        shown(&serde_json::to_string(&Editing { form }).unwrap())
    }

    #[test]
    fn each_form_has_its_people_and_a_person_with_two_tabs_counts_once() {
        let present: PresenceState = [
            (
                ANA.to_string(),
                vec![edits(FORM), edits(FORM), edits(OTHER)],
            ),
            (BO.to_string(), vec![edits(FORM)]),
        ]
        .into();
        let editors = Editors::of(&present);
        assert_eq!(editors.at(FORM), [ANA, BO]);
        assert_eq!(editors.at(OTHER), [ANA]);
        assert!(editors.at(Uuid::nil()).is_empty());
    }

    #[test]
    fn what_is_no_person_or_no_form_is_nobody() {
        let present: PresenceState = [
            ("somebody".to_owned(), vec![edits(FORM)]),
            (
                ANA.to_string(),
                vec![shown("{\"form\":7}"), shown("nonsense")],
            ),
        ]
        .into();
        assert_eq!(Editors::of(&present), Editors::default());
    }

    #[test]
    fn a_crowd_of_made_up_forms_costs_no_more_than_a_full_house() {
        let many = (0..10_000)
            .map(|form| edits(Uuid::from_u128(form)))
            .collect();
        let present: PresenceState = [(ANA.to_string(), many)].into();
        assert_eq!(Editors::of(&present).0.len(), MOST);
    }
}
