//! A large frame that is held elsewhere, by the browser, and brought here only as far as it is read.
//!
//! A string of the page reaches WASM at about a byte a nanosecond: 64 kB cost ten times what the rest of the way to a
//! callback costs. A change can be routed by what stands around its row, and most holders read the key alone; so its
//! two ends are brought, and the row stays where it is until somebody asks for it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{DecodeError, Inbound, Vsn, decode_text, text, usual};

/// A text that lives elsewhere. Lengths and places are in UTF-16 units, as the browser counts.
pub trait FarText: Send + Sync {
    /// Its length.
    fn length(&self) -> usize;

    /// Brings a part of it here. A pair of surrogates that is cut apart becomes replacement characters.
    fn part(&self, from: usize, to: usize) -> String;
}

impl fmt::Debug for dyn FarText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A row is nobody's business but its reader's.
        write!(formatter, "FarText({})", self.length())
    }
}

/// A large frame, as far as it is here.
#[derive(Debug)]
pub struct FarFrame {
    vsn: Vsn,
    text: Arc<dyn FarText>,
    ends: Option<Ends>,
    whole: OnceLock<String>,
}

/// A change without its row.
#[derive(Debug)]
struct Ends {
    head: String,
    tail: String,
    row: FarRecord,
}

/// Columns and an old key fit into this much, and what follows a row into that.
const HEAD: usize = 4 * 1024;
const TAIL: usize = 512;
/// Keys come first in a row: servers sort columns by the length of their names.
const START: usize = 512;

impl FarFrame {
    /// Brings as much of a text as is needed to know where it goes.
    #[must_use]
    pub fn bring(vsn: Vsn, text: Arc<dyn FarText>) -> Self {
        let ends = Ends::of(vsn, &text);
        Self {
            vsn,
            text,
            ends,
            whole: OnceLock::new(),
        }
    }

    /// The frame. All of it is brought when it is no change, or its row is not what is large.
    ///
    /// # Errors
    /// [`DecodeError::Shape`] when it is none.
    pub fn decode(&self) -> Result<Inbound<'_>, DecodeError> {
        let apart = self
            .ends
            .as_ref()
            .and_then(|ends| text::decode_apart(&ends.head, &ends.tail, &ends.row));
        let whole = || self.text.part(0, self.text.length());
        match apart {
            Some(frame) => Ok(frame),
            None => decode_text(self.vsn, self.whole.get_or_init(whole)),
        }
    }
}

impl Ends {
    fn of(vsn: Vsn, far: &Arc<dyn FarText>) -> Option<Self> {
        let length = far.length();
        if vsn == Vsn::V1 || length < HEAD + TAIL {
            return None;
        }
        let mut tail = far.part(length - TAIL, length);
        tail.drain(..usual::row_ends(&tail)?);
        let to = length - units(&tail);
        // Mostly the columns are few; when they are not, more is asked for.
        let (head, row_begins) = [HEAD / 4, HEAD].into_iter().find_map(|size| {
            let head = far.part(0, size);
            let row_begins = text::row_begins(&head)?;
            Some((head, row_begins))
        })?;
        let from = units(head.get(..row_begins)?);
        let row = FarRecord::new(Arc::clone(far), from, to);
        Some(Self { head, tail, row })
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A row that is elsewhere, and as much of it as was read so far.
#[derive(Clone)]
pub(super) struct FarRecord(Arc<Row>);

struct Row {
    text: Arc<dyn FarText>,
    from: usize,
    to: usize,
    start: OnceLock<String>,
    whole: OnceLock<String>,
}

impl fmt::Debug for FarRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "FarRecord({})",
            self.0.to.saturating_sub(self.0.from)
        )
    }
}

impl FarRecord {
    fn new(text: Arc<dyn FarText>, from: usize, to: usize) -> Self {
        let (start, whole) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Row {
            text,
            from,
            to,
            start,
            whole,
        }))
    }

    /// The whole row, brought once.
    pub fn whole(&self) -> &str {
        let row = &self.0;
        row.whole.get_or_init(|| row.text.part(row.from, row.to))
    }

    /// Its first columns, unless all of it is here already.
    pub fn start(&self) -> Option<&str> {
        let row = &self.0;
        if row.whole.get().is_some() {
            return None;
        }
        let to = row.to.min(row.from.saturating_add(START));
        Some(row.start.get_or_init(|| row.text.part(row.from, to)))
    }
}
