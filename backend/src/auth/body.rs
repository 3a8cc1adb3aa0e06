//! What a request brings, as JSON or in its query, refused in GoTrue's words.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::AuthError;

/// A JSON body, whatever its content type says: GoTrue doesn't look.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = AuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AuthError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| AuthError::BadJson)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|_| AuthError::BadJson)
    }
}

/// The query as a struct.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(params)| Self(params))
            .map_err(|_| AuthError::Validation("Could not parse the query parameters"))
    }
}

/// PostgreSQL stores no NUL, so nothing in it is named by a text that holds one.
pub(crate) fn storable(text: &str) -> bool {
    !text.contains('\0')
}

/// An address in the one form in which it is stored and compared.
pub(crate) fn normal_email(text: &str) -> Result<String, AuthError> {
    let email = text.trim().to_lowercase();
    let sound = email.len() <= 255
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
    match sound {
        true => Ok(email),
        false => Err(AuthError::Validation(
            "Unable to validate email address: invalid format",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_in_lower_case() {
        assert_eq!(
            normal_email(" Admin@Bedside.TEST ").unwrap(),
            "admin@bedside.test"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "admin", "@x", "x@", "a b@c", "a@b@c", "a\0@b"] {
            assert!(normal_email(text).is_err(), "{text}");
        }
    }
}
