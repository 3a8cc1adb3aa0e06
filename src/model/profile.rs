//! A person of the staff, as the directory shows them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Role, Version};

/// One row of `profiles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: Uuid,
    pub email: String,
    pub full_name: String,
    pub role: Role,
    /// False for someone who left, and for an account that an admin has not let in yet.
    pub active: bool,
    pub updated_at: String,
    /// 0 on a database from before staff rows had versions.
    #[serde(default)]
    pub version: Version,
}

impl Profile {
    /// One or two capitals that stand for the person where a whole name has no room.
    pub fn initials(&self) -> String {
        initials(&self.full_name)
    }
}

/// The first letters of the first and the last word of a name.
///
/// ```
/// use bedside::model::profile::initials;
/// assert_eq!(initials("Ana Maria de Souza"), "AS");
/// assert_eq!(initials("  ödön "), "Ö");
/// assert_eq!(initials(""), "?");
/// ```
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    let letters: String = first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect();
    if letters.is_empty() {
        "?".to_owned()
    } else {
        letters
    }
}
