//! What stands in place of a page that the person's role does not see.

use leptos::prelude::*;

use crate::components::{Empty, Shape};
use crate::hooks::Me;
use crate::model::Role;

/// Its children for an admin, a word for anyone else, nothing until the role is known. Follows the role as it changes.
#[component]
pub fn AdminOnly(children: ChildrenFn) -> impl IntoView {
    let me = use_context::<Me>();
    let role = Memo::new(move |_| me.and_then(Me::role));
    move || {
        match role.get() {
        None => ().into_any(),
        Some(role) if role.may_administer() => children().into_any(),
        Some(role) => view! {
            <Empty
                shape=Shape::Lock
                title="For admins".to_owned()
                advice=format!("You are signed in as {}. This page is for admins; one of them can change your role.", Role::label(role).to_lowercase())
            />
        }
        .into_any(),
    }
    }
}
