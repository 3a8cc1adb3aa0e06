//! `POST /token`: the password and refresh grants, and the answer that both give.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::body::{Body, Params, storable};
use super::error::AuthError;
use super::password::Verdict;
use super::sessions::{self, Refresh, Session};
use super::{Auth, users};
use crate::jwt::unix_seconds;

#[derive(Debug, Deserialize)]
pub(crate) struct Grant {
    #[serde(default)]
    grant_type: String,
}

/// The fields of both grants; which of them counts, the grant says.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    refresh_token: Option<String>,
}

pub(crate) async fn token(
    State(auth): State<Auth>,
    Params(grant): Params<Grant>,
    headers: HeaderMap,
    Body(credentials): Body<Credentials>,
) -> Result<Json<Value>, AuthError> {
    auth.terms.rate.take()?;
    match grant.grant_type.as_str() {
        "password" => password_grant(&auth, credentials, &headers).await,
        "refresh_token" => refresh_grant(&auth, credentials).await,
        _ => Err(AuthError::UnsupportedGrant),
    }
    .map(Json)
}

async fn password_grant(
    auth: &Auth,
    credentials: Credentials,
    headers: &HeaderMap,
) -> Result<Value, AuthError> {
    let email = match (credentials.email, credentials.phone) {
        (Some(_), Some(_)) => {
            return Err(AuthError::Validation(
                "Only an email address or phone number should be provided on login.",
            ));
        }
        (Some(email), None) => email,
        (None, Some(_)) => return Err(AuthError::InvalidCredentials),
        (None, None) => return Err(AuthError::Validation("missing email or phone")),
    };
    let password = credentials.password.unwrap_or_default();
    if !storable(&email) {
        return Err(AuthError::InvalidCredentials);
    }
    // Found, then released: the comparison takes longer than a hundred queries.
    let found = {
        let mut tx = auth.db.begin().await.map_err(AuthError::reading)?;
        users::by_email(&mut tx, email.trim())
            .await
            .map_err(AuthError::reading)?
    };
    let hash = found.as_ref().and_then(|user| user.hash.clone());
    let verdict = auth.passwords.verify(password, hash).await;
    let user = match (found, verdict) {
        (Some(user), Verdict::Right) => user,
        _ => return Err(AuthError::InvalidCredentials),
    };
    if user.banned {
        return Err(AuthError::UserBanned);
    }
    if !user.confirmed {
        return Err(AuthError::EmailNotConfirmed);
    }
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    let session = sessions::begin(&mut tx, user.id, agent)
        .await
        .map_err(AuthError::writing)?;
    let answer = answer(auth, &mut tx, &session).await?;
    tx.commit().await.map_err(AuthError::writing)?;
    Ok(answer)
}

async fn refresh_grant(auth: &Auth, credentials: Credentials) -> Result<Value, AuthError> {
    let token = credentials
        .refresh_token
        .filter(|token| !token.is_empty())
        .ok_or(AuthError::Validation("refresh_token required"))?;
    if !storable(&token) {
        return Err(AuthError::RefreshTokenNotFound);
    }
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    let refresh = sessions::refresh(&mut tx, &token, auth.terms.refresh_reuse)
        .await
        .map_err(AuthError::writing)?;
    let session = match refresh {
        Refresh::Rotated(session) => session,
        Refresh::Unknown => return Err(AuthError::RefreshTokenNotFound),
        Refresh::Reused => {
            // The revocation of the chain must stay.
            tx.commit().await.map_err(AuthError::writing)?;
            return Err(AuthError::RefreshTokenAlreadyUsed);
        }
    };
    let user = users::by_id(&mut tx, session.user)
        .await
        .map_err(AuthError::reading)?;
    if user.ok_or(AuthError::RefreshTokenNotFound)?.banned {
        return Err(AuthError::UserBanned);
    }
    let answer = answer(auth, &mut tx, &session).await?;
    tx.commit().await.map_err(AuthError::writing)?;
    Ok(answer)
}

/// A session as clients store it: both tokens, their times, and the user.
pub(crate) async fn answer(
    auth: &Auth,
    db: &mut PgConnection,
    session: &Session,
) -> Result<Value, AuthError> {
    let user = users::object(db, session.user)
        .await
        .map_err(AuthError::reading)?
        .ok_or(AuthError::UserGone)?;
    let now = unix_seconds();
    let life = i64::try_from(auth.terms.token_life.as_secs()).unwrap_or(i64::MAX / 2);
    let claim = |name: &str| user.get(name).cloned().unwrap_or(Value::Null);
    let access_token = auth.keys.sign(&json!({
        "iss": &*auth.issuer,
        "sub": session.user,
        "aud": claim("aud"),
        "exp": now + life,
        "iat": now,
        "email": claim("email"),
        "phone": claim("phone"),
        "app_metadata": claim("app_metadata"),
        "user_metadata": claim("user_metadata"),
        "role": claim("role"),
        "aal": "aal1",
        "amr": [{ "method": "password", "timestamp": session.signed_in_at }],
        "session_id": session.id,
        "is_anonymous": claim("is_anonymous"),
    }));
    Ok(json!({
        "access_token": access_token,
        "token_type": "bearer",
        "expires_in": life,
        "expires_at": now + life,
        "refresh_token": session.refresh_token,
        "user": user,
    }))
}
