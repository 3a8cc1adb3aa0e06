//! What the client can truthfully say about its feed. Values only; text for people is made at the UI.

use serde::{Deserialize, Serialize};

/// How far the feed can be trusted. `Live` only while every binding and room is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// No socket, and none is being opened: nothing is bound, or the device says that it has no network.
    #[default]
    Offline,
    /// A socket is being opened, or the next attempt is scheduled and nothing was ever live.
    Connecting,
    /// The socket is open and waits for a token from the token source.
    Authenticating,
    /// The server has not yet said of every binding that it listens.
    Joining,
    /// Every binding is ready, without a gap since.
    Live,
    /// The socket lives, but not all of what was asked for can be trusted.
    Degraded(DegradedReason),
    /// What was live is not any more, and has not been for longer than a moment.
    Stale {
        /// Unix milliseconds of the last moment that was proven.
        since: u64,
    },
    /// No attempt will be made until somebody acts.
    Fatal {
        /// What is wrong.
        reason: FatalReason,
        /// What a person can do.
        remedy: Remedy,
    },
}

impl Status {
    /// The state's name, for attributes and tests.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Joining => "joining",
            Self::Live => "live",
            Self::Degraded(_) => "degraded",
            Self::Stale { .. } => "stale",
            Self::Fatal { .. } => "fatal",
        }
    }
}

/// Why a living socket cannot be trusted whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DegradedReason {
    /// The feed's own heartbeat stopped: the server says it listens, but nothing comes.
    FeedSilent,
    /// An own write did not come back in time.
    EchoMissing,
    /// Changes that were committed did not come.
    ChangesMissed,
    /// More changes arrive than the server promises to deliver; it drops some without a word.
    NearRateLimit,
    /// A binding was refused; the others are live.
    BindingRefused {
        /// The server's text.
        reason: String,
    },
    /// A room was refused or keeps failing; bindings are live.
    RoomRefused {
        /// The room's name.
        room: String,
    },
    /// A binding was joined, but the server has not said for long that it listens.
    NotListening,
}

/// Why no further attempt would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FatalReason {
    /// The API key is not one that this server takes.
    ApiKeyRefused,
    /// There is no such project at this address.
    ProjectNotFound,
    /// Realtime is switched off for the project.
    RealtimeDisabled,
    /// The project takes private channels only.
    PrivateOnly,
    /// The token was refused, and so was a fresh one.
    TokenRefused,
}

/// What a person can do about a [`FatalReason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Remedy {
    /// Check the project's API key in the configuration.
    CheckApiKey,
    /// Check the project's address in the configuration.
    CheckUrl,
    /// Switch Realtime on in the project's settings.
    EnableRealtime,
    /// Allow public channels in the project's Realtime settings.
    AllowPublicChannels,
    /// Sign in again.
    SignInAgain,
}

impl FatalReason {
    /// What helps.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            Self::ApiKeyRefused => Remedy::CheckApiKey,
            Self::ProjectNotFound => Remedy::CheckUrl,
            Self::RealtimeDisabled => Remedy::EnableRealtime,
            Self::PrivateOnly => Remedy::AllowPublicChannels,
            Self::TokenRefused => Remedy::SignInAgain,
        }
    }
}

/// The status and the numbers around it, as the engine knows them: times are on the monotonic clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The state.
    pub status: Status,
    /// When the next attempt is due, monotonic milliseconds.
    pub next_retry_at: Option<u64>,
    /// Since when nothing is proven, Unix milliseconds.
    pub stale_since: Option<u64>,
    /// Attempts since the last stable connection.
    pub attempt: u32,
    /// Distinct bindings that somebody holds.
    pub bindings: usize,
    /// How many of them are ready.
    pub ready: usize,
    /// Rooms that somebody holds.
    pub rooms: usize,
    /// Counts identities: it grows whenever what was received before must be forgotten.
    pub epoch: u64,
}
