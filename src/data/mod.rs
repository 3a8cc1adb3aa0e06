//! What can be read and changed: the configuration, the signed-in session, REST, and per table its queries and mutations.
//! It knows the wire and the rows; it never knows a page.

pub mod auth;
pub mod auth_error;
pub mod clock;
pub mod config;
pub mod error;
pub mod form_filter;
pub mod form_submissions;
pub mod invitations;
pub mod overview;
pub mod patient_filter;
pub mod patients;
pub mod profiles;
pub mod query;
pub mod rest;
pub mod session;
pub mod store;
pub(crate) mod tab_turn;
pub mod written;

pub use auth::{Auth, AuthState, SignedOutBecause};
pub use auth_error::AuthError;
pub use config::{Config, ConfigError};
pub use error::DataError;
pub use rest::{Page, Rest};
pub use written::{Versioned, Written};
