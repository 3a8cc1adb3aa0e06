//! The person at the page: who signs in, and where they look.

use bedside::model::PatientStatus;

use super::{Event, World};
use crate::question::Question;

impl World {
    pub(super) fn sign_in(&mut self, user: Option<usize>) {
        let old = self.page.user;
        self.open_page(user);
        self.hand_over(old, user);
    }

    /// The page as it is for this person when it opens.
    pub(super) fn open_page(&mut self, user: Option<usize>) {
        let mut wishes = Vec::new();
        self.page.identify(user, &mut wishes);
        while !self.page.visits.is_empty() {
            self.page.unmount(0, &mut wishes);
        }
        if let Some(user) = user {
            self.page.mount(vec![Question::Profile(user)], &mut wishes);
            let questions = self.screen();
            self.page.mount(questions, &mut wishes);
        }
        self.fulfil(wishes);
    }

    /// What a screen of the app asks.
    pub(super) fn screen(&mut self) -> Vec<Question> {
        let snapshot = self.database.now();
        let patients: Vec<u32> = snapshot.patients.keys().copied().collect();
        let forms: Vec<u32> = snapshot.forms.keys().copied().collect();
        let patient = self.dice.pick(&patients).copied().unwrap_or(1);
        let form = self.dice.pick(&forms).copied().unwrap_or(1);
        let status = self
            .dice
            .pick(PatientStatus::ALL)
            .copied()
            .unwrap_or(PatientStatus::Waiting);
        match self.dice.between(0, 5) {
            0 => vec![Question::Patients(None), Question::Directory],
            1 => vec![Question::Patients(Some(status)), Question::Directory],
            2 => vec![
                Question::Patient(patient),
                Question::FormsOf(patient),
                Question::Directory,
            ],
            3 => vec![Question::Forms, Question::Directory],
            4 => vec![Question::Form(form), Question::Directory],
            _ => vec![
                Question::CountPatients(status),
                Question::WaitingForms,
                Question::Patients(None),
            ],
        }
    }

    /// The person at the page moves on.
    pub(super) fn touch(&mut self) {
        if self.still {
            return;
        }
        let mut wishes = Vec::new();
        let choice = self.dice.between(0, 99);
        if self.page.user.is_none() || choice < 4 {
            let next = if choice.is_multiple_of(2) {
                None
            } else {
                usize::try_from(self.dice.between(0, 3)).ok()
            };
            let next = if self.page.user.is_none() {
                Some(next.unwrap_or(1))
            } else {
                next
            };
            if next != self.page.user {
                self.sign_in(next);
            }
        } else if choice < 60 || self.page.visits.len() < 2 {
            // To another screen: the new one comes before the old one goes, or after.
            if self.page.visits.len() > 1 && self.dice.percent(70) {
                self.page.unmount(1, &mut wishes);
            }
            if self.page.visits.len() < 4 {
                let questions = self.screen();
                self.page.mount(questions, &mut wishes);
            }
        } else {
            let last = self.page.visits.len().saturating_sub(1);
            self.page.unmount(last, &mut wishes);
        }
        self.fulfil(wishes);
        let wait = if self.dice.percent(10) { 45_000 } else { 8_000 };
        self.after(100, wait, Event::Touch);
    }
}
