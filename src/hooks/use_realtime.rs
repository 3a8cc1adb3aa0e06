//! How the connection to the live feed is, for the screen.

use std::time::Duration;

use bedside_realtime::{DegradedReason, FatalReason, Remedy, Status, StatusSnapshot};
use leptos::leptos_dom::helpers::IntervalHandle;
use leptos::prelude::*;

use crate::sync::{Feed, Leadership};

/// How often a shown countdown moves.
const TICK: Duration = Duration::from_secs(1);

/// The states that people and tests know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConnectionState {
    Offline,
    #[default]
    Connecting,
    Joining,
    Live,
    Degraded,
    Stale,
    Fatal,
}

impl ConnectionState {
    /// The value of the attribute `data-realtime-state`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connecting => "connecting",
            Self::Joining => "joining",
            Self::Live => "live",
            Self::Degraded => "degraded",
            Self::Stale => "stale",
            Self::Fatal => "fatal",
        }
    }
}

impl From<&Status> for ConnectionState {
    fn from(status: &Status) -> Self {
        match status {
            Status::Offline => Self::Offline,
            Status::Connecting => Self::Connecting,
            // Waiting for a token is part of joining, to a person.
            Status::Authenticating | Status::Joining => Self::Joining,
            Status::Live => Self::Live,
            Status::Degraded(_) => Self::Degraded,
            Status::Stale { .. } => Self::Stale,
            Status::Fatal { .. } => Self::Fatal,
        }
    }
}

/// How the connection is, and why.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ConnectionView {
    pub state: ConnectionState,
    /// Why it is not live, in words for people.
    pub reason: Option<String>,
    pub next_retry_in: Option<Duration>,
    /// How long ago the feed last proved to be alive.
    pub last_proof_age: Option<Duration>,
    pub active_subscriptions: usize,
    /// Since when nothing on screen is proven to be true, Unix milliseconds.
    pub unproven_since: Option<u64>,
}

impl ConnectionView {
    /// A live connection whose changes can't be verified, because the database doesn't answer in time.
    fn unverified(self) -> Self {
        if self.state != ConnectionState::Live {
            return self;
        }
        Self {
            state: ConnectionState::Degraded,
            reason: Some(
                "The database doesn't answer. What you see may be out of date.".to_owned(),
            ),
            ..self
        }
    }
}

impl From<&StatusSnapshot> for ConnectionView {
    fn from(snapshot: &StatusSnapshot) -> Self {
        Self {
            state: ConnectionState::from(&snapshot.status),
            reason: reason(&snapshot.status),
            next_retry_in: snapshot.next_retry_in,
            last_proof_age: snapshot.proof_age,
            active_subscriptions: snapshot.ready,
            unproven_since: snapshot.stale_since,
        }
    }
}

/// The connection, and the button to try again.
#[derive(Clone, Copy)]
pub struct Realtime {
    pub view: Signal<ConnectionView>,
    /// Which of this person's tabs holds the connection.
    pub leadership: Signal<Leadership>,
    pub reconnect: Callback<()>,
}

/// How the connection to the live feed is. The countdown moves by itself while there is one; a live connection costs no timer.
///
/// ```
/// use bedside::hooks::{ConnectionState, use_realtime};
/// use leptos::prelude::*;
///
/// # Owner::new().with(|| {
/// let realtime = use_realtime();
/// let words = move || {
///     let view = realtime.view.get();
///     match view.state {
///         ConnectionState::Live => format!("Live, {} tables", view.active_subscriptions),
///         _ => view.reason.unwrap_or_else(|| "On its way".to_owned()),
///     }
/// };
/// // There is no feed outside the app.
/// assert_eq!(words(), "On its way");
/// realtime.reconnect.run(());
/// # });
/// ```
pub fn use_realtime() -> Realtime {
    let Some(feed) = use_context::<Feed>() else {
        return Realtime {
            view: Signal::derive(ConnectionView::default),
            leadership: Signal::derive(Leadership::default),
            reconnect: Callback::new(|()| {}),
        };
    };
    let status = feed.status();
    let seconds = RwSignal::new(0_u32);
    let ticking = StoredValue::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(Some(handle)) = ticking.try_update_value(Option::take) {
            handle.clear();
        }
    };
    let counts = Memo::new({
        let status = status.clone();
        move |_| status.with(|snapshot| snapshot.next_retry_in.is_some())
    });
    Effect::new(move |_| {
        stop();
        if counts.get() {
            let tick = move || {
                let _ = seconds.try_update(|count| *count = count.wrapping_add(1));
            };
            ticking.set_value(set_interval_with_handle(tick, TICK).ok());
        }
    });
    on_cleanup(stop);

    let (again, leadership, overdue) = (feed.clone(), feed.leadership(), feed.overdue());
    Realtime {
        view: Signal::derive(move || {
            status.track();
            seconds.track();
            let view = ConnectionView::from(&feed.status_now());
            if overdue.get() {
                view.unverified()
            } else {
                view
            }
        }),
        leadership: leadership.into(),
        reconnect: Callback::new(move |()| again.reconnect()),
    }
}

/// Why the feed is not live, and what a person can do, in their words.
fn reason(status: &Status) -> Option<String> {
    let words = match status {
        Status::Live | Status::Connecting | Status::Authenticating | Status::Joining => {
            return None;
        }
        Status::Offline => "No connection. What you see may be out of date.",
        Status::Stale { .. } => "The connection was lost. What you see may be out of date.",
        Status::Degraded(reason) => match reason {
            DegradedReason::FeedSilent => {
                "The database's heartbeat has stopped coming. Pages are fetched again from time to time."
            }
            DegradedReason::ChangesMissed => {
                "Some changes didn't arrive by themselves. They are fetched within 20 seconds."
            }
            DegradedReason::EchoMissing => {
                "A change of yours was stored and has not come back. Pages are fetched again from time to time."
            }
            DegradedReason::NotListening => {
                "The server answers and does not listen. Pages are fetched again from time to time."
            }
            DegradedReason::NearRateLimit => {
                "More changes than the server delivers. Pages are fetched again from time to time."
            }
            DegradedReason::BindingRefused { .. } => {
                "The server refuses some of the live data. Pages are fetched again from time to time."
            }
            DegradedReason::RoomRefused { .. } => {
                "The server refuses a shared room. Everything else is live."
            }
        },
        Status::Fatal { reason, remedy } => {
            return Some(format!("{} {}", fatal(*reason), help(*remedy)));
        }
    };
    Some(words.to_owned())
}

fn fatal(reason: FatalReason) -> &'static str {
    match reason {
        FatalReason::ApiKeyRefused => "The server does not take this app's key.",
        FatalReason::ProjectNotFound => "There is no server at the configured address.",
        FatalReason::RealtimeDisabled => "Live updates are switched off on the server.",
        FatalReason::PrivateOnly => "The server takes private channels only.",
        FatalReason::TokenRefused => "The server does not accept your session.",
    }
}

fn help(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::CheckApiKey => "Ask an administrator to check the key in config.json.",
        Remedy::CheckUrl => "Ask an administrator to check the address in config.json.",
        Remedy::EnableRealtime => "Ask an administrator to switch Realtime on.",
        Remedy::AllowPublicChannels => "Ask an administrator to allow public channels.",
        Remedy::SignInAgain => "Sign in again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_feed_needs_no_explanation_and_a_lost_one_has_one() {
        assert_eq!(reason(&Status::Live), None);
        assert!(
            reason(&Status::Stale { since: 0 }).is_some_and(|words| words.contains("out of date"))
        );
    }

    #[test]
    fn a_dead_end_says_what_to_do() {
        let reason = FatalReason::TokenRefused;
        let words = super::reason(&Status::Fatal {
            reason,
            remedy: reason.remedy(),
        });
        assert!(words.is_some_and(|words| words.ends_with("Sign in again.")));
    }
}
