//! A change as text again, for whoever hands it on to another client whole: the payload of its frame, without the ids that
//! only one socket knows.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::change::{Change, ChangeFault, ChangeFrame};
use super::scan::Scan;

impl ChangeFault {
    /// The server's text, or one that reads as the same.
    fn text(&self) -> &str {
        match self {
            Self::TooLarge => "Error 413",
            Self::Unauthorized => "Error 401",
            Self::NoPrimaryKey => "no primary key",
            Self::Other(text) => text,
        }
    }
}

impl Change {
    fn payload(&self) -> Result<String, serde_json::Error> {
        let mut text = String::from("{\"data\":{");
        let quoted = |word: &str| serde_json::to_string(word);
        let mut member = |name: &str, json: &str| {
            if !text.ends_with('{') {
                text.push(',');
            }
            for part in ["\"", name, "\":", json] {
                text.push_str(part);
            }
        };
        member("schema", &quoted(self.schema())?);
        member("table", &quoted(self.table())?);
        member("type", &quoted(self.kind.as_str())?);
        if let Some(columns) = self.columns_json() {
            member("columns", columns);
        }
        if let Some(timestamp) = self.commit_timestamp() {
            member("commit_timestamp", &quoted(timestamp)?);
        }
        if let Some(fault) = &self.fault {
            member("errors", &format!("[{}]", quoted(fault.text())?));
        }
        if let Some(old) = self.old_record() {
            member("old_record", old.json());
        }
        if let Some(record) = self.record() {
            member("record", record.json());
        }
        text.push_str("}}");
        Ok(text)
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = self.payload().and_then(RawValue::from_string);
        payload.map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Box::<RawValue>::deserialize(deserializer)?;
        let frame = ChangeFrame::read(&mut Scan::new(payload.get()));
        frame
            .and_then(|frame| frame.to_change())
            .ok_or_else(|| D::Error::custom("not a change"))
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

    fn change(data: &str) -> Change {
        serde_json::from_str(&format!(r#"{{"ids":[7],"data":{data}}}"#)).unwrap()
    }

    #[test]
    fn a_change_that_is_handed_on_is_the_same_digit_for_digit() {
        for data in [
            r#"{"schema":"public","table":"patients","type":"UPDATE","commit_timestamp":"2026-11-22T17:00:00.000Z","columns":[{"name":"id","type":"int8"}],"record":{"id":9007199254740993,"note":"\"a\"\n"},"old_record":{"id":9007199254740993},"errors":null}"#,
            r#"{"schema":"public","table":"patients","type":"DELETE","old_record":{"id":"x"}}"#,
            r#"{"schema":"pub\"lic","table":"t","type":"INSERT","errors":["Error 413: Payload Too Large"],"record":{"id":1}}"#,
            r#"{"schema":"public","table":"t","type":"INSERT","errors":["Error 401: Unauthorized"]}"#,
            r#"{"schema":"public","table":"t","type":"INSERT","errors":["something \"new\""]}"#,
        ] {
            let original = change(data);
            let text = serde_json::to_string(&original).unwrap();
            let again: Change = serde_json::from_str(&text).unwrap();
            assert_eq!(original, again, "{text}");
        }
    }

    #[test]
    fn what_is_no_change_is_an_error() {
        for text in [
            "null",
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":{"schema":"a","table":"b","type":"TRUNCATE"}}"#,
        ] {
            assert!(serde_json::from_str::<Change>(text).is_err(), "{text}");
        }
    }
}
