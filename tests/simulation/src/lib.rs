//! The convergence simulation: the app's own cache, sync and Realtime engine against a model of the database and of the
//! Realtime server, through random people, faults, delays, sleeps and identities, in simulated time.
//!
//! It never touches a browser, a socket or a clock. A seed is a history: the same seed replays it.

mod bug;
mod check;
mod clockwork;
mod database;
mod dice;
mod laid;
mod ledger;
mod page;
mod postgrest;
mod question;
mod server;
mod world;

pub use bug::Bug;
pub use check::Divergence;
pub use world::{Summary, run};
