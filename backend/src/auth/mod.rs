//! `/auth/v1`: the part of GoTrue that the app and the official clients use, over the backend's own connection.
//!
//! Accounts are rows of `auth.users`, so a seed written for Supabase signs in here. Mail, phones, OAuth and factors are
//! not here; addresses count as confirmed at once. Passwords are compared between transactions, never within one.

mod account;
mod admin;
mod bearer;
mod body;
mod error;
mod password;
mod rate;
mod sessions;
mod token;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};

use crate::db::Db;
use crate::jwt::JwtKeys;
use password::Passwords;
pub(crate) use rate::Rate;

/// What every endpoint works with.
#[derive(Debug, Clone)]
pub(crate) struct Auth {
    db: Db,
    keys: Arc<JwtKeys>,
    passwords: Passwords,
    terms: Arc<Terms>,
    issuer: Arc<str>,
}

/// On which terms tokens are given out.
#[derive(Debug)]
pub(crate) struct Terms {
    /// How long an access token lives.
    pub(crate) token_life: Duration,
    /// Within so long a used refresh token may be used again.
    pub(crate) refresh_reuse: Duration,
    /// How often anybody may ask.
    pub(crate) rate: Rate,
}

impl Auth {
    /// Auth over a database; `url` is where the backend is reached, and becomes the tokens' issuer.
    pub(crate) fn new(db: Db, keys: Arc<JwtKeys>, terms: Terms, url: &str) -> Self {
        Self {
            db,
            keys,
            passwords: Passwords::new(),
            terms: Arc::new(terms),
            issuer: format!("{url}/auth/v1").into(),
        }
    }

    /// The routes below `/auth/v1`.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/token", post(token::token))
            .route("/signup", post(account::signup))
            .route("/user", get(account::user).put(account::update))
            .route("/logout", post(account::logout))
            .route("/settings", get(account::settings))
            .route("/health", get(account::health))
            .route("/admin/users", get(admin::list).post(admin::create))
            .route(
                "/admin/users/{id}",
                get(admin::read).put(admin::update).delete(admin::delete),
            )
            .layer(middleware::from_fn(error::shape))
            .with_state(self)
    }
}
