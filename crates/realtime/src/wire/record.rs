//! A row as the server sent it: JSON text, read column by column and only when somebody asks.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::far::FarRecord;
use super::scan::{Scan, unquoted};

/// A row, or the part of it that the server sent, as JSON text.
///
/// A column that is missing was not sent (an unchanged large value, a right that is lacking); it is not null.
/// Nothing is checked or copied before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a>(Place<'a>);

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Here(&'a str),
    Far(&'a FarRecord),
}

impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

/// A column's value as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a>(&'a str);

impl<'a> Field<'a> {
    /// As PostgreSQL wrote it.
    #[must_use]
    pub fn json(&self) -> &'a str {
        self.0
    }

    /// As plain text: strings without quotes, everything else as written; `None` when it is null.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.0 {
            "null" => None,
            json => unquoted(json).or(Some(Cow::Borrowed(json))),
        }
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// When the JSON does not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0)
    }
}

impl<'a> Record<'a> {
    /// A record of this JSON object.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self(Place::Here(json))
    }

    pub(super) fn far(record: &'a FarRecord) -> Self {
        Self(Place::Far(record))
    }

    /// The JSON object as PostgreSQL wrote it.
    #[must_use]
    pub fn json(&self) -> &'a str {
        match self.0 {
            Place::Here(json) => json,
            Place::Far(record) => record.whole(),
        }
    }

    /// Reads the record as a type.
    ///
    /// # Errors
    /// When the JSON does not fit the type; missing columns count as such unless the type allows them.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json())
    }

    /// One column; `None` when it was not sent.
    #[must_use]
    pub fn field(&self, column: &str) -> Option<Field<'a>> {
        if let Place::Far(record) = self.0
            && let Some(start) = record.start()
            && let Some(field) = Fields::of(start).find_before_the_end(column)
        {
            return Some(field);
        }
        self.fields()
            .find_map(|(name, field)| (name == column).then_some(field))
    }

    /// One column as plain text: strings without quotes, everything else as written; `None` when it was not
    /// sent or is null.
    ///
    /// ```
    /// # use bedside_realtime::wire::Record;
    /// let record = Record::new(r#"{"id": 9007199254740993, "mrn": "MRN-1", "ward": null}"#);
    /// assert_eq!(record.text("id").as_deref(), Some("9007199254740993"));
    /// assert_eq!(record.text("mrn").as_deref(), Some("MRN-1"));
    /// assert_eq!(record.text("ward"), None);
    /// ```
    #[must_use]
    pub fn text(&self, column: &str) -> Option<Cow<'a, str>> {
        self.field(column)?.text()
    }

    /// All columns that were sent, in the server's order. None when the record is no object.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields::of(self.json())
    }
}

/// The columns of a record, one by one.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Option<Scan<'a>>);

impl<'a> Fields<'a> {
    fn of(json: &'a str) -> Self {
        let mut scan = Scan::new(json);
        let object = scan.pass(b'{');
        Self(object.map(|()| scan))
    }

    /// A column of a text that may be cut off: what ends where the text ends may go on elsewhere.
    fn find_before_the_end(mut self, column: &str) -> Option<Field<'a>> {
        let (_, field) = self.find(|(name, _)| name == column)?;
        (!self.0?.is_done()).then_some(field)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Cow<'a, str>, Field<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let scan = self.0.as_mut()?;
        let key = scan.key().flatten();
        let field = key.and_then(|key| Some((key, Field(scan.value()?))));
        if field.is_none() {
            self.0 = None;
        }
        field
    }
}
