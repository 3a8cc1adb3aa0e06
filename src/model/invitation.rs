//! An invitation to become staff: who is meant, what they will be, and the code that they prove themselves with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;

/// One row of `staff_invitations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: Uuid,
    pub email: String,
    pub full_name: String,
    pub role: Role,
    /// Handed over by the admin, in person or by a message of their own.
    pub code: String,
    pub expires_at: String,
}

impl Invitation {
    /// The code as people read it out: in groups of four.
    ///
    /// ```
    /// use bedside::model::invitation::grouped;
    /// assert_eq!(grouped("A1B2C3D4E5F6"), "A1B2-C3D4-E5F6");
    /// assert_eq!(grouped(""), "");
    /// ```
    pub fn code_in_groups(&self) -> String {
        grouped(&self.code)
    }
}

/// A code in groups of four.
pub fn grouped(code: &str) -> String {
    let mut groups = String::with_capacity(code.len() + code.len() / 4);
    for (place, sign) in code.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            groups.push('-');
        }
        groups.push(sign);
    }
    groups
}
