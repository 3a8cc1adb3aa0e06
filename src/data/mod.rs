//! What can be read and changed: the configuration, the signed-in session, REST, and per table its queries and mutations.
//! It knows the wire and the rows; it never knows a page.

pub mod auth;
mod auth_api;
pub mod auth_error;
pub mod clock;
pub mod config;
pub mod error;
pub mod form_filter;
pub mod form_submissions;
pub mod heartbeat;
pub mod invitations;
mod kept;
pub mod look;
pub mod overview;
pub mod patient_filter;
pub mod patient_history;
pub mod patients;
mod portions;
pub mod profiles;
pub mod query;
pub mod request;
mod respite;
pub mod rest;
pub mod rows;
pub mod session;
pub mod signed_out;
pub mod store;
pub(crate) mod tab_turn;
pub mod written;

pub use auth::{Auth, AuthState};
pub use auth_error::AuthError;
pub use config::{Config, ConfigError, Pace};
pub use error::DataError;
pub use request::Request;
pub use rest::{Page, Rest};
pub use signed_out::SignedOutBecause;
pub use written::{Versioned, Written};
