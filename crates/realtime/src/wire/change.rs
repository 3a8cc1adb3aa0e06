//! A row change, with its records kept as the JSON text that PostgreSQL wrote.
//!
//! Records stay text because `int8` and `numeric` have more digits than a double, and because most changes are
//! routed by table and key without anybody reading the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::inbound::TextCow;

/// What happened to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A new row.
    Insert,
    /// A changed row; to whoever just gained sight of it, this is the first they hear of it.
    Update,
    /// A row that is gone. Sent to every subscriber of the table, with its primary key only: a hint.
    Delete,
}

impl ChangeKind {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "INSERT" => Some(Self::Insert),
            "UPDATE" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// What the server could not put into a change. The row did change: refetch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeFault {
    /// Over 1 MiB: only values of at most 64 bytes are left, nulls and long ones are gone (413).
    TooLarge,
    /// The subscriber may not read the primary key (401); there is no record.
    Unauthorized,
    /// The table has no primary key (400); there is no record.
    NoPrimaryKey,
    /// A text this client does not know.
    Other(String),
}

impl ChangeFault {
    fn read(text: &str) -> Self {
        if text.contains("413") {
            Self::TooLarge
        } else if text.contains("401") {
            Self::Unauthorized
        } else if text.contains("no primary key") {
            Self::NoPrimaryKey
        } else {
            Self::Other(text.to_owned())
        }
    }
}

/// A column of the table at the moment of the change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// PostgreSQL's short type name: `int4`, `timestamptz`, `_text`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// A row, or the part of it that the server sent, as JSON text.
///
/// A column that is missing was not sent (an unchanged large value, a right that is lacking); it is not null.
#[derive(Clone, Debug)]
pub struct Record(Box<RawValue>);

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Record {
    /// The JSON object as PostgreSQL wrote it.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.get()
    }

    /// Reads the record as a type.
    ///
    /// # Errors
    /// When the JSON does not fit the type; missing columns count as such unless the type allows them.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json())
    }

    /// One column as JSON text; `None` when it was not sent.
    #[must_use]
    pub fn field(&self, column: &str) -> Option<&RawValue> {
        self.fields().remove(column)
    }

    /// One column as plain text: strings without quotes, everything else as written; `None` when it was not
    /// sent or is null.
    ///
    /// ```
    /// # use bedside_realtime::wire::Record;
    /// let record: Record = r#"{"id": 9007199254740993, "mrn": "MRN-1", "ward": null}"#.parse()?;
    /// assert_eq!(record.text("id").as_deref(), Some("9007199254740993"));
    /// assert_eq!(record.text("mrn").as_deref(), Some("MRN-1"));
    /// assert_eq!(record.text("ward"), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn text(&self, column: &str) -> Option<Cow<'_, str>> {
        let raw = self.field(column)?.get();
        if raw == "null" {
            return None;
        }
        Some(serde_json::from_str::<TextCow<'_>>(raw).map_or(Cow::Borrowed(raw), |text| text.0))
    }

    /// All columns that were sent, as JSON text. Empty when the record is not an object.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<Cow<'_, str>, &RawValue> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Fields<'a>(#[serde(borrow)] BTreeMap<Key<'a>, &'a RawValue>);
        #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
        #[serde(transparent)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
        let fields: Option<Fields<'_>> = serde_json::from_str(self.json()).ok();
        fields
            .map(|fields| {
                fields
                    .0
                    .into_iter()
                    .map(|(key, value)| (key.0, value))
                    .collect()
            })
            .unwrap_or_default()
    }
}

impl std::str::FromStr for Record {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        RawValue::from_string(text.to_owned()).map(Self)
    }
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// When the transaction committed: UTC, milliseconds, the same for all its changes.
    pub commit_timestamp: Option<String>,
    /// What the server could not send.
    pub fault: Option<ChangeFault>,
    columns: Option<String>,
    record: Option<Record>,
    old_record: Option<Record>,
}

impl Change {
    /// The new row; `None` on DELETE and when the server sent none.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The old row: mostly the primary key alone. `None` on INSERT.
    #[must_use]
    pub fn old_record(&self) -> Option<&Record> {
        self.old_record.as_ref()
    }

    /// The record that carries the primary key: the old one on DELETE, else the new one.
    #[must_use]
    pub fn keyed_record(&self) -> Option<&Record> {
        match self.kind {
            ChangeKind::Delete => self.old_record(),
            ChangeKind::Insert | ChangeKind::Update => self.record(),
        }
    }

    /// The table's columns that this role may read, in table order. Parsed on each call.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        self.columns
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// Says whether the record may lack columns: a fault, or fewer columns than the table has.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        if self.fault.is_some() {
            return true;
        }
        let columns = self.columns();
        self.record.as_ref().is_some_and(|record| {
            let fields = record.fields();
            columns
                .iter()
                .any(|column| !fields.contains_key(column.name.as_str()))
        })
    }
}

/// A `postgres_changes` payload as it stands in its frame.
#[derive(Debug, Deserialize)]
pub struct ChangeFrame<'a> {
    #[serde(borrow, default)]
    ids: Option<&'a RawValue>,
    #[serde(borrow)]
    data: ChangeShape<'a>,
}

#[derive(Debug, Deserialize)]
struct ChangeShape<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    commit_timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    columns: Option<&'a RawValue>,
    #[serde(borrow, default)]
    record: Option<&'a RawValue>,
    #[serde(borrow, default)]
    old_record: Option<&'a RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'a RawValue>,
}

impl ChangeFrame<'_> {
    /// The ids of the bindings that match; empty when they are missing or not numbers.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        self.ids
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.data.schema
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.data.table
    }

    /// What makes two deliveries of one change equal, whichever channel brought them.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (self.schema(), self.table(), self.data.kind.as_ref()).hash(&mut hasher);
        for part in [
            self.data.commit_timestamp,
            self.data.record,
            self.data.old_record,
        ] {
            part.map(RawValue::get).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// What happened, in the server's word.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.data.kind
    }

    /// A column of the new row as a whole number, if it is one.
    #[must_use]
    pub fn number(&self, column: &str) -> Option<u64> {
        Record(self.data.record?.to_owned())
            .text(column)?
            .parse()
            .ok()
    }

    /// The change, owned; `None` when its type is not INSERT, UPDATE or DELETE.
    #[must_use]
    pub fn to_change(&self) -> Option<Change> {
        let data = &self.data;
        let record = |raw: Option<&RawValue>| raw.map(|raw| Record(raw.to_owned()));
        Some(Change {
            kind: ChangeKind::parse(&data.kind)?,
            schema: data.schema.clone().into_owned(),
            table: data.table.clone().into_owned(),
            commit_timestamp: data.commit_timestamp.and_then(|raw| {
                serde_json::from_str::<Option<String>>(raw.get())
                    .ok()
                    .flatten()
            }),
            fault: data.errors.and_then(|raw| {
                let texts: Vec<String> =
                    serde_json::from_str(raw.get()).unwrap_or_else(|_| vec![raw.get().to_owned()]);
                texts.first().map(|text| ChangeFault::read(text))
            }),
            columns: data.columns.map(|raw| raw.get().to_owned()),
            record: record(data.record),
            old_record: record(data.old_record),
        })
    }
}
