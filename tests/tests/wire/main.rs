//! The embedded backend as its clients see it: recordings of the real server and a player that compares the backend with them, our
//! own client under a failing network, the official JavaScript client, and the rights that the app expects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod beyond;
mod client;
mod compare;
mod conformance;
mod drivers;
mod faults;
mod guards;
mod peer;
mod proxy;
mod recording;
mod replay;
mod supabase_js;
mod tokens;
