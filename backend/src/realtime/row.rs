//! Rows as JSON text: read without touching the digits of numbers, written again with the columns that may be seen,
//! in the forms of the real server. Pure.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::notation;

/// A column as far as payloads are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The short name: `int4`, `_text`.
    pub(crate) type_name: String,
    /// The name for casts: `integer`, `text[]`.
    pub(crate) cast: String,
    pub(crate) key: bool,
}

/// A row: its columns in the order in which PostgreSQL's jsonb keeps keys, each value as JSON text.
#[derive(Debug)]
pub(crate) struct Row {
    fields: Vec<(String, Box<RawValue>)>,
}

impl Row {
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// A column's JSON text.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| value.get())
    }

    /// The row as JSON text with the given columns only.
    pub(crate) fn write(&self, columns: &[&Column], size: Size) -> String {
        let mut out = String::from("{");
        for (name, value) in &self.fields {
            let Some(column) = columns.iter().find(|column| column.name == *name) else {
                continue;
            };
            let value = value.get();
            if size == Size::TooLarge && (value == "null" || value.len() > 64) {
                continue;
            }
            if out.len() > 1 {
                out.push_str(", ");
            }
            out.push_str(&notation::string_json(name));
            out.push_str(": ");
            push_value(&mut out, &column.type_name, value);
        }
        out.push('}');
        out
    }
}

/// Whether a change is small enough to be sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Whole,
    /// Over 1 MiB: only short values that are not NULL are sent.
    TooLarge,
}

/// The forms in which the real server's differ from jsonb's: bytea without its prefix, `char(n)` cut to its first
/// character, and numbers that JSON has not as NULL.
fn push_value(out: &mut String, type_name: &str, value: &str) {
    match type_name {
        "numeric" | "float4" | "float8" if value.starts_with('"') => out.push_str("null"),
        "bytea" => match value.strip_prefix(r#""\\x"#) {
            Some(rest) => {
                out.push('"');
                out.push_str(rest);
            }
            None => out.push_str(value),
        },
        "bpchar" => match serde_json::from_str::<String>(value) {
            Ok(text) => out.push_str(&notation::string_json(
                &text.chars().take(1).collect::<String>(),
            )),
            Err(_) => out.push_str(value),
        },
        _ => out.push_str(value),
    }
}

/// The list `[{"name": .., "type": ..}]` that payloads carry.
pub(crate) fn write_columns(columns: &[&Column]) -> String {
    let entry = |column: &&Column| {
        let (name, type_name) = (
            notation::string_json(&column.name),
            notation::string_json(&column.type_name),
        );
        format!(r#"{{"name": {name}, "type": {type_name}}}"#)
    };
    let entries: Vec<_> = columns.iter().map(entry).collect();
    format!("[{}]", entries.join(", "))
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Row { fields })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    fn column(name: &str, type_name: &str) -> Column {
        Column {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            cast: type_name.to_owned(),
            key: false,
        }
    }

    fn written(type_name: &str, value: &str) -> String {
        let c = column("c", type_name);
        Row::parse(&format!(r#"{{"c": {value}}}"#))
            .unwrap()
            .write(&[&c], Size::Whole)
    }

    #[test]
    fn numbers_keep_their_digits() {
        let digits = "12345678901234567890.123456789000";
        assert_eq!(written("numeric", digits), format!(r#"{{"c": {digits}}}"#));
    }

    #[test]
    fn values_take_the_real_servers_forms() {
        assert_eq!(written("float8", r#""-Infinity""#), r#"{"c": null}"#);
        assert_eq!(written("text", r#""NaN""#), r#"{"c": "NaN"}"#);
        assert_eq!(
            written("bytea", r#""\\xdeadbeef00""#),
            r#"{"c": "deadbeef00"}"#
        );
        assert_eq!(written("bpchar", r#""ab   ""#), r#"{"c": "a"}"#);
        assert_eq!(written("bpchar", "null"), r#"{"c": null}"#);
    }

    #[test]
    fn only_the_given_columns_are_written_and_their_order_is_the_rows() {
        let (a, b) = (column("a", "int4"), column("bb", "text"));
        let row = Row::parse(r#"{"a": 1, "c": 2, "bb": "x"}"#).unwrap();
        assert_eq!(row.write(&[&b, &a], Size::Whole), r#"{"a": 1, "bb": "x"}"#);
        assert_eq!(row.get("c"), Some("2"));
    }

    #[test]
    fn of_a_large_row_only_short_values_that_are_not_null_remain() {
        let columns = [
            column("a", "int4"),
            column("b", "text"),
            column("c", "text"),
        ];
        let row = Row::parse(&format!(
            r#"{{"a": 1, "b": null, "c": "{}"}}"#,
            "x".repeat(70)
        ))
        .unwrap();
        let columns: Vec<_> = columns.iter().collect();
        assert_eq!(row.write(&columns, Size::TooLarge), r#"{"a": 1}"#);
    }
}
