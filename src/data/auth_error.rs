//! Why signing in or staying signed in failed, told apart by what a person can do about it.

use serde::Deserialize;
use thiserror::Error;

/// Why a call of the auth service failed. Holds no password and no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Wrong email or password; the service does not say which, and neither does the app.
    #[error("wrong email or password")]
    WrongCredentials,
    #[error("the email address is not confirmed yet")]
    EmailNotConfirmed,
    /// The account exists and may not sign in.
    #[error("the account is blocked")]
    Blocked,
    /// The refresh token is used up, revoked or unknown: sign in again.
    #[error("the session has ended")]
    SessionEnded,
    /// The account that the token names is no longer there.
    #[error("the account is gone")]
    AccountGone,
    /// A new password that is too short or too common.
    #[error("the password is too weak")]
    WeakPassword,
    #[error("the new password is the old one")]
    SamePassword,
    /// Somebody has an account with this address already.
    #[error("the address has an account already")]
    AddressTaken,
    #[error("sign-up is closed")]
    SignUpClosed,
    /// The database has no invitation for this address with this code.
    #[error("no invitation with this code")]
    NoInvitation,
    #[error("too many attempts")]
    RateLimited,
    #[error("the server could not be reached")]
    Offline,
    #[error("the server failed ({0})")]
    Server(u16),
    /// Any other refusal, by its code.
    #[error("refused ({0})")]
    Refused(String),
    #[error("the answer could not be read")]
    Unreadable,
}

/// The shapes that the auth service's errors come in: by API version, and OAuth's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: Option<serde_json::Value>,
    error_code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl AuthError {
    /// The cause behind an HTTP status and a body that may be JSON of three shapes, empty, or a gateway's HTML.
    ///
    /// Only GoTrue's own code is its word. An answer without one comes from something in front of it, whatever its status, and
    /// says nothing about the account or the session.
    ///
    /// ```
    /// use bedside::data::AuthError;
    /// let body = r#"{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}"#;
    /// assert_eq!(AuthError::from_response(400, body), AuthError::WrongCredentials);
    /// ```
    pub fn from_response(status: u16, body: &str) -> Self {
        let Body {
            code,
            error_code,
            error,
            error_description,
        } = serde_json::from_str(body).unwrap_or_default();
        let code = error_code
            .or_else(|| code.and_then(|code| code.as_str().map(str::to_owned)))
            // OAuth's shape has one code that GoTrue ever used; in any other, the field is a gateway's.
            .or(error.filter(|error| error == "invalid_grant"))
            .unwrap_or_default();
        match code.as_str() {
            "invalid_credentials" => Self::WrongCredentials,
            // OAuth has one code for both; the grant that failed is in the words.
            "invalid_grant" if error_description.is_some_and(|words| words.contains("oken")) => {
                Self::SessionEnded
            }
            "invalid_grant" => Self::WrongCredentials,
            "email_not_confirmed" => Self::EmailNotConfirmed,
            "user_banned" => Self::Blocked,
            "weak_password" => Self::WeakPassword,
            "same_password" => Self::SamePassword,
            "user_already_exists" | "email_exists" => Self::AddressTaken,
            "PT403" => Self::NoInvitation,
            "signup_disabled" | "email_provider_disabled" => Self::SignUpClosed,
            "refresh_token_not_found"
            | "refresh_token_already_used"
            | "session_expired"
            | "session_not_found"
            | "bad_jwt" => Self::SessionEnded,
            "user_not_found" => Self::AccountGone,
            "over_request_rate_limit" | "over_email_send_rate_limit" => Self::RateLimited,
            _ => match status {
                429 => Self::RateLimited,
                500.. => Self::Server(status),
                _ if code.is_empty() => Self::Server(status),
                _ => Self::Refused(code),
            },
        }
    }

    /// Whether the service said that the session is over. Nothing else ends one.
    pub const fn ends_session(&self) -> bool {
        matches!(self, Self::SessionEnded | Self::AccountGone | Self::Blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> AuthError {
        AuthError::from_response(status, body)
    }

    #[test]
    fn each_shape_of_a_wrong_password_reads_the_same() {
        for body in [
            r#"{"code":"invalid_credentials","message":"Invalid login credentials"}"#,
            r#"{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}"#,
            r#"{"error":"invalid_grant","error_description":"Invalid login credentials"}"#,
        ] {
            assert_eq!(of(400, body), AuthError::WrongCredentials, "{body}");
        }
    }

    #[test]
    fn a_used_up_refresh_token_ends_the_session() {
        for body in [
            r#"{"code":"refresh_token_already_used","message":"Invalid Refresh Token: Already Used"}"#,
            r#"{"error":"invalid_grant","error_description":"Invalid Refresh Token"}"#,
        ] {
            assert_eq!(of(400, body), AuthError::SessionEnded, "{body}");
        }
    }

    #[test]
    fn a_status_without_a_code_still_tells_the_cause() {
        assert_eq!(of(429, ""), AuthError::RateLimited);
        assert_eq!(of(502, "<html>Bad gateway</html>"), AuthError::Server(502));
        assert_eq!(of(418, "[]"), AuthError::Server(418));
    }

    #[test]
    fn a_wrong_invitation_code_is_told_from_a_failure() {
        let refused = r#"{"code":"PT403","message":"no invitation with this code"}"#;
        let failed = r#"{"code":500,"error_code":"unexpected_failure","msg":"Database error saving new user"}"#;
        assert_eq!(of(403, refused), AuthError::NoInvitation);
        assert_eq!(of(500, failed), AuthError::Server(500));
    }

    #[test]
    fn only_the_service_s_own_codes_end_a_session() {
        for (status, body) in [
            (503, ""),
            (403, "<html>Forbidden</html>"),
            (404, r#"{"message":"no Route matched with those values"}"#),
            (408, ""),
            (401, r#"{"message":"Invalid authentication credentials"}"#),
            (
                401,
                r#"{"error":"unauthorized","error_description":"Bad token"}"#,
            ),
            (401, r#"{"code":401,"message":"Unauthorized"}"#),
            (
                400,
                r#"{"code":"validation_failed","message":"refresh_token required"}"#,
            ),
            (400, r#"{"code":"a_code_of_next_year"}"#),
        ] {
            assert!(!of(status, body).ends_session(), "{status} {body}");
        }
        for code in [
            "refresh_token_not_found",
            "session_expired",
            "user_banned",
            "user_not_found",
        ] {
            let body = format!(r#"{{"code":400,"error_code":"{code}","msg":""}}"#);
            assert!(of(400, &body).ends_session(), "{code}");
        }
    }
}
