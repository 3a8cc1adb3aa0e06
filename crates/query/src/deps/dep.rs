//! One query's dependency on one table.

use std::sync::Arc;

use super::compare::Collation;
use super::predicate::Predicate;

/// What a query reads of a table. The more it says, the more changes can be patched in or ignored instead of costing a
/// fetch; what is left out is taken at its widest.
///
/// ```
/// use bedside_query::{Condition, Order, Predicate, TableDep};
///
/// let dep = TableDep::rows("patients")
///     .matching(Predicate::all().and("ward", Condition::Eq("4B".into())))
///     .ordered(Order::ascending("last_name"))
///     .ordered(Order::ascending("id").bytes())
///     .first(50);
/// assert_eq!(dep.table(), "patients");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TableDep {
    pub(crate) table: Arc<str>,
    pub(crate) predicate: Predicate,
    /// `None`: all of them.
    pub(crate) columns: Option<Vec<Box<str>>>,
    pub(crate) order: Vec<Order>,
    pub(crate) window: Window,
    pub(crate) shape: Shape,
    pub(crate) version: Option<Box<str>>,
}

/// What a query's data is to the rows it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// The rows themselves: changes can be patched in.
    Rows,
    /// Some of the rows, and things that hang on the others, such as a count: changes of what is shown can be patched in, and
    /// changes of any other row count too.
    Page,
    /// Rows joined with others.
    Joined,
    /// A count, a sum.
    Aggregate,
    /// Anything else.
    #[default]
    Opaque,
}

impl Shape {
    /// Whether changes of rows can be patched in.
    pub(crate) const fn is_patchable(self) -> bool {
        matches!(self, Self::Rows | Self::Page)
    }
}

/// How much of the rows that match is in the query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// All of them.
    #[default]
    All,
    /// The first so many in order.
    First(usize),
}

/// One column of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Order {
    pub(crate) column: Box<str>,
    pub(crate) descending: bool,
    pub(crate) collation: Collation,
}

impl Order {
    /// Smallest first, nulls last: the database's default.
    pub fn ascending(column: &str) -> Self {
        Self {
            column: column.into(),
            descending: false,
            collation: Collation::Unknown,
        }
    }

    /// Largest first, nulls first: the database's default.
    pub fn descending(column: &str) -> Self {
        Self {
            column: column.into(),
            descending: true,
            collation: Collation::Unknown,
        }
    }

    /// Texts of this column are ordered by their bytes. Say so for UUIDs, for times in one format and zone, and for
    /// `collate "C"`.
    pub fn bytes(self) -> Self {
        Self {
            collation: Collation::Bytes,
            ..self
        }
    }
}

impl TableDep {
    /// The query's data are rows of this table.
    pub fn rows(table: &str) -> Self {
        Self {
            table: table.into(),
            predicate: Predicate::all(),
            columns: None,
            order: Vec::new(),
            window: Window::All,
            shape: Shape::Rows,
            version: None,
        }
    }

    /// The query's data are made from rows of this table in some other way: any change of it invalidates.
    pub fn made_from(table: &str, shape: Shape) -> Self {
        Self::rows(table).shaped(shape)
    }

    pub(crate) fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// Only rows that match.
    pub fn matching(self, predicate: Predicate) -> Self {
        Self { predicate, ..self }
    }

    /// Only these columns count: a change of others only is ignored. Columns of predicate and order always count.
    pub fn columns<'a>(self, columns: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            columns: Some(columns.into_iter().map(Into::into).collect()),
            ..self
        }
    }

    /// Ordered by this, after what was said before. The last one should be unique.
    pub fn ordered(mut self, order: Order) -> Self {
        self.order.push(order);
        self
    }

    /// Only the first so many.
    pub fn first(self, rows: usize) -> Self {
        Self {
            window: Window::First(rows),
            ..self
        }
    }

    /// The column that grows with each change of a row: changes older than what is held are ignored.
    pub fn versioned(self, column: &str) -> Self {
        Self {
            version: Some(column.into()),
            ..self
        }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
}
