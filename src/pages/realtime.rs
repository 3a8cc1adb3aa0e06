//! The live feed, for admins: how it is, since when, what came and what did not, and what can be done.

use std::time::Duration;

use leptos::prelude::*;

use super::Guard;
use crate::components::realtime_connection_status::{as_time, leads, look, seconds};
use crate::components::{Ago, Badge, Download, Icon, Shape, use_title};
use crate::hooks::use_realtime_details::{GapView, RealtimeDetails, Verification};
use crate::hooks::{use_realtime, use_realtime_details};
use crate::model::policy::Place;

/// The state of the live feed.
#[component]
pub fn RealtimePage() -> impl IntoView {
    use_title(|| "Realtime".to_owned());
    view! {
        <Guard place=Place::Realtime>
            <Details />
        </Guard>
    }
}

#[component]
fn Details() -> impl IntoView {
    let realtime = use_realtime();
    let inside = use_realtime_details();
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Realtime"</h1>
                    <p>"The feed of changes that keeps every screen true to the database."</p>
                </div>
                <Download name="bedside-realtime-trace.json" content=inside.trace>
                    "Export trace"
                </Download>
                <button class="button" type="button" on:click=move |_| realtime.reconnect.run(())>
                    <Icon shape=Shape::Refresh />
                    "Reconnect now"
                </button>
            </div>
            <Connection view=inside.view />
            <VerificationCard view=inside.view />
            <Changes view=inside.view />
            <Gaps view=inside.view />
        </div>
    }
}

#[component]
fn Connection(view: Signal<RealtimeDetails>) -> impl IntoView {
    let realtime = use_realtime();
    let connection = realtime.view;
    let state = Memo::new(move |_| connection.with(|view| view.state));
    let since = Memo::new(move |_| view.with(|view| view.unproven_since));
    view! {
        <section class="card" aria-labelledby="feed-title">
            <div class="card-head">
                <h2 id="feed-title">"Connection"</h2>
                <Badge
                    tone=Signal::derive(move || look(state.get()).0)
                    shape=Signal::derive(move || look(state.get()).1)
                    word=Signal::derive(move || look(state.get()).2)
                />
            </div>
            <div class="card-body">
                <dl class="facts facts-in-fours">
                    <Fact name="Active subscriptions" value=move || {
                        Some(connection.with(|view| view.active_subscriptions.to_string()))
                    } />
                    <Fact name="Last proof of life" value=move || {
                        // Read with the panel's clock, so that it moves.
                        view.track();
                        connection.with(|view| view.last_proof_age.map(|age| format!("{} ago", seconds(age))))
                    } />
                    <Fact name="Round trip" value=move || view.with(|view| view.round_trip.map(millis)) />
                    <Fact name="Next attempt" value=move || {
                        connection.with(|view| view.next_retry_in.map(|left| format!("in {}", seconds(left))))
                    } />
                    <Fact name="Shared by tabs" value=move || leads(realtime.leadership.get()) />
                    <Fact name="Attempts" value=move || Some(view.with(|view| view.attempt.to_string())) />
                    <div>
                        <dt>"Unproven since"</dt>
                        <dd>
                            {move || match since.get() {
                                Some(since) => view! { <Ago at=as_time(since) /> }.into_any(),
                                None => "–".into_any(),
                            }}
                        </dd>
                    </div>
                    // A row of its own: what appears there moves nothing below it.
                    <div class="facts-wide">
                        <dt>"Reason and remedy"</dt>
                        <dd>{move || connection.with(|view| view.reason.clone()).unwrap_or_else(dash)}</dd>
                    </div>
                </dl>
            </div>
        </section>
    }
}

/// No client can tell a lost change from quiet, so the database is asked: when, and what that found and cost.
#[component]
fn VerificationCard(view: Signal<RealtimeDetails>) -> impl IntoView {
    let of = move |pick: fn(&Verification) -> Option<String>| {
        move || view.with(|view| pick(&view.verification))
    };
    view! {
        <section class="card" aria-labelledby="verification-title">
            <div class="card-head">
                <h2 id="verification-title">"Verification"</h2>
            </div>
            <div class="card-body">
                <dl class="facts facts-in-fours">
                    <Fact name="Verified" value=of(|v| v.age.map(|age| format!("{} ago", seconds(age)))) />
                    <Fact name="Checks" value=of(|v| Some(counted(v.checks, v.failed, "failed"))) />
                    <Fact name="Changes reported" value=of(|v| Some(v.changes.to_string())) />
                    <Fact name="Missed and fetched" value=of(|v| Some(counted(v.missed, v.fetches, "requests"))) />
                    <Fact name="Full refreshes" value=of(|v| Some(v.refetches.to_string())) />
                    <Fact name="Method" value=of(|v| Some(v.method.to_owned())) />
                    <div class="facts-wide">
                        <dt>"Watermark"</dt>
                        <dd>{move || of(|v| v.watermark.clone())().unwrap_or_else(dash)}</dd>
                    </div>
                </dl>
            </div>
        </section>
    }
}

/// A count, and how many of something else went with it.
fn counted(count: u64, other: u64, what: &str) -> String {
    match other {
        0 => count.to_string(),
        other => format!("{count} ({other} {what})"),
    }
}

#[component]
fn Changes(view: Signal<RealtimeDetails>) -> impl IntoView {
    let latency = move |pick: fn((u64, u64, u64)) -> u64| {
        view.with(|view| view.latency.map(|latency| format!("{} ms", pick(latency))))
    };
    view! {
        <section class="card" aria-labelledby="changes-title">
            <div class="card-head">
                <h2 id="changes-title">"Changes"</h2>
            </div>
            <div class="card-body">
                <dl class="facts facts-in-fours">
                    <Fact name="Commit to arrival, median" value=move || latency(|latency| latency.0) />
                    <Fact name="95th percentile" value=move || latency(|latency| latency.1) />
                    <Fact name="Longest" value=move || latency(|latency| latency.2) />
                    {move || view.with(|view| view.faults.clone())
                        .into_iter()
                        .map(|(name, count)| view! { <Fact name value=move || Some(count.to_string()) /> })
                        .collect_view()}
                </dl>
            </div>
            <div class="table-frame">
                <table class="table" aria-label="Bindings">
                    <thead>
                        <tr>
                            <th scope="col">"Table"</th>
                            <th scope="col">"Binding"</th>
                            <th scope="col" class="cell-end">"Changes"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {move || view.with(|view| view.tables.clone())
                            .into_iter()
                            .map(|table| view! {
                                <tr>
                                    <td>{table.table}</td>
                                    <td>{table.binding}</td>
                                    <td class="cell-end">{table.events}</td>
                                </tr>
                            })
                            .collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn Gaps(view: Signal<RealtimeDetails>) -> impl IntoView {
    let gaps = Memo::new(move |_| view.with(|view| view.gaps.clone()));
    let none = Memo::new(move |_| gaps.with(Vec::is_empty));
    let row = |gap: GapView| {
        let lasted = gap.lasted.map_or_else(|| "Still open".to_owned(), millis);
        view! {
            <tr>
                <td>{gap.cause}</td>
                <td><Ago at=as_time(gap.from) /></td>
                <td class="cell-end">{lasted}</td>
                <td class="cell-end">{gap.bindings}</td>
            </tr>
        }
    };
    view! {
        <section class="card" aria-labelledby="gaps-title">
            <div class="card-head">
                <h2 id="gaps-title">"Gaps"</h2>
            </div>
            <Show
                when=move || !none.get()
                fallback=|| view! { <div class="card-body"><p>"No gaps since this page was opened."</p></div> }
            >
                <div class="table-frame">
                    <table class="table" aria-label="Gaps">
                        <thead>
                            <tr>
                                <th scope="col">"Why"</th>
                                <th scope="col">"Began"</th>
                                <th scope="col" class="cell-end">"Lasted"</th>
                                <th scope="col" class="cell-end">"Bindings"</th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || gaps.get() key=|gap| (gap.number, gap.lasted) children=row />
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
    }
}

#[component]
fn Fact(name: &'static str, value: impl Fn() -> Option<String> + Send + 'static) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{move || value().unwrap_or_else(dash)}</dd>
        </div>
    }
}

fn dash() -> String {
    "–".to_owned()
}

/// A short time, in the unit that people would use.
fn millis(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{} ms", time.as_millis())
    } else {
        seconds(time)
    }
}
