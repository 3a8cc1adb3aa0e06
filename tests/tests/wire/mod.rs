//! Recordings of the real server, and a player that holds a backend against them.

mod beyond;
pub mod client;
pub mod compare;
pub mod peer;
pub mod recording;
pub mod replay;
pub mod tokens;
