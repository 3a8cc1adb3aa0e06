//! Sessions and their chains of refresh tokens: issue, rotate, revoke. SQL only.
//!
//! A refresh token is good once. The one it was exchanged for names it as parent, so a client that never got the answer
//! gets the same successor again; any older token of the chain is taken for stolen, and ends the whole chain.

use std::time::Duration;

use rand::Rng as _;
use rand::distr::Alphanumeric;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

const TOKEN_LENGTH: usize = 22;

/// A session as tokens describe it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    /// When the password was given, in Unix seconds.
    pub(crate) signed_in_at: i64,
    pub(crate) refresh_token: String,
}

/// What a refresh token turned out to be.
#[derive(Debug, Clone)]
pub(crate) enum Refresh {
    /// Good; here is the session with its next token.
    Rotated(Session),
    /// Nobody's, or of a session that ended.
    Unknown,
    /// Used before and not forgiven: its chain is revoked now.
    Reused,
}

/// Which sessions a sign-out ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every session of the user.
    Global,
    /// The one that asks.
    Local,
    /// All but the one that asks.
    Others,
}

/// Begins a session.
pub(crate) async fn begin(
    db: &mut PgConnection,
    user: Uuid,
    agent: Option<&str>,
) -> Result<Session, sqlx::Error> {
    let id = Uuid::new_v4();
    let signed_in_at: i64 = sqlx::query_scalar(
        "insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent) \
         values ($1, $2, now(), now(), 'aal1', $3) returning floor(extract(epoch from created_at))::bigint",
    )
    .bind(id)
    .bind(user)
    .bind(agent)
    .fetch_one(&mut *db)
    .await?;
    sqlx::query("update auth.users set last_sign_in_at = now(), updated_at = now() where id = $1")
        .bind(user)
        .execute(&mut *db)
        .await?;
    let refresh_token = add_token(db, user, id, None).await?;
    Ok(Session {
        id,
        user,
        signed_in_at,
        refresh_token,
    })
}

/// Exchanges a refresh token; within `reuse` of its use it may be used again. Commit whatever it returns: a reuse later than that
/// revokes the chain.
pub(crate) async fn refresh(
    db: &mut PgConnection,
    token: &str,
    reuse: Duration,
) -> Result<Refresh, sqlx::Error> {
    let found = sqlx::query(
        "select t.id, t.revoked, t.session_id, s.user_id, floor(extract(epoch from s.created_at))::bigint as signed_in_at, \
                coalesce(t.updated_at > now() - make_interval(secs => $2), false) as recent, \
                (select a.token from auth.refresh_tokens a \
                 where a.session_id = t.session_id and not a.revoked and a.parent = t.token \
                 order by a.id desc limit 1) as successor \
         from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id \
         where t.token = $1 and (s.not_after is null or s.not_after > now()) \
         for update of t, s",
    )
    .bind(token)
    .bind(reuse.as_secs_f64())
    .fetch_optional(&mut *db)
    .await?;
    let Some(found) = found else {
        return Ok(Refresh::Unknown);
    };
    let id: i64 = found.try_get("id")?;
    let session: Uuid = found.try_get("session_id")?;
    let user: Uuid = found.try_get("user_id")?;
    let revoked: Option<bool> = found.try_get("revoked")?;
    let recent: bool = found.try_get("recent")?;
    let successor: Option<String> = found.try_get("successor")?;
    let next = match (revoked.unwrap_or(false), successor, recent) {
        (true, Some(successor), _) => successor,
        (true, None, false) => {
            // Dated back, so that no token of the chain counts as used a moment ago.
            sqlx::query(
                "update auth.refresh_tokens set revoked = true, updated_at = 'epoch' where session_id = $1",
            )
            .bind(session)
            .execute(db)
            .await?;
            return Ok(Refresh::Reused);
        }
        _ => {
            sqlx::query("update auth.refresh_tokens set revoked = true, updated_at = now() where id = $1 and not revoked")
                .bind(id)
                .execute(&mut *db)
                .await?;
            add_token(db, user, session, Some(token)).await?
        }
    };
    sqlx::query("update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now() where id = $1")
        .bind(session)
        .execute(db)
        .await?;
    Ok(Refresh::Rotated(Session {
        id: session,
        user,
        signed_in_at: found.try_get("signed_in_at")?,
        refresh_token: next,
    }))
}

/// Whether a session is still there.
pub(crate) async fn exists(db: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from auth.sessions where id = $1)")
        .bind(id)
        .fetch_one(db)
        .await
}

/// Ends sessions; their refresh tokens go with them. Access tokens live out their time, as in Supabase.
pub(crate) async fn end(
    db: &mut PgConnection,
    user: Uuid,
    session: Option<Uuid>,
    scope: Scope,
) -> Result<(), sqlx::Error> {
    let query = match scope {
        Scope::Global => sqlx::query("delete from auth.sessions where user_id = $1").bind(user),
        Scope::Local => sqlx::query("delete from auth.sessions where user_id = $1 and id = $2")
            .bind(user)
            .bind(session),
        Scope::Others => {
            sqlx::query("delete from auth.sessions where user_id = $1 and id is distinct from $2")
                .bind(user)
                .bind(session)
        }
    };
    query.execute(db).await?;
    Ok(())
}

async fn add_token(
    db: &mut PgConnection,
    user: Uuid,
    session: Uuid,
    parent: Option<&str>,
) -> Result<String, sqlx::Error> {
    let token: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(TOKEN_LENGTH)
        .map(char::from)
        .collect();
    sqlx::query(
        "insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id) \
         values ('00000000-0000-0000-0000-000000000000', $1, $2::uuid::text, false, now(), now(), $3, $4)",
    )
    .bind(&token)
    .bind(user)
    .bind(parent)
    .bind(session)
    .execute(db)
    .await?;
    Ok(token)
}
