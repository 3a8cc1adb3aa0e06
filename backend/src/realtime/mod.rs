//! `/realtime/v1`: the Supabase Realtime protocol.

use std::sync::Arc;

use axum::Router;

use crate::db::Db;
use crate::jwt::JwtKeys;

/// Limits and periods.
#[derive(Debug, Clone, Default)]
pub struct Config {}

/// The realtime server.
#[derive(Debug)]
pub struct Realtime {}

impl Realtime {
    /// A server over the backend's database.
    pub fn new(_db: Db, _keys: Arc<JwtKeys>, _config: Config) -> Arc<Self> {
        Arc::new(Self {})
    }

    /// Its routes, by full path.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
    }

    /// Called after every request that may have committed a change.
    pub fn wake(&self) {}

    /// Closes every socket with 1012.
    pub async fn shutdown(&self) {}
}

/// What it needs in the database before migrations; may run again.
pub fn bootstrap_sql() -> &'static str {
    "create schema if not exists realtime"
}

/// Starts watching the tables of the publication `supabase_realtime`.
pub async fn after_migrations(_db: &Db) -> Result<(), sqlx::Error> {
    Ok(())
}
