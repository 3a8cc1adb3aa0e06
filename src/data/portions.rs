//! Reads a list of any length. A server answers with as many rows as it is set to (1,000 on Supabase) and no error, so a list that has to be
//! complete is read in portions until the server's own count is reached. Knows no table and no request.

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;

use super::{DataError, Page};

/// How many rows are asked for at once.
const PORTION: usize = 1_000;

/// All rows. `read` reads a range of places, both included; `key` tells rows apart.
pub async fn all<T, K, F>(
    key: impl Fn(&T) -> K,
    read: impl Fn(usize, usize) -> F,
) -> Result<Page<T>, DataError>
where
    K: Eq + Hash,
    F: Future<Output = Result<Page<T>, DataError>>,
{
    first(usize::MAX, key, read).await
}

/// The first `most` rows, and how many there are.
pub async fn first<T, K, F>(
    most: usize,
    key: impl Fn(&T) -> K,
    read: impl Fn(usize, usize) -> F,
) -> Result<Page<T>, DataError>
where
    K: Eq + Hash,
    F: Future<Output = Result<Page<T>, DataError>>,
{
    let (mut rows, mut seen, mut from) = (Vec::new(), HashSet::new(), 0_usize);
    let mut unreadable = 0_usize;
    loop {
        let want = most.saturating_sub(from).clamp(1, PORTION);
        let page = read(from, from.saturating_add(want - 1)).await?;
        let came = page.rows.len().saturating_add(page.unreadable);
        unreadable = unreadable.saturating_add(page.unreadable);
        from = from.saturating_add(came);
        // A row that moved down while the list was read comes twice.
        rows.extend(page.rows.into_iter().filter(|row| seen.insert(key(row))));
        if came == 0 || from >= page.total.min(most) {
            return Ok(Page {
                total: if came == 0 {
                    rows.len().saturating_add(unreadable)
                } else {
                    page.total
                },
                rows,
                from: 0,
                unreadable,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::RefCell;

    use futures::FutureExt;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().unwrap()
    }

    /// A server with so many rows that gives so many at once.
    fn served(rows: usize, at_once: usize, from: usize, to: usize) -> Page<usize> {
        let end = rows.min(to + 1).min(from + at_once);
        Page {
            rows: (from..end).collect(),
            from,
            total: rows,
            unreadable: 0,
        }
    }

    #[test]
    fn a_list_longer_than_the_server_gives_at_once_is_read_to_its_end() {
        for (rows, at_once) in [(0, 1_000), (1_000, 1_000), (2_345, 1_000), (2_345, 500)] {
            let page = block_on(all(
                |row| *row,
                |from, to| async move { Ok(served(rows, at_once, from, to)) },
            ))
            .unwrap();
            assert_eq!(page.rows, (0..rows).collect::<Vec<_>>());
            assert_eq!(page.total, rows);
        }
    }

    #[test]
    fn a_part_of_a_list_knows_how_long_the_list_is() {
        let asked = RefCell::new(Vec::new());
        let page = block_on(first(
            1_200,
            |row| *row,
            |from, to| {
                asked.borrow_mut().push((from, to));
                async move { Ok(served(5_000, 1_000, from, to)) }
            },
        ))
        .unwrap();
        assert_eq!((page.rows.len(), page.total), (1_200, 5_000));
        assert_eq!(asked.into_inner(), [(0, 999), (1_000, 1_199)]);
    }

    #[test]
    fn a_row_that_moves_while_the_list_is_read_is_there_once() {
        let page = block_on(all(
            |row| *row,
            |from, to| async move {
                let shift = usize::from(from > 0);
                let page = served(1_500, 1_000, from - shift, to - shift);
                Ok(Page { from, ..page })
            },
        ))
        .unwrap();
        assert_eq!(page.rows, (0..1_500).collect::<Vec<_>>());
    }

    #[test]
    fn a_server_that_counts_more_than_it_gives_ends_the_reading() {
        let page = block_on(all(
            |row| *row,
            |from, to| async move {
                let page = served(1_100, 1_000, from.min(1_100), to);
                Ok(Page {
                    total: 9_999,
                    ..page
                })
            },
        ))
        .unwrap();
        assert_eq!((page.rows.len(), page.total), (1_100, 1_100));
    }
}
