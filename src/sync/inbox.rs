//! What a person is told of forms: which changes are worth a word, in which words, and which of them have been read. Pure:
//! forms in, a list out; it knows no feed, no screen and no clock.

use std::sync::Arc;

use uuid::Uuid;

use crate::model::{FormStatus, FormSubmission, Version};

/// How many notifications are kept; the oldest goes first.
pub const KEPT: usize = 50;

/// One thing that happened to a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Tells it from every other.
    pub id: String,
    /// What happened, in a sentence.
    pub message: String,
    /// When, as the database wrote it.
    pub at: String,
    /// Where to see it.
    pub link: String,
    pub read: bool,
    form: Uuid,
    patient: Uuid,
    version: Version,
}

impl Notification {
    fn of(form: &FormSubmission) -> Self {
        Self {
            id: format!("{}-{}", form.id, form.version),
            message: message(form),
            at: form.updated_at.clone(),
            link: format!("/forms/{}", form.id),
            read: false,
            form: form.id,
            patient: form.patient_id,
            version: form.version,
        }
    }
}

fn message(form: &FormSubmission) -> String {
    let happened = match form.status {
        FormStatus::Submitted => "was submitted",
        FormStatus::InReview => "is in review",
        FormStatus::Approved => "was approved",
        FormStatus::Returned => "was returned",
        FormStatus::Draft | FormStatus::Unknown => "has changed",
    };
    format!("{} for {} {happened}", form.form_type.label(), form.about())
}

/// Whether a change of a form is news to somebody: not their own work, and not a draft, which is nobody's business but its
/// author's until it is handed in.
pub fn is_news(form: &FormSubmission, to: Option<Uuid>) -> bool {
    let by = match form.status {
        FormStatus::Draft => return false,
        FormStatus::InReview | FormStatus::Approved | FormStatus::Returned => form.reviewed_by,
        FormStatus::Submitted | FormStatus::Unknown => form.submitted_by,
    };
    to.is_some() && by != to
}

/// The notifications of one person, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inbox {
    held: Vec<Arc<Notification>>,
}

impl Inbox {
    pub fn all(&self) -> &[Arc<Notification>] {
        &self.held
    }

    pub fn unread(&self) -> usize {
        self.held.iter().filter(|held| !held.read).count()
    }

    /// Tells of a form as it is now. What was not read yet about the same form is out of date and goes; a change that was told of
    /// before is not told of twice.
    pub fn tell(&mut self, form: &FormSubmission) {
        let known = |held: &Arc<Notification>| held.form == form.id && held.version >= form.version;
        if self.held.iter().any(known) {
            return;
        }
        self.held.retain(|held| held.read || held.form != form.id);
        self.held.insert(0, Arc::new(Notification::of(form)));
        self.held.truncate(KEPT);
    }

    /// Takes back what was told of this change: it turned out to be the person's own.
    pub fn retract(&mut self, form: Uuid, version: Version) {
        self.held
            .retain(|held| held.form != form || held.version != version);
    }

    pub fn read(&mut self, id: &str) {
        self.read_if(|held| held.id == id);
    }

    pub fn read_all(&mut self) {
        self.read_if(|_| true);
    }

    /// Forgets what names a form, or a form's patient.
    pub fn lose(&mut self, row: Uuid) {
        self.held
            .retain(|held| held.form != row && held.patient != row);
    }

    pub fn clear(&mut self) {
        self.held.clear();
    }

    fn read_if(&mut self, which: impl Fn(&Notification) -> bool) {
        for held in &mut self.held {
            if !held.read && which(held) {
                Arc::make_mut(held).read = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use crate::model::FormType;
    use crate::model::form_submission::PatientName;

    const ME: Uuid = Uuid::from_u128(1);
    const BO: Uuid = Uuid::from_u128(2);
    const PATIENT: Uuid = Uuid::from_u128(3);

    fn form(number: u128, version: Version, status: FormStatus) -> FormSubmission {
        FormSubmission {
            id: Uuid::from_u128(100 + number),
            patient_id: PATIENT,
            form_type: FormType::Vitals,
            status,
            answers: serde_json::Value::Null,
            review_comment: String::new(),
            submitted_by: Some(BO),
            reviewed_by: None,
            changed_by: None,
            version,
            created_at: String::new(),
            updated_at: "2026-11-22T17:00:00Z".to_owned(),
            submitted_at: None,
            patient: Some(PatientName {
                id: PATIENT,
                mrn: String::new(),
                first_name: "Ada".to_owned(),
                last_name: "Okafor".to_owned(),
            }),
        }
    }

    fn told(forms: &[FormSubmission]) -> Inbox {
        let mut inbox = Inbox::default();
        forms.iter().for_each(|form| inbox.tell(form));
        inbox
    }

    #[test]
    fn a_message_names_the_form_and_the_patient_as_the_lists_do() {
        let inbox = told(&[form(1, 2, FormStatus::Returned)]);
        let [only] = inbox.all() else {
            panic!("one notification")
        };
        assert_eq!(only.message, "Vitals for Okafor, Ada was returned");
        assert_eq!(only.link, format!("/forms/{}", Uuid::from_u128(101)));
    }

    #[test]
    fn ones_own_work_and_drafts_are_no_news() {
        assert!(is_news(&form(1, 1, FormStatus::Submitted), Some(ME)));
        assert!(!is_news(&form(1, 1, FormStatus::Submitted), Some(BO)));
        assert!(!is_news(&form(1, 1, FormStatus::Draft), Some(ME)));
        let reviewed = FormSubmission {
            reviewed_by: Some(ME),
            ..form(1, 2, FormStatus::Approved)
        };
        assert!(!is_news(&reviewed, Some(ME)));
        assert!(is_news(&reviewed, Some(BO)));
        assert!(!is_news(&reviewed, None), "nobody is told anything");
    }

    #[test]
    fn a_form_that_changes_again_before_it_was_looked_at_is_told_of_once() {
        let mut inbox = told(&[
            form(1, 1, FormStatus::Submitted),
            form(1, 2, FormStatus::InReview),
            form(1, 2, FormStatus::InReview),
        ]);
        assert_eq!((inbox.all().len(), inbox.unread()), (1, 1));
        inbox.read_all();
        inbox.tell(&form(1, 3, FormStatus::Approved));
        assert_eq!((inbox.all().len(), inbox.unread()), (2, 1));
        inbox.tell(&form(1, 2, FormStatus::InReview));
        assert_eq!(inbox.all().len(), 2, "what is older than the last is old");
    }

    #[test]
    fn reading_one_leaves_the_others_unread() {
        let mut inbox = told(&[
            form(1, 1, FormStatus::Submitted),
            form(2, 1, FormStatus::Submitted),
        ]);
        let id = inbox.all()[0].id.clone();
        inbox.read(&id);
        assert_eq!(inbox.unread(), 1);
        assert!(inbox.all()[0].read && !inbox.all()[1].read);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let many: Vec<_> = (0..60)
            .map(|number| form(number, 1, FormStatus::Submitted))
            .collect();
        let inbox = told(&many);
        assert_eq!(inbox.all().len(), KEPT);
        assert_eq!(inbox.all()[0].form, many[59].id);
    }

    #[test]
    fn a_patient_out_of_sight_is_not_named_any_more() {
        let mut inbox = told(&[form(1, 1, FormStatus::Submitted)]);
        inbox.lose(PATIENT);
        assert_eq!(inbox.all(), []);
    }

    #[test]
    fn a_change_that_turns_out_to_be_ones_own_is_taken_back() {
        let mut inbox = told(&[form(1, 4, FormStatus::Submitted)]);
        inbox.retract(Uuid::from_u128(101), 3);
        assert_eq!(inbox.unread(), 1);
        inbox.retract(Uuid::from_u128(101), 4);
        assert_eq!(inbox.unread(), 0);
    }
}
