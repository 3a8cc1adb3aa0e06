//! The live tables: how each is called, and which queries show its rows.
//!
//! The first segment of a query's key is the table that it lists; the second says what of it: `["patients", "list", ..]`,
//! `["patients", "one", id]`. What a query depends on beyond that it says itself.

use bedside_query::{QueryKey, query_key};
use bedside_realtime::Record;
use serde::{Deserialize, Serialize};

use crate::model::{FormSubmission, Patient, Profile};

/// What is to be known of a table to keep its queries true.
struct Entry {
    name: &'static str,
    primary_key: &'static str,
    /// The tables whose queries show rows of this one too, in a join.
    shown_by: &'static [Table],
    /// The tables that decide on who may see its rows, and this one.
    with_deciding: &'static [Table],
    /// Whether a row can be read as what the app takes it for.
    reads: fn(&Record<'_>) -> bool,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident => $entry:expr;)+) => {
        /// A table whose changes arrive by themselves.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Table {
            $($(#[$doc])* $table,)+
        }

        impl Table {
            /// All of them.
            pub const ALL: [Table; [$(Table::$table),+].len()] = [$(Table::$table),+];

            const fn entry(self) -> &'static Entry {
                match self {
                    $(Table::$table => &$entry,)+
                }
            }
        }
    };
}

tables! {
    /// The staff directory.
    Profiles => Entry {
        name: "profiles",
        primary_key: "id",
        shown_by: &[],
        with_deciding: &[Table::Profiles],
        reads: |row| row.decode::<Profile>().is_ok(),
    };
    /// Patients. What anybody sees of them hangs on the role in their own profile.
    Patients => Entry {
        name: "patients",
        primary_key: "id",
        shown_by: &[Table::FormSubmissions],
        with_deciding: &[Table::Profiles, Table::Patients],
        reads: |row| row.decode::<Patient>().is_ok(),
    };
    /// Forms. Whoever sees the patient sees the form.
    FormSubmissions => Entry {
        name: "form_submissions",
        primary_key: "id",
        shown_by: &[],
        with_deciding: &[Table::Profiles, Table::Patients, Table::FormSubmissions],
        reads: |row| row.decode::<FormSubmission>().is_ok(),
    };
}

impl Table {
    /// The name in the database, on the wire and in query keys.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The table of this name, if it is live.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The column that tells its rows apart: a UUID.
    pub const fn primary_key(self) -> &'static str {
        self.entry().primary_key
    }

    /// What every key of this table's own queries begins with.
    pub fn queries(self) -> QueryKey {
        query_key![self.name()]
    }

    /// The tables whose queries show rows of this one too, in a join: a list of forms names the patient.
    pub const fn shown_by(self) -> &'static [Table] {
        self.entry().shown_by
    }

    /// This table, and those whose queries show rows of it too: all whose queries a change of it is about.
    pub fn with_shown_by(self) -> impl Iterator<Item = Self> {
        std::iter::once(self).chain(self.shown_by().iter().copied())
    }

    /// This table, and those whose rows decide on who may see its rows.
    pub const fn with_deciding(self) -> &'static [Table] {
        self.entry().with_deciding
    }

    /// Whether a row is one of this table, as the app knows it.
    pub fn reads(self, row: &Record<'_>) -> bool {
        (self.entry().reads)(row)
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

    #[test]
    fn who_may_see_a_row_is_decided_by_tables_that_are_bound_with_it() {
        for table in Table::ALL {
            assert!(table.with_deciding().contains(&table));
            assert!(table.with_deciding().contains(&Table::Profiles));
        }
    }
}
