//! The dashboard's charts: what each shows of the numbers, in bars, in a sentence and in a table.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::badge::{form_look, patient_look};
use crate::components::chart::{Bar, Bars, ChartCard, Column, Columns, Part};
use crate::components::{Empty, Failed, Shape, SkeletonLines, Tone};
use crate::data::clock::time_zone;
use crate::data::overview::overview_query;
use crate::hooks::{Reading, use_reading};
use crate::model::overview::{Day, Overview, ReviewTime, Ward, spoken_hours};
use crate::model::{FormStatus, PatientStatus};
use crate::sync::Table;

/// What the colours of a ward's bar mean.
const IN_WARDS: [(Tone, &str); 3] = [
    (
        patient_look(PatientStatus::Admitted).0,
        PatientStatus::Admitted.label(),
    ),
    (
        patient_look(PatientStatus::Observation).0,
        PatientStatus::Observation.label(),
    ),
    (
        patient_look(PatientStatus::Waiting).0,
        PatientStatus::Waiting.label(),
    ),
];

/// All charts, from one answer of the database.
#[component]
pub fn Charts() -> impl IntoView {
    let here = time_zone();
    let reading = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        overview_query(rest, &here)
    });
    let arrived = Memo::new(move |_| reading.data.with(Option::is_some));
    let failed = Memo::new(move |_| {
        if arrived.get() {
            None
        } else {
            reading.error.get()
        }
    });
    move || match (arrived.get(), failed.get()) {
        (true, _) => drawn(reading),
        (false, Some(error)) => view! {
            <section class="card">
                <Failed error retry=reading.refetch />
            </section>
        }
        .into_any(),
        (false, None) => outline(),
    }
}

/// The cards before their numbers, of the size that they will have.
fn outline() -> AnyView {
    let card = |_| {
        view! {
            <div class="card chart-card">
                <div class="card-head"></div>
                <div class="chart">
                    <SkeletonLines lines=7 />
                </div>
            </div>
        }
    };
    view! { <div class="halves">{[0; 4].map(card).collect_view()}</div> }.into_any()
}

fn drawn(reading: Reading<Overview>) -> AnyView {
    let overview = reading.data;
    view! {
        <div class="halves">
            {submissions(overview)} {statuses(overview)} {wards(overview)} {reviews(overview)}
        </div>
    }
    .into_any()
}

type Numbers = Signal<Option<Arc<Overview>>>;

/// What a function makes of the numbers, made again only when they change.
fn from<T>(overview: Numbers, make: impl Fn(&Overview) -> T + Send + Sync + 'static) -> Signal<T>
where
    T: Default + PartialEq + Send + Sync + 'static,
{
    Memo::new(move |_| overview.with(|overview| overview.as_deref().map(&make).unwrap_or_default()))
        .into()
}

fn submissions(overview: Numbers) -> AnyView {
    let columns = from(overview, |overview| {
        let column = |day: &Day| Column {
            label: short_day(&day.day),
            value: f64::from(day.submitted),
            words: format!("{}: {} submitted", short_day(&day.day), day.submitted),
        };
        overview.days.iter().map(column).collect::<Vec<_>>()
    });
    let rows = from(overview, |overview| {
        let newest_first = overview.days.iter().rev();
        newest_first
            .map(|day| vec![short_day(&day.day), day.submitted.to_string()])
            .collect::<Vec<_>>()
    });
    let summary = from(overview, |overview| {
        let total: u32 = overview.days.iter().map(|day| day.submitted).sum();
        let today = overview.days.last().map_or(0, |day| day.submitted);
        format!("{total} forms submitted in the last 30 days, {today} of them today.")
    });
    view! {
        <ChartCard id="chart-submissions" title="Submissions, last 30 days" summary headings=&["Day", "Submitted"] rows>
            <Columns columns />
        </ChartCard>
    }
    .into_any()
}

fn statuses(overview: Numbers) -> AnyView {
    let count = |overview: &Overview, status: FormStatus| {
        let counted = overview.statuses.iter().find(|row| row.status == status);
        counted.map_or(0, |row| row.count)
    };
    let bars = from(overview, move |overview| {
        let bar = |status: &FormStatus| Bar {
            label: status.label().to_owned(),
            figure: count(overview, *status).to_string(),
            parts: vec![Part {
                tone: form_look(*status).0,
                value: f64::from(count(overview, *status)),
            }],
        };
        FormStatus::ALL.iter().map(bar).collect::<Vec<_>>()
    });
    let rows = from(overview, move |overview| {
        let row = |status: &FormStatus| {
            vec![
                status.label().to_owned(),
                count(overview, *status).to_string(),
            ]
        };
        FormStatus::ALL.iter().map(row).collect::<Vec<_>>()
    });
    let summary = from(overview, move |overview| {
        let said = |status: &FormStatus| {
            format!(
                "{} {}",
                count(overview, *status),
                status.label().to_lowercase()
            )
        };
        let all: Vec<_> = FormStatus::ALL.iter().map(said).collect();
        format!("Forms by status: {}.", all.join(", "))
    });
    view! {
        <ChartCard id="chart-statuses" title="Forms by status" summary headings=&["Status", "Forms"] rows>
            <Bars bars />
        </ChartCard>
    }
    .into_any()
}

fn wards(overview: Numbers) -> AnyView {
    let bars = from(overview, |overview| {
        let bar = |ward: &Ward| Bar {
            label: ward.ward.clone(),
            figure: ward.patients().to_string(),
            parts: [ward.admitted, ward.observation, ward.waiting]
                .into_iter()
                .zip(IN_WARDS)
                .map(|(count, (tone, _))| Part {
                    tone,
                    value: f64::from(count),
                })
                .collect(),
        };
        overview.wards.iter().map(bar).collect::<Vec<_>>()
    });
    let rows = from(overview, |overview| {
        let row = |ward: &Ward| {
            let counts = [
                ward.admitted,
                ward.observation,
                ward.waiting,
                ward.patients(),
            ];
            std::iter::once(ward.ward.clone())
                .chain(counts.map(|count| count.to_string()))
                .collect::<Vec<_>>()
        };
        overview.wards.iter().map(row).collect::<Vec<_>>()
    });
    let summary = from(overview, |overview| {
        let said = |ward: &Ward| format!("{} {}", ward.ward, ward.patients());
        let all: Vec<_> = overview.wards.iter().map(said).collect();
        format!("Patients in wards: {}.", all.join(", "))
    });
    let nobody = Memo::new(move |_| {
        overview.with(|overview| {
            overview
                .as_ref()
                .is_some_and(|overview| overview.wards.is_empty())
        })
    });
    view! {
        <ChartCard
            id="chart-wards"
            title="Patients in wards"
            summary
            headings=&["Ward", "Admitted", "Observation", "Waiting", "All"]
            rows
        >
            <Show
                when=move || !nobody.get()
                fallback=|| {
                    view! {
                        <Empty
                            shape=Shape::Bed
                            title="Every bed is empty".to_owned()
                            advice="Patients who are waiting or admitted are counted here.".to_owned()
                        />
                    }
                }
            >
                <Bars bars legend=&IN_WARDS />
            </Show>
        </ChartCard>
    }
    .into_any()
}

fn reviews(overview: Numbers) -> AnyView {
    let bars = from(overview, |overview| {
        let bar = |review: &ReviewTime| Bar {
            label: review.form_type.label().to_owned(),
            figure: spoken_hours(review.median_hours),
            parts: vec![
                Part {
                    tone: Tone::Accent,
                    value: review.median_hours,
                },
                Part {
                    tone: Tone::Calm,
                    value: (review.slow_hours - review.median_hours).max(0.0),
                },
            ],
        };
        overview.reviews.iter().map(bar).collect::<Vec<_>>()
    });
    let rows = from(overview, |overview| {
        let row = |review: &ReviewTime| {
            vec![
                review.form_type.label().to_owned(),
                spoken_hours(review.median_hours),
                spoken_hours(review.slow_hours),
                review.count.to_string(),
            ]
        };
        overview.reviews.iter().map(row).collect::<Vec<_>>()
    });
    let summary = from(overview, |overview| {
        let said = |review: &ReviewTime| {
            format!(
                "{} {}",
                review.form_type.label(),
                spoken_hours(review.median_hours)
            )
        };
        let all: Vec<_> = overview.reviews.iter().map(said).collect();
        format!("Half of the forms are approved within: {}.", all.join(", "))
    });
    let none = Memo::new(move |_| {
        overview.with(|overview| {
            overview
                .as_ref()
                .is_some_and(|overview| overview.reviews.is_empty())
        })
    });
    view! {
        <ChartCard
            id="chart-reviews"
            title="From submission to approval"
            summary
            headings=&["Kind", "Half within", "Nine of ten within", "Approved"]
            rows
        >
            <Show
                when=move || !none.get()
                fallback=|| {
                    view! {
                        <Empty
                            shape=Shape::Clock
                            title="Nothing to measure yet".to_owned()
                            advice="As soon as forms are approved, this says how long that took.".to_owned()
                        />
                    }
                }
            >
                <Bars bars legend=&[(Tone::Accent, "Half within"), (Tone::Calm, "Nine of ten within")] />
            </Show>
        </ChartCard>
    }
    .into_any()
}

/// `2026-11-22` as `22 Nov`.
fn short_day(day: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = day.split('-').skip(1);
    let month = parts.next().and_then(|month| month.parse::<usize>().ok());
    let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
    match (month, parts.next().and_then(|day| day.parse::<u8>().ok())) {
        (Some(month), Some(day)) => format!("{day} {month}"),
        _ => day.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_short_and_what_is_none_stays_as_it_came() {
        assert_eq!(short_day("2026-11-02"), "2 Nov");
        assert_eq!(short_day("2026-13-02"), "2026-13-02");
        assert_eq!(short_day("2026-00-02"), "2026-00-02");
        assert_eq!(short_day(""), "");
    }
}
