//! The backend's integration tests, in one program: compiled and linked once, and each module's backend is started once
//! for all of its tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod backend;
mod policies;
#[cfg(unix)]
mod server;
