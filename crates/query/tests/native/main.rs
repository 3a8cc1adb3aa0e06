//! All tests of this crate that run natively, as one program. Those that need a page are in `tests/web`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod hooks;
mod routing;
mod row_set;
mod rules;
mod soak;
