//! Many tabs on one socket: of all tabs in which one person is signed in, one leads and holds the Realtime socket; the others
//! hear from it over a channel of their own. Whoever reads the feed does not know which.
//!
//! [`Tabs`] decides and does no I/O; [`Line`] carries out what it says, by the browser's locks and channel. Both exist for one
//! person at a time: the lock and the channel bear the person's name, so nothing that is said reaches anybody else's tabs.
//! It knows bindings and rooms; never a table, a query or a page.

mod hall;
mod held;
mod lead;
mod line;
mod state;
#[cfg(test)]
mod state_tests;
mod wants;
mod word;

pub use line::{Bound, Line, Seat};
pub use state::{Effect, Leadership, Tabs};
pub use wants::{Entered, Wants};
pub use word::{Act, Audience, Known, Said, Tab, Term, Word};
