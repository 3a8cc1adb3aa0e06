//! The tests of this crate that need a page, as one program. Those that run natively are in `tests/native`.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod backend;
mod browser;

#[path = "../scenarios/mod.rs"]
mod scenarios;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
