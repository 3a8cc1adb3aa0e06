//! The table of patients: its columns, how they sort, and the rows near the screen. Assistive technology is told of all rows, by their
//! number and the place of each.

use leptos::html;
use leptos::prelude::*;

use wasm_bindgen::JsCast;

use super::keys::{Current, use_keys};
use super::row::keep_rows;
use super::rows::Placed;
use crate::components::paint::after_paint;
use crate::components::row_window::RowWindow;
use crate::components::time::tell_exactly;
use crate::components::{SkeletonRows, SortHeader};
use crate::data::patient_filter::{Order, PatientFilter, PatientSort};
use crate::data::profiles;
use crate::hooks::use_reading;
use crate::sync::Table;

/// The columns' classes: the second and third tier give way on narrower screens.
pub const COLUMNS: &[&str] = &[
    "cell-lead",
    "col-second",
    "col-third",
    "",
    "col-second",
    "col-third",
    "col-second",
];

/// The table.
#[component]
pub fn PatientTable(
    filter: Memo<PatientFilter>,
    go: Callback<PatientFilter>,
    rows: Placed,
    window: RowWindow,
    /// Whether the rows answer an earlier question: then none of them can be chosen.
    stale: Memo<bool>,
) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    // The header says at once how the list is going to be sorted; the rows follow in the frame after.
    let asked = RwSignal::new(None::<(PatientSort, Order)>);
    let sorting =
        move || (asked.get()).unwrap_or_else(|| filter.with(|filter| (filter.sort, filter.order)));
    let sort_by = move |sort: PatientSort| {
        Callback::new(move |()| {
            let order = match untrack(sorting) {
                (now, order) if now == sort => order.reversed(),
                _ => first_order(sort),
            };
            asked.set(Some((sort, order)));
            after_paint(move || {
                // Pressed twice within a frame, only the last counts.
                if let Some((sort, order)) = asked.try_update(Option::take).flatten() {
                    let filter = filter.get_untracked();
                    go.run(PatientFilter {
                        sort,
                        order,
                        ..filter
                    });
                }
            });
        })
    };
    let header = move |label: &'static str, class: &'static str, sort: PatientSort| {
        let sorted = Signal::derive(move || {
            let (now, order) = sorting();
            (now == sort).then_some(order)
        });
        view! { <SortHeader label class sorted on_sort=sort_by(sort) /> }
    };
    let total = rows.total;
    let waiting = Memo::new(move |_| total.get().is_none() && rows.error.with(Option::is_none));
    let current: Current = use_keys(window, total);
    let body = NodeRef::<html::Tbody>::new();
    keep_rows(body, rows, window, directory.data, current);
    view! {
        <table
            class="table table-patients"
            aria-label="Patients"
            aria-busy=move || waiting.get().then_some("true")
            aria-rowcount=move || total.get().map(|total| (total + 1).to_string())
            tabindex="-1"
            on:keydown=move |event| current.on_key(&event)
        >
            <thead>
                <tr aria-rowindex="1">
                    {header("Name", "", PatientSort::Name)}
                    {header("Record number", "col-second", PatientSort::Mrn)}
                    {header("Born", "col-third", PatientSort::Born)} {header("Status", "", PatientSort::Status)}
                    {header("Ward", "col-second", PatientSort::Ward)}
                    <th scope="col" class="col-third">
                        "Clinician"
                    </th>
                    {header("Updated", "col-second", PatientSort::Updated)}
                </tr>
            </thead>
            <tbody
                node_ref=body
                inert=move || stale.get()
                style=("--above", move || window.above())
                style=("--below", move || window.below())
                on:focusin=move |event| current.came_to(&event)
                on:pointerover=move |event| tell_exactly(&event)
                on:animationend=move |event| unmark(&event)
            >
                <Show when=move || waiting.get()>
                    <SkeletonRows columns=COLUMNS />
                </Show>
            </tbody>
        </table>
    }
}

/// Takes the mark off a text when its animation is over.
fn unmark(event: &web_sys::Event) {
    let marked = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    if let Some(marked) = marked {
        // Without the attribute there is nothing to take off.
        let _ = marked.remove_attribute("data-changed");
    }
}

/// Which end people want first.
const fn first_order(sort: PatientSort) -> Order {
    match sort {
        PatientSort::Updated => Order::Descending,
        _ => Order::Ascending,
    }
}
