//! The live tables: how each is called, and which queries show its rows.
//!
//! The first segment of a query's key is the table that it lists; the second says what of it: `["patients", "list", ..]`,
//! `["patients", "one", id]`. A query that shows rows of a second table beside its own is named here as a reader of it.

use bedside_query::{QueryKey, query_key};
use serde::{Deserialize, Serialize};

/// A table whose changes arrive by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Profiles,
    Patients,
    FormSubmissions,
}

impl Table {
    pub const ALL: [Table; 3] = [Table::Profiles, Table::Patients, Table::FormSubmissions];

    /// The name in the database, on the wire and in query keys.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Profiles => "profiles",
            Table::Patients => "patients",
            Table::FormSubmissions => "form_submissions",
        }
    }

    /// The table of this name, if it is live.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The column that tells its rows apart.
    pub const fn primary_key(self) -> &'static str {
        match self {
            Table::Profiles | Table::Patients | Table::FormSubmissions => "id",
        }
    }

    /// What every key of this table's own queries begins with.
    pub fn queries(self) -> QueryKey {
        query_key![self.name()]
    }

    /// The tables whose queries show rows of this one too, in a join: a list of forms names the patient.
    pub const fn shown_by(self) -> &'static [Table] {
        match self {
            Table::Profiles => &[],
            Table::Patients => &[Table::FormSubmissions],
            Table::FormSubmissions => &[],
        }
    }

    /// This table, and those whose rows decide on who may see its rows: a form is seen by whoever sees its patient, and
    /// what anybody sees hangs on the role in their own profile.
    pub const fn with_deciding(self) -> &'static [Table] {
        match self {
            Table::Profiles => &[Table::Profiles],
            Table::Patients => &[Table::Profiles, Table::Patients],
            Table::FormSubmissions => &[Table::Profiles, Table::Patients, Table::FormSubmissions],
        }
    }

    /// The row that a query is about alone, if it is about one alone: the row itself, or its history.
    ///
    /// ```
    /// use bedside::sync::Table;
    /// use bedside_query::query_key;
    /// assert_eq!(Table::Patients.row_of(&query_key!["patients", "one", "7"]).as_deref(), Some("7"));
    /// assert_eq!(Table::Patients.row_of(&query_key!["patients", "list", "7"]), None);
    /// ```
    pub fn row_of(self, key: &QueryKey) -> Option<String> {
        match key.to_json() {
            serde_json::Value::Array(segments) => match segments.as_slice() {
                [table, kind, row, ..]
                    if table == self.name() && (kind == "one" || kind == "history") =>
                {
                    row.as_str().map(str::to_owned)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_one_row_is_told_from_a_list() {
        assert_eq!(
            Table::Patients
                .row_of(&query_key!["patients", "one", "a"])
                .as_deref(),
            Some("a")
        );
        assert_eq!(
            Table::Patients
                .row_of(&query_key!["patients", "history", "a", 8])
                .as_deref(),
            Some("a")
        );
        assert_eq!(
            Table::Patients.row_of(&query_key!["patients", "list"]),
            None
        );
        assert_eq!(
            Table::Profiles.row_of(&query_key!["patients", "one", "a"]),
            None
        );
    }

    #[test]
    fn every_tables_queries_begin_with_its_name() {
        for table in Table::ALL {
            assert!(
                table
                    .queries()
                    .is_prefix_of(&query_key![table.name(), "list"])
            );
        }
    }
}
