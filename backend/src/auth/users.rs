//! Accounts in `auth.users` and `auth.identities`. SQL only: no HTTP, no hashing, no tokens.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// GoTrue's user object, made where the rows are. Timestamps end in `Z` as GoTrue's do.
macro_rules! user_object {
    () => {
        r#"json_build_object(
            'id', u.id,
            'aud', coalesce(u.aud, ''),
            'role', coalesce(u.role, ''),
            'email', coalesce(u.email, ''),
            'email_confirmed_at', to_char(u.email_confirmed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'phone', coalesce(u.phone, ''),
            'confirmed_at', to_char(u.confirmed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'last_sign_in_at', to_char(u.last_sign_in_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'app_metadata', coalesce(u.raw_app_meta_data, '{}'),
            'user_metadata', coalesce(u.raw_user_meta_data, '{}'),
            'identities', coalesce((
                select json_agg(json_build_object(
                    'identity_id', i.id,
                    'id', i.provider_id,
                    'user_id', i.user_id,
                    'identity_data', i.identity_data,
                    'provider', i.provider,
                    'last_sign_in_at', to_char(i.last_sign_in_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'created_at', to_char(i.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'updated_at', to_char(i.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'email', i.email
                ) order by i.created_at) from auth.identities i where i.user_id = u.id), '[]'),
            'banned_until', to_char(u.banned_until at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'created_at', to_char(u.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'updated_at', to_char(u.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'is_anonymous', u.is_anonymous
        )"#
    };
}

/// What sign-in needs to know of an account.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) id: Uuid,
    pub(crate) hash: Option<String>,
    pub(crate) confirmed: bool,
    pub(crate) banned: bool,
}

/// A new account. The password is already a hash.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) hash: Option<String>,
    pub(crate) role: String,
    pub(crate) confirmed: bool,
    pub(crate) user_metadata: Value,
    pub(crate) app_metadata: Value,
}

/// What to change of an account; `None` stays as it is. Metadata is merged key by key, a null removes the key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) email: Option<String>,
    pub(crate) hash: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) confirm: bool,
    pub(crate) user_metadata: Option<Value>,
    pub(crate) app_metadata: Option<Value>,
    pub(crate) ban: Option<Ban>,
}

/// A change of ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ban {
    Lift,
    ForSeconds(i64),
}

/// GoTrue's user object, or `None` without such an account.
pub(crate) async fn object(db: &mut PgConnection, id: Uuid) -> Result<Option<Value>, sqlx::Error> {
    sqlx::query_scalar::<_, Json<Value>>(concat!(
        "select ",
        user_object!(),
        " from auth.users u where u.id = $1 and u.deleted_at is null"
    ))
    .bind(id)
    .fetch_optional(db)
    .await
    .map(|found| found.map(|json| json.0))
}

/// One page of user objects, oldest first, and how many there are in all.
pub(crate) async fn page(
    db: &mut PgConnection,
    limit: i64,
    offset: i64,
) -> Result<(Vec<Value>, i64), sqlx::Error> {
    let total = sqlx::query_scalar("select count(*) from auth.users where deleted_at is null")
        .fetch_one(&mut *db)
        .await?;
    let users = sqlx::query_scalar::<_, Json<Value>>(concat!(
        "select ",
        user_object!(),
        " from auth.users u where u.deleted_at is null order by u.created_at, u.id limit $1 offset $2"
    ))
    .bind(limit)
    .bind(offset)
    .fetch_all(db)
    .await?;
    Ok((users.into_iter().map(|json| json.0).collect(), total))
}

/// The account of an address, whatever its case.
pub(crate) async fn by_email(
    db: &mut PgConnection,
    email: &str,
) -> Result<Option<SignIn>, sqlx::Error> {
    let row = sqlx::query(
        "select id, nullif(encrypted_password, '') as hash, email_confirmed_at is not null as confirmed, \
                coalesce(banned_until > now(), false) as banned \
         from auth.users where lower(email) = lower($1) and not is_sso_user and deleted_at is null",
    )
    .bind(email)
    .fetch_optional(db)
    .await?;
    row.map(|row| read_sign_in(&row)).transpose()
}

/// The account of an id.
pub(crate) async fn by_id(db: &mut PgConnection, id: Uuid) -> Result<Option<SignIn>, sqlx::Error> {
    let row = sqlx::query(
        "select id, nullif(encrypted_password, '') as hash, email_confirmed_at is not null as confirmed, \
                coalesce(banned_until > now(), false) as banned \
         from auth.users where id = $1 and deleted_at is null",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(|row| read_sign_in(&row)).transpose()
}

fn read_sign_in(row: &sqlx::postgres::PgRow) -> Result<SignIn, sqlx::Error> {
    Ok(SignIn {
        id: row.try_get("id")?,
        hash: row.try_get("hash")?,
        confirmed: row.try_get("confirmed")?,
        banned: row.try_get("banned")?,
    })
}

/// Adds an account with its email identity.
pub(crate) async fn insert(db: &mut PgConnection, user: &NewUser) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, \
             raw_app_meta_data, raw_user_meta_data, created_at, updated_at, \
             confirmation_token, recovery_token, email_change, email_change_token_new) \
         values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', $2, $3, coalesce($4, ''), \
             case when $5 then now() end, $6, $7, now(), now(), '', '', '', '')",
    )
    .bind(user.id)
    .bind(&user.role)
    .bind(&user.email)
    .bind(&user.hash)
    .bind(user.confirmed)
    .bind(Json(&user.app_metadata))
    .bind(Json(&user.user_metadata))
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at) \
         values ($1::text, $1, jsonb_build_object('sub', $1::text, 'email', $2::text, 'email_verified', $3, 'phone_verified', false), \
             'email', now(), now(), now())",
    )
    .bind(user.id)
    .bind(&user.email)
    .bind(user.confirmed)
    .execute(db)
    .await?;
    Ok(())
}

/// Changes an account; the identity follows its address.
pub(crate) async fn update(
    db: &mut PgConnection,
    id: Uuid,
    change: &Change,
) -> Result<(), sqlx::Error> {
    let (ban_changes, ban_seconds) = match change.ban {
        None => (false, None),
        Some(Ban::Lift) => (true, None),
        Some(Ban::ForSeconds(seconds)) => (true, Some(seconds as f64)),
    };
    sqlx::query(
        "update auth.users set \
             email = coalesce($2, email), \
             encrypted_password = coalesce($3, encrypted_password), \
             role = coalesce($4, role), \
             email_confirmed_at = case when $5 then coalesce(email_confirmed_at, now()) else email_confirmed_at end, \
             raw_user_meta_data = case when $6::jsonb is null then raw_user_meta_data \
                 else jsonb_strip_nulls(coalesce(raw_user_meta_data, '{}') || $6) end, \
             raw_app_meta_data = case when $7::jsonb is null then raw_app_meta_data \
                 else jsonb_strip_nulls(coalesce(raw_app_meta_data, '{}') || $7) end, \
             banned_until = case when $8 then now() + make_interval(secs => $9) else banned_until end, \
             updated_at = now() \
         where id = $1",
    )
    .bind(id)
    .bind(&change.email)
    .bind(&change.hash)
    .bind(&change.role)
    .bind(change.confirm)
    .bind(change.user_metadata.as_ref().map(Json))
    .bind(change.app_metadata.as_ref().map(Json))
    .bind(ban_changes)
    .bind(ban_seconds)
    .execute(&mut *db)
    .await?;
    if let Some(email) = &change.email {
        sqlx::query(
            "update auth.identities set identity_data = identity_data || jsonb_build_object('email', $2::text), updated_at = now() \
             where user_id = $1 and provider = 'email'",
        )
        .bind(id)
        .bind(email)
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Removes an account with its identities, sessions and refresh tokens; false when there was none.
pub(crate) async fn delete(db: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("delete from auth.users where id = $1")
        .bind(id)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}
