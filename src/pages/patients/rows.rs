//! Which patient stands at which place of the list, as far as the screen needs to know: the parts of the list near the screen, each a query
//! of its own, so that a change costs the parts that are looked at, not all that was ever scrolled through.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bedside_query::{QueryOptions, query_key};
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
    pub error: Signal<Option<DataError>>,
    /// Whether the rows answer an older question.
    pub outdated: Memo<bool>,
    pub refetch: Callback<()>,
}

/// The parts that are there, and the question that they answer.
#[derive(Clone, PartialEq)]
struct Shown {
    filter: PatientFilter,
    total: usize,
    parts: BTreeMap<usize, Arc<Page<Arc<Patient>>>>,
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
        let parts: BTreeMap<_, _> = readers
            .iter()
            .filter_map(|(_, reading)| reading.data.get())
            .filter(|page| !page.rows.is_empty() || page.total == 0)
            .map(|page| (page.from, page))
            .collect();
        match parts.values().next() {
            // Until the new answer comes, the old one stays, for what it is.
            None => before.cloned().flatten(),
            Some(page) => Some(Shown {
                filter,
                total: page.total,
                parts,
            }),
        }
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
        total: Memo::new(move |_| shown.with(|shown| shown.as_ref().map(|shown| shown.total))),
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
