//! The way of a form, step by step: which steps somebody may take from where. The database has the last word; the app only
//! avoids offering what would be refused. It knows nobody's name.

use super::{FormStatus, Role};

/// A step of a form on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Hands it in.
    Submit,
    /// Takes it back to go on writing.
    Withdraw,
    /// Lets others know that somebody is at it.
    Begin,
    Approve,
    /// Gives it back to its author, with a comment.
    Return,
    /// Leaves the review to somebody else.
    Release,
    /// Looks once more at what was approved.
    Reopen,
}

/// Whose form it is to the person who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Own,
    SomebodyElses,
}

impl Step {
    /// Where it leads.
    pub const fn leads_to(self) -> FormStatus {
        match self {
            Self::Submit | Self::Release => FormStatus::Submitted,
            Self::Withdraw => FormStatus::Draft,
            Self::Begin | Self::Reopen => FormStatus::InReview,
            Self::Approve => FormStatus::Approved,
            Self::Return => FormStatus::Returned,
        }
    }

    /// What the button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Submit => "Submit",
            Self::Withdraw => "Withdraw to change it",
            Self::Begin => "Take into review",
            Self::Approve => "Approve",
            Self::Return => "Return…",
            Self::Release => "Leave to others",
            Self::Reopen => "Take back into review",
        }
    }

    /// What has happened, once it has.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Submit => "Submitted",
            Self::Withdraw => "Taken back as a draft",
            Self::Begin => "In review by you",
            Self::Approve => "Approved",
            Self::Return => "Returned",
            Self::Release => "Left to others",
            Self::Reopen => "Back in review",
        }
    }

    /// Whether the reviewer is through with the form after it.
    pub const fn ends_review(self) -> bool {
        matches!(self, Self::Approve | Self::Return)
    }
}

/// The steps from here, the likeliest first.
///
/// ```
/// use bedside::model::{FormStatus, Role, form_step::{Step, Whose, steps}};
/// let mine = steps(FormStatus::Submitted, Role::Clinician, Whose::Own);
/// assert_eq!(mine, [Step::Withdraw]);
/// assert!(steps(FormStatus::Submitted, Role::Viewer, Whose::SomebodyElses).is_empty());
/// ```
pub const fn steps(status: FormStatus, role: Role, whose: Whose) -> &'static [Step] {
    use Step::{Approve, Begin, Release, Reopen, Return, Submit, Withdraw};
    if !role.may_edit() {
        return &[];
    }
    match (status, whose) {
        (FormStatus::Draft | FormStatus::Returned, _) => &[Submit],
        (FormStatus::Submitted, Whose::Own) => &[Withdraw],
        (FormStatus::Submitted, Whose::SomebodyElses) => &[Approve, Return, Begin],
        (FormStatus::InReview, Whose::SomebodyElses) => &[Approve, Return, Release],
        (FormStatus::Approved, Whose::SomebodyElses) if role.may_administer() => &[Reopen],
        _ => &[],
    }
}

/// Whether somebody with this role may change the answers now. What was handed in stays as it is until it comes back.
pub const fn may_write(status: FormStatus, role: Role) -> bool {
    role.may_edit() && matches!(status, FormStatus::Draft | FormStatus::Returned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_offered_a_review_of_their_own() {
        for status in FormStatus::ALL {
            for role in Role::ALL {
                let offered = steps(*status, *role, Whose::Own);
                assert!(
                    offered
                        .iter()
                        .all(|step| matches!(step, Step::Submit | Step::Withdraw)),
                    "{status:?} {role:?} {offered:?}"
                );
            }
        }
    }

    #[test]
    fn a_viewer_is_offered_nothing() {
        for status in FormStatus::ALL {
            assert!(steps(*status, Role::Viewer, Whose::SomebodyElses).is_empty());
            assert!(!may_write(*status, Role::Viewer));
        }
    }

    #[test]
    fn only_an_admin_reopens_what_was_approved() {
        let offered = |role| steps(FormStatus::Approved, role, Whose::SomebodyElses);
        assert_eq!(offered(Role::Admin), [Step::Reopen]);
        assert!(offered(Role::Clinician).is_empty());
    }

    #[test]
    fn every_step_that_is_offered_leads_somewhere_else() {
        for status in FormStatus::ALL {
            for whose in [Whose::Own, Whose::SomebodyElses] {
                for step in steps(*status, Role::Admin, whose) {
                    assert_ne!(step.leads_to(), *status);
                }
            }
        }
    }
}
