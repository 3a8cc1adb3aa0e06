//! What a person may do. The database enforces it; the app only avoids offering what would be refused.

use super::policy::{self, Action, Reach, Resource};
use super::word::words;

words! {
    /// What a person may do.
    Role {
        /// Sees everything, sets roles.
        Admin = "admin", "Admin";
        /// Sees and changes the patients assigned to them.
        Clinician = "clinician", "Clinician";
        /// Reads everything, changes nothing.
        Viewer = "viewer", "Viewer";
    }
}

impl Role {
    /// Whether the role may change any patient or form at all.
    pub const fn may_edit(self) -> bool {
        policy::may(self, Resource::Patients, Action::Change)
    }

    /// Whether the role decides on what others may do.
    pub const fn may_administer(self) -> bool {
        matches!(
            policy::reach(self, Resource::Profiles, Action::Change),
            Reach::All
        )
    }
}
