//! The idle lock: after a set time without a touch the screen locks over the data, in every tab of the browser. It knows touches,
//! clocks and the storage; never what is on the screen, nor whose it is.
//!
//! The [`Watch`] decides, the [`Idle`] in the page carries out. Tabs tell each other through the storage, which also remembers the
//! lock across a reload.

mod page;
mod watch;

pub use page::{Idle, minutes};
pub use watch::{Screen, Watch};
