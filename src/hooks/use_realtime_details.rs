//! What an admin wants to know of the feed: what is bound, what was missed, how long changes take, what could not be read.

use std::time::Duration;

use bedside_realtime::{Gap, GapCause};
use leptos::prelude::*;

use crate::sync::catch_up::Mode;
use crate::sync::feed::{Listens, Proof};
use crate::sync::tally::Fault;
use crate::sync::{Feed, Table};

/// How often what is shown is looked up.
const TICK: Duration = Duration::from_secs(1);

/// How many gaps are shown.
const GAPS: usize = 20;

/// What is known of a table's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableView {
    pub table: &'static str,
    /// How it stands with its binding, in words.
    pub binding: &'static str,
    /// How many changes have come.
    pub events: u64,
}

/// An interval without proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapView {
    pub number: u64,
    /// Why, in words.
    pub cause: String,
    /// When it began, Unix milliseconds.
    pub from: u64,
    /// How long it lasted; nothing while it lasts.
    pub lasted: Option<Duration>,
    pub bindings: usize,
}

/// The feed from within.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealtimeDetails {
    pub tables: Vec<TableView>,
    /// The latest first.
    pub gaps: Vec<GapView>,
    /// Median, 95th percentile and longest time from commit to arrival, in milliseconds.
    pub latency: Option<(u64, u64, u64)>,
    /// What could not be taken at its word, and how often.
    pub faults: Vec<(&'static str, u64)>,
    /// Since when nothing is proven, Unix milliseconds.
    pub unproven_since: Option<u64>,
    /// To the server and back.
    pub round_trip: Option<Duration>,
    /// Attempts since the last stable connection.
    pub attempt: u32,
    pub verification: Verification,
}

/// How the rows on the screen are verified against the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    pub method: &'static str,
    /// How long ago everything on the screen was last verified.
    pub age: Option<Duration>,
    /// Up to which point of the database's log of changes.
    pub watermark: Option<String>,
    pub checks: u64,
    pub failed: u64,
    /// Changes that the database named in answer to the checks.
    pub changes: u64,
    /// Of those, the ones that the feed hadn't brought. They were fetched.
    pub missed: u64,
    /// Requests for missed rows.
    pub fetches: u64,
    /// Checks that couldn't name what changed, so that everything was fetched.
    pub refetches: u64,
}

impl From<Proof> for Verification {
    fn from(proof: Proof) -> Self {
        Self {
            method: match proof.mode {
                Mode::Unknown => "Not known yet",
                Mode::Log => "Log of changes",
                Mode::Heartbeat => "Heartbeat (the database has no log of changes)",
            },
            age: proof.age,
            watermark: proof.watermark,
            checks: proof.stats.questions,
            failed: proof.stats.failed,
            changes: proof.stats.named,
            missed: proof.stats.missing,
            fetches: proof.stats.fetches,
            refetches: proof.stats.incomplete,
        }
    }
}

/// The feed from within, looked up once a second while the calling component is mounted.
///
/// ```
/// use bedside::hooks::use_realtime_details;
/// use leptos::prelude::*;
///
/// # Owner::new().with(|| {
/// let details = use_realtime_details();
/// assert!(details.view.with_untracked(|view| view.gaps.is_empty()), "there is no feed here");
/// # });
/// ```
pub fn use_realtime_details() -> RealtimeInside {
    let Some(feed) = use_context::<Feed>() else {
        return RealtimeInside {
            view: Signal::derive(RealtimeDetails::default),
            trace: Callback::new(|()| String::new()),
        };
    };
    let seconds = RwSignal::new(0_u32);
    let tick = move || {
        let _ = seconds.try_update(|count| *count = count.wrapping_add(1));
    };
    if let Ok(handle) = set_interval_with_handle(tick, TICK) {
        on_cleanup(move || handle.clear());
    }
    let traced = feed.clone();
    let status = feed.status();
    let view = Memo::new(move |_| {
        seconds.track();
        // What is said of the bindings must not be a second behind what is said of the connection.
        status.track();
        details(&feed)
    });
    RealtimeInside {
        view: view.into(),
        trace: Callback::new(move |()| traced.trace_json()),
    }
}

/// What [`use_realtime_details`] gives.
#[derive(Clone, Copy)]
pub struct RealtimeInside {
    pub view: Signal<RealtimeDetails>,
    /// What happened lately on the socket, as JSON, without tokens, rows or messages.
    pub trace: Callback<(), String>,
}

fn details(feed: &Feed) -> RealtimeDetails {
    let (tally, status, bound) = (feed.tally(), feed.status_now(), feed.bindings());
    let binding = |table: Table| match bound.iter().find(|(of, _)| *of == table) {
        Some((_, Listens::Ready)) => "Listening",
        Some((_, Listens::NotYet)) => "Not ready",
        None => "Not needed",
    };
    RealtimeDetails {
        tables: Table::ALL
            .iter()
            .map(|table| TableView {
                table: table.name(),
                binding: binding(*table),
                events: tally.events(*table),
            })
            .collect(),
        gaps: feed.gaps().iter().rev().take(GAPS).map(shown).collect(),
        latency: tally
            .latency()
            .map(|latency| (latency.median, latency.p95, latency.longest)),
        faults: Fault::ALL
            .iter()
            .map(|fault| (fault.label(), tally.faults(*fault)))
            .collect(),
        unproven_since: status.stale_since,
        round_trip: status.round_trip,
        attempt: status.attempt,
        verification: feed.proof().into(),
    }
}

fn shown(gap: &Gap) -> GapView {
    GapView {
        number: gap.id,
        cause: cause(&gap.cause),
        from: gap.from,
        lasted: gap
            .to
            .map(|to| Duration::from_millis(to.saturating_sub(gap.from))),
        bindings: gap.bindings,
    }
}

/// Why continuity was lost, for people. What the server says is for developers, and stands in the trace.
fn cause(cause: &GapCause) -> String {
    match cause {
        GapCause::SocketClosed { code } => return format!("The connection closed ({code})"),
        GapCause::FeedSkipped { missed: 1 } => "A heartbeat did not come in time",
        GapCause::FeedSkipped { missed } => return format!("{missed} heartbeats did not come"),
        GapCause::HeartbeatLost => "The server did not answer",
        GapCause::Frozen => "The page slept",
        GapCause::ChannelClosed { .. } => "The server closed the channel",
        GapCause::ChannelCrashed => "The server's channel crashed",
        GapCause::ChannelForgotten => "The server forgot the channel",
        GapCause::ListeningFailed { .. } => "The server could not listen",
        GapCause::Resubscribed => "The server subscribed anew",
        GapCause::FeedSilent => "The heartbeat stopped",
        GapCause::ChangesMissed { missed: 1 } => "A change did not arrive",
        GapCause::ChangesMissed { missed } => return format!("{missed} changes did not arrive"),
        GapCause::EchoMissing => "An own change did not come back",
        GapCause::RateLimited => "More changes than the server delivers",
        GapCause::IdentityChanged => "Somebody else signed in",
        GapCause::ReconnectRequested => "Asked for",
        GapCause::ServerRestart => "The server restarted",
        GapCause::ReplayExhausted => "More was missed than is replayed",
        GapCause::Overflow => "More changes than could be taken in",
        GapCause::RelayLost => "The tab that led went away",
    }
    .to_owned()
}
