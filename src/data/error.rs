//! Why a read or a change of rows failed, told apart by what a person can do about it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a request for rows failed. Holds no row and no token.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum DataError {
    /// No answer at all: no network, or nobody at the address.
    #[error("the server could not be reached")]
    Offline,
    /// An answer that took too long.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The session is over, or was never there.
    #[error("the session has ended")]
    SignedOut,
    /// Row Level Security or a rule said no.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The row is not there, or not visible to this person.
    #[error("no such row")]
    NotFound,
    /// The row has another version than the change was made for, or may not be changed by this person any more.
    #[error("the row has changed meanwhile")]
    Conflict,
    /// Too many requests.
    #[error("too many requests")]
    RateLimited,
    /// A value that a constraint refuses.
    #[error("refused: {message} ({code})")]
    Refused { code: String, message: String },
    /// The server failed.
    #[error("the server failed ({status})")]
    Server { status: u16 },
    /// The answer was not what this build understands.
    #[error("the answer could not be read")]
    Unreadable,
}

/// PostgREST's error body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: Option<String>,
    message: Option<String>,
}

impl DataError {
    /// The cause behind an HTTP status and a body that may be JSON, empty, or a gateway's HTML.
    ///
    /// The code decides before the status: PostgREST and its relatives disagree about 401 and 403 for a refused right.
    ///
    /// ```
    /// use bedside::data::DataError;
    /// assert_eq!(DataError::from_response(503, "<html>"), DataError::Server { status: 503 });
    /// assert_eq!(DataError::from_response(401, r#"{"code":"PGRST301"}"#), DataError::SignedOut);
    /// ```
    pub fn from_response(status: u16, body: &str) -> Self {
        let Body { code, message } = serde_json::from_str(body).unwrap_or_default();
        let code = code.unwrap_or_default();
        let message = message.unwrap_or_default();
        match (code.as_str(), status) {
            ("42501", _) => Self::Forbidden(message),
            ("PGRST301" | "PGRST302" | "PGRST303", _) => Self::SignedOut,
            ("PGRST116", _) => Self::NotFound,
            (_, 429) => Self::RateLimited,
            (_, 401) => Self::SignedOut,
            (_, 403) => Self::Forbidden(message),
            (_, 404) => Self::NotFound,
            (_, 408 | 504) => Self::TimedOut,
            (_, 500..) => Self::Server { status },
            _ => Self::Refused { code, message },
        }
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Offline | Self::TimedOut | Self::RateLimited | Self::Server { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_right_is_known_by_its_code_whatever_the_status() {
        let body =
            r#"{"code":"42501","message":"only an admin sets roles","details":null,"hint":null}"#;
        for status in [401, 403] {
            assert_eq!(
                DataError::from_response(status, body),
                DataError::Forbidden("only an admin sets roles".to_owned())
            );
        }
    }

    #[test]
    fn an_expired_token_is_a_session_to_renew() {
        assert_eq!(
            DataError::from_response(401, r#"{"code":"PGRST303","message":"JWT expired"}"#),
            DataError::SignedOut
        );
        assert_eq!(DataError::from_response(401, ""), DataError::SignedOut);
    }

    #[test]
    fn a_constraint_keeps_its_code_and_words() {
        let body = r#"{"code":"23514","message":"date of birth lies in the future"}"#;
        assert_eq!(
            DataError::from_response(400, body),
            DataError::Refused {
                code: "23514".to_owned(),
                message: "date of birth lies in the future".to_owned()
            }
        );
    }

    #[test]
    fn only_passing_troubles_are_worth_another_try() {
        assert!(DataError::Offline.is_passing());
        assert!(DataError::from_response(502, "Bad gateway").is_passing());
        assert!(!DataError::Conflict.is_passing());
        assert!(!DataError::from_response(409, "{}").is_passing());
    }
}
