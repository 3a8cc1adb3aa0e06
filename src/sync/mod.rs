//! From the feed to the cache: a committed change, the end of a gap or a new identity becomes exactly the cache work
//! that is surely right. Knows tables and query keys; never a page, a frame or a socket.
//!
//! A new live table is one entry in [`registry`].

pub mod cache;
pub mod catch_up;
pub mod company;
pub mod core;
#[cfg(test)]
mod core_tests;
pub mod ears;
pub mod editing;
pub mod feed;
pub mod inbox;
pub mod kept_drafts;
pub mod live;
mod log;
pub mod news;
pub mod notifications;
pub mod outbox;
pub mod page;
pub mod patches;
pub mod registry;
pub mod router;
pub mod tabs;
pub mod tally;
pub mod updates;
mod vault;

pub use company::{Companion, Company, Place};
pub use editing::Editors;
pub use feed::{Feed, Following};
pub use inbox::Notification;
pub use live::provide_live_data;
pub use notifications::Notifications;
pub use registry::Table;
pub use tabs::Leadership;
pub use updates::RowUpdate;
