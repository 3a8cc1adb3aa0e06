//! A binding of `postgres_changes`: what a client asked for, and what that means. Pure; whether the tables and columns
//! exist is asked elsewhere.

use serde_json::{Map, Value};

use super::filters::{self, Filter, FilterError};
use super::notation;

/// What a binding matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The number under which the client knows it: the same for equal bindings, whatever the channel.
    pub(crate) id: u32,
    pub(crate) event: EventKind,
    /// `*` is any.
    pub(crate) schema: String,
    /// `*` is any.
    pub(crate) table: String,
    pub(crate) filters: Vec<Filter>,
    /// Only these columns and the primary key; none is all.
    pub(crate) select: Option<Vec<String>>,
}

/// Which changes a binding wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Any,
    Only(Operation),
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// Why a binding cannot be subscribed; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BindingError {
    #[error("No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: {}", notation::term(.0))]
    NoParams(Value),
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(
        "Column selection is not supported for wildcard subscriptions. Provide an explicit schema and table name."
    )]
    SelectOnWildcard,
    #[error(
        "Error parsing `select` params: expected a list of column name strings, e.g. select: [\"col1\", \"col2\"]"
    )]
    SelectShape,
}

impl Binding {
    /// Understands the object that a client sent.
    pub(crate) fn parse(params: &Value) -> Result<Self, BindingError> {
        let no_params = || BindingError::NoParams(params.clone());
        let object = params.as_object().ok_or_else(no_params)?;
        let (schema, table, filter) = scope(object).ok_or_else(no_params)?;
        let select = match object.get("select") {
            None | Some(Value::Null) => None,
            Some(_) if schema == "*" || table == "*" => return Err(BindingError::SelectOnWildcard),
            Some(select) => Some(column_names(select)?),
        };
        Ok(Self {
            id: id_of(params),
            event: event_kind(object),
            schema: schema.to_owned(),
            table: table.to_owned(),
            filters: filters::parse(filter)?,
            select,
        })
    }

    /// Whether a change of this kind on this table concerns it, its filters aside.
    pub(crate) fn covers(&self, schema: &str, table: &str, operation: Operation) -> bool {
        let fits = |wanted: &str, found: &str| wanted == "*" || wanted == found;
        let wanted = match self.event {
            EventKind::Any => true,
            EventKind::Only(only) => only == operation,
        };
        wanted && fits(&self.schema, schema) && fits(&self.table, table)
    }

    /// As the real server's error texts name it.
    pub(crate) fn described(&self) -> String {
        let event = match self.event {
            EventKind::Any => "*",
            EventKind::Only(operation) => operation.name(),
        };
        let filters: Vec<_> = self.filters.iter().map(Filter::tuple).collect();
        let select = match &self.select {
            Some(columns) => notation::strings(columns.iter().map(String::as_str)),
            None => "nil".to_owned(),
        };
        format!(
            "[event: {event}, schema: {}, table: {}, filters: {}, select: {select}]",
            self.schema,
            self.table,
            notation::tuples(&filters)
        )
    }
}

/// Schema, table and filter text. A filter without a table is refused, and so is a key that is no text.
fn scope(object: &Map<String, Value>) -> Option<(&str, &str, &str)> {
    let text = |key: &str| match object.get(key) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text.as_str())),
        Some(_) => None,
    };
    match (text("schema")?, text("table")?, text("filter")?) {
        (schema, Some(table), filter) => {
            Some((schema.unwrap_or("public"), table, filter.unwrap_or("")))
        }
        (Some(schema), None, None) => Some((schema, "*", "")),
        _ => None,
    }
}

/// Names in any case; what is unknown means any.
fn event_kind(object: &Map<String, Value>) -> EventKind {
    let name = object.get("event").and_then(Value::as_str).unwrap_or("*");
    [Operation::Insert, Operation::Update, Operation::Delete]
        .into_iter()
        .find(|operation| operation.name().eq_ignore_ascii_case(name))
        .map_or(EventKind::Any, EventKind::Only)
}

fn column_names(select: &Value) -> Result<Vec<String>, BindingError> {
    let names = select.as_array().ok_or(BindingError::SelectShape)?;
    names
        .iter()
        .map(|name| {
            name.as_str()
                .map(str::to_owned)
                .ok_or(BindingError::SelectShape)
        })
        .collect()
}

/// A hash of the object as sent, 27 bits wide like the real server's, whatever the order of its keys.
pub(crate) fn id_of(params: &Value) -> u32 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = notation::term(params).bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    u32::try_from((hash ^ (hash >> 32)) & 0x07ff_ffff).unwrap_or_default()
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
    use serde_json::json;

    #[test]
    fn a_missing_schema_is_public_and_a_missing_table_is_any() {
        let table_only = Binding::parse(&json!({"event": "*", "table": "patients"})).unwrap();
        assert_eq!(
            (table_only.schema.as_str(), table_only.table.as_str()),
            ("public", "patients")
        );
        let schema_only = Binding::parse(&json!({"event": "*", "schema": "public"})).unwrap();
        assert!(schema_only.covers("public", "anything", Operation::Delete));
        assert!(!schema_only.covers("auth", "anything", Operation::Delete));
    }

    #[test]
    fn event_names_come_in_any_case_and_unknown_ones_mean_any() {
        let kind = |event: &str| {
            Binding::parse(&json!({"event": event, "table": "t"}))
                .unwrap()
                .event
        };
        assert_eq!(kind("insert"), EventKind::Only(Operation::Insert));
        assert_eq!(kind("UPSERT"), EventKind::Any);
    }

    #[test]
    fn the_id_depends_on_the_content_and_not_on_the_order() {
        let a = json!({"event": "*", "schema": "public"});
        assert_eq!(id_of(&a), id_of(&json!({"schema": "public", "event": "*"})));
        assert_ne!(
            id_of(&a),
            id_of(&json!({"event": "INSERT", "schema": "public"}))
        );
        assert!(id_of(&a) < 1 << 27);
    }

    #[test]
    fn what_names_no_table_is_refused_with_the_real_servers_text() {
        let message = |params: Value| Binding::parse(&params).unwrap_err().to_string();
        assert_eq!(
            message(json!({"event": "*", "schema": "public", "filter": "qty=eq.1"})),
            "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: \
             %{\"event\" => \"*\", \"filter\" => \"qty=eq.1\", \"schema\" => \"public\"}"
        );
        assert!(
            message(json!({"event": "*", "schema": "public", "table": null}))
                .ends_with("\"table\" => nil}")
        );
        assert!(
            message(json!({"event": "*", "schema": "public", "select": ["id"]}))
                .starts_with("Column selection")
        );
        assert!(
            message(json!({"table": "t", "select": "id"})).starts_with("Error parsing `select`")
        );
    }
}
