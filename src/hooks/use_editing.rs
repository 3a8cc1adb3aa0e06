//! Who is editing which form, told to everybody who looks at a list of them: the room of all forms, entered only for as long as
//! somebody edits or looks. Where in a form somebody is stays in the form's own room ([`use_company`](super::use_company())).

use bedside_realtime::{Access, Room, RoomEvent};
use leptos::prelude::*;
use uuid::Uuid;

use super::Me;
use crate::sync::editing::{Editing, FORMS_ROOM};
use crate::sync::tabs::Seat;
use crate::sync::{Editors, Feed};

/// Shows that this person is editing a form, while `edits` says so and the calling component is there.
pub fn use_editing(form: Uuid, edits: Memo<bool>) {
    let Some((feed, room)) = feed_and_room() else {
        return;
    };
    let seat = StoredValue::new(None::<Seat>);
    Effect::new(move |_| {
        let taken = edits.get().then(|| {
            let seat = feed.enter(room.clone(), |_| {});
            seat.track(&Editing { form });
            seat
        });
        seat.set_value(taken);
    });
}

/// Who is editing what, as it changes. Without a feed nobody can be seen.
pub fn use_editors() -> Signal<Editors> {
    let editors = RwSignal::new(Editors::default());
    let Some((feed, room)) = feed_and_room() else {
        return editors.into();
    };
    let seat = StoredValue::new(None::<Seat>);
    let show = move |seen: Editors| {
        if editors.try_with_untracked(|shown| *shown != seen) == Some(true) {
            editors.set(seen);
        }
    };
    let look = move || {
        let seen =
            seat.try_with_value(|seat| seat.as_ref().map(|seat| Editors::of(&seat.presence())));
        if let Some(Some(seen)) = seen {
            show(seen);
        }
    };
    let entered = feed.enter(room, move |event| match event {
        RoomEvent::Presence(_) | RoomEvent::Ready(_) => look(),
        // Outside nobody can be seen: better nobody than somebody who has left.
        RoomEvent::Gap(_) | RoomEvent::Refused(_) => show(Editors::default()),
        RoomEvent::Message(_) => {}
    });
    seat.set_value(Some(entered));
    look();
    editors.into()
}

/// The feed, and the room as this person enters it.
fn feed_and_room() -> Option<(Feed, Room)> {
    let user = use_context::<Me>()?.user.try_with_value(|user| user.id)?;
    let room = Room::named(FORMS_ROOM)
        .access(Access::Private)
        .presence(user.to_string());
    Some((use_context::<Feed>()?, room))
}
