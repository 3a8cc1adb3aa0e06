//! Whose a change of a patient's record is, told from its history, for a page that has to say so beside a field.

use std::sync::Arc;

use leptos::prelude::*;
use uuid::Uuid;

use crate::data::profiles::Directory;
use crate::data::{Page, patient_history, profiles};
use crate::hooks::{Me, Reading, use_reading};
use crate::model::{PatientChange, PatientField, Version, patient_change};
use crate::sync::Table;

/// Whose a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The history is behind the record: the next moment tells.
    NotYetKnown,
    Oneself,
    Named(String),
    /// The history does not say: an import, or a change too long ago.
    Unknown,
}

impl Author {
    /// The name of somebody else.
    pub fn name(self) -> Option<String> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }
}

/// The authors of one record. Copy it freely.
#[derive(Clone, Copy)]
pub struct Authors {
    history: Reading<Page<PatientChange>>,
    people: Signal<Option<Arc<Directory>>>,
    me: Option<Uuid>,
}

impl Authors {
    /// Those of a patient's record; the same query as the history on the page.
    pub fn of_patient(id: Uuid) -> Self {
        Self {
            history: use_reading(&[Table::Patients], move |rest| {
                patient_history::list_query(rest, id, patient_history::AT_FIRST)
            }),
            people: use_reading(&[Table::Profiles], profiles::directory_query).data,
            me: use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id)),
        }
    }

    /// Who made a field what it is in a version of the record. Tracked.
    pub fn of(self, field: PatientField, version: Version, text: &str) -> Author {
        let found = self.history.data.with(|page| {
            let steps = &page.as_ref()?.rows;
            let known = steps.first().is_some_and(|step| step.version >= version);
            known.then(|| patient_change::author_of(steps, field, text))
        });
        match found {
            None if self.history.error.with(Option::is_none) => Author::NotYetKnown,
            None | Some(None) => Author::Unknown,
            Some(author) if author == self.me => Author::Oneself,
            Some(author) => self
                .people
                .with(|people| people.as_ref()?.known_name(author))
                .map_or(Author::Unknown, Author::Named),
        }
    }
}
