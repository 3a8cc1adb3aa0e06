//! Staff administration, for admins: who is who, who may do what, who may come in.

mod invitations;
mod invite;
mod people;

use leptos::prelude::*;

use super::Guard;
use crate::components::{Icon, Shape, use_title};
use crate::model::policy::Place;
use invitations::Invitations;
use invite::Invite;
use people::People;

/// The staff page.
#[component]
pub fn Staff() -> impl IntoView {
    use_title(|| "Staff".to_owned());
    let inviting = RwSignal::new(false);
    view! {
        <Guard place=Place::Staff>
            <div class="page">
                <div class="page-head">
                    <div class="page-title">
                        <h1>"Staff"</h1>
                        <p>"A change holds at once, in every open session."</p>
                    </div>
                    <button class="button button-primary" type="button" on:click=move |_| inviting.set(true)>
                        <Icon shape=Shape::Send />
                        "Invite a person"
                    </button>
                </div>
                <People />
                <Invitations />
                <Invite open=inviting />
            </div>
        </Guard>
    }
}
