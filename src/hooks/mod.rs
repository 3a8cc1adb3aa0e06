//! What a component calls to take part in the live feed.

pub mod use_realtime;

pub use use_realtime::{ConnectionState, ConnectionView, use_realtime};
