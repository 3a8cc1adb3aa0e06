//! A list of rows that shares all but what changed with the list it was made from. Rows sit in chunks behind `Arc`s, so a
//! patch copies one chunk and the list of chunks, not the rows; a linked tree would copy less and be slower to read.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::row::Row;
use crate::key::Segment;

/// Rows a chunk holds at most; at half of it after a split. Copying one is about as dear as copying the chunk list of a
/// list of ten thousand.
const CHUNK: usize = 128;

/// An immutable list of rows. Cloning it is cheap, equal lists that share rows compare without looking into them, and
/// changing one row of ten thousand copies about a hundred pointers.
///
/// ```
/// # use bedside_query::{Columns, Row, RowError, Rows, Segment};
/// # use serde_json::{Map, Value};
/// # #[derive(Clone, Debug, PartialEq)] struct Bed(u32, &'static str);
/// # impl Columns for Bed { fn column(&self, _: &str) -> Option<Segment> { None } }
/// # impl Row for Bed {
/// #     fn pk(&self) -> Segment { self.0.into() }
/// #     fn from_columns(_: &Map<String, Value>) -> Result<Self, RowError> { Err(RowError::MissingColumn("id".into())) }
/// #     fn merge(&self, _: &Map<String, Value>) -> Result<Self, RowError> { Ok(self.clone()) }
/// # }
/// let beds: Rows<Bed> = [Bed(1, "free"), Bed(2, "taken")].into_iter().collect();
/// let later = beds.replace(&2.into(), Bed(2, "free"));
/// assert_eq!(beds.get(&2.into()).map(|bed| bed.1), Some("taken"));
/// assert_eq!(later.get(&2.into()).map(|bed| bed.1), Some("free"));
/// ```
pub struct Rows<R> {
    chunks: Arc<[Chunk<R>]>,
    len: usize,
    /// In which chunk each row probably is. Shared by all lists that come from one another, made when first needed. It
    /// knows every row of every one of them, so a key it does not know is in none; where a row is may have moved a little.
    hints: Arc<Mutex<Hints>>,
}

type Chunk<R> = Arc<[Arc<R>]>;
type Hints = Option<HashMap<Segment, usize>>;

impl<R> Clone for Rows<R> {
    fn clone(&self) -> Self {
        Self {
            chunks: Arc::clone(&self.chunks),
            len: self.len,
            hints: Arc::clone(&self.hints),
        }
    }
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Self {
            chunks: Arc::from([]),
            len: 0,
            hints: Arc::default(),
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Rows<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<R: PartialEq> PartialEq for Rows<R> {
    fn eq(&self, other: &Self) -> bool {
        let same_chunks = || {
            self.chunks.len() == other.chunks.len()
                && self.chunks.iter().zip(other.chunks.iter()).all(|(a, b)| {
                    Arc::ptr_eq(a, b)
                        || (a.len() == b.len()
                            && a.iter()
                                .zip(b.iter())
                                .all(|(a, b)| Arc::ptr_eq(a, b) || a == b))
                })
        };
        Arc::ptr_eq(&self.chunks, &other.chunks)
            || (self.len == other.len
                && (same_chunks()
                    // Equal rows may be cut into chunks differently.
                    || self.iter().zip(other.iter()).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)))
    }
}

impl<R> Rows<R> {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rows in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<R>> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The row at a position.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<&Arc<R>> {
        let mut left = position;
        for chunk in self.chunks.iter() {
            if left < chunk.len() {
                return chunk.get(left);
            }
            left -= chunk.len();
        }
        None
    }

    fn of_chunks(chunks: Vec<Chunk<R>>) -> Self {
        let len = chunks.iter().map(|chunk| chunk.len()).sum();
        Self {
            chunks: chunks.into(),
            len,
            hints: Arc::default(),
        }
    }

    /// The same, sharing what `self` knows of places.
    fn next(&self, chunks: Vec<Chunk<R>>) -> Self {
        Self {
            hints: Arc::clone(&self.hints),
            ..Self::of_chunks(chunks)
        }
    }
}

impl<R: Row> Rows<R> {
    /// The chunk and the offset in it of a row.
    fn place(&self, pk: &Segment) -> Option<(usize, usize)> {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys that have left stay known; once they are the most, starting over is cheaper.
        if hints
            .as_ref()
            .is_none_or(|hints| hints.len() > 2 * self.len + CHUNK)
        {
            let rows = self.chunks.iter().enumerate();
            *hints = Some(
                rows.flat_map(|(at, chunk)| chunk.iter().map(move |row| (row.pk(), at)))
                    .collect(),
            );
        }
        let hint = hints.as_mut()?.get_mut(pk)?;
        let within = |at: usize| {
            let offset = self
                .chunks
                .get(at)?
                .iter()
                .position(|row| row.pk() == *pk)?;
            Some((at, offset))
        };
        let near = within(*hint).or_else(|| within(*hint + 1));
        let place = near.or_else(|| (0..self.chunks.len()).find_map(within))?;
        *hint = place.0;
        Some(place)
    }

    fn learn(&self, pk: Segment, chunk: usize) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hints) = hints.as_mut() {
            hints.insert(pk, chunk);
        }
    }

    /// The row with this primary key.
    #[must_use]
    pub fn get(&self, pk: &Segment) -> Option<&Arc<R>> {
        let (chunk, offset) = self.place(pk)?;
        self.chunks.get(chunk)?.get(offset)
    }

    /// Where the row with this primary key is.
    #[must_use]
    pub fn position(&self, pk: &Segment) -> Option<usize> {
        let (chunk, offset) = self.place(pk)?;
        let before: usize = self
            .chunks
            .iter()
            .take(chunk)
            .map(|chunk| chunk.len())
            .sum();
        Some(before + offset)
    }

    /// This list with `row` in the place of the row with its primary key; unchanged if there is none.
    #[must_use]
    pub fn replace(&self, pk: &Segment, row: R) -> Self {
        let Some((at, offset)) = self.place(pk) else {
            return self.clone();
        };
        self.learn(row.pk(), at);
        let mut chunks: Vec<Chunk<R>> = self.chunks.to_vec();
        if let Some(chunk) = chunks.get_mut(at) {
            let mut rows = chunk.to_vec();
            if let Some(held) = rows.get_mut(offset) {
                *held = Arc::new(row);
            }
            *chunk = rows.into();
        }
        self.next(chunks)
    }

    /// This list with a row put in at a position, or at the end.
    #[must_use]
    pub fn insert(&self, position: usize, row: R) -> Self {
        let mut chunks: Vec<Chunk<R>> = self.chunks.to_vec();
        let mut left = position;
        let mut at = 0;
        for chunk in &chunks {
            if left <= chunk.len() {
                break;
            }
            left -= chunk.len();
            at += 1;
        }
        self.learn(row.pk(), at);
        let row = Arc::new(row);
        match chunks.get(at) {
            None => chunks.push(Arc::from([row])),
            Some(chunk) => {
                let mut rows = chunk.to_vec();
                rows.insert(left.min(rows.len()), row);
                let halves: Vec<Chunk<R>> = if rows.len() > CHUNK {
                    rows.chunks(CHUNK / 2 + 1).map(Into::into).collect()
                } else {
                    vec![rows.into()]
                };
                chunks.splice(at..=at, halves);
            }
        }
        self.next(chunks)
    }

    /// This list without the row with this primary key.
    #[must_use]
    pub fn remove(&self, pk: &Segment) -> Self {
        let Some((at, offset)) = self.place(pk) else {
            return self.clone();
        };
        let mut chunks: Vec<Chunk<R>> = self.chunks.to_vec();
        if let Some(chunk) = chunks.get_mut(at) {
            *chunk = chunk
                .iter()
                .enumerate()
                .filter(|(here, _)| *here != offset)
                .map(|(_, row)| Arc::clone(row))
                .collect();
        }
        chunks.retain(|chunk| !chunk.is_empty());
        self.next(chunks)
    }

    /// The first so many rows of this list.
    #[must_use]
    pub fn truncate(&self, rows: usize) -> Self {
        if self.len <= rows {
            return self.clone();
        }
        let mut left = rows;
        let mut chunks = Vec::new();
        for chunk in self.chunks.iter() {
            let Some(kept) = chunk
                .get(..left.min(chunk.len()))
                .filter(|kept| !kept.is_empty())
            else {
                break;
            };
            left -= kept.len();
            chunks.push(if kept.len() == chunk.len() {
                Arc::clone(chunk)
            } else {
                kept.into()
            });
        }
        self.next(chunks)
    }

    /// `self` with every row that `older` holds an equal one of taken from there, so that what did not change is the same
    /// `Arc` as before (rule 71).
    pub(crate) fn sharing(self, older: &Self) -> Self {
        let shared = |row: &Arc<R>| match older.get(&row.pk()) {
            Some(held) if !Arc::ptr_eq(held, row) && **held == **row => Arc::clone(held),
            _ => Arc::clone(row),
        };
        let chunks = self
            .chunks
            .iter()
            .map(|chunk| chunk.iter().map(shared).collect())
            .collect();
        self.next(chunks)
    }
}

impl<R> FromIterator<Arc<R>> for Rows<R> {
    fn from_iter<I: IntoIterator<Item = Arc<R>>>(rows: I) -> Self {
        let rows: Vec<Arc<R>> = rows.into_iter().collect();
        Self::of_chunks(rows.chunks(CHUNK).map(Into::into).collect())
    }
}

impl<R> FromIterator<R> for Rows<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        rows.into_iter().map(Arc::new).collect()
    }
}

impl<R> From<Vec<R>> for Rows<R> {
    fn from(rows: Vec<R>) -> Self {
        rows.into_iter().collect()
    }
}

impl<R: serde::Serialize> serde::Serialize for Rows<R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(AsRef::as_ref))
    }
}

impl<'de, R: serde::Deserialize<'de>> serde::Deserialize<'de> for Rows<R> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<R>::deserialize(deserializer).map(Into::into)
    }
}
