//! The payload of a row change: the JSON text that subscribers receive. Pure.

use super::binding::Operation;
use super::changes::Known;
use super::row::{self, Column, Row, Size};

/// Above this a change is not sent whole.
const MAX_BYTES: usize = 1024 * 1024;

/// What a subscriber gets of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    /// The table has no primary key.
    NoKey,
    /// The role may not read the primary key.
    NotReadable,
}

impl Shape {
    fn error(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::NoKey => Some("Error 400: Bad Request, no primary key"),
            Self::NotReadable => Some("Error 401: Unauthorized"),
        }
    }
}

/// What a role that may read the columns `readable` gets.
pub(crate) fn shape(change: &Known, readable: &[&Column]) -> Shape {
    if change.table.key().next().is_none() {
        return Shape::NoKey;
    }
    let may_read = |key: &Column| readable.iter().any(|column| column.name == key.name);
    match change.operation {
        Operation::Delete => Shape::Whole,
        _ if change.table.key().all(may_read) => Shape::Whole,
        _ => Shape::NotReadable,
    }
}

/// The change as JSON text, with the given columns.
pub(crate) fn data(change: &Known, columns: &[&Column], shape: Shape) -> String {
    let table = &change.table;
    let size = if change.bytes > MAX_BYTES {
        Size::TooLarge
    } else {
        Size::Whole
    };
    let error = match size {
        Size::Whole => shape.error(),
        Size::TooLarge => shape.error().or(Some("Error 413: Payload Too Large")),
    };
    let nothing = shape != Shape::Whole;
    let write = |row: Option<&Row>, columns: &[&Column]| match row {
        Some(row) if !nothing => row.write(columns, size),
        _ => "{}".to_owned(),
    };
    let mut out = String::with_capacity(256 + change.tested_text.len());
    out.push_str(r#"{"columns":"#);
    out.push_str(&if nothing {
        "[]".to_owned()
    } else {
        row::write_columns(columns)
    });
    out.push_str(r#","commit_timestamp":"#);
    match nothing {
        true => out.push_str("null"),
        false => push_string(&mut out, &change.committed_at),
    }
    out.push_str(r#","errors":"#);
    match error {
        Some(error) => {
            out.push('[');
            push_string(&mut out, error);
            out.push(']');
        }
        None => out.push_str("null"),
    }
    if change.operation != Operation::Insert {
        out.push_str(r#","old_record":"#);
        // A deleted row cannot be asked for any more, so under Row Level Security nobody gets more than its key.
        let key_only = change.operation == Operation::Delete && table.row_security;
        let old: Vec<&Column> = columns
            .iter()
            .filter(|column| column.key || !key_only)
            .copied()
            .collect();
        out.push_str(&write(change.old.as_ref(), &old));
    }
    if change.operation != Operation::Delete {
        out.push_str(r#","record":"#);
        out.push_str(&write(change.new.as_ref(), columns));
    }
    for (key, value) in [
        ("schema", table.schema.as_str()),
        ("table", &table.name),
        ("type", change.operation.name()),
    ] {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("\":");
        push_string(&mut out, value);
    }
    out.push('}');
    out
}

fn push_string(out: &mut String, text: &str) {
    out.push_str(&super::notation::string_json(text));
}
