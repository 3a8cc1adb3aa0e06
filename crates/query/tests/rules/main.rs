//! The rules of TanStack Query's core, one test each, named after its rule; the table in the crate's docs lists them all.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bad_input;
mod examples;
mod fetching;
mod infinite;
mod keys;
mod model;
mod mutations;
mod observers;
mod operations;
mod outside;
mod state;
mod support;
mod table;
mod time;
