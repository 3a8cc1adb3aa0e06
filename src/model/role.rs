//! What a person may do. The database enforces it; the app only avoids offering what would be refused.

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
    ///
    /// ```
    /// use bedside::model::Role;
    /// assert!(Role::Clinician.may_edit());
    /// assert!(!Role::Viewer.may_edit());
    /// ```
    pub const fn may_edit(self) -> bool {
        matches!(self, Self::Admin | Self::Clinician)
    }

    /// Whether the role sees the staff list and the realtime page.
    pub const fn may_administer(self) -> bool {
        matches!(self, Self::Admin)
    }
}
