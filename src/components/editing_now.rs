//! In a list of forms: who is editing one this very moment. Knows ids and names, not how it is known.

use std::sync::Arc;

use leptos::prelude::*;
use uuid::Uuid;

use crate::data::profiles::Directory;
use crate::hooks::Me;
use crate::model::profile::initials;

/// The people at a form, in a few words and with a face; nothing while there is nobody.
#[component]
pub fn EditingNow(
    #[prop(into)] people: Signal<Vec<Uuid>>,
    directory: Signal<Option<Arc<Directory>>>,
) -> impl IntoView {
    let me = use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id));
    let words = Memo::new(move |_| {
        // Whose presence it is, the sender says: only who may edit is believed to.
        let people: Vec<_> = directory.with(|known| {
            let known = known.as_ref()?;
            let credible = people.get().into_iter();
            Some(credible.filter(|person| known.may_edit(*person)).collect())
        })?;
        let (first, rest) = people.split_first()?;
        let known = directory.with(|known| {
            known
                .as_ref()
                .and_then(|known| known.known_name(Some(*first)))
        });
        let name = known.unwrap_or_else(|| "Somebody".to_owned());
        let said = match (me == Some(*first), rest.len()) {
            (true, 0) => "You are editing".to_owned(),
            (false, 0) => format!("{name} is editing"),
            (true, more) => format!("You and {more} more are editing"),
            (false, more) => format!("{name} and {more} more are editing"),
        };
        Some((initials(&name), said))
    });
    move || {
        words.get().map(|(letters, said)| {
            let title = said.clone();
            view! {
                <span class="editing-now" title=title>
                    <span class="avatar avatar-small" aria-hidden="true">
                        {letters}
                    </span>
                    <span class="editing-now-words">{said}</span>
                </span>
            }
        })
    }
}
