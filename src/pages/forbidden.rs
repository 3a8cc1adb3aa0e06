//! What stands in place of a page that the person's role does not see.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::{EmptyPage, Shape};
use crate::hooks::Me;
use crate::model::Role;
use crate::model::policy::Place;

/// Its children for those whom the place opens to, a word for anyone else, nothing until the role is known. Follows the role as it
/// changes.
#[component]
pub fn Guard(place: Place, children: ChildrenFn) -> impl IntoView {
    let me = use_context::<Me>();
    let role = Memo::new(move |_| me.and_then(Me::role));
    move || {
        match role.get() {
        None => ().into_any(),
        Some(role) if place.opens_to(role) => children().into_any(),
        Some(role) => view! {
            <EmptyPage
                shape=Shape::Lock
                title="Not for your role"
                advice=format!("You are signed in as {}. This page is for {}; an admin can change your role.", Role::label(role).to_lowercase(), those(place))
            >
                <A href="/" attr:class="button">"Go to the dashboard"</A>
            </EmptyPage>
        }
        .into_any(),
    }
    }
}

/// The roles that a place opens to, in words.
fn those(place: Place) -> String {
    let roles: Vec<String> = Role::ALL
        .iter()
        .filter(|role| place.opens_to(**role))
        .map(|role| format!("{}s", role.label().to_lowercase()))
        .collect();
    roles.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_who_is_let_in() {
        assert_eq!(those(Place::Staff), "admins");
        assert_eq!(those(Place::Patients), "admins and clinicians and viewers");
    }
}
