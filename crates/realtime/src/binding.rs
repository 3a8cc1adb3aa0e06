//! A binding: which row changes somebody wants to hear of. A value, equal when it means the same.

use serde::{Deserialize, Serialize};

use crate::wire::ChangeKind;

/// A `postgres_changes` subscription. Identical bindings share one subscription on the server.
///
/// Filters are compared with the *new* row only, and a row that leaves the filter sends nothing. Filter on
/// columns that never change, such as the primary key; see [`Binding::lint`].
///
/// ```
/// use bedside_realtime::{Binding, ChangeKind};
/// let all = Binding::table("public", "patients");
/// let one = Binding::table("public", "patients").event(ChangeKind::Update).filter("id=eq.7");
/// assert_ne!(all, one);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Binding {
    event: String,
    schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    select: Option<Vec<String>>,
}

/// A binding that will not say what its author expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingLint {
    /// Rows that leave this filter send nothing, and its deletes match nothing: filter on an immutable key or
    /// listen to the whole table.
    LeavesUnseen,
}

impl Binding {
    /// Every change of a table.
    #[must_use]
    pub fn table(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            event: "*".to_owned(),
            schema: schema.into(),
            table: Some(table.into()),
            filter: None,
            select: None,
        }
    }

    /// Every change of a schema.
    #[must_use]
    pub fn schema(schema: impl Into<String>) -> Self {
        Self {
            event: "*".to_owned(),
            schema: schema.into(),
            table: None,
            filter: None,
            select: None,
        }
    }

    /// Only one kind of change.
    #[must_use]
    pub fn event(mut self, kind: ChangeKind) -> Self {
        self.event = kind.as_str().to_owned();
        self
    }

    /// Only rows that match, such as `id=eq.7` or `ward=in.(3,4)`; commas mean AND.
    #[must_use]
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into()).filter(|filter| !filter.is_empty());
        self
    }

    /// Only these columns, plus the primary key. Servers refuse it without a table.
    #[must_use]
    pub fn select<I: IntoIterator<Item = S>, S: Into<String>>(mut self, columns: I) -> Self {
        self.select = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// The table; `None` for a whole schema.
    #[must_use]
    pub fn table_name(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// The schema.
    #[must_use]
    pub fn schema_name(&self) -> &str {
        &self.schema
    }

    /// Warns of a filter that hides rows which leave it. `immutable` names the columns that never change.
    ///
    /// ```
    /// use bedside_realtime::{Binding, BindingLint};
    /// let by_status = Binding::table("public", "patients").filter("status=eq.active");
    /// assert_eq!(by_status.lint(&["id"]), Some(BindingLint::LeavesUnseen));
    /// assert_eq!(Binding::table("public", "patients").filter("id=eq.7").lint(&["id"]), None);
    /// ```
    #[must_use]
    pub fn lint(&self, immutable: &[&str]) -> Option<BindingLint> {
        let filter = self.filter.as_deref()?;
        let column = |part: &str| part.split('=').next().map(str::trim).map(ToOwned::to_owned);
        // Values may hold commas in brackets or quotes; a part without '=' belongs to the value before it.
        let mutable = filter
            .split(',')
            .filter(|part| part.contains('='))
            .filter_map(column)
            .any(|name| !immutable.contains(&name.as_str()));
        mutable.then_some(BindingLint::LeavesUnseen)
    }

    /// The same binding with its filter's value unrecognisable: values are keys, and keys are people.
    pub(crate) fn veiled(&self) -> Self {
        Self {
            filter: self.filter.as_deref().map(Self::veil),
            ..self.clone()
        }
    }

    pub(crate) fn veil(filter: &str) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        filter.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Says whether a change of this table can belong here; used when the server's ids say nothing.
    pub(crate) fn covers_table(&self, schema: &str, table: &str) -> bool {
        (self.schema == schema || self.schema == "*")
            && self
                .table
                .as_deref()
                .is_none_or(|own| own == table || own == "*")
    }
}

/// A binding as the server echoes it, with the id that its changes will carry. Keys it does not know are skipped.
#[derive(Debug, Deserialize)]
pub(crate) struct EchoedBinding {
    pub id: u64,
    event: Option<String>,
    schema: Option<String>,
    table: Option<String>,
    filter: Option<String>,
}

impl EchoedBinding {
    pub fn echoes(&self, binding: &Binding) -> bool {
        self.event.as_deref() == Some(&binding.event)
            && self.schema.as_deref() == Some(&binding.schema)
            && self.table == binding.table
            && self.filter == binding.filter
    }
}
