//! What narrows the list of patients.

use leptos::prelude::*;

use crate::components::{Choose, SearchBox};
use crate::data::patient_filter::{Assigned, PatientFilter};
use crate::data::profiles;
use crate::hooks::{Me, use_reading};
use crate::model::{PatientStatus, Role, WARDS};
use crate::sync::Table;

/// Search, status, ward, and for those who see everybody's patients, the clinician.
#[component]
pub fn Toolbar(
    filter: Memo<PatientFilter>,
    go: Callback<PatientFilter>,
    total: Memo<Option<usize>>,
    ahead: RwSignal<bool>,
) -> impl IntoView {
    let change = move |change: Box<dyn FnOnce(&mut PatientFilter)>| {
        let mut filter = filter.get_untracked();
        change(&mut filter);
        go.run(filter);
    };
    let statuses: Vec<_> = PatientStatus::ALL
        .iter()
        .map(|status| (status.word().to_owned(), status.label().to_owned()))
        .collect();
    let wards: Vec<_> = WARDS
        .iter()
        .map(|ward| ((*ward).to_owned(), (*ward).to_owned()))
        .collect();
    let me = use_context::<Me>();
    let sees_all =
        Memo::new(move |_| matches!(me.and_then(Me::role), Some(Role::Admin | Role::Viewer)));
    view! {
        <div class="toolbar" role="group" aria-label="Narrow the list">
            <SearchBox
                label="Search patients"
                text=Signal::derive(move || filter.with(|filter| filter.search.clone()))
                on_search=Callback::new(move |text: String| {
                    change(Box::new(move |filter| filter.search = text));
                })
                ahead
            />
            <Choose
                label="Status"
                every="Every status"
                options=statuses
                chosen=Signal::derive(move || {
                    filter.with(|filter| filter.status.map_or("", PatientStatus::word).to_owned())
                })
                on_choose=Callback::new(move |word: String| {
                    change(
                        Box::new(move |filter| {
                            filter.status = PatientStatus::ALL.iter().copied().find(|status| status.word() == word);
                        }),
                    );
                })
            />
            <Choose
                label="Ward"
                every="Every ward"
                options=wards
                chosen=Signal::derive(move || filter.with(|filter| filter.ward.clone().unwrap_or_default()))
                on_choose=Callback::new(move |ward: String| {
                    change(Box::new(move |filter| filter.ward = Some(ward).filter(|ward| !ward.is_empty())));
                })
            />
            <Show when=move || sees_all.get()>
                <Clinicians
                    chosen=Signal::derive(move || filter.with(|filter| filter.clinician))
                    on_choose=Callback::new(move |clinician: Option<Assigned>| {
                        change(Box::new(move |filter| filter.clinician = clinician));
                    })
                />
            </Show>
            <span class="toolbar-end" aria-live="polite">
                {move || total.get().map(counted)}
            </span>
        </div>
    }
}

#[component]
fn Clinicians(
    chosen: Signal<Option<Assigned>>,
    on_choose: Callback<Option<Assigned>>,
) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let people = Signal::derive(move || {
        let mut people = vec![(Assigned::Nobody.word(), "Unassigned".to_owned())];
        directory.data.with(|directory| {
            let treating = directory
                .iter()
                .flat_map(|directory| &directory.people)
                .filter(|person| person.active && person.role.may_edit());
            people.extend(treating.map(|person| (person.id.to_string(), person.full_name.clone())));
        });
        people
    });
    view! {
        <Choose
            label="Clinician"
            every="Every clinician"
            options=people
            chosen=Signal::derive(move || chosen.get().map(Assigned::word).unwrap_or_default())
            on_choose=Callback::new(move |word: String| on_choose.run(Assigned::from_word(&word)))
        />
    }
}

fn counted(total: usize) -> String {
    match total {
        1 => "1 patient".to_owned(),
        total => format!("{total} patients"),
    }
}
