//! A person's own writes, as they are accepted: what is told to whoever waits for their echo. Knows rows and versions; never
//! who listens.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::model::{FormSubmission, Patient, Version};

/// A row that counts its changes, so that one's own change is known again when it comes back.
pub trait Versioned {
    /// The table it is a row of.
    const TABLE: &'static str;

    fn id(&self) -> Uuid;

    fn version(&self) -> Version;
}

impl Versioned for Patient {
    const TABLE: &'static str = "patients";

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> Version {
        self.version
    }
}

impl Versioned for FormSubmission {
    const TABLE: &'static str = "form_submissions";

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> Version {
        self.version
    }
}

/// A write that the database has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub table: &'static str,
    pub id: Uuid,
    pub version: Version,
}

impl Written {
    /// The write that made a row what it is.
    pub fn of<T: Versioned>(row: &T) -> Self {
        Self {
            table: T::TABLE,
            id: row.id(),
            version: row.version(),
        }
    }
}

type OnWritten = Arc<dyn Fn(Written) + Send + Sync>;

/// Tells one listener of each write. Clones share it.
#[derive(Clone, Default)]
pub struct Writes(Arc<Mutex<Option<OnWritten>>>);

impl Writes {
    /// Calls back for each write from now on, in place of whoever was called before.
    pub fn listen(&self, on_written: impl Fn(Written) + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(on_written));
    }

    /// Says that a write was accepted.
    pub fn tell(&self, written: Written) {
        let listener = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            listener(written);
        }
    }
}
