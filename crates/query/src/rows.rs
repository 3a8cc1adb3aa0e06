//! Lists of rows that can be patched row by row. Knows rows by their primary keys and columns; nothing of queries.

mod list;
mod patch;
mod row;
mod set;

pub use list::Rows;
pub(crate) use patch::{Delta, Patched, RowOps};
pub use row::{Row, RowError};
pub use set::RowSet;
