//! What a component calls to take part in the live feed.

pub mod me;
pub mod use_live_query;
pub mod use_reading;
pub mod use_realtime;

pub use me::Me;
pub use use_live_query::use_live_query;
pub use use_reading::{Reading, use_reading};
pub use use_realtime::{ConnectionState, ConnectionView, use_realtime};
