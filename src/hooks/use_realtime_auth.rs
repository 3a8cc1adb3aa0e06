//! Who is signed in and what they may do, kept true while the page is open.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Reading, use_reading};
use crate::data::session::User;
use crate::data::{Auth, AuthState, profiles};
use crate::model::{Profile, Role};
use crate::sync::Table;

/// The signed-in person. Its signals live as long as the component that asked.
#[derive(Clone, Copy)]
pub struct RealtimeAuth {
    /// The account; nothing while nobody is signed in.
    pub user: Signal<Option<User>>,
    /// The person's row in the directory; nothing until it is known.
    pub profile: Reading<Profile>,
    /// What the person may do, as the database has it now, whatever an older token says. Nothing until it is known.
    pub role: Signal<Option<Role>>,
}

/// Who is signed in, with the role as it is at this moment: an admin's change of it arrives by itself.
///
/// However many components ask, the row is fetched once and followed once. Without an [`Auth`] in context, nobody is signed in.
///
/// ```
/// use bedside::hooks::use_realtime_auth;
/// use leptos::prelude::*;
///
/// # any_spawner::Executor::init_futures_executor().ok();
/// # Owner::new().with(|| {
/// let auth = use_realtime_auth();
/// let may_edit = move || auth.role.get().is_some_and(|role| role.may_edit());
/// assert!(!may_edit(), "nobody is signed in here");
/// # });
/// ```
pub fn use_realtime_auth() -> RealtimeAuth {
    let auth = use_context::<Auth>();
    let user = Memo::new(move |_| match auth.as_ref()?.state().get() {
        AuthState::SignedIn(user) => Some(user),
        AuthState::SignedOut(_) => None,
    });
    let id = Memo::new(move |_| user.with(|user| user.as_ref().map(|user| user.id)));
    let profile = use_reading(&[Table::Profiles], move |rest| {
        profiles::own_query(rest, id.get())
    });
    let role = move || {
        let profile: Option<Arc<Profile>> = profile.data.get();
        profile.map(|profile| profile.role)
    };
    RealtimeAuth {
        user: user.into(),
        profile,
        role: Signal::derive(role),
    }
}
