//! What queries depend on in the tables behind them, and what a change of one row means for a query. Knows tables,
//! columns and values; nothing of fetches, observers or where changes come from.

mod compare;
mod dep;
mod index;
mod predicate;
mod route;

pub use dep::{Order, Shape, TableDep, Window};
pub(crate) use index::Router;
pub use predicate::{Condition, Predicate};
pub(crate) use route::order;
pub use route::{ChangeKind, Columns, Membership, Record, RouteAction, RowChange, route};
