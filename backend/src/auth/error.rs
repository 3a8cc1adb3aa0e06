//! What auth refuses, in GoTrue's words, and the two shapes in which GoTrue says it.
//!
//! An error travels as an extension of an empty response; [`shape`] writes its body, since only there the request's
//! API version is known. No variant carries a password, a token or an address.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::jwt::JwtError;

/// The request header that selects the newer error shape, echoed on the answer so that clients know which they got.
static API_VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");
static ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");
/// The version since which `code` is a word.
const WORD_CODES_SINCE: &str = "2024-01-01";

/// Everything auth can refuse.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum AuthError {
    #[error("Could not parse request body as JSON")]
    BadJson,
    #[error("unsupported_grant_type")]
    UnsupportedGrant,
    #[error("{0}")]
    Validation(&'static str),
    #[error("Unsupported logout scope")]
    LogoutScope,
    #[error("Invalid login credentials")]
    InvalidCredentials,
    #[error("Email not confirmed")]
    EmailNotConfirmed,
    #[error("User is banned")]
    UserBanned,
    #[error("Invalid Refresh Token: Refresh Token Not Found")]
    RefreshTokenNotFound,
    #[error("Invalid Refresh Token: Already Used")]
    RefreshTokenAlreadyUsed,
    #[error("This endpoint requires a valid Bearer token")]
    NoAuthorization,
    #[error("invalid JWT: unable to parse or verify signature, {}", go_words(.0))]
    BadJwt(JwtError),
    #[error("invalid claim: missing sub claim")]
    NoSub,
    #[error("User from sub claim in JWT does not exist")]
    UserGone,
    #[error("Session from session_id claim in JWT does not exist")]
    SessionGone,
    #[error("User not allowed")]
    NotAdmin,
    #[error("User not found")]
    UserNotFound,
    #[error("user_id must be an UUID")]
    UserIdNotUuid,
    #[error("User already registered")]
    AlreadyRegistered,
    #[error("A user with this email address has already been registered")]
    EmailExists,
    #[error("Anonymous sign-ins are disabled")]
    AnonymousDisabled,
    #[error("Phone signups are disabled")]
    PhoneDisabled,
    #[error("Password should be at least 6 characters.")]
    WeakPassword,
    #[error("New password should be different from the old password.")]
    SamePassword,
    #[error("Request rate limit reached")]
    RateLimited,
    /// A trigger refused the row with a `PTxxx` code, which is public: see [`Refusal`].
    #[error("{}", .0.message)]
    Refused(Refusal),
    #[error("{0}")]
    Database(&'static str),
}

/// What a trigger says with SQLSTATE `PTxxx`. GoTrue passes it on with HTTP status xxx to a client that names no API version;
/// to others it is a failed write.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    code: String,
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn of(error: &dyn sqlx::error::DatabaseError) -> Option<Self> {
        let code = error.code()?;
        let status = code.strip_prefix("PT")?.parse().ok()?;
        Some(Self {
            status: StatusCode::from_u16(status).ok()?,
            code: code.into_owned(),
            message: error.message().to_owned(),
        })
    }
}

const WRITE_FAILED: &str = "Database error saving user";

impl AuthError {
    /// For `map_err` on reads; the cause goes to the log, never to the client.
    pub(crate) fn reading(error: sqlx::Error) -> Self {
        tracing::error!(%error, "auth could not read the database");
        Self::Database("Database error querying schema")
    }

    /// For `map_err` on writes.
    pub(crate) fn writing(error: sqlx::Error) -> Self {
        if let Some(refusal) = error.as_database_error().and_then(Refusal::of) {
            return Self::Refused(refusal);
        }
        Self::failed(&error, WRITE_FAILED)
    }

    /// For `map_err` on the commit of a sign-up. Here GoTrue passes no refusal on.
    pub(crate) fn committing(error: sqlx::Error) -> Self {
        Self::failed(
            &error,
            "Unexpected failure, please check server logs for more information",
        )
    }

    fn failed(error: &sqlx::Error, words: &'static str) -> Self {
        // A trigger's message may quote the row; its class is enough for the log.
        let code = error
            .as_database_error()
            .and_then(|e| e.code().map(|c| c.into_owned()));
        let code = code.as_deref().unwrap_or("none");
        // Class 22 is a value that no column can hold, such as a NUL within metadata.
        if code.starts_with("22") {
            return Self::Validation("A value cannot be stored");
        }
        tracing::error!(code, "auth could not write the database");
        Self::Database(words)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoAuthorization => StatusCode::UNAUTHORIZED,
            Self::BadJwt(_) | Self::NoSub | Self::UserGone | Self::SessionGone | Self::NotAdmin => {
                StatusCode::FORBIDDEN
            }
            Self::UserNotFound | Self::UserIdNotUuid => StatusCode::NOT_FOUND,
            Self::AlreadyRegistered
            | Self::EmailExists
            | Self::AnonymousDisabled
            | Self::WeakPassword
            | Self::SamePassword => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(_) | Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::UnsupportedGrant | Self::InvalidCredentials => "invalid_credentials",
            Self::Validation(_) | Self::LogoutScope | Self::UserIdNotUuid => "validation_failed",
            Self::EmailNotConfirmed => "email_not_confirmed",
            Self::UserBanned => "user_banned",
            Self::RefreshTokenNotFound => "refresh_token_not_found",
            Self::RefreshTokenAlreadyUsed => "refresh_token_already_used",
            Self::NoAuthorization => "no_authorization",
            Self::BadJwt(_) | Self::NoSub => "bad_jwt",
            Self::UserGone | Self::UserNotFound => "user_not_found",
            Self::SessionGone => "session_not_found",
            Self::NotAdmin => "not_admin",
            Self::AlreadyRegistered => "user_already_exists",
            Self::EmailExists => "email_exists",
            Self::AnonymousDisabled => "anonymous_provider_disabled",
            Self::PhoneDisabled => "phone_provider_disabled",
            Self::WeakPassword => "weak_password",
            Self::SamePassword => "same_password",
            Self::RateLimited => "over_request_rate_limit",
            Self::Refused(_) | Self::Database(_) => "unexpected_failure",
        }
    }
}

/// The words of the library that GoTrue quotes.
fn go_words(error: &JwtError) -> &'static str {
    match error {
        JwtError::NotAJwt => "token is malformed: token contains an invalid number of segments",
        JwtError::Expired { .. } => "token has invalid claims: token is expired",
        JwtError::BadSignature => "token signature is invalid: signature is invalid",
        JwtError::MissingClaims => "token has invalid claims: token is missing required claim",
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes an error's body in the shape that the request's API version asks for.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let version = request.headers().get(&API_VERSION).cloned();
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<AuthError>() else {
        return response;
    };
    let words = version
        .as_ref()
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v >= WORD_CODES_SINCE);
    let mut status = error.status();
    let mut body = if let AuthError::Refused(refusal) = error {
        if words {
            json!({ "code": error.code(), "message": WRITE_FAILED })
        } else {
            status = refusal.status;
            json!({ "code": refusal.code, "message": refusal.message })
        }
    } else if words {
        json!({ "code": error.code(), "message": error.to_string() })
    } else {
        json!({ "code": error.status().as_u16(), "error_code": error.code(), "msg": error.to_string() })
    };
    if let (AuthError::WeakPassword, Some(body)) = (error, body.as_object_mut()) {
        body.insert("weak_password".to_owned(), json!({ "reasons": ["length"] }));
    }
    let mut shaped = (status, Json(body)).into_response();
    let headers = shaped.headers_mut();
    headers.insert(&ERROR_CODE, HeaderValue::from_static(error.code()));
    if words {
        headers.insert(&API_VERSION, HeaderValue::from_static(WORD_CODES_SINCE));
    }
    shaped
}
