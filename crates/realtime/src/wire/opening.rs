//! How the frames of one table begin: alike, to the letter, up to the moment of the change.
//!
//! More than half of a row change is the names and types of its table's columns. Who has seen one such beginning need not
//! bring the next one to where it is read, and every change of the table shares its columns.

use std::ops::Range;
use std::sync::OnceLock;

use super::change::Column;
use super::scan::Scan;
use super::usual;

/// The beginning of a row change.
#[derive(Debug)]
pub struct Opening {
    text: Box<str>,
    topic: Range<usize>,
    columns: Range<usize>,
    parsed: OnceLock<Vec<Column>>,
}

impl Opening {
    /// How this frame begins; `None` when it is no row change in the order in which servers write them.
    ///
    /// ```
    /// use bedside_realtime::wire::Opening;
    /// let frame = r#"[null,null,"realtime:a","postgres_changes",{"data":{"columns":[],"commit_timestamp":"..."#;
    /// let opening = Opening::of(frame).map(|opening| opening.text().len());
    /// assert_eq!(opening, frame.find(",\"commit_timestamp\""));
    /// ```
    #[must_use]
    pub fn of(frame: &str) -> Option<Self> {
        let mut scan = Scan::new(frame);
        let topic = usual::topic(&mut scan)?;
        let topic_ends = topic.len() + usual::OPENS.len();
        let columns = usual::columns(&mut scan)?;
        let ends = scan.at();
        Some(Self {
            text: frame.get(..ends)?.into(),
            topic: usual::OPENS.len()..topic_ends,
            columns: ends - columns.len()..ends,
            parsed: OnceLock::new(),
        })
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn topic(&self) -> &str {
        self.text.get(self.topic.clone()).unwrap_or_default()
    }

    pub(super) fn columns_json(&self) -> &str {
        self.text.get(self.columns.clone()).unwrap_or_default()
    }

    /// The table's columns, parsed once.
    pub(super) fn columns(&self) -> &[Column] {
        let read = || serde_json::from_str(self.columns_json()).unwrap_or_default();
        self.parsed.get_or_init(read)
    }
}
