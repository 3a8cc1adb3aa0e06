//! Who may do what, as the app offers it: one table of role by resource by action, and what opens each place. The database
//! enforces the same; a test compares the two cell by cell, so that the app neither offers what would be refused nor hides what
//! is allowed.

use super::Role;

/// What there is to read and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Profiles,
    Patients,
    FormSubmissions,
    Invitations,
}

impl Resource {
    pub const ALL: [Resource; 4] = [
        Resource::Profiles,
        Resource::Patients,
        Resource::FormSubmissions,
        Resource::Invitations,
    ];
}

/// What can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Read,
    Create,
    Change,
    Delete,
}

impl Action {
    pub const ALL: [Action; 4] = [Action::Read, Action::Create, Action::Change, Action::Delete];
}

/// How far a right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// One's own: oneself, the patients assigned to one, and their forms.
    Own,
    All,
}

/// The table.
///
/// ```
/// use bedside::model::{Role, policy::{Action, Reach, Resource, reach}};
/// assert_eq!(reach(Role::Clinician, Resource::Patients, Action::Change), Reach::Own);
/// assert_eq!(reach(Role::Viewer, Resource::Patients, Action::Change), Reach::Nothing);
/// ```
pub const fn reach(role: Role, resource: Resource, action: Action) -> Reach {
    use Reach::{All, Nothing, Own};
    // Read, create, change, delete.
    let row = match (role, resource) {
        (Role::Admin, Resource::Profiles) => (All, Nothing, All, Nothing),
        (Role::Admin, Resource::Patients) => (All, All, All, All),
        (Role::Admin, Resource::FormSubmissions) => (All, All, All, All),
        (Role::Admin, Resource::Invitations) => (All, All, Nothing, All),

        (Role::Clinician, Resource::Profiles) => (All, Nothing, Own, Nothing),
        (Role::Clinician, Resource::Patients) => (Own, Own, Own, Nothing),
        (Role::Clinician, Resource::FormSubmissions) => (Own, Own, Own, Own),
        (Role::Clinician, Resource::Invitations) => (Nothing, Nothing, Nothing, Nothing),

        (Role::Viewer, Resource::Profiles) => (All, Nothing, Own, Nothing),
        (Role::Viewer, Resource::Patients) => (All, Nothing, Nothing, Nothing),
        (Role::Viewer, Resource::FormSubmissions) => (All, Nothing, Nothing, Nothing),
        (Role::Viewer, Resource::Invitations) => (Nothing, Nothing, Nothing, Nothing),

        // A role that this build does not know is offered nothing; the database decides what it sees.
        (Role::Unknown, _) => (Nothing, Nothing, Nothing, Nothing),
    };
    match action {
        Action::Read => row.0,
        Action::Create => row.1,
        Action::Change => row.2,
        Action::Delete => row.3,
    }
}

/// Whether a role may do something to any row at all.
pub const fn may(role: Role, resource: Resource, action: Action) -> bool {
    !matches!(reach(role, resource, action), Reach::Nothing)
}

/// A part of the app that has an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Dashboard,
    Patients,
    NewPatient,
    Forms,
    Staff,
    Realtime,
    Settings,
    Help,
}

impl Place {
    /// Whether a role is let in. The dashboard is everybody's: it says itself what there is. So is what is not about the work.
    pub const fn opens_to(self, role: Role) -> bool {
        match self {
            Self::Dashboard | Self::Settings | Self::Help => true,
            Self::Patients => may(role, Resource::Patients, Action::Read),
            Self::NewPatient => may(role, Resource::Patients, Action::Create),
            Self::Forms => may(role, Resource::FormSubmissions, Action::Read),
            Self::Staff => may(role, Resource::Invitations, Action::Create),
            // How the server does concerns whoever can do something about it.
            Self::Realtime => role.may_administer(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_admins_find_the_staff_and_the_state_of_the_feed() {
        for role in Role::ALL {
            let admin = *role == Role::Admin;
            assert_eq!(Place::Staff.opens_to(*role), admin, "{role:?}");
            assert_eq!(Place::Realtime.opens_to(*role), admin, "{role:?}");
            assert!(Place::Patients.opens_to(*role), "{role:?}");
            assert_eq!(
                Place::NewPatient.opens_to(*role),
                role.may_edit(),
                "{role:?}"
            );
        }
    }

    /// `tests/policy.tsv` is what another test compares with the database.
    #[test]
    fn the_table_is_the_one_that_is_compared_with_the_database() {
        let mut table = String::from("role\ttable\tread\tcreate\tchange\tdelete\n");
        for role in Role::ALL {
            for resource in Resource::ALL {
                let name = match resource {
                    Resource::Profiles => "profiles",
                    Resource::Patients => "patients",
                    Resource::FormSubmissions => "form_submissions",
                    Resource::Invitations => "staff_invitations",
                };
                let cells = Action::ALL.map(|action| match reach(*role, resource, action) {
                    Reach::All => "all",
                    Reach::Own => "own",
                    Reach::Nothing => "-",
                });
                table += &format!("{}\t{name}\t{}\n", role.word(), cells.join("\t"));
            }
        }
        assert_eq!(table, include_str!("../../tests/policy.tsv"));
    }

    #[test]
    fn an_unknown_role_is_offered_nothing_but_the_dashboard() {
        for resource in Resource::ALL {
            for action in Action::ALL {
                assert!(!may(Role::Unknown, resource, action));
            }
        }
        assert!(!Place::Patients.opens_to(Role::Unknown));
        assert!(Place::Dashboard.opens_to(Role::Unknown));
    }
}
