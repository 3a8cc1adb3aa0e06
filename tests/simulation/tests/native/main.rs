//! All tests of the simulation, as one program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod session_hour;
mod simulation;
mod soak;
