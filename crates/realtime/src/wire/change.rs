//! A row change, with its records kept as the JSON text that PostgreSQL wrote.
//!
//! Records stay text because `int8` and `numeric` have more digits than a double, and because most changes are
//! routed by table and key without anybody reading the rest. A row is checked when it is read.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::far::FarRecord;
use super::opening::Opening;
use super::record::Record;
use super::scan::{Scan, unquoted};

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

/// A change of one row.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// What the server could not send.
    pub fault: Option<ChangeFault>,
    /// All texts in one piece of memory, and where each ends; what was not sent is empty.
    text: Box<str>,
    ends: [usize; PARTS],
    /// The new row, when it is elsewhere.
    far: Option<FarRecord>,
    /// The columns, when other changes share them.
    opening: Option<Arc<Opening>>,
}

const SCHEMA: usize = 0;
const TABLE: usize = 1;
const TIMESTAMP: usize = 2;
const COLUMNS: usize = 3;
const RECORD: usize = 4;
const OLD_RECORD: usize = 5;
const PARTS: usize = 6;

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        let parts = |change: &Self| {
            [SCHEMA, TABLE, TIMESTAMP, OLD_RECORD].map(|part| change.part(part).to_owned())
        };
        self.kind == other.kind
            && self.fault == other.fault
            && parts(self) == parts(other)
            && self.columns_json() == other.columns_json()
            && self.record() == other.record()
    }
}

impl Change {
    fn part(&self, part: usize) -> &str {
        let end = |part: usize| self.ends.get(part).copied();
        let start = part.checked_sub(1).map_or(Some(0), end);
        let range = start.zip(end(part));
        range
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or_default()
    }

    fn sent(&self, part: usize) -> Option<&str> {
        Some(self.part(part)).filter(|text| !text.is_empty())
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        self.part(SCHEMA)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        self.part(TABLE)
    }

    /// When the transaction committed: UTC, milliseconds, the same for all its changes.
    #[must_use]
    pub fn commit_timestamp(&self) -> Option<&str> {
        self.sent(TIMESTAMP)
    }

    /// The new row; `None` on DELETE and when the server sent none.
    #[must_use]
    pub fn record(&self) -> Option<Record<'_>> {
        let far = self.far.as_ref().map(Record::far);
        far.or_else(|| self.sent(RECORD).map(Record::new))
    }

    /// The old row: mostly the primary key alone. `None` on INSERT.
    #[must_use]
    pub fn old_record(&self) -> Option<Record<'_>> {
        self.sent(OLD_RECORD).map(Record::new)
    }

    /// The record that carries the primary key: the old one on DELETE, else the new one.
    #[must_use]
    pub fn keyed_record(&self) -> Option<Record<'_>> {
        match self.kind {
            ChangeKind::Delete => self.old_record(),
            ChangeKind::Insert | ChangeKind::Update => self.record(),
        }
    }

    pub(super) fn columns_json(&self) -> Option<&str> {
        match &self.opening {
            Some(opening) => Some(opening.columns_json()),
            None => self.sent(COLUMNS),
        }
    }

    /// The table's columns that this role may read, in table order. Parsed once for all changes that share them.
    #[must_use]
    pub fn columns(&self) -> Cow<'_, [Column]> {
        match &self.opening {
            Some(opening) => Cow::Borrowed(opening.columns()),
            None => Cow::Owned(serde_json::from_str(self.part(COLUMNS)).unwrap_or_default()),
        }
    }

    /// Says whether the record may lack columns: a fault, or fewer columns than the table has.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        if self.fault.is_some() {
            return true;
        }
        let columns = self.columns();
        self.record().is_some_and(|record| {
            let fields: Vec<_> = record.fields().map(|(name, _)| name).collect();
            columns
                .iter()
                .any(|column| !fields.iter().any(|name| *name == column.name))
        })
    }
}

/// A `postgres_changes` payload as it stands in its frame.
#[derive(Debug, Default)]
pub struct ChangeFrame<'a> {
    pub(super) ids: Option<&'a str>,
    pub(super) schema: Option<Cow<'a, str>>,
    pub(super) table: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) timestamp: Option<&'a str>,
    pub(super) columns: Option<&'a str>,
    pub(super) record: Option<&'a str>,
    pub(super) far: Option<&'a FarRecord>,
    pub(super) opening: Option<&'a Arc<Opening>>,
    pub(super) old_record: Option<&'a str>,
    pub(super) errors: Option<&'a str>,
}

/// A JSON number, if it is a whole one.
fn whole_number(digits: &[u8]) -> Option<u64> {
    let digits = digits.trim_ascii();
    let read = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    });
    read.filter(|_| !digits.is_empty())
}

impl<'a> ChangeFrame<'a> {
    /// Reads a payload, in whatever order it is written; nothing, when a change has another shape.
    pub(super) fn read(scan: &mut Scan<'a>) -> Option<Self> {
        let mut frame = Self::default();
        scan.pass(b'{')?;
        while let Some(key) = scan.key()? {
            match key.as_ref() {
                "data" => frame.read_data(scan)?,
                "ids" => frame.ids = scan.present()?,
                _ => drop(scan.value()?),
            }
        }
        let known = frame.schema.is_some() && frame.table.is_some() && frame.kind.is_some();
        known.then_some(frame)
    }

    fn read_data(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        scan.pass(b'{')?;
        while let Some(key) = scan.key()? {
            match key.as_ref() {
                "schema" => self.schema = Some(scan.string()?),
                "table" => self.table = Some(scan.string()?),
                "type" => self.kind = Some(scan.string()?),
                "commit_timestamp" => self.timestamp = scan.present()?,
                "columns" => self.columns = scan.present()?,
                "record" => self.record = scan.present()?,
                "old_record" => self.old_record = scan.present()?,
                "errors" => self.errors = scan.present()?,
                _ => drop(scan.value()?),
            }
        }
        Some(())
    }

    /// The ids of the bindings that match; what is no number is left out.
    pub fn ids(&self) -> impl Iterator<Item = u64> + use<'a> {
        let list = self
            .ids
            .and_then(|ids| ids.strip_prefix('[')?.strip_suffix(']'));
        let numbers = list.unwrap_or_default().as_bytes();
        numbers.split(|byte| *byte == b',').filter_map(whole_number)
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or_default()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table.as_deref().unwrap_or_default()
    }

    /// What happened, in the server's word.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    fn record(&self) -> Option<Record<'a>> {
        let far = self.far.map(Record::far);
        far.or_else(|| self.record.map(Record::new))
    }

    /// What makes two deliveries of one change equal, whichever channel brought them.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        let record = self.record().map(|record| record.json());
        (self.schema(), self.table(), self.kind()).hash(&mut hasher);
        (self.timestamp, record, self.old_record).hash(&mut hasher);
        hasher.finish()
    }

    /// A column of the new row as a whole number, if it is one.
    #[must_use]
    pub fn number(&self, column: &str) -> Option<u64> {
        self.record()?.text(column)?.parse().ok()
    }

    /// The change, owned; `None` when its type is not INSERT, UPDATE or DELETE.
    #[must_use]
    pub fn to_change(&self) -> Option<Change> {
        let kind = ChangeKind::parse(self.kind())?;
        let timestamp = self.timestamp.and_then(unquoted).unwrap_or_default();
        let given = |part: Option<&'a str>| part.unwrap_or_default();
        let (columns, record, old) = (
            given(self.columns),
            given(self.record),
            given(self.old_record),
        );
        let parts: [&str; PARTS] = [
            self.schema(),
            self.table(),
            &timestamp,
            columns,
            record,
            old,
        ];
        let mut end = 0;
        let ends = parts.map(|part| {
            end += part.len();
            end
        });
        Some(Change {
            kind,
            fault: self.errors.and_then(|errors| {
                let texts: Vec<String> =
                    serde_json::from_str(errors).unwrap_or_else(|_| vec![errors.to_owned()]);
                texts.first().map(|text| ChangeFault::read(text))
            }),
            text: parts.concat().into_boxed_str(),
            ends,
            far: self.far.cloned(),
            opening: self.opening.cloned(),
        })
    }
}
