//! The outbox: what people saved and the server has not confirmed yet. A change that is in here is shown, survives the tab,
//! and is sent in order until the server has it, or a person has to decide about it.
//!
//! [`Queue`] makes the decisions and does nothing; [`Outbox`] does what they say, with the browser's storage, the network and
//! the cache. A page says [`Outbox::save`] and is told how it went; it never waits for the feed's echo.

pub mod change;
mod driver;
pub mod entry;
pub mod merge;
pub mod queue;
pub mod saves;
pub mod show;
mod stored;

pub use change::{Change, Columns, Write};
pub use driver::{Kept, News, Outbox, Pending, Saving, View};
pub use entry::{Clash, Entry, Found, Standing};
pub use merge::{Conflict, Side};
pub use queue::{Outcome, Queue};
