//! The rows of the table of patients: what each of them says about its patient, and how that follows the list, the directory and the clock.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::keys::Current;
use super::rows::Placed;
use crate::components::badge::patient_look;
use crate::components::row_stock::{RowStock, Slot};
use crate::components::row_window::RowWindow;
use crate::components::time::{ago_at, today, use_now};
use crate::data::profiles::Directory;
use crate::model::{CalendarDate, Patient};

/// A row. `COLUMNS` of the table has the same classes; what is written to has `data-part`, in the order of the constants below.
const PATTERN: &str = "<tr>\
    <td class=\"cell-lead\"><a data-part><bdi class=\"changed\" data-part>–</bdi></a><span class=\"cell-sub\" data-part>–</span></td>\
    <td class=\"col-second\"><span class=\"numeric\" data-part>–</span></td>\
    <td class=\"col-third\"><span class=\"changed\" data-part>–</span><span data-part>–</span></td>\
    <td><span class=\"changed\" data-part><span class=\"badge\" data-part><svg class=\"icon\" width=\"12\" height=\"12\" \
        viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path data-part></path></svg><span data-part>–</span></span></span></td>\
    <td class=\"col-second\"><span class=\"changed\" data-part>–</span></td>\
    <td class=\"col-third\"><span data-part>–</span></td>\
    <td class=\"col-second\"><time class=\"nowrap\" data-part>–</time></td>\
    </tr>";

const LINK: usize = 1;
const NAME: usize = 2;
const UNDER_NAME: usize = 3;
const MRN: usize = 4;
const BORN: usize = 5;
const AGE: usize = 6;
const STATUS: usize = 7;
const BADGE: usize = 8;
const BADGE_ICON: usize = 9;
const BADGE_WORD: usize = 10;
const WARD: usize = 11;
const CLINICIAN: usize = 12;
const UPDATED: usize = 13;

/// Keeps the rows of the window in the table's body.
pub fn keep_rows(
    body: NodeRef<html::Tbody>,
    rows: Placed,
    window: RowWindow,
    directory: Signal<Option<Arc<Directory>>>,
    current: Current,
) {
    let stock = StoredValue::new_local(None::<RowStock>);
    let (today, now) = (today(), use_now());
    Effect::new(move |_| {
        let Some(body) = body.get() else { return };
        let (start, end) = window.rows.get();
        let now = now.get();
        let unreadable = rows.unreadable.get();
        rows.patients.with(|patients| {
            directory.with(|directory| {
                stock.try_update_value(|stock| {
                    if stock.is_none() {
                        *stock = RowStock::new(body.unchecked_into(), PATTERN);
                    }
                    let Some(stock) = stock else { return };
                    stock.arrange(start..end);
                    for slot in stock.slots() {
                        match patients.get(&slot.place) {
                            None if unreadable.contains(&slot.place) => write_unreadable(slot),
                            patient => {
                                let patient = patient.map(AsRef::as_ref);
                                write(slot, patient, directory.as_deref(), today, now);
                            }
                        }
                    }
                });
            });
        });
        current.rows_are_there(start..end);
    });
    Effect::new(move |_| {
        window.rows.track();
        rows.patients.track();
        body.track();
        let at = current.place();
        stock.try_update_value(|stock| {
            for slot in stock.iter_mut().flat_map(RowStock::slots) {
                let stop = if slot.place == at { "0" } else { "-1" };
                slot.has(LINK, "tabindex", stop);
            }
        });
    });
}

/// A row that is there and can't be read: it says so, and leads nowhere.
fn write_unreadable(slot: &mut Slot) {
    write(slot, None, None, today(), 0.0);
    slot.has(Slot::ROW, "aria-busy", "false");
    slot.says(NAME, "This record can’t be displayed");
    for part in [
        UNDER_NAME, MRN, BORN, AGE, BADGE_WORD, WARD, CLINICIAN, UPDATED,
    ] {
        slot.says(part, "");
    }
    slot.has(LINK, "href", "/help");
}

fn write(
    slot: &mut Slot,
    patient: Option<&Patient>,
    directory: Option<&Directory>,
    today: CalendarDate,
    now: f64,
) {
    slot.shows(patient.map(|patient| patient.id));
    // The header is the first row.
    let number = slot.place.saturating_add(2).to_string();
    slot.has(Slot::ROW, "aria-rowindex", &number);
    let Some(patient) = patient else { return };
    let marked = |slot: &mut Slot, part: usize, text: &str| {
        if slot.says(part, text) {
            slot.mark(part);
        }
    };
    slot.has(LINK, "href", &format!("/patients/{}", patient.id));
    marked(slot, NAME, &patient.listed_name());
    slot.says(UNDER_NAME, &format!("{} · {}", patient.mrn, patient.ward));
    slot.says(MRN, &patient.mrn);
    let born = CalendarDate::parse(&patient.date_of_birth)
        .map_or_else(|_| patient.date_of_birth.clone(), CalendarDate::label);
    marked(slot, BORN, &born);
    let age = patient.age_on(today);
    slot.says(
        AGE,
        &age.map_or_else(String::new, |age| format!(" · {age}")),
    );
    let (tone, shape) = patient_look(patient.status);
    if slot.says(BADGE_WORD, patient.status.label()) {
        slot.has(BADGE, "data-tone", tone.word());
        slot.has(BADGE_ICON, "d", shape.path());
        slot.mark(STATUS);
    }
    marked(slot, WARD, &patient.ward);
    let clinician = directory.map(|directory| directory.name_of(patient.clinician_id));
    slot.says(CLINICIAN, &clinician.unwrap_or_default());
    slot.has(UPDATED, "datetime", &patient.updated_at);
    slot.says(UPDATED, &ago_at(&patient.updated_at, now));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pages::patients::table::COLUMNS;

    #[test]
    fn the_pattern_has_the_columns_of_the_table_and_as_many_parts_as_are_named() {
        let cells: Vec<_> = PATTERN.split("<td").skip(1).collect();
        let classes = cells.iter().map(|cell| {
            let class = cell.strip_prefix(" class=\"").unwrap_or("\"");
            class.split('"').next().unwrap()
        });
        assert_eq!(classes.collect::<Vec<_>>(), COLUMNS);
        assert_eq!(PATTERN.matches("data-part").count(), UPDATED);
    }
}
