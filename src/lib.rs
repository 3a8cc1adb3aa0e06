//! The rooms of the app. Dependencies point one way: `pages -> components -> hooks -> {data, sync} -> model`.
//!
//! Everything is a library so that tests reach it natively; `main.rs` only mounts [`app::App`].

pub mod app;
pub mod components;
pub mod data;
pub mod hooks;
pub mod idle;
pub mod model;
pub mod pages;
pub mod sync;
