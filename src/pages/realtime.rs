//! The live feed, for admins: how it is, since when, and what can be done.

use leptos::prelude::*;

use super::Guard;
use crate::components::realtime_connection_status::{leads, look, seconds};
use crate::components::{Badge, Icon, Shape, use_title};
use crate::hooks::use_realtime;
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
    let view = realtime.view;
    let state = Memo::new(move |_| view.with(|view| view.state));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Realtime"</h1>
                    <p>"The feed of changes that keeps every screen true to the database."</p>
                </div>
                <button class="button" type="button" on:click=move |_| realtime.reconnect.run(())>
                    <Icon shape=Shape::Refresh />
                    "Reconnect now"
                </button>
            </div>
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
                    <dl class="facts">
                        <div>
                            <dt>"Active subscriptions"</dt>
                            <dd>{move || view.with(|view| view.active_subscriptions)}</dd>
                        </div>
                        <div>
                            <dt>"Last proof of life"</dt>
                            <dd>
                                {move || or_dash(view.with(|view| view.last_proof_age.map(|age| format!("{} ago", seconds(age)))))}
                            </dd>
                        </div>
                        <div>
                            <dt>"Next attempt"</dt>
                            <dd>{move || or_dash(view.with(|view| view.next_retry_in.map(|left| format!("in {}", seconds(left)))))}</dd>
                        </div>
                        <div>
                            <dt>"Shared by tabs"</dt>
                            <dd>{move || or_dash(leads(realtime.leadership.get()))}</dd>
                        </div>
                        <div class="facts-wide">
                            <dt>"Reason"</dt>
                            <dd>{move || or_dash(view.with(|view| view.reason.clone()))}</dd>
                        </div>
                    </dl>
                </div>
            </section>
        </div>
    }
}
