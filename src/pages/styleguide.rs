//! Every part side by side, in the theme, contrast and density that are chosen. In debug builds only: it is a tool, not a page.

use leptos::prelude::*;

use crate::components::chart::{Bar, Bars, ChartCard, Column, Columns, Part};
use crate::components::choices::{LookChoice, Switch};
use crate::components::{
    Banner, Empty, Failed, Field, FormStatusBadge, Icon, PatientStatusBadge, RoleBadge, Shape,
    SkeletonLines, Toasts, Tone, use_title,
};
use crate::data::DataError;
use crate::data::look::{CONTRAST, DENSITY, THEME};
use crate::model::{FormStatus, PatientStatus, Role};

/// The page of parts.
#[component]
pub fn Styleguide() -> impl IntoView {
    use_title(|| "Styleguide".to_owned());
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let text = RwSignal::new("Ana Maria".to_owned());
    let on = RwSignal::new(true);
    let part = |id: &'static str, title: &'static str, body: AnyView| {
        view! {
            <section class="card" aria-labelledby=id>
                <div class="card-head">
                    <h2 id=id>{title}</h2>
                </div>
                <div class="card-body form">{body}</div>
            </section>
        }
    };
    view! {
        <main class="main">
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Styleguide"</h1>
                    <p>"Every part, as the pages use it."</p>
                </div>
            </div>
            <section class="card" aria-label="Look">
                <div class="settings">
                    <LookChoice look=&THEME />
                    <LookChoice look=&CONTRAST />
                    <LookChoice look=&DENSITY />
                </div>
            </section>
            <div class="halves">
                {part("sg-buttons", "Buttons", buttons(toasts))}
                {part("sg-badges", "Badges", badges())}
                {part(
                    "sg-fields",
                    "Fields",
                    view! {
                        <Field id="sg-name" label="Name" value=text error=Signal::derive(|| None::<String>) />
                        <Field
                            id="sg-wrong"
                            label="With a mistake"
                            value=text
                            error=Signal::derive(|| Some("Enter a name without digits.".to_owned()))
                        />
                        <Switch
                            id="sg-switch"
                            label="Switch"
                            note="On or off, at once.".to_owned()
                            on
                            on_toggle=Callback::new(move |()| on.update(|on| *on = !*on))
                        />
                    }
                        .into_any(),
                )}
                {part("sg-banners", "Banners", banners())}
                {part(
                    "sg-empty",
                    "Nothing there",
                    view! {
                        <Empty
                            shape=Shape::Patients
                            title="No patients yet".to_owned()
                            advice="Patients who are assigned to you appear here by themselves.".to_owned()
                        />
                    }
                        .into_any(),
                )}
                {part(
                    "sg-failed",
                    "Nothing came",
                    view! { <Failed error=DataError::Offline retry=Callback::new(|()| {}) /> }.into_any(),
                )}
                {part("sg-waiting", "On its way", view! { <SkeletonLines lines=5 /> }.into_any())}
                {charts()}
            </div>
        </div>
        </main>
    }
}

fn buttons(toasts: Toasts) -> AnyView {
    view! {
        <div class="form-foot">
            <button class="button button-primary" type="button" on:click=move |_| toasts.done("Saved.")>
                "Save"
            </button>
            <button class="button" type="button" on:click=move |_| toasts.failed("Not saved: no network.")>
                <Icon shape=Shape::Refresh />
                "Try again"
            </button>
            <button class="button button-quiet" type="button">"Cancel"</button>
            <button class="button button-critical" type="button">"Delete"</button>
            <button class="button" type="button" disabled>"Not now"</button>
            <button class="button button-small" type="button">"Small"</button>
        </div>
    }
    .into_any()
}

fn badges() -> AnyView {
    view! {
        <div class="form-foot">
            {PatientStatus::ALL.iter().map(|status| view! { <PatientStatusBadge status=*status /> }).collect_view()}
        </div>
        <div class="form-foot">
            {FormStatus::ALL.iter().map(|status| view! { <FormStatusBadge status=*status /> }).collect_view()}
        </div>
        <div class="form-foot">{Role::ALL.iter().map(|role| view! { <RoleBadge role=*role /> }).collect_view()}</div>
    }
    .into_any()
}

fn banners() -> AnyView {
    [
        (Tone::Calm, Shape::Eye, "Something to know."),
        (Tone::Good, Shape::Check, "Something went well."),
        (Tone::Caution, Shape::Clock, "Something may be out of date."),
        (Tone::Critical, Shape::Alert, "Something failed."),
    ]
    .map(|(tone, shape, words)| view! { <Banner tone shape>{words}</Banner> })
    .collect_view()
    .into_any()
}

fn charts() -> AnyView {
    let column = |day: u8| Column {
        label: format!("{day} Nov"),
        value: f64::from(day % 7) * 3.0,
        words: format!("{day} Nov: {}", u32::from(day % 7) * 3),
    };
    let columns: Vec<_> = (1..=30).map(column).collect();
    let bars: Vec<_> = [("Cardiology", 12.0, 4.0), ("Surgery", 7.0, 9.0)]
        .map(|(ward, admitted, waiting)| Bar {
            label: ward.to_owned(),
            figure: format!("{}", admitted + waiting),
            parts: [(Tone::Accent, admitted), (Tone::Caution, waiting)]
                .map(|(tone, value)| Part { tone, value })
                .to_vec(),
        })
        .to_vec();
    let rows: Vec<Vec<String>> = vec![vec!["1 Nov".to_owned(), "3".to_owned()]];
    let more = rows.clone();
    view! {
        <ChartCard
            id="sg-columns"
            title="Columns"
            summary=Signal::derive(|| "Thirty made-up days.".to_owned())
            headings=&["Day", "Count"]
            rows=Signal::derive(move || rows.clone())
        >
            <Columns columns=columns.clone() />
        </ChartCard>
        <ChartCard
            id="sg-bars"
            title="Bars"
            summary=Signal::derive(|| "Two made-up wards.".to_owned())
            headings=&["Ward", "Count"]
            rows=Signal::derive(move || more.clone())
        >
            <Bars bars=bars.clone() legend=&[(Tone::Accent, "Admitted"), (Tone::Caution, "Waiting")] />
        </ChartCard>
    }
    .into_any()
}
