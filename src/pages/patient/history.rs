//! The history of a patient's record: each step as it happens, who made it, and what it changed.

use leptos::prelude::*;
use uuid::Uuid;

use crate::components::{Ago, Empty, Failed, Icon, Shape, SkeletonLines, marked_changes};
use crate::data::patient_history::{self, AT_FIRST};
use crate::data::profiles;
use crate::data::profiles::Directory;
use crate::hooks::use_reading;
use crate::model::PatientChange;
use crate::model::patient_change::Step;
use crate::sync::Table;

/// The history, the latest step first.
#[component]
pub fn History(id: Uuid) -> impl IntoView {
    let steps = RwSignal::new(AT_FIRST);
    let history = use_reading(&[Table::Patients], move |rest| {
        patient_history::list_query(rest, id, steps.get())
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let known = Memo::new(move |_| history.latest.with(Option::is_some));
    let failed = Memo::new(move |_| {
        if known.get() {
            None
        } else {
            history.error.get()
        }
    });
    let changes = Memo::new(move |_| {
        history.latest.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let total = Memo::new(move |_| {
        (history.latest).with(|page| page.as_ref().map_or(0, |page| page.total))
    });
    let earlier = Memo::new(move |_| changes.with(Vec::len) < total.get());
    // Said on paper, too, where nothing leads on.
    let counted = move || {
        let (shown, total) = (changes.with(Vec::len), total.get());
        known.get().then(|| {
            if shown < total {
                format!("{shown} of {total}")
            } else {
                total.to_string()
            }
        })
    };
    let item = move |change: PatientChange| {
        let author = change.changed_by;
        let by = move || {
            directory.data.with(|people| match (people, author) {
                (Some(people), Some(_)) => people.name_of(author),
                (Some(_), None) => "the system".to_owned(),
                (None, _) => String::new(),
            })
        };
        let at = change.changed_at.clone();
        let registration = change.is_registration();
        let lines = move || {
            directory
                .data
                .with(|people| steps_of(&change, people.as_deref()))
                .into_iter()
                .map(line)
                .collect_view()
        };
        view! {
            <li class="history-step">
                <div class="history-what">
                    {if registration { view! { <p>"Registered"</p> }.into_any() } else { lines.into_any() }}
                </div>
                <p class="history-who">
                    <bdi>{by}</bdi>
                    " · "
                    <Ago at=at />
                </p>
            </li>
        }
    };
    view! {
        <section class="card" aria-labelledby="history-title">
            <div class="card-head">
                <h2 id="history-title">
                    "History " <span class="muted small">{counted}</span>
                </h2>
            </div>
            <div class="card-body">
                <Show when=move || !known.get() && failed.with(Option::is_none)>
                    <SkeletonLines lines=3 />
                </Show>
                {move || failed.get().map(|error| view! { <Failed error retry=history.refetch /> })}
                <Show when=move || known.get() && changes.with(Vec::is_empty)>
                    <Empty
                        shape=Shape::Clock
                        title="No changes yet".to_owned()
                        advice="Each change of this record appears here, with who made it.".to_owned()
                    />
                </Show>
                <ol class="history" aria-labelledby="history-title">
                    <For each=move || changes.get() key=|change| change.version children=item />
                </ol>
                <Show when=move || earlier.get()>
                    <button
                        class="button button-small no-print"
                        type="button"
                        on:click=move |_| steps.update(|steps| *steps = steps.saturating_mul(3))
                    >
                        "Show earlier changes"
                    </button>
                </Show>
            </div>
        </section>
    }
}

fn steps_of(change: &PatientChange, people: Option<&Directory>) -> Vec<Step> {
    change.steps(|id| people.map(|people| people.name_of(id)).unwrap_or_default())
}

fn line(step: Step) -> AnyView {
    if step.long {
        return view! {
            <details class="history-long">
                <summary>{step.label} " changed"</summary>
                <div class="conflict-text" dir="auto">
                    {marked_changes(&step.before, &step.after)}
                </div>
            </details>
        }
        .into_any();
    }
    view! {
        <p>
            <span class="muted">{step.label} ": "</span>
            <bdi>{step.before}</bdi>
            <Icon shape=Shape::Next size=12 />
            <span class="visually-hidden">" became "</span>
            <strong>
                <bdi>{step.after}</bdi>
            </strong>
        </p>
    }
    .into_any()
}
