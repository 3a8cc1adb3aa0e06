//! An embedded Supabase-compatible backend: PostgreSQL in the process, REST, auth and realtime on one port, and the
//! built app beside them. For trying, developing and testing; production is a Supabase project.
//!
//! This is the library half, so that a test can start a backend in its own process:
//!
//! ```no_run
//! # async fn example() -> Result<(), bedside_backend::StartError> {
//! use bedside_backend::{Backend, Options};
//!
//! let backend = Backend::start(Options::in_memory("supabase")).await?;
//! println!("serving on {}", backend.url());
//! backend.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It shares nothing with the app but the SQL in `supabase/` and the wire.

mod auth;
mod backend;
mod bootstrap;
mod embedded;
mod error;
mod external;
mod faults;
mod gateway;
mod heartbeat;
mod migrations;
mod options;
mod origin;
mod pattern;
mod rest;
mod secret;
mod serve;
mod site;

pub mod db;
pub mod jwt;
pub mod realtime;

pub use backend::{Backend, Running};
pub use error::StartError;
pub use faults::{Control, Faults};
pub use options::{Database, Limits, OnStart, Options};
pub use origin::{NotAnOrigin, Origin};
