//! `/rest/v1`: PostgREST's API, by the postrust engine over the backend's own connection.
//!
//! Row Level Security is PostgreSQL's work: the engine sets role and claims from the token in each request's
//! transaction. Here is only what the engine and PostgREST say differently.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_RANGE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::any;
use postrust_core::config::RoleSettings;
use postrust_core::{AppConfig, SchemaCache};
use postrust_server::{AppState, handle_request};

use crate::db::Db;
use crate::error::StartError;
use crate::gateway::BODY_LIMIT;
use crate::jwt::JwtKeys;

/// PostgREST's own default in Supabase projects.
const MAX_ROWS: i64 = 1000;

/// An error body is a few lines.
const ERROR_LIMIT: usize = 64 * 1024;

/// Reads the schema as it is now and returns the routes below `/rest/v1`.
pub(crate) async fn router(
    db: &Db,
    keys: &Arc<JwtKeys>,
    statement_timeout: Duration,
) -> Result<Router, StartError> {
    // The type forbids struct syntax outside its crate.
    let mut config = AppConfig::default();
    config.db_schemas = vec!["public".to_owned()];
    config.db_extra_search_path = vec!["public".to_owned(), "extensions".to_owned()];
    config.db_anon_role = Some("anon".to_owned());
    config.db_pool_size = 1;
    config.db_max_rows = Some(MAX_ROWS);
    config.jwt_secret = Some(keys.secret().to_owned());
    config.max_body_size = BODY_LIMIT;
    config.compat_mode = true;
    let mut settings = RoleSettings::default();
    settings.statement_timeout = u64::try_from(statement_timeout.as_millis()).ok();
    config.role_settings = ["anon", "authenticated", "service_role"]
        .map(|role| (role.to_owned(), settings.clone()))
        .into();
    let failed = |error: &dyn std::fmt::Display| StartError::Rest(error.to_string());
    let schema = SchemaCache::load_with_search_path(
        db.pool(),
        &config.db_schemas,
        &config.db_extra_search_path,
    )
    .await
    .map_err(|e| failed(&e))?;
    let state = AppState::new(db.pool().clone(), schema, config).map_err(|e| failed(&e))?;
    Ok(Router::new()
        .route("/", any(handle_request))
        .route("/{*path}", any(handle_request))
        .with_state(Arc::new(state))
        .layer(middleware::from_fn(say_the_total))
        .layer(middleware::from_fn_with_state(
            keys.clone(),
            forbid_the_known,
        )))
}

/// A page past the end of a list is 416, and PostgREST says in `Content-Range` how many rows there are. The engine says it in words.
async fn say_the_total(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::RANGE_NOT_SATISFIABLE
        || response.headers().contains_key(CONTENT_RANGE)
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ERROR_LIMIT).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let total = total_in_words(&bytes);
    if let Some(value) = total.and_then(|n| HeaderValue::try_from(format!("*/{n}")).ok()) {
        parts.headers.insert(CONTENT_RANGE, value);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// The number in "An offset of 100 was requested, but there are only 70 rows.".
fn total_in_words(error: &[u8]) -> Option<u64> {
    let error: serde_json::Value = serde_json::from_slice(error).ok()?;
    let details = error.get("details")?.as_str()?;
    let (_, rest) = details.split_once("there are only ")?;
    rest.split(' ').next()?.parse().ok()
}

/// A missing grant is 401 for `anon`, who may have forgotten to sign in, but 403 for whoever has said who they are.
/// The engine says 401 to both.
async fn forbid_the_known(
    State(keys): State<Arc<JwtKeys>>,
    request: Request,
    next: Next,
) -> Response {
    let known = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .and_then(|token| keys.verify(token.trim()).ok())
        .is_some_and(|claims| claims.role != "anon");
    let response = next.run(request).await;
    if !known || response.status() != StatusCode::UNAUTHORIZED {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, ERROR_LIMIT).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let missing_grant = serde_json::from_slice::<serde_json::Value>(&bytes)
        .is_ok_and(|error| error.get("code").is_some_and(|code| code == "42501"));
    if missing_grant {
        parts.status = StatusCode::FORBIDDEN;
        parts.headers.remove(WWW_AUTHENTICATE);
    }
    Response::from_parts(parts, Body::from(bytes))
}
