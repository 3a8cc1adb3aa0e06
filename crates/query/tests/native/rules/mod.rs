//! The rules of TanStack Query's core, one test each, named after its rule; the table in the crate's docs lists them all.

mod bad_input;
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
