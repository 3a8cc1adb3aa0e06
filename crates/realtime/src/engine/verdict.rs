//! What an error of the server means for the next try. Codes decide; texts, which change between server versions,
//! are hints.

use super::backoff::Pace;
use crate::status::FatalReason;

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again with the usual backoff.
    Retry,
    /// The token is at fault: get a fresh one first.
    RefreshThenRetry,
    /// Something is too much: stay away for a while.
    BackOffLong,
    /// Only this channel will never work as it is.
    Refused,
    /// Nothing will work until somebody acts.
    Fatal(FatalReason),
}

/// Judges the reason of a refused join, or a `system` error before a close.
///
/// ```
/// use bedside_realtime::engine::{judge_reason, Verdict};
/// assert_eq!(judge_reason("InvalidJWTToken: Token has expired 60 seconds ago"), Verdict::RefreshThenRetry);
/// assert_eq!(judge_reason("ChannelRateLimitReached: Too many channels"), Verdict::BackOffLong);
/// ```
#[must_use]
pub fn judge_reason(reason: &str) -> Verdict {
    let code = reason.split(':').next().unwrap_or(reason).trim();
    match code {
        "InvalidJWTToken"
        | "InvalidJWTExpiration"
        | "MalformedJWT"
        | "JwtSignatureError"
        | "JwtSignerError" => Verdict::RefreshThenRetry,
        "Unauthorized"
        | "TopicNameRequired"
        | "UnableToReplayMessages"
        | "UnknownErrorOnChannel" => {
            if reason.contains("no case clause") {
                Verdict::Retry
            } else {
                Verdict::Refused
            }
        }
        "PrivateOnly" => Verdict::Fatal(FatalReason::PrivateOnly),
        "TenantNotFound" => Verdict::Fatal(FatalReason::ProjectNotFound),
        "RealtimeDisabledForTenant" => Verdict::Fatal(FatalReason::RealtimeDisabled),
        "ChannelRateLimitReached"
        | "ConnectionRateLimitReached"
        | "ClientJoinRateLimitReached"
        | "ClientPresenceRateLimitReached"
        | "MessagePerSecondRateLimitReached"
        | "IncreaseConnectionPool"
        | "DatabaseLackOfConnections"
        | "DatabaseConnectionRateLimitReached" => Verdict::BackOffLong,
        _ => judge_text(reason),
    }
}

fn judge_text(text: &str) -> Verdict {
    let text = text.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    if has("expired") || has("jwt") || has("signature_error") || has("`exp`") {
        Verdict::RefreshThenRetry
    } else if has("do not have permissions") || has("no longer have permission") {
        Verdict::Refused
    } else if has("too many") || has("rate limit") {
        Verdict::BackOffLong
    } else if has("message size exceeded") || has("unmatched topic") {
        Verdict::Refused
    } else {
        Verdict::Retry
    }
}

/// Judges a `system` error about listening: the channel stays, but nothing will come.
///
/// Wrong parameters are never tried again by the server, and one wrong binding silences all of its channel.
#[must_use]
pub fn judge_listening(message: &str) -> Verdict {
    let wrong = [
        "Unable to subscribe to changes with given parameters",
        "Error parsing `filter` params",
        "Error parsing `select` params",
        "No subscription params provided",
        "Column selection is not supported",
        "too many values for `in` filter",
        "invalid column for",
        "invalid_text_representation",
        "does not exist",
    ];
    if wrong.iter().any(|text| message.contains(text)) {
        Verdict::Refused
    } else {
        Verdict::Retry
    }
}

/// Judges an unasked close of the socket.
pub(crate) fn judge_close(code: u16) -> Pace {
    match code {
        // Restart, drain, changed settings: everybody was told.
        1012 => Pace::Crowd,
        // Forced out: too many joins, or the tenant is gone.
        1001 | 1008 | 1013 => Pace::Long,
        // No word at all: the network of one, or the server of all.
        1006 => Pace::Broken,
        // 1000 is the idle limit or a rate limit; 1009 and the rest our own frame.
        _ => Pace::Usual,
    }
}

/// Judges a refused handshake; browsers hide the status, native clients see it.
pub(crate) fn judge_handshake(http_status: u16) -> Verdict {
    match http_status {
        401 => Verdict::Fatal(FatalReason::ApiKeyRefused),
        404 => Verdict::Fatal(FatalReason::ProjectNotFound),
        403 => Verdict::Fatal(FatalReason::RealtimeDisabled),
        429 => Verdict::BackOffLong,
        _ => Verdict::Retry,
    }
}
