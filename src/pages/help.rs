//! Help: the keyboard map, and what the app's few words of its own mean.

use leptos::prelude::*;

use crate::components::keys::KeyMap;
use crate::components::realtime_connection_status::look;
use crate::components::{Badge, use_title};
use crate::hooks::ConnectionState;

/// What each state of the connection means to a person.
const STATES: [(ConnectionState, &str); 6] = [
    (
        ConnectionState::Live,
        "What you see is what the database holds. Changes appear by themselves.",
    ),
    (
        ConnectionState::Joining,
        "The connection stands; the server has not said yet that it listens.",
    ),
    (
        ConnectionState::Degraded,
        "Changes may come late. Pages are fetched again from time to time.",
    ),
    (
        ConnectionState::Stale,
        "The connection was lost a while ago. What you see may have changed since.",
    ),
    (
        ConnectionState::Offline,
        "There is no network. Read and work on: what you save is kept on this device and sent later.",
    ),
    (
        ConnectionState::Fatal,
        "The server refuses this app or this session. The words beside it say what to do.",
    ),
];

/// The help page.
#[component]
pub fn Help() -> impl IntoView {
    use_title(|| "Help".to_owned());
    let state = |(state, meaning): (ConnectionState, &'static str)| {
        let (tone, shape, word) = look(state);
        view! {
            <div>
                <dt>
                    <Badge tone shape word />
                </dt>
                <dd>{meaning}</dd>
            </div>
        }
    };
    view! {
        <div class="page page-narrow">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Help"</h1>
                    <p>"Everything can be done by keyboard alone."</p>
                </div>
            </div>
            <section class="card" aria-labelledby="help-keys">
                <div class="card-head">
                    <h2 id="help-keys">"Keyboard"</h2>
                </div>
                <div class="card-body">
                    <KeyMap />
                </div>
            </section>
            <section class="card" aria-labelledby="help-states">
                <div class="card-head">
                    <h2 id="help-states">"The live connection"</h2>
                </div>
                <div class="card-body">
                    <dl class="meanings">{STATES.map(state).collect_view()}</dl>
                </div>
            </section>
        </div>
    }
}
