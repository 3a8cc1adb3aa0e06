//! The backend from outside: over HTTP against one that runs in this process, and as a program against its data folder.
//!
//! The stories of one module never depend on those of another: everybody signs up people and makes rows of their own.

mod admin;
mod faults;
mod folder;
mod gateway;
mod heartbeat;
mod limits;
pub mod program;
mod rate_limit;
mod rest;
mod sessions;
mod sign_in;
mod site;
pub mod stage;
