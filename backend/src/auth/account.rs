//! What a person does with their own account: sign up, look, change, sign out; and what a client may ask beforehand.

use axum::Json;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bearer::Signed;
use super::body::{Body, Params, normal_email};
use super::error::AuthError;
use super::password::{MAX_BYTES, MIN_CHARS, Verdict};
use super::sessions::Scope;
use super::users::{Change, NewUser};
use super::{Auth, sessions, token, users};

#[derive(Deserialize)]
pub(crate) struct Signup {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    data: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
pub(crate) struct Update {
    email: Option<String>,
    password: Option<String>,
    data: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Logout {
    scope: Option<String>,
}

pub(crate) async fn signup(
    State(auth): State<Auth>,
    headers: HeaderMap,
    Body(signup): Body<Signup>,
) -> Result<Json<Value>, AuthError> {
    auth.terms.rate.take()?;
    let email = match (
        signup.email.filter(|e| !e.is_empty()),
        signup.phone.filter(|p| !p.is_empty()),
    ) {
        (Some(email), None) => normal_email(&email)?,
        (Some(_), Some(_)) => {
            return Err(AuthError::Validation(
                "Only an email address or phone number should be provided on signup.",
            ));
        }
        (None, Some(_)) => return Err(AuthError::PhoneDisabled),
        (None, None) => return Err(AuthError::AnonymousDisabled),
    };
    let password = signup
        .password
        .filter(|p| !p.is_empty())
        .ok_or(AuthError::Validation("Signup requires a valid password"))?;
    let hash = new_hash(&auth, password).await?;
    let user = NewUser {
        id: Uuid::new_v4(),
        email,
        hash: Some(hash),
        role: "authenticated".to_owned(),
        confirmed: true,
        user_metadata: Value::Object(signup.data.unwrap_or_default()),
        app_metadata: email_provider(),
    };
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    users::insert(&mut tx, &user)
        .await
        .map_err(|error| taken_or(error, AuthError::AlreadyRegistered))?;
    let session = sessions::begin(&mut tx, user.id, agent)
        .await
        .map_err(AuthError::writing)?;
    let answer = token::answer(&auth, &mut tx, &session).await?;
    tx.commit().await.map_err(AuthError::committing)?;
    Ok(Json(answer))
}

pub(crate) async fn user(signed: Signed) -> Json<Value> {
    Json(signed.object)
}

pub(crate) async fn update(
    State(auth): State<Auth>,
    signed: Signed,
    Body(update): Body<Update>,
) -> Result<Json<Value>, AuthError> {
    let email = match update.email.filter(|email| !email.is_empty()) {
        Some(email) => Some(normal_email(&email)?),
        None => None,
    };
    let hash = match update.password {
        Some(password) => Some(changed_hash(&auth, signed.id, password).await?),
        None => None,
    };
    let change = Change {
        email,
        hash,
        user_metadata: update.data.map(Value::Object),
        ..Change::default()
    };
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    users::update(&mut tx, signed.id, &change)
        .await
        .map_err(|error| taken_or(error, AuthError::EmailExists))?;
    if change.hash.is_some() {
        // Whoever knew the old password is out.
        sessions::end(&mut tx, signed.id, signed.session, Scope::Others)
            .await
            .map_err(AuthError::writing)?;
    }
    let object = users::object(&mut tx, signed.id)
        .await
        .map_err(AuthError::reading)?;
    tx.commit().await.map_err(AuthError::writing)?;
    object.map(Json).ok_or(AuthError::UserGone)
}

pub(crate) async fn logout(
    State(auth): State<Auth>,
    Params(logout): Params<Logout>,
    signed: Signed,
) -> Result<StatusCode, AuthError> {
    let scope = match logout.scope.as_deref() {
        None | Some("" | "global") => Scope::Global,
        Some("local") => Scope::Local,
        Some("others") => Scope::Others,
        Some(_) => return Err(AuthError::LogoutScope),
    };
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    sessions::end(&mut tx, signed.id, signed.session, scope)
        .await
        .map_err(AuthError::writing)?;
    tx.commit().await.map_err(AuthError::writing)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn settings() -> Json<Value> {
    Json(json!({
        "external": { "email": true, "phone": false, "anonymous_users": false },
        "disable_signup": false,
        "mailer_autoconfirm": true,
        "phone_autoconfirm": false,
        "sms_provider": "",
        "saml_enabled": false,
    }))
}

pub(crate) async fn health() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": "GoTrue",
        "description": "the part of GoTrue that Bedside's backend embeds",
    }))
}

/// The app metadata of whoever signs in by address and password.
pub(crate) fn email_provider() -> Value {
    json!({ "provider": "email", "providers": ["email"] })
}

/// Checks a new password's length and hashes it.
pub(crate) async fn new_hash(auth: &Auth, password: String) -> Result<String, AuthError> {
    if password.chars().count() < MIN_CHARS {
        return Err(AuthError::WeakPassword);
    }
    if password.len() > MAX_BYTES {
        return Err(AuthError::Validation(
            "Password cannot be longer than 72 characters",
        ));
    }
    auth.passwords
        .hash(password)
        .await
        .map_err(|_| AuthError::Database("Error hashing the password"))
}

async fn changed_hash(auth: &Auth, user: Uuid, password: String) -> Result<String, AuthError> {
    let old = {
        let mut tx = auth.db.begin().await.map_err(AuthError::reading)?;
        users::by_id(&mut tx, user)
            .await
            .map_err(AuthError::reading)?
    };
    let old = old.and_then(|user| user.hash);
    if old.is_some() && auth.passwords.verify(password.clone(), old).await == Verdict::Right {
        return Err(AuthError::SamePassword);
    }
    new_hash(auth, password).await
}

/// A unique violation means that the address is taken; all else is the database's failure.
pub(crate) fn taken_or(error: sqlx::Error, taken: AuthError) -> AuthError {
    let on_address = error
        .as_database_error()
        .is_some_and(|e| e.is_unique_violation());
    match on_address {
        true => taken,
        false => AuthError::writing(error),
    }
}
