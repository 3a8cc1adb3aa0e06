//! From the feed to the cache: a committed change, the end of a gap or a new identity becomes exactly the cache work
//! that is surely right. Knows tables and query keys; never a page, a frame or a socket.
//!
//! A new live table is one entry in [`registry`].

pub mod cache;
pub mod core;
pub mod feed;
pub mod live;
pub mod news;
pub mod page;
pub mod registry;
pub mod router;

pub use feed::{Feed, Following};
pub use live::provide_live_data;
pub use registry::Table;
