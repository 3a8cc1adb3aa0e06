//! Who asks: the bearer token of a request, verified, and for users checked against the rows.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde_json::Value;
use uuid::Uuid;

use super::error::AuthError;
use super::{Auth, sessions, users};
use crate::jwt::Claims;

/// A signed-in user, whose account and session are there at this moment.
pub(crate) struct Signed {
    pub(crate) id: Uuid,
    pub(crate) session: Option<Uuid>,
    /// GoTrue's user object.
    pub(crate) object: Value,
}

/// The holder of the service role key.
pub(crate) struct Admin;

impl FromRequestParts<Auth> for Signed {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, auth: &Auth) -> Result<Self, AuthError> {
        let claims = claims(parts, auth)?;
        let id = claims.sub.as_deref().ok_or(AuthError::NoSub)?;
        let id = Uuid::parse_str(id).map_err(|_| AuthError::NoSub)?;
        let session = claims
            .raw
            .get("session_id")
            .and_then(Value::as_str)
            .and_then(|text| Uuid::parse_str(text).ok());
        let mut tx = auth.db.begin().await.map_err(AuthError::reading)?;
        let object = users::object(&mut tx, id)
            .await
            .map_err(AuthError::reading)?
            .ok_or(AuthError::UserGone)?;
        if let Some(session) = session
            && !sessions::exists(&mut tx, session)
                .await
                .map_err(AuthError::reading)?
        {
            return Err(AuthError::SessionGone);
        }
        Ok(Self {
            id,
            session,
            object,
        })
    }
}

impl FromRequestParts<Auth> for Admin {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, auth: &Auth) -> Result<Self, AuthError> {
        match claims(parts, auth)?.role.as_str() {
            "service_role" | "supabase_admin" => Ok(Self),
            _ => Err(AuthError::NotAdmin),
        }
    }
}

fn claims(parts: &Parts, auth: &Auth) -> Result<Claims, AuthError> {
    let token = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer_token)
        .ok_or(AuthError::NoAuthorization)?;
    auth.keys.verify(token).map_err(AuthError::BadJwt)
}

fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
