//! The facts of a patient, which follow the row.

use leptos::prelude::*;

use crate::components::time::today;
use crate::components::{Ago, ChangedText};
use crate::data::profiles;
use crate::hooks::{Reading, use_reading};
use crate::model::{CalendarDate, Patient};
use crate::sync::Table;

/// The facts and the notes.
#[component]
pub fn Facts(patient: Reading<Patient>) -> impl IntoView {
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let today = today();
    let text = move |read: fn(&Patient) -> String| {
        Signal::derive(move || {
            patient
                .data
                .with(|row| row.as_deref().map(read).unwrap_or_default())
        })
    };
    let born = Signal::derive(move || {
        patient.data.with(|row| {
            let Some(row) = row else { return String::new() };
            let date = CalendarDate::parse(&row.date_of_birth)
                .map_or_else(|_| row.date_of_birth.clone(), CalendarDate::label);
            row.age_on(today)
                .map_or(date.clone(), |age| format!("{date} · {age} y"))
        })
    });
    let clinician = Signal::derive(move || {
        let id = patient
            .data
            .with(|row| row.as_ref().and_then(|row| row.clinician_id));
        directory.data.with(|people| {
            people
                .as_ref()
                .map(|people| people.name_of(id))
                .unwrap_or_default()
        })
    });
    let notes = text(|row| row.notes.clone());
    view! {
        <section class="card" aria-labelledby="facts-title">
            <div class="card-head">
                <h2 id="facts-title">"Record"</h2>
                <span class="muted small">"Updated " <Ago at=text(|row| row.updated_at.clone()) /></span>
            </div>
            <div class="card-body">
                <dl class="facts">
                    <div>
                        <dt>"Record number"</dt>
                        <dd class="numeric">{text(|row| row.mrn.clone())}</dd>
                    </div>
                    <div>
                        <dt>"Born"</dt>
                        <dd><ChangedText of=born /></dd>
                    </div>
                    <div>
                        <dt>"Sex"</dt>
                        <dd><ChangedText of=text(|row| row.sex.label().to_owned()) /></dd>
                    </div>
                    <div>
                        <dt>"Ward"</dt>
                        <dd><ChangedText of=text(|row| row.ward.clone()) /></dd>
                    </div>
                    <div>
                        <dt>"Clinician"</dt>
                        <dd><ChangedText of=clinician /></dd>
                    </div>
                    <div>
                        <dt>"In the clinic since"</dt>
                        <dd><Ago at=text(|row| row.created_at.clone()) /></dd>
                    </div>
                    <div class="facts-wide">
                        <dt>"Notes"</dt>
                        <dd class="prose" dir="auto">
                            <Show
                                when=move || notes.with(|notes| !notes.trim().is_empty())
                                fallback=|| view! { <span class="muted">"No notes yet"</span> }
                            >
                                <ChangedText of=notes />
                            </Show>
                        </dd>
                    </div>
                </dl>
            </div>
        </section>
    }
}
