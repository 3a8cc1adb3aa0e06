//! The hooks under a real reactive runtime: what a component sees, and when.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod groups;
mod mutations;
mod page;
mod queries;
