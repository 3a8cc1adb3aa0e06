//! All tests of this crate that run natively, as one program. Those that need a page are in `tests/web`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod channels;
mod driver;
mod endurance;
mod far;
mod feed;
mod fuzz;
mod gaps;
mod herd;
mod lifecycle;
mod openings;
mod recordings;
mod rooms;
mod soak;
mod socket;
mod tokens;
mod trace;

#[path = "../peer/mod.rs"]
mod peer;
#[path = "../scenarios/mod.rs"]
mod scenarios;
