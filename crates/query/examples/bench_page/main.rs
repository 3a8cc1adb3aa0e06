//! This crate's side of the benchmark page: each case as one call that the page times. Not an example to learn from; elsewhere than in a
//! browser it is empty.

#[cfg(target_arch = "wasm32")]
mod cases;
