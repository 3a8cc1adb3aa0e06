//! The list of patients: searched, narrowed and sorted by the server, with its state in the address.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use uuid::Uuid;

use crate::components::time::today;
use crate::components::{
    Ago, Changed, ChangedText, Empty, Failed, NotRefreshed, Pager, PatientStatusBadge, SearchBox,
    Shape, SkeletonRows, SortHeader, use_title,
};
use crate::data::patient_filter::{Order, PAGE, PatientFilter, PatientSort};
use crate::data::patients;
use crate::data::profiles::{self, Directory};
use crate::hooks::use_reading;
use crate::model::{CalendarDate, Patient, PatientStatus, WARDS};
use crate::sync::Table;

/// The columns' classes: the second and third tier give way on narrower screens.
const COLUMNS: &[&str] = &[
    "cell-lead",
    "col-second",
    "col-third",
    "",
    "col-second",
    "col-third",
    "col-second",
];

/// The list of patients.
#[component]
pub fn Patients() -> impl IntoView {
    use_title(|| "Patients".to_owned());
    let query = use_query_map();
    let filter =
        Memo::new(move |_| query.with(|query| PatientFilter::from_query(|name| query.get(name))));
    let list = use_reading(&[Table::Patients], move |rest| {
        patients::list_query(rest, filter.get())
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);

    let navigate = use_navigate();
    let go = Callback::new(move |filter: PatientFilter| {
        // Replaced, not pushed: the back button leaves the list instead of undoing it letter by letter.
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&format!("/patients{}", filter.to_query()), options);
    });
    let change = move |change: Box<dyn FnOnce(&mut PatientFilter)>| {
        let mut filter = filter.get_untracked();
        filter.page = 0;
        change(&mut filter);
        go.run(filter);
    };
    let sort_by = move |sort: PatientSort| {
        Callback::new(move |()| {
            change(Box::new(move |filter| {
                filter.order = if filter.sort == sort {
                    filter.order.reversed()
                } else {
                    first_order(sort)
                };
                filter.sort = sort;
            }));
        })
    };
    let sorted = move |sort: PatientSort| {
        Signal::derive(move || filter.with(|filter| (filter.sort == sort).then_some(filter.order)))
    };

    let rows = Memo::new(move |_| {
        list.data.with(|page| {
            page.as_ref()
                .map(|page| {
                    page.rows
                        .iter()
                        .map(|row| (row.id, Arc::clone(row)))
                        .collect::<HashMap<_, _>>()
                })
                .unwrap_or_default()
        })
    });
    let ids = Memo::new(move |_| {
        list.data.with(|page| {
            page.as_ref()
                .map(|page| page.rows.iter().map(|row| row.id).collect::<Vec<_>>())
                .unwrap_or_default()
        })
    });
    let total = Memo::new(move |_| list.data.with(|page| page.as_ref().map(|page| page.total)));
    let waiting = Memo::new(move |_| total.get().is_none() && list.error.with(Option::is_none));
    let failed = Memo::new(move |_| {
        if total.get().is_none() {
            list.error.get()
        } else {
            None
        }
    });
    let empty = Memo::new(move |_| total.get() == Some(0));
    let refetching = move || list.outdated.get().then_some("true");
    let born_on = today();

    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Patients"</h1>
                </div>
            </div>
            <div class="toolbar">
                <SearchBox
                    label="Search patients"
                    text=Signal::derive(move || filter.with(|filter| filter.search.clone()))
                    on_search=Callback::new(move |text: String| {
                        change(Box::new(move |filter| filter.search = text));
                    })
                />
                <select
                    class="input input-fit"
                    aria-label="Status"
                    on:change=move |event| {
                        let word = event_target_value(&event);
                        change(
                            Box::new(move |filter| {
                                filter.status = PatientStatus::ALL
                                    .iter()
                                    .copied()
                                    .find(|status| status.word() == word);
                            }),
                        );
                    }
                    prop:value=move || filter.with(|filter| filter.status.map_or("", PatientStatus::word))
                >
                    <option value="">"Every status"</option>
                    {PatientStatus::ALL
                        .iter()
                        .map(|status| view! { <option value=status.word()>{status.label()}</option> })
                        .collect_view()}
                </select>
                <select
                    class="input input-fit"
                    aria-label="Ward"
                    on:change=move |event| {
                        let ward = event_target_value(&event);
                        change(Box::new(move |filter| filter.ward = Some(ward).filter(|ward| !ward.is_empty())));
                    }
                    prop:value=move || filter.with(|filter| filter.ward.clone().unwrap_or_default())
                >
                    <option value="">"Every ward"</option>
                    {WARDS.iter().map(|ward| view! { <option value=*ward>{*ward}</option> }).collect_view()}
                </select>
                <span class="toolbar-end" aria-live="polite">
                    {move || total.get().map(counted)}
                </span>
            </div>
            <NotRefreshed
                shown=Signal::derive(move || total.get().is_some())
                error=list.error
                retry=list.refetch
            />
            <div class="table-frame" data-refetching=refetching>
                <table class="table table-patients" aria-label="Patients" aria-busy=move || waiting.get().then_some("true")>
                    <thead>
                        <tr>
                            <SortHeader label="Name" sorted=sorted(PatientSort::Name) on_sort=sort_by(PatientSort::Name) />
                            <SortHeader
                                label="Record number"
                                class="col-second"
                                sorted=sorted(PatientSort::Mrn)
                                on_sort=sort_by(PatientSort::Mrn)
                            />
                            <SortHeader
                                label="Born"
                                class="col-third"
                                sorted=sorted(PatientSort::Born)
                                on_sort=sort_by(PatientSort::Born)
                            />
                            <SortHeader label="Status" sorted=sorted(PatientSort::Status) on_sort=sort_by(PatientSort::Status) />
                            <SortHeader
                                label="Ward"
                                class="col-second"
                                sorted=sorted(PatientSort::Ward)
                                on_sort=sort_by(PatientSort::Ward)
                            />
                            <th scope="col" class="col-third">"Clinician"</th>
                            <SortHeader
                                label="Updated"
                                class="col-second"
                                sorted=sorted(PatientSort::Updated)
                                on_sort=sort_by(PatientSort::Updated)
                            />
                        </tr>
                    </thead>
                    <tbody>
                        <Show when=move || waiting.get()>
                            <SkeletonRows columns=COLUMNS />
                        </Show>
                        <For
                            each=move || ids.get()
                            key=|id| *id
                            children=move |id| {
                                view! { <PatientRow id rows directory=directory.data today=born_on /> }
                            }
                        />
                    </tbody>
                </table>
                {move || {
                    failed.get().map(|error| view! { <Failed error retry=list.refetch /> })
                }}
                <Show when=move || empty.get()>
                    {move || {
                        if filter.with(PatientFilter::narrows) {
                            view! {
                                <Empty
                                    shape=Shape::Search
                                    title="Nobody matches".to_owned()
                                    advice="Try fewer letters, or another status or ward.".to_owned()
                                >
                                    <button
                                        class="button"
                                        type="button"
                                        on:click=move |_| go.run(PatientFilter::default())
                                    >
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
                    }}
                </Show>
            </div>
            <Show when=move || total.get().is_some_and(|total| total > PAGE)>
                <Pager
                    page=Signal::derive(move || filter.with(|filter| filter.page))
                    page_size=PAGE
                    total=Signal::derive(move || total.get().unwrap_or_default())
                    on_page=Callback::new(move |page| {
                        let mut filter = filter.get_untracked();
                        filter.page = page;
                        go.run(filter);
                    })
                />
            </Show>
        </div>
    }
}

/// Which end people want first.
const fn first_order(sort: PatientSort) -> Order {
    match sort {
        PatientSort::Updated => Order::Descending,
        _ => Order::Ascending,
    }
}

fn counted(total: usize) -> String {
    match total {
        1 => "1 patient".to_owned(),
        total => format!("{total} patients"),
    }
}

#[component]
fn PatientRow(
    id: Uuid,
    rows: Memo<HashMap<Uuid, Arc<Patient>>>,
    directory: Signal<Option<Arc<Directory>>>,
    today: CalendarDate,
) -> impl IntoView {
    let row = Memo::new(move |_| rows.with(|rows| rows.get(&id).cloned()));
    // The row outlives its entry by a moment when the list moves on; it then shows nothing.
    let text = move |read: fn(&Patient) -> String| {
        Signal::derive(move || row.with(|row| row.as_deref().map(read).unwrap_or_default()))
    };
    let status = Signal::derive(move || {
        row.with(|row| {
            row.as_ref()
                .map_or(PatientStatus::Unknown, |row| row.status)
        })
    });
    let clinician = Signal::derive(move || {
        let clinician = row.with(|row| row.as_ref().and_then(|row| row.clinician_id));
        directory.with(|directory| {
            directory
                .as_ref()
                .map(|directory| directory.name_of(clinician))
                .unwrap_or_default()
        })
    });
    let age = move || {
        row.with(|row| row.as_ref().and_then(|row| row.age_on(today)))
            .map(|age| format!(" · {age}"))
    };
    view! {
        <tr>
            <td class="cell-lead">
                <A href=format!("/patients/{id}")>
                    <ChangedText of=text(Patient::listed_name) />
                </A>
                <span class="cell-sub">{text(|row| format!("{} · {}", row.mrn, row.ward))}</span>
            </td>
            <td class="col-second">
                <span class="numeric">{text(|row| row.mrn.clone())}</span>
            </td>
            <td class="col-third nowrap">
                <ChangedText of=text(born) />
                {age}
            </td>
            <td>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <PatientStatusBadge status />
                </Changed>
            </td>
            <td class="col-second">
                <ChangedText of=text(|row| row.ward.clone()) />
            </td>
            <td class="col-third">{clinician}</td>
            <td class="col-second">
                <Ago at=text(|row| row.updated_at.clone()) />
            </td>
        </tr>
    }
}

fn born(patient: &Patient) -> String {
    CalendarDate::parse(&patient.date_of_birth)
        .map_or_else(|_| patient.date_of_birth.clone(), CalendarDate::label)
}
