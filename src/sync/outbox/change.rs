//! One save as a value: which row, what of it, and what the person had before their eyes. It never knows how it is sent.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::model::Version;
use crate::sync::Table;

/// Values by column.
pub type Columns = Map<String, Value>;

/// What a save does to its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Makes it.
    Create,
    /// Changes it.
    Update {
        /// The version that the person saw.
        version: Version,
        /// What the changed columns held in it.
        base: Columns,
    },
}

/// A save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub table: Table,
    pub row: Uuid,
    pub write: Write,
    /// The columns as they shall be; only those that the person set.
    pub columns: Columns,
    /// What people call the row.
    pub title: String,
}

impl Change {
    /// A new row, with an id that the client made: sent twice it is still one row.
    pub fn create(table: Table, row: Uuid, columns: Columns, title: impl Into<String>) -> Self {
        Self {
            table,
            row,
            write: Write::Create,
            columns,
            title: title.into(),
        }
    }

    /// A change of a row as the person saw it. Columns that are set to what they were are left out.
    ///
    /// ```
    /// use bedside::sync::{Table, outbox::{Change, Write}};
    /// use serde_json::{Value, json};
    ///
    /// let seen = json!({"id": "7", "ward": "Surgery", "notes": "calm", "version": 3});
    /// let columns = json!({"ward": "Oncology", "notes": "calm"});
    /// let (Value::Object(seen), Value::Object(columns)) = (seen, columns) else { return };
    /// let change = Change::update(Table::Patients, Default::default(), 3, &seen, columns, "Marsh, Ines");
    /// assert_eq!(Value::Object(change.columns), json!({"ward": "Oncology"}));
    /// let Write::Update { base, .. } = change.write else { return };
    /// assert_eq!(Value::Object(base), json!({"ward": "Surgery"}));
    /// ```
    pub fn update(
        table: Table,
        row: Uuid,
        version: Version,
        seen: &Columns,
        mut columns: Columns,
        title: impl Into<String>,
    ) -> Self {
        columns.retain(|column, value| seen.get(column) != Some(value));
        let base = columns
            .keys()
            .map(|column| {
                let value = seen.get(column).cloned().unwrap_or(Value::Null);
                (column.clone(), value)
            })
            .collect();
        Self {
            table,
            row,
            write: Write::Update { version, base },
            columns,
            title: title.into(),
        }
    }

    /// Whether there is nothing to save.
    pub fn is_empty(&self) -> bool {
        self.write != Write::Create && self.columns.is_empty()
    }
}
