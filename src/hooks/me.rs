//! The signed-in person: the account from the session, the name and role from the directory.

use leptos::prelude::*;

use super::Reading;
use crate::data::session::User;
use crate::model::{Profile, Role};

/// The signed-in person. From context, inside the frame.
#[derive(Clone, Copy)]
pub struct Me {
    pub user: StoredValue<User>,
    pub profile: Reading<Profile>,
}

impl Me {
    /// The role, once known. Tracked.
    pub fn role(self) -> Option<Role> {
        self.profile
            .data
            .with(|profile| profile.as_ref().map(|profile| profile.role))
    }

    /// Whether the role is known and sees the admin's pages. Tracked.
    pub fn may_administer(self) -> bool {
        self.role().is_some_and(Role::may_administer)
    }
}
