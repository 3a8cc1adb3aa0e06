//! How the connection to the live feed is: always on screen, exact without alarming, with a way to act.

use std::time::Duration;

use leptos::prelude::*;

use super::{Ago, Icon, Shape, Tone};
use crate::hooks::{ConnectionState, Me, use_realtime};
use crate::sync::Leadership;

/// The state in words, with a "Reconnect" button whenever pressing it could help.
#[component]
pub fn RealtimeConnectionStatus(#[prop(default = "")] class: &'static str) -> impl IntoView {
    let realtime = use_realtime();
    let me = use_context::<Me>();
    let view = realtime.view;
    let state = Memo::new(move |_| view.with(|view| view.state));
    let shape = move || look(state.get()).1;
    let tone = move || look(state.get()).0.word();
    let word = move || look(state.get()).2;
    let admin = move || me.is_some_and(Me::may_administer);
    let lead = move || {
        let words = leads(realtime.leadership.get());
        words.filter(|_| admin())
    };
    let subscriptions = move || {
        (admin() && state.get() == ConnectionState::Live)
            .then(|| counted(view.with(|view| view.active_subscriptions)))
    };
    let since = Memo::new(move |_| {
        view.with(|view| view.unproven_since)
            .filter(|_| state.get() != ConnectionState::Live)
    });
    let reason = move || view.with(|view| view.reason.clone());
    let retry = move || {
        let left = view.with(|view| view.next_retry_in);
        next_try(state.get(), left, since.get().is_some())
    };
    view! {
        <div
            class=format!("connection {class}")
            role="status"
            aria-label="Realtime connection"
            data-realtime-state=move || state.get().word()
            data-tone=tone
        >
            <div class="connection-line">
                <Icon shape=Signal::derive(shape) />
                <span class="connection-word">{word}</span>
                <button
                    class="button button-quiet button-small"
                    type="button"
                    aria-label="Reconnect"
                    title="Reconnect"
                    on:click=move |_| realtime.reconnect.run(())
                >
                    <Icon shape=Shape::Refresh size=14 />
                </button>
            </div>
            {move || reason().map(|reason| view! { <p class="connection-detail">{reason}</p> })}
            {move || since.get().map(|since| view! { <p class="connection-detail">"As of " <Ago at=as_time(since) /></p> })}
            // A countdown would be read out every second: it is there to be seen only.
            {move || retry().map(|retry| view! { <p class="connection-detail" aria-hidden="true">{retry}</p> })}
            {move || lead().map(|lead| view! { <p class="connection-detail">{lead}</p> })}
            {move || subscriptions().map(|count| view! { <p class="connection-detail">{count}</p> })}
        </div>
    }
}

/// The colour, icon and word of a state.
pub const fn look(state: ConnectionState) -> (Tone, Shape, &'static str) {
    match state {
        ConnectionState::Offline => (Tone::Critical, Shape::Unplugged, "Offline"),
        ConnectionState::Connecting => (Tone::Calm, Shape::Cloud, "Connecting"),
        ConnectionState::Joining => (Tone::Calm, Shape::Cloud, "Joining"),
        ConnectionState::Live => (Tone::Good, Shape::Pulse, "Live"),
        ConnectionState::Degraded => (Tone::Caution, Shape::Alert, "Degraded"),
        ConnectionState::Stale => (Tone::Caution, Shape::Clock, "Out of date"),
        ConnectionState::Fatal => (Tone::Critical, Shape::Alert, "Stopped"),
    }
}

/// When a lost connection is tried for again. A try on its way has a line too: nothing beside it moves whenever one begins.
fn next_try(state: ConnectionState, left: Option<Duration>, lost: bool) -> Option<String> {
    use ConnectionState::{Connecting, Joining, Live, Offline, Stale};
    match (state, left) {
        (Live, _) => None,
        (_, Some(left)) => Some(format!("Trying again in {}", seconds(left))),
        (Offline | Stale | Connecting | Joining, None) if lost => {
            Some("Trying again now".to_owned())
        }
        _ => None,
    }
}

/// Which tab holds the one connection of a browser.
pub fn leads(leadership: Leadership) -> Option<String> {
    match leadership {
        Leadership::Alone => None,
        Leadership::Leads { others: 0 } => Some("This tab leads".to_owned()),
        Leadership::Leads { others: 1 } => Some("This tab leads 1 other".to_owned()),
        Leadership::Leads { others } => Some(format!("This tab leads {others} others")),
        Leadership::Follows => Some("Another tab leads".to_owned()),
    }
}

fn counted(subscriptions: usize) -> String {
    match subscriptions {
        1 => "1 active subscription".to_owned(),
        count => format!("{count} active subscriptions"),
    }
}

/// A time in Unix milliseconds as [`Ago`] reads it.
pub fn as_time(millis: u64) -> String {
    // Milliseconds of this era have far fewer digits than a double.
    js_sys::Date::new(&(millis as f64).into())
        .to_iso_string()
        .into()
}

/// A short wait in whole seconds, never zero while there is still something to wait for.
pub fn seconds(wait: Duration) -> String {
    format!("{} s", wait.as_millis().div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_zero_seconds_before_it_is_over() {
        assert_eq!(seconds(Duration::from_millis(1)), "1 s");
        assert_eq!(seconds(Duration::from_millis(1001)), "2 s");
        assert_eq!(seconds(Duration::ZERO), "0 s");
    }

    #[test]
    fn a_try_on_its_way_is_said_as_the_wait_for_it_is() {
        let left = Some(Duration::from_secs(3));
        assert_eq!(
            next_try(ConnectionState::Offline, left, true).as_deref(),
            Some("Trying again in 3 s")
        );
        for state in [ConnectionState::Offline, ConnectionState::Connecting] {
            assert_eq!(
                next_try(state, None, true).as_deref(),
                Some("Trying again now")
            );
        }
        assert_eq!(next_try(ConnectionState::Connecting, None, false), None);
        assert_eq!(next_try(ConnectionState::Degraded, None, true), None);
        assert_eq!(next_try(ConnectionState::Live, left, true), None);
    }

    #[test]
    fn one_subscription_is_not_plural() {
        assert_eq!(counted(1), "1 active subscription");
        assert_eq!(counted(3), "3 active subscriptions");
    }
}
