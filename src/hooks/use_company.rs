//! Who else has a record open, and where in it: the record's room, entered for as long as the calling component is there.
//!
//! Presence says who is here; where they are changes too often for the server's limit on presence, so it goes by broadcast. Names of
//! fields travel, and places of carets; what is typed never does.

use std::time::Duration;

use bedside_realtime::{Access, Presence, Room, RoomEvent};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use uuid::Uuid;

use super::{Me, use_reading};
use crate::data::clock::Moment;
use crate::data::profiles::{self, Directory};
use crate::model::Role;
use crate::sync::company::{Here, PAUSE, Whereabouts};
use crate::sync::tabs::Seat;
use crate::sync::{Companion, Company, Feed, Place, Table};

/// The event that tells where a tab's person is.
const WHEREABOUTS: &str = "whereabouts";

/// How often a moving caret is told of.
const STEP: Duration = Duration::from_millis(350);

/// After so long without a key the typing is over.
const REST: Duration = Duration::from_secs(2);

/// A record that several people may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    Patient(Uuid),
    Form(Uuid),
}

impl Record {
    /// The name of the record's private room. The database lets in whoever may see the record.
    ///
    /// ```
    /// use bedside::hooks::Record;
    /// assert_eq!(Record::Form(uuid::Uuid::nil()).room(), "form:00000000-0000-0000-0000-000000000000");
    /// ```
    pub fn room(self) -> String {
        match self {
            Self::Patient(id) => format!("patient:{id}"),
            Self::Form(id) => format!("form:{id}"),
        }
    }
}

/// Everybody else in a record, and the way to tell them where one is. Copy it freely.
#[derive(Clone, Copy)]
pub struct InCompany {
    /// Who else is here, one entry a person.
    pub others: Signal<Vec<Companion>>,
    /// Where this person is.
    pub own: Signal<Option<Place>>,
    goes: Callback<Option<Place>>,
}

impl InCompany {
    /// Tells where this person is now; nowhere when they left the fields. What was told already is not told again.
    pub fn goes_to(self, place: Option<Place>) {
        self.goes.run(place);
    }

    /// Those who are in a field. Tracked.
    pub fn in_field(self, field: &str) -> Vec<Companion> {
        self.others.with(|others| {
            let here = |companion: &&Companion| {
                companion
                    .place
                    .as_ref()
                    .is_some_and(|place| place.field == field)
            };
            others.iter().filter(here).cloned().collect()
        })
    }

    /// Whether this person is in a field. Tracked.
    pub fn am_in(self, field: &str) -> bool {
        self.own
            .with(|place| place.as_ref().is_some_and(|place| place.field == field))
    }
}

/// A timer of which there is at most one; it ends with its owner.
#[derive(Clone, Copy)]
struct OneTimer(StoredValue<Option<TimeoutHandle>>);

impl OneTimer {
    fn new() -> Self {
        let timer = Self(StoredValue::new(None));
        on_cleanup(move || timer.stop());
        timer
    }

    fn runs(self) -> bool {
        self.0.try_with_value(Option::is_some) == Some(true)
    }

    fn stop(self) {
        if let Some(handle) = self.0.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    }

    fn start(self, after: Duration, then: impl Fn() + 'static) {
        self.stop();
        let ring = move || {
            let _ = self.0.try_update_value(Option::take);
            then();
        };
        let _ = self
            .0
            .try_set_value(set_timeout_with_handle(ring, after).ok());
    }
}

/// What is known of the others, on its way to the screen.
#[derive(Clone, Copy)]
struct Watch {
    company: StoredValue<Company>,
    others: RwSignal<Vec<Companion>>,
    settling: OneTimer,
}

impl Watch {
    fn show(self) {
        let seen = self.company.try_update_value(|company| {
            company.settle(Moment::now());
            (company.others(), company.anybody_types())
        });
        let Some((seen, typing)) = seen else { return };
        if self.others.try_with_untracked(|shown| *shown != seen) == Some(true) {
            self.others.set(seen);
        }
        // The word that ends the typing may be lost: look again by oneself.
        if typing && !self.settling.runs() {
            self.settling.start(PAUSE, move || self.show());
        }
    }
}

/// Enters the record's room and says who else is in it. Without a feed, or nobody signed in, one is alone.
pub fn use_company(record: Record) -> InCompany {
    let tab = Uuid::new_v4();
    let others = RwSignal::new(Vec::new());
    let own = RwSignal::new(None::<Place>);
    let company = StoredValue::new(Company::of(tab));
    let room = StoredValue::new(None::<Seat>);
    let (stepping, resting) = (OneTimer::new(), OneTimer::new());
    let watch = Watch {
        company,
        others,
        settling: OneTimer::new(),
    };
    let tell = move || {
        let place = own.try_get_untracked().flatten();
        let _ = room.try_with_value(|room| match room {
            // Whether it arrives is not worth waiting for: the next word says it again.
            Some(room) if room.is_inside() => room.say(WHEREABOUTS, &Whereabouts { tab, place }),
            _ => {}
        });
    };
    let look_around = move || {
        let present = room.try_with_value(|room| room.as_ref().map(Seat::presence));
        let Some(Some(present)) = present else { return };
        let tabs = present.iter().flat_map(|(user, tabs)| {
            let user = Uuid::parse_str(user).ok();
            tabs.iter()
                .filter_map(move |tab| Some((tab_of(tab)?, user?)))
        });
        let newcomer = company.try_update_value(|company| company.attend(tabs));
        if newcomer == Some(true) && own.try_with_untracked(Option::is_some) == Some(true) {
            tell();
        }
        watch.show();
    };

    let user = use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id));
    if let (Some(feed), Some(user)) = (use_context::<Feed>(), user) {
        let options = Room::named(record.room())
            .access(Access::Private)
            .presence(user.to_string());
        let seat = feed.enter(options, move |event| match event {
            RoomEvent::Message(message) if message.event == WHEREABOUTS => {
                if let Ok(said) = message.payload.decode::<Whereabouts>() {
                    let _ = company.try_update_value(|company| company.hear(said, Moment::now()));
                    watch.show();
                }
            }
            RoomEvent::Presence(_) | RoomEvent::Ready(_) => look_around(),
            // Outside nobody can be seen: better nobody than somebody who has left.
            RoomEvent::Gap(_) | RoomEvent::Refused(_) => {
                let _ = company.try_update_value(|company| company.attend([]));
                watch.show();
            }
            RoomEvent::Message(_) => {}
        });
        room.set_value(Some(seat));
        look_around();
        // Who only reads sees who is there and does not show up: the database would not let them.
        let me = use_context::<Me>();
        let edits = Memo::new(move |_| me.and_then(Me::role).is_some_and(Role::may_edit));
        Effect::new(move |_| {
            if edits.get() {
                let _ =
                    room.try_with_value(|room| room.as_ref().map(|seat| seat.track(&Here { tab })));
            }
        });
    }
    // Whose presence it is, the sender says. Believed is only who could be there: staff who may edit.
    let directory = use_reading(&[Table::Profiles], profiles::directory_query).data;
    let others = Signal::derive(move || {
        let others = others.get();
        directory.with(|people| credible(others, people.as_deref()))
    });

    let goes = Callback::new(move |place: Option<Place>| {
        let Some(before) = own.try_get_untracked() else {
            return;
        };
        if before == place {
            return;
        }
        let only_the_caret = matches!((&before, &place), (Some(before), Some(place))
            if before.field == place.field && before.typing == place.typing);
        let typing = place.as_ref().is_some_and(|place| place.typing);
        own.set(place);
        if !only_the_caret {
            stepping.stop();
            tell();
        } else if !stepping.runs() {
            stepping.start(STEP, tell);
        }
        if typing {
            resting.start(REST, move || {
                let rested = own.try_update(|own| match own {
                    Some(place) => std::mem::replace(&mut place.typing, false),
                    None => false,
                });
                if rested == Some(true) {
                    tell();
                }
            });
        }
    });
    InCompany {
        others,
        own: own.into(),
        goes,
    }
}

/// The companions who may be in a room; none while the directory is loading.
fn credible(others: Vec<Companion>, people: Option<&Directory>) -> Vec<Companion> {
    let Some(people) = people else {
        return Vec::new();
    };
    (others.into_iter())
        .filter(|companion| people.may_edit(companion.user))
        .collect()
}

fn tab_of(presence: &Presence) -> Option<Uuid> {
    serde_json::from_str::<Here>(&presence.json)
        .ok()
        .map(|here| here.tab)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use crate::model::Profile;

    fn person(number: u128, role: &str, active: bool) -> Profile {
        let row = serde_json::json!({
            "id": Uuid::from_u128(number), "email": "", "full_name": "Ana", "role": role, "active": active,
            "created_at": "", "updated_at": "",
        });
        serde_json::from_value(row).unwrap_or_else(|error| panic!("{error}"))
    }

    fn companion(number: u128) -> Companion {
        Companion {
            tab: Uuid::nil(),
            user: Uuid::from_u128(number),
            place: None,
        }
    }

    #[test]
    fn nobody_is_seen_in_a_room_who_may_not_edit() {
        let people = Directory::new(vec![
            person(1, "clinician", true),
            person(2, "viewer", true),
            person(3, "clinician", false),
            person(4, "admin", true),
        ]);
        let claimed = || (1..=5).map(companion).collect();
        let seen = credible(claimed(), Some(&people));
        let seen: Vec<_> = seen.iter().map(|seen| seen.user.as_u128()).collect();
        assert_eq!(seen, [1, 4]);
        assert!(credible(claimed(), None).is_empty());
    }
}
