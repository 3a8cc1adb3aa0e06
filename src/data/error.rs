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
    /// Only a code of PostgREST or PostgreSQL is the database's word. An answer without one comes from something in front of it,
    /// whatever its status, and may be another one in a moment.
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
            (code, _) if refuses(code) => Self::Refused {
                code: code.to_owned(),
                message,
            },
            (_, 429) => Self::RateLimited,
            (_, 408 | 504) => Self::TimedOut,
            _ => Self::Server { status },
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

/// Whether a code means that this very request is refused, now and later. A schema that is being reloaded or migrated, a lock, a limit
/// or a server that stops is a code as well, and none of these.
fn refuses(code: &str) -> bool {
    if let Some(number) = code.strip_prefix("PGRST") {
        // 0xx: no connection; 2xx: the schema cache; 3xx: tokens; X: the server itself.
        return number.starts_with('1');
    }
    if code.len() != 5 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    match code {
        // An undefined table, column or function: the database is being migrated, or is not as new as this build yet.
        "42P01" | "42703" | "42883" => false,
        // What a function raises as an HTTP status of its own.
        _ if code.starts_with("PT") => code.starts_with("PT4"),
        _ => ["21", "22", "23", "27", "42", "44", "54", "P0"]
            .iter()
            .any(|class| code.starts_with(class)),
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
    }

    #[test]
    fn a_gateway_s_answer_is_never_a_refusal() {
        let texts = [
            "",
            "<html>Forbidden</html>",
            r#"{"message":"no Route matched with those values"}"#,
            r#"{"code":403,"message":"blocked"}"#,
            r#"{"code":"403","message":"blocked"}"#,
            r#"{"code":"forbidden","message":"blocked"}"#,
            // What the database says while its schema is reloaded, it restarts, or a lock is held.
            r#"{"code":"PGRST205","message":"Could not find the table 'public.patients' in the schema cache"}"#,
            r#"{"code":"PGRST002","message":"Could not query the database for the schema cache. Retrying."}"#,
            r#"{"code":"PGRST204","message":"Could not find the 'x' column"}"#,
            r#"{"code":"42P01","message":"relation does not exist"}"#,
            r#"{"code":"57014","message":"canceling statement due to statement timeout"}"#,
            r#"{"code":"55P03","message":"canceling statement due to lock timeout"}"#,
            r#"{"code":"25006","message":"cannot execute UPDATE in a read-only transaction"}"#,
            r#"{"code":"40001","message":"could not serialize access"}"#,
        ];
        for text in texts {
            for status in [
                400, 401, 403, 404, 405, 406, 408, 409, 413, 418, 429, 500, 503, 504,
            ] {
                let error = DataError::from_response(status, text);
                assert!(error.is_passing(), "{status} {text}: {error:?}");
            }
        }
    }

    #[test]
    fn the_database_s_own_word_is_a_refusal() {
        for code in [
            "23505", "23514", "22P02", "P0001", "42804", "PGRST102", "PT409", "54000",
        ] {
            let text = format!(r#"{{"code":"{code}","message":"no"}}"#);
            let error = DataError::from_response(400, &text);
            assert!(
                matches!(error, DataError::Refused { .. }),
                "{code}: {error:?}"
            );
        }
        assert_eq!(
            DataError::from_response(406, r#"{"code":"PGRST116","message":"0 rows"}"#),
            DataError::NotFound
        );
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
        assert!(!DataError::Forbidden(String::new()).is_passing());
    }
}
