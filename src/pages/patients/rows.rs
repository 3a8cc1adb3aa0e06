//! Which patient stands at which place of the list, as far as the screen needs to know: the parts of the list near the screen, each a query
//! of its own, so that a change costs the parts that are looked at, not all that was ever scrolled through.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use bedside_query::{QueryOptions, Time, query_key};
use leptos::prelude::*;

use crate::data::patient_filter::{PAGE, PatientFilter};
use crate::data::{DataError, Page, patients};
use crate::hooks::{Reading, use_reading};
use crate::model::Patient;
use crate::sync::Table;

/// More parts than this never touch one screen: a window of rows is shorter than two parts.
const PARTS: usize = 4;

/// The patients near the screen.
#[derive(Clone, Copy)]
pub struct Placed {
    /// How many there are in all, once known.
    pub total: Memo<Option<usize>>,
    /// Those who are known, by their place in the list.
    pub patients: Memo<BTreeMap<usize, Arc<Patient>>>,
    /// Places of patients whose rows can't be read, after those that can.
    pub unreadable: Memo<BTreeSet<usize>>,
    pub error: Signal<Option<DataError>>,
    /// Whether the rows answer an older question.
    pub outdated: Memo<bool>,
    pub refetch: Callback<()>,
}

/// A part that has been fetched.
struct Part {
    page: Arc<Page<Arc<Patient>>>,
    fetched: Option<Time>,
}

/// The parts that are there, and the question that they answer.
#[derive(Clone, PartialEq)]
struct Shown {
    filter: PatientFilter,
    total: Total,
    parts: BTreeMap<usize, Arc<Page<Arc<Patient>>>>,
}

/// How long the list is, by the part that was fetched last.
///
/// Which parts are asked for depends on it, and a part that was fetched earlier says another length. If whichever part is looked at could say,
/// two of them could send the screen from one to the other for ever: only what is newer than what is known counts.
#[derive(Clone, Copy, PartialEq)]
struct Total {
    rows: usize,
    from: usize,
    fetched: Option<Time>,
}

impl Total {
    fn of(part: &Part) -> Self {
        Self {
            rows: part.page.total,
            from: part.page.from,
            fetched: part.fetched,
        }
    }

    fn is_newer_than(&self, known: &Self) -> bool {
        // A part that was patched has its old time.
        self.fetched > known.fetched || (self.from == known.from && self.fetched == known.fetched)
    }
}

impl Shown {
    /// What is shown when these parts are there, after something else was shown.
    fn next(before: Option<&Self>, filter: PatientFilter, parts: Vec<Part>) -> Option<Self> {
        let known = before.filter(|before| before.filter == filter);
        let told = parts.iter().map(Total::of);
        let total = known
            .map(|known| known.total)
            .into_iter()
            .chain(told)
            .reduce(|known, told| {
                if told.is_newer_than(&known) {
                    told
                } else {
                    known
                }
            });
        let parts: BTreeMap<_, _> = parts
            .into_iter()
            .filter(|part| part.page.shows_anything() || part.page.total == 0)
            .map(|part| (part.page.from, part.page))
            .collect();
        match (total, known) {
            (Some(total), Some(known)) if parts.is_empty() => Some(Self {
                total,
                ..known.clone()
            }),
            // Until the new answer comes, the old one stays, for what it is.
            (_, None) if parts.is_empty() => before.cloned(),
            (None, _) => before.cloned(),
            (Some(total), _) => Some(Self {
                filter,
                total,
                parts,
            }),
        }
    }
}

/// Reads the rows of `window`: the first, and the one after the last.
pub fn use_rows(filter: Memo<PatientFilter>, window: Memo<(usize, usize)>) -> Placed {
    // Part n is read by reader n modulo their number: a part that stays on the screen stays with its reader.
    let parts = Memo::new(move |_| {
        let (start, end) = window.get();
        (start / PAGE, end.saturating_sub(1).max(start) / PAGE)
    });
    let readers = [0, 1, 2, 3].map(|reader: usize| {
        let part = Memo::new(move |_| {
            let (first, last) = parts.get();
            (first..=last).find(|part| part % PARTS == reader)
        });
        let reading = use_reading(&[Table::Patients], move |rest| match part.get() {
            Some(part) => patients::page_query(rest, filter.with(|filter| filter.part(part))),
            None => QueryOptions::without_fetcher(query_key!["nothing"]),
        });
        (part, reading)
    });
    let shown = Memo::new(move |before: Option<&Option<Shown>>| {
        let filter = filter.get();
        let part = |reading: &Reading<_>| {
            Some(Part {
                page: reading.data.get()?,
                fetched: reading.fetched.get(),
            })
        };
        let parts = readers.iter().filter_map(|(_, reading)| part(reading));
        Shown::next(before.and_then(Option::as_ref), filter, parts.collect())
    });
    let patients = Memo::new(move |_| {
        let (mut patients, mut seen) = (BTreeMap::new(), HashSet::new());
        shown.with(|shown| {
            let parts = shown.iter().flat_map(|shown| shown.parts.values());
            for page in parts {
                for (place, row) in page.rows.iter().enumerate() {
                    // While a change is on its way, one patient may stand in two parts: the first counts.
                    if seen.insert(row.id) {
                        patients.insert(page.from + place, Arc::clone(row));
                    }
                }
            }
        });
        patients
    });
    Placed {
        total: Memo::new(move |_| shown.with(|shown| shown.as_ref().map(|shown| shown.total.rows))),
        unreadable: Memo::new(move |_| {
            shown.with(|shown| {
                let pages = shown.iter().flat_map(|shown| shown.parts.values());
                let places = pages.flat_map(|page| {
                    let first = page.from.saturating_add(page.rows.len());
                    first..first.saturating_add(page.unreadable)
                });
                places.collect()
            })
        }),
        patients,
        error: Signal::derive(move || {
            let mut asked = readers.iter().filter(|(part, _)| part.get().is_some());
            asked.find_map(|(_, reading)| reading.error.get())
        }),
        outdated: Memo::new(move |_| {
            shown.with(|shown| {
                filter.with(|filter| shown.as_ref().is_some_and(|shown| shown.filter != *filter))
            })
        }),
        refetch: Callback::new(move |()| {
            for (_, Reading { refetch, .. }) in readers {
                refetch.run(());
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]
    use super::*;

    fn part(number: usize, rows: usize, total: usize, fetched: u64) -> Part {
        let patient = |row: usize| {
            let id = uuid::Uuid::from_u128((number * PAGE + row) as u128);
            let row = serde_json::json!({
                "id": id, "mrn": "BD-1", "first_name": "Ines", "last_name": "Marsh", "date_of_birth": "1956-03-09",
                "sex": "female", "status": "admitted", "ward": "Cardiology", "clinician_id": null, "notes": "",
                "version": 1, "created_at": "", "updated_at": "",
            });
            Arc::new(serde_json::from_value(row).unwrap())
        };
        Part {
            page: Arc::new(Page {
                rows: (0..rows).map(patient).collect(),
                from: number * PAGE,
                total,
                unreadable: 0,
            }),
            fetched: Some(Time(fetched)),
        }
    }

    /// The part that a screen scrolled to the end asks for.
    fn last(shown: &Shown) -> usize {
        shown.total.rows.saturating_sub(1) / PAGE
    }

    /// Follows the screen from part to part as the browser does, with what the cache has of each part.
    fn settles(shown: Option<Shown>, cache: impl Fn(usize) -> Vec<Part>) -> Shown {
        let mut shown = shown.unwrap();
        for _ in 0..10 {
            let next = Shown::next(Some(&shown), PatientFilter::default(), cache(last(&shown)));
            let next = next.unwrap();
            if next == shown {
                return shown;
            }
            shown = next;
        }
        unreachable!("the screen goes from part to part for ever")
    }

    #[test]
    fn a_list_that_became_shorter_than_the_place_on_it_settles() {
        // 130 rows, seen to the end; then 60 go, and the last part is fetched again before the others.
        let filter = PatientFilter::default;
        let shown = Shown::next(None, filter(), vec![part(2, 30, 130, 1)]);
        let shown = Shown::next(shown.as_ref(), filter(), vec![part(2, 0, 70, 5)]);
        let settled = settles(shown, |number| match number {
            0 => vec![part(0, 50, 130, 2)],
            1 => vec![part(1, 50, 130, 3)],
            _ => vec![part(2, 0, 70, 5)],
        });
        assert_eq!(settled.total.rows, 70);
        // What the second part says when it is fetched is newer.
        let settled = settles(Some(settled), |_| vec![part(1, 20, 70, 6)]);
        assert_eq!(settled.total.rows, 70);
        assert_eq!(settled.parts.get(&50).map(|page| page.rows.len()), Some(20));
    }

    #[test]
    fn no_answers_make_the_screen_go_from_part_to_part_for_ever() {
        for totals in [
            [0, 0, 0],
            [130, 130, 0],
            [130, 0, 70],
            [0, 130, 70],
            [70, 130, 60],
        ] {
            for times in [[1, 1, 1], [1, 2, 3], [3, 2, 1], [2, 3, 1]] {
                let cache = |number: usize| {
                    let at = number.min(2);
                    vec![part(at, 0, totals[at], times[at])]
                };
                let shown = Shown::next(None, PatientFilter::default(), vec![part(2, 30, 130, 0)]);
                settles(shown, cache);
            }
        }
    }

    #[test]
    fn a_patched_part_tells_the_length_too() {
        let filter = PatientFilter::default;
        let shown = Shown::next(None, filter(), vec![part(0, 30, 30, 1)]);
        let shown = Shown::next(shown.as_ref(), filter(), vec![part(0, 29, 29, 1)]);
        assert_eq!(shown.unwrap().total.rows, 29);
    }

    #[test]
    fn another_question_is_not_answered_by_the_length_of_the_last_one() {
        let other = || PatientFilter {
            search: "a".to_owned(),
            ..PatientFilter::default()
        };
        let shown = Shown::next(None, PatientFilter::default(), vec![part(0, 30, 30, 9)]);
        let waiting = Shown::next(shown.as_ref(), other(), Vec::new());
        assert!(waiting == shown, "it stays until the answer comes");
        let answered = Shown::next(shown.as_ref(), other(), vec![part(0, 2, 2, 3)]);
        assert_eq!(answered.unwrap().total.rows, 2);
    }
}
