//! What a person typed and did not save, kept on this computer until they come back: after a reload, a wrong turn, a session that ended. It belongs
//! to one person; signing out, or somebody else signing in, wipes it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store;

const PREFIX: &str = "bedside.draft.";

/// A field as it was left: its name, the text that the row had, the text typed.
pub type Left = (String, String, String);

#[derive(Serialize, Deserialize)]
struct Kept {
    fields: Vec<Left>,
}

/// Where the typing of one person in one record is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// The place for `user` in `record`, which is a name such as `patient:7`.
    pub fn of(user: Uuid, record: &str) -> Self {
        Self(format!("{PREFIX}{user}.{record}"))
    }

    /// Keeps what was typed; nothing typed, nothing kept.
    pub fn keep(&self, fields: Vec<Left>) {
        if fields.is_empty() {
            return store::remove(&self.0);
        }
        if let Ok(text) = serde_json::to_string(&Kept { fields }) {
            store::write(&self.0, &text);
        }
    }

    /// What was left here. A text that can't be read is as good as none.
    pub fn left(&self) -> Vec<Left> {
        store::read(&self.0)
            .and_then(|text| serde_json::from_str::<Kept>(&text).ok())
            .map(|kept| kept.fields)
            .unwrap_or_default()
    }
}

/// Wipes what anybody but this person left; with nobody, all of it.
pub fn wipe_all_but(user: Option<Uuid>) {
    let own = user.map(|user| format!("{PREFIX}{user}."));
    for key in store::keys() {
        let is_own = own.as_ref().is_some_and(|own| key.starts_with(own));
        if key.starts_with(PREFIX) && !is_own {
            store::remove(&key);
        }
    }
}
