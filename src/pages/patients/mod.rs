//! The list of patients: searched, narrowed and sorted by the server, with its state in the address. Of 10,000 patients only those near
//! the screen are fetched and made.

mod keys;
mod row;
mod rows;
mod table;
mod toolbar;

use futures::FutureExt;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};

use self::rows::{Placed, use_rows};
use self::table::PatientTable;
use self::toolbar::Toolbar;
use crate::components::row_window::use_row_window;
use crate::components::time::today;
use crate::components::{
    Empty, Failed, Icon, NotRefreshed, PrintButton, PrintSheet, PrintedList, Shape, use_printing,
    use_title,
};
use crate::data::patient_filter::PatientFilter;
use crate::data::profiles::{self, Directory};
use crate::data::{DataError, Page, Rest, patients};
use crate::hooks::{Me, use_reading, use_search_address};
use crate::model::{CalendarDate, Patient, Role};
use crate::sync::Table;

/// The list of patients.
#[component]
pub fn Patients() -> impl IntoView {
    use_title(|| "Patients".to_owned());
    let query = use_query_map();
    let address = use_search_address();
    let filter = {
        let address = address.clone();
        Memo::new(move |_| {
            query.with(|query| {
                PatientFilter::from_query(|name| address.get(name, |name| query.get(name)))
            })
        })
    };
    let frame = NodeRef::<html::Div>::new();
    let total = RwSignal::new(0);
    let window = use_row_window(frame, total.into());
    let rows = use_rows(filter, window.asked);
    Effect::new(move |_| total.set(rows.total.get().unwrap_or_default()));
    keep_place(window, rows);

    let ahead = RwSignal::new(false);
    let stale = Memo::new(move |_| rows.outdated.get() || ahead.get());
    let directory = use_reading(&[Table::Profiles], profiles::directory_query).data;
    let rest = use_context::<Rest>();
    let printing = use_printing(Callback::new(move |()| {
        let (rest, filter) = (rest.clone(), filter.get_untracked());
        async move {
            let patients = patients::every(rest.ok_or(DataError::SignedOut)?, filter).await?;
            Ok(on_paper(&patients, directory.get_untracked().as_deref()))
        }
        .boxed_local()
    }));
    let navigate = use_navigate();
    let told = {
        let address = address.clone();
        move || query.with(|query| address.is_told(|name| query.get(name)))
    };
    let go = Callback::new(move |filter: PatientFilter| {
        // Replaced, not pushed: the back button leaves the list instead of undoing it letter by letter.
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        if window.first_seen() > 0 {
            window.begin_at(0);
        }
        let query = address.query(&filter.to_query(), &filter.search);
        navigate(&format!("/patients{query}"), options);
    });
    // A link may say it in words; the browser's history should not.
    Effect::new(move |_| {
        if told() {
            go.run(filter.get_untracked());
        }
    });
    let known = Memo::new(move |_| rows.total.get().is_some());
    let failed = Memo::new(move |_| if known.get() { None } else { rows.error.get() });
    let may_edit = use_context::<Me>();
    let may_edit = Memo::new(move |_| may_edit.and_then(Me::role).is_some_and(Role::may_edit));
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Patients"</h1>
                </div>
                <PrintButton printing />
                <Show when=move || may_edit.get()>
                    <A href="/patients/new" attr:class="button button-primary">
                        <Icon shape=Shape::Plus />
                        "New patient"
                    </A>
                </Show>
            </div>
            <Toolbar filter go total=rows.total ahead />
            <NotRefreshed shown=known error=rows.error retry=rows.refetch />
            <div
                class="table-frame table-window"
                node_ref=frame
                data-refetching=move || stale.get().then_some("true")
            >
                <PatientTable filter go rows window stale />
                {move || failed.get().map(|error| view! { <Failed error retry=rows.refetch /> })}
                <Show when=move || rows.total.get() == Some(0)>
                    <NoPatients filter go />
                </Show>
            </div>
            <PrintSheet printing />
        </div>
    }
}

/// The list as it is printed.
fn on_paper(patients: &Page<Patient>, people: Option<&Directory>) -> PrintedList {
    let day = today();
    let row = |patient: &Patient| {
        let born = CalendarDate::parse(&patient.date_of_birth);
        let born = born.map_or_else(|_| patient.date_of_birth.clone(), CalendarDate::label);
        let age = patient.age_on(day).map(|age| format!("{born} ({age} y)"));
        let clinician = people.map(|people| people.name_of(patient.clinician_id));
        vec![
            patient.listed_name(),
            patient.mrn.clone(),
            age.unwrap_or(born),
            patient.status.label().to_owned(),
            patient.ward.clone(),
            clinician.unwrap_or_default(),
        ]
    };
    PrintedList {
        title: format!("Patients ({}), {}", patients.total, day.label()),
        unreadable: patients.unreadable,
        columns: vec![
            "Name",
            "Record number",
            "Born",
            "Status",
            "Ward",
            "Clinician",
        ],
        rows: patients.rows.iter().map(row).collect(),
    }
}

/// Keeps the place in the list in the address, for the back button, a reload, or a colleague; and finds it again.
fn keep_place(window: crate::components::row_window::RowWindow, rows: Placed) {
    let found = StoredValue::new(false);
    let query = use_query_map();
    let begin = query.with_untracked(|query| query.get("row").and_then(|row| row.parse().ok()));
    Effect::new(move |_| {
        if rows.total.get().is_some()
            && !found
                .try_update_value(|found| std::mem::replace(found, true))
                .unwrap_or(true)
            && let Some(row) = begin
        {
            // Once the room for all rows is made.
            request_animation_frame(move || window.begin_at(row));
        }
    });
    let pause = StoredValue::new(None::<leptos::leptos_dom::helpers::TimeoutHandle>);
    let stop = move || {
        if let Some(handle) = pause.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    let write = move || write_place(window.first_seen());
    let listening = window_event_listener(leptos::ev::scroll, move |_| {
        stop();
        let handle = set_timeout_with_handle(write, std::time::Duration::from_millis(200)).ok();
        let _ = pause.try_set_value(handle);
    });
    on_cleanup(move || {
        listening.remove();
        stop();
    });
}

/// Writes the first row on the screen into the address, without a step in the history and without the router: nothing else changes.
fn write_place(row: usize) {
    let Ok(history) = window().history() else {
        return;
    };
    let location = window().location();
    let (Ok(path), Ok(search)) = (location.pathname(), location.search()) else {
        return;
    };
    let mut query: Vec<&str> = search
        .trim_start_matches('?')
        .split('&')
        .filter(|part| !part.is_empty() && !part.starts_with("row="))
        .collect();
    let place = format!("row={row}");
    if row > 0 {
        query.push(&place);
    }
    let joined = query.join("&");
    let address = if joined.is_empty() {
        path
    } else {
        format!("{path}?{joined}")
    };
    let state = history.state().unwrap_or(wasm_bindgen::JsValue::NULL);
    // A browser that refuses (too often, too fast) is asked again at the next pause.
    let _ = history.replace_state_with_url(&state, "", Some(&address));
}

/// Why the list is empty, and the way out.
#[component]
fn NoPatients(filter: Memo<PatientFilter>, go: Callback<PatientFilter>) -> impl IntoView {
    move || {
        if filter.with(PatientFilter::narrows) {
            view! {
                <Empty
                    shape=Shape::Search
                    title="Nobody matches".to_owned()
                    advice="Try fewer letters, or another status, ward or clinician.".to_owned()
                >
                    <button class="button" type="button" on:click=move |_| go.run(PatientFilter::default())>
                        "Show all patients"
                    </button>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Empty
                    shape=Shape::Patients
                    title="No patients yet".to_owned()
                    advice="Patients who are assigned to you appear here by themselves.".to_owned()
                />
            }
            .into_any()
        }
    }
}
