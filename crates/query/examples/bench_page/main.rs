//! This crate's side of the benchmark page: each case as one call that the page times. Not an example to learn from.

#[cfg(target_arch = "wasm32")]
mod cases;

// A library for the browser; elsewhere there is nothing to run.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
