//! `/admin/users`: accounts as the holder of the service role key sees and makes them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::account::{email_provider, new_hash, taken_or};
use super::bearer::Admin;
use super::body::{Body, Params, normal_email};
use super::error::AuthError;
use super::users::{Ban, Change, NewUser};
use super::{Auth, users};

const PER_PAGE: i64 = 50;
const MAX_PER_PAGE: i64 = 1000;

/// What an account is made or changed with.
#[derive(Deserialize)]
pub(crate) struct Fields {
    id: Option<Uuid>,
    email: Option<String>,
    password: Option<String>,
    role: Option<String>,
    #[serde(default)]
    email_confirm: bool,
    user_metadata: Option<Map<String, Value>>,
    app_metadata: Option<Map<String, Value>>,
    ban_duration: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    page: Option<i64>,
    per_page: Option<i64>,
}

pub(crate) async fn list(
    State(auth): State<Auth>,
    _: Admin,
    Params(page): Params<Page>,
) -> Result<Response, AuthError> {
    let size = page
        .per_page
        .filter(|n| *n > 0)
        .unwrap_or(PER_PAGE)
        .min(MAX_PER_PAGE);
    let number = page.page.filter(|n| *n > 0).unwrap_or(1);
    let mut tx = auth.db.begin().await.map_err(AuthError::reading)?;
    let (users, total) = users::page(&mut tx, size, (number - 1).saturating_mul(size))
        .await
        .map_err(AuthError::reading)?;
    let mut response = Json(json!({ "users": users, "aud": "authenticated" })).into_response();
    response.headers_mut().insert(
        HeaderName::from_static("x-total-count"),
        HeaderValue::from(total),
    );
    Ok(response)
}

pub(crate) async fn create(
    State(auth): State<Auth>,
    _: Admin,
    Body(fields): Body<Fields>,
) -> Result<Json<Value>, AuthError> {
    let email = fields.email.ok_or(AuthError::Validation(
        "Cannot create a user without either an email or phone",
    ))?;
    let email = normal_email(&email)?;
    let hash = match fields.password {
        Some(password) => Some(new_hash(&auth, password).await?),
        None => None,
    };
    let mut app_metadata = email_provider();
    if let (Some(own), Some(given)) = (app_metadata.as_object_mut(), fields.app_metadata) {
        own.extend(given);
    }
    let user = NewUser {
        id: fields.id.unwrap_or_else(Uuid::new_v4),
        email,
        hash,
        role: fields.role.unwrap_or_else(|| "authenticated".to_owned()),
        confirmed: fields.email_confirm,
        user_metadata: Value::Object(fields.user_metadata.unwrap_or_default()),
        app_metadata,
    };
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    users::insert(&mut tx, &user)
        .await
        .map_err(|error| taken_or(error, AuthError::EmailExists))?;
    let object = users::object(&mut tx, user.id)
        .await
        .map_err(AuthError::reading)?;
    tx.commit().await.map_err(AuthError::writing)?;
    object.map(Json).ok_or(AuthError::UserNotFound)
}

pub(crate) async fn read(
    State(auth): State<Auth>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, AuthError> {
    let id = user_id(&id)?;
    let mut tx = auth.db.begin().await.map_err(AuthError::reading)?;
    let object = users::object(&mut tx, id)
        .await
        .map_err(AuthError::reading)?;
    object.map(Json).ok_or(AuthError::UserNotFound)
}

pub(crate) async fn update(
    State(auth): State<Auth>,
    _: Admin,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> Result<Json<Value>, AuthError> {
    let id = user_id(&id)?;
    let email = match fields.email {
        Some(email) => Some(normal_email(&email)?),
        None => None,
    };
    let ban = match fields.ban_duration {
        Some(text) => Some(parse_ban(&text)?),
        None => None,
    };
    let hash = match fields.password {
        Some(password) => Some(new_hash(&auth, password).await?),
        None => None,
    };
    let change = Change {
        email,
        hash,
        role: fields.role,
        confirm: fields.email_confirm,
        user_metadata: fields.user_metadata.map(Value::Object),
        app_metadata: fields.app_metadata.map(Value::Object),
        ban,
    };
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    users::update(&mut tx, id, &change)
        .await
        .map_err(|error| taken_or(error, AuthError::EmailExists))?;
    let object = users::object(&mut tx, id)
        .await
        .map_err(AuthError::reading)?;
    tx.commit().await.map_err(AuthError::writing)?;
    object.map(Json).ok_or(AuthError::UserNotFound)
}

pub(crate) async fn delete(
    State(auth): State<Auth>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<Json<Value>, AuthError> {
    let id = user_id(&id)?;
    let mut tx = auth.db.begin().await.map_err(AuthError::writing)?;
    let deleted = users::delete(&mut tx, id)
        .await
        .map_err(AuthError::writing)?;
    tx.commit().await.map_err(AuthError::writing)?;
    match deleted {
        true => Ok(Json(json!({}))),
        false => Err(AuthError::UserNotFound),
    }
}

fn user_id(text: &str) -> Result<Uuid, AuthError> {
    Uuid::parse_str(text).map_err(|_| AuthError::UserIdNotUuid)
}

/// "none", or a duration in Go's way of writing one: numbers with h, m or s.
fn parse_ban(text: &str) -> Result<Ban, AuthError> {
    const WRONG: AuthError = AuthError::Validation("invalid format for ban duration");
    if text == "none" {
        return Ok(Ban::Lift);
    }
    let mut total: i64 = 0;
    let mut number: Option<i64> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let shifted = number
                .unwrap_or(0)
                .checked_mul(10)
                .and_then(|n| n.checked_add(i64::from(digit)));
            number = Some(shifted.ok_or(WRONG)?);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(WRONG),
        };
        let seconds = number
            .take()
            .and_then(|n| n.checked_mul(unit))
            .ok_or(WRONG)?;
        total = total.checked_add(seconds).ok_or(WRONG)?;
    }
    // Longer than a century is for ever, and PostgreSQL's timestamps end somewhere.
    match (number, total) {
        (None, 1..) => Ok(Ban::ForSeconds(total.min(100 * 365 * 86_400))),
        _ => Err(WRONG),
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
    fn a_ban_is_lifted_by_none_and_lasts_as_long_as_written() {
        assert_eq!(parse_ban("none").unwrap(), Ban::Lift);
        assert_eq!(parse_ban("24h").unwrap(), Ban::ForSeconds(86_400));
        assert_eq!(parse_ban("1h30m5s").unwrap(), Ban::ForSeconds(5_405));
        assert_eq!(
            parse_ban("99999999999h").unwrap(),
            Ban::ForSeconds(3_153_600_000)
        );
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "24", "h", "1d", "-1h", "0s", "99999999999999999999h"] {
            assert!(parse_ban(text).is_err(), "{text}");
        }
    }
}
