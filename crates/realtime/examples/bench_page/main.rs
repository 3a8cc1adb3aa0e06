//! This crate's side of the benchmark page: a client whose callbacks the page can await. Not an example to learn from.

// A library for the browser; elsewhere there is nothing to run.
#[cfg(target_arch = "wasm32")]
mod page;
