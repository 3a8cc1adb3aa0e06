//! Why nobody is signed in: for the sign-in page to say, in this tab, the others and after a reload.

use super::AuthError;

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOutBecause {
    /// Nobody has signed in here.
    Nobody,
    /// The person asked, here or in another tab.
    Asked,
    /// The server no longer accepts the session: it ran out, or was ended from elsewhere.
    Ended,
    /// The account is not active: nobody let the person in yet, or an admin has switched it off.
    NotActive,
    /// The account is blocked.
    Blocked,
    /// The account is gone.
    Gone,
}

impl SignedOutBecause {
    pub const ALL: [Self; 6] = [
        Self::Nobody,
        Self::Asked,
        Self::Ended,
        Self::NotActive,
        Self::Blocked,
        Self::Gone,
    ];

    /// The word that stands for it in the storage.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Asked => "asked",
            Self::Ended => "ended",
            Self::NotActive => "not-active",
            Self::Blocked => "blocked",
            Self::Gone => "gone",
        }
    }

    /// The reason for a stored word, if this version of the app knows it.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|because| because.word() == word)
    }

    /// The reason behind a renewal that the service refused for good.
    pub const fn refused(error: &AuthError) -> Self {
        match error {
            AuthError::Blocked => Self::Blocked,
            AuthError::AccountGone => Self::Gone,
            _ => Self::Ended,
        }
    }
}
