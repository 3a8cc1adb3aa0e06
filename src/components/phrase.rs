//! What went wrong, in words for people: what it is, and what they can do. The only place where an error becomes a sentence.

use crate::data::{AuthError, ConfigError, DataError, SignedOutBecause};

/// The constraint that keeps the names of active staff apart.
const STAFF_NAME: &str = "profiles_active_name_key";

/// A short name of the trouble, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    pub title: &'static str,
    pub advice: String,
}

impl Phrase {
    fn new(title: &'static str, advice: impl Into<String>) -> Self {
        Self {
            title,
            advice: advice.into(),
        }
    }
}

/// Trouble with reading or changing rows.
pub fn data_error(error: &DataError) -> Phrase {
    match error {
        DataError::Offline => Phrase::new(
            "No connection",
            "The server can’t be reached. Check the network, then try again.",
        ),
        DataError::TimedOut => Phrase::new(
            "No answer in time",
            "The server is slow right now. Try again in a moment.",
        ),
        DataError::SignedOut => Phrase::new(
            "Signed out",
            "Your session has ended. Sign in again to go on.",
        ),
        DataError::Forbidden(_) => Phrase::new(
            "Not allowed",
            "Your role does not permit this. An admin can change it.",
        ),
        DataError::NotFound => Phrase::new(
            "Not here",
            "This record does not exist, or you are not allowed to see it.",
        ),
        DataError::Conflict => Phrase::new(
            "Changed meanwhile",
            "Someone else changed this record. Look again, then save.",
        ),
        DataError::RateLimited => {
            Phrase::new("Too many requests", "Wait a few seconds, then try again.")
        }
        DataError::Refused { code, message } if code == "23505" && message.contains(STAFF_NAME) => {
            Phrase::new(
                "An active colleague has this name",
                "Two active accounts can't share a name. Add to one of the names what tells the two apart, such as the ward, then try again.",
            )
        }
        DataError::Refused { code, message } => {
            Phrase::new("Refused by the database", refusal(code, message))
        }
        DataError::Server { status } => Phrase::new(
            "The server failed",
            format!("It answered {status}. Try again in a moment."),
        ),
        DataError::Unreadable => Phrase::new(
            "Unexpected answer",
            "The server’s answer could not be read. Reload the page; it may be older than the server.",
        ),
    }
}

fn refusal(code: &str, message: &str) -> String {
    match code {
        "23505" => "Another record already has this value.".to_owned(),
        "23503" => "Other records depend on this one.".to_owned(),
        "23502" => "A value is missing.".to_owned(),
        _ if message.is_empty() => "A value is not allowed.".to_owned(),
        _ => format!("{message}."),
    }
}

/// Trouble with signing in.
pub fn auth_error(error: &AuthError) -> Phrase {
    match error {
        AuthError::WrongCredentials => Phrase::new(
            "Wrong email or password",
            "Check both, then try again. Passwords tell capitals from small letters.",
        ),
        AuthError::EmailNotConfirmed => Phrase::new(
            "Email not confirmed",
            "Open the link in the message that was sent to you, then sign in.",
        ),
        AuthError::Blocked => Phrase::new("Account blocked", "An admin can lift the block."),
        AuthError::SessionEnded => Phrase::new("Session ended", "Sign in again to go on."),
        AuthError::AccountGone => Phrase::new(
            "Account gone",
            "This account no longer exists. If that is a mistake, ask an admin.",
        ),
        AuthError::WeakPassword => Phrase::new(
            "Password too weak",
            "Take a longer one that is not easily guessed.",
        ),
        AuthError::SamePassword => Phrase::new(
            "That is the present password",
            "Take one that you have not used here.",
        ),
        AuthError::AddressTaken => Phrase::new(
            "This address has an account",
            "Sign in with it. If you have forgotten the password, ask an admin.",
        ),
        AuthError::SignUpClosed => Phrase::new(
            "Nobody can sign up here",
            "Whoever runs the server has closed sign-up. Ask an admin for an account.",
        ),
        AuthError::NoInvitation => Phrase::new(
            "This code isn't valid.",
            "Check the address and the code. An invitation works once and for two weeks. An admin can send a new one.",
        ),
        AuthError::RateLimited => {
            Phrase::new("Too many attempts", "Wait a minute, then try again.")
        }
        AuthError::Offline => Phrase::new(
            "No connection",
            "The server can’t be reached. Check the network, then try again.",
        ),
        AuthError::Server(status) => Phrase::new(
            "The server failed",
            format!("It answered {status}. Try again in a moment."),
        ),
        AuthError::Refused(code) => {
            Phrase::new("Sign-in refused", format!("The server’s reason: {code}."))
        }
        AuthError::Unreadable => Phrase::new(
            "Unexpected answer",
            "The server’s answer could not be read. Reload the page and try again.",
        ),
    }
}

/// Why the sign-in page is shown, where that needs a word.
pub const fn signed_out(because: SignedOutBecause) -> Option<&'static str> {
    match because {
        SignedOutBecause::Nobody | SignedOutBecause::Asked => None,
        SignedOutBecause::Ended => Some(
            "Your session has ended: it ran out, or was ended from another device. Sign in again to go on where you were.",
        ),
        SignedOutBecause::NotActive => Some(
            "Your account is not active, so there is nothing for you to see. An admin can activate it.",
        ),
        SignedOutBecause::Blocked => Some("Your account is blocked. An admin can lift the block."),
        SignedOutBecause::Gone => {
            Some("Your account no longer exists. If that is a mistake, ask an admin.")
        }
    }
}

/// Trouble with the configuration, for whoever runs the site.
pub fn config_error(error: &ConfigError) -> Phrase {
    match error {
        ConfigError::Unreachable => Phrase::new(
            "Bedside can’t reach its server",
            "config.json could not be fetched. Check the network, then try again.",
        ),
        ConfigError::Refused(404) => Phrase::new(
            "Bedside is not configured",
            "There is no config.json beside this page. It tells the app which Supabase project it belongs to.",
        ),
        ConfigError::Refused(status) => Phrase::new(
            "Bedside is not configured",
            format!(
                "The server answered {status} for config.json, which tells the app which Supabase project it belongs to."
            ),
        ),
        ConfigError::NotJson(reason) => Phrase::new(
            "config.json can’t be read",
            format!(
                "It is missing (and the server sent another page in its place), or it has a mistake: {reason}."
            ),
        ),
        ConfigError::BadAddress => Phrase::new(
            "config.json is wrong",
            "supabase_url must be the project’s address, beginning with http:// or https://.",
        ),
        ConfigError::BadKey => Phrase::new(
            "config.json is wrong",
            "publishable_key must be the project’s publishable key (sb_publishable_…), without spaces or line breaks.",
        ),
        ConfigError::SecretKey => Phrase::new(
            "config.json holds a secret key",
            "Every visitor can read config.json, and a secret key bypasses all access rules. Revoke this key in the project’s API settings, then put the publishable key (sb_publishable_…) here.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_s_words_reach_the_person() {
        let error = DataError::Refused {
            code: "23514".to_owned(),
            message: "date of birth lies in the future".to_owned(),
        };
        assert_eq!(
            data_error(&error).advice,
            "date of birth lies in the future."
        );
    }

    #[test]
    fn a_known_constraint_needs_no_words_of_the_database() {
        let error = DataError::Refused {
            code: "23505".to_owned(),
            message: "duplicate key value violates ..".to_owned(),
        };
        assert_eq!(
            data_error(&error).advice,
            "Another record already has this value."
        );
    }

    #[test]
    fn an_account_whose_name_is_taken_is_told_from_any_other_duplicate() {
        let error = DataError::Refused {
            code: "23505".to_owned(),
            message: "duplicate key value violates unique constraint \"profiles_active_name_key\""
                .to_owned(),
        };
        let said = data_error(&error);
        assert_eq!(said.title, "An active colleague has this name");
        assert!(
            said.advice.contains("tells the two apart"),
            "{}",
            said.advice
        );
    }

    #[test]
    fn only_a_session_that_ended_by_itself_is_explained() {
        assert_eq!(signed_out(SignedOutBecause::Asked), None);
        assert!(signed_out(SignedOutBecause::Ended).is_some());
    }
}
