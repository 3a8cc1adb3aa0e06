//! Access tokens: where they come from and how long they last. Never shown, never kept in a payload.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// A JWT and how long it lasts, measured from now on and not by anybody's wall clock.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    jwt: String,
    expires_in: Option<Duration>,
    claims: Claims,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AccessToken(..)")
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenNeed {
    /// A channel is about to join.
    Join,
    /// The one in use will expire soon: a fresh one now saves a gap.
    Renew,
    /// The server refused the one in use: returning it again is of no use.
    Refused,
}

/// Why there is no token now.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TokenError {
    /// Worth another try, such as no network.
    #[error("no token at the moment")]
    Unavailable,
    /// The session is over: sign in again.
    #[error("the session has ended")]
    SessionEnded,
}

impl AccessToken {
    /// A token that lasts as long as its own claims say.
    #[must_use]
    pub fn new(jwt: impl Into<String>) -> Self {
        let jwt = jwt.into();
        let claims = Claims::read(&jwt).unwrap_or_default();
        Self {
            jwt,
            expires_in: None,
            claims,
        }
    }

    /// How long it still lasts, as the Auth API's `expires_in` said when it was issued, less what has passed.
    #[must_use]
    pub fn expires_in(mut self, left: Duration) -> Self {
        self.expires_in = Some(left);
        self
    }

    /// A stand-in for a token of a trace.
    pub(crate) fn replayed(jwt: String, left: Option<u64>, subject: Option<String>) -> Self {
        let claims = Claims {
            sub: subject,
            ..Claims::default()
        };
        Self {
            jwt,
            expires_in: left.map(Duration::from_millis),
            claims,
        }
    }

    pub(crate) fn jwt(&self) -> &str {
        &self.jwt
    }

    /// Milliseconds left. Without `expires_in` the claims decide; a wall clock that contradicts them is not
    /// believed, and the token is taken for fresh.
    pub(crate) fn left_ms(&self, wall: u64) -> Option<u64> {
        if let Some(left) = self.expires_in {
            return u64::try_from(left.as_millis()).ok();
        }
        let claims = &self.claims;
        let expires = claims.exp?.checked_mul(1000)?;
        let by_clock = expires.saturating_sub(wall);
        match claims.iat.and_then(|issued| issued.checked_mul(1000)) {
            Some(issued) => {
                let lifetime = expires.saturating_sub(issued);
                Some(if by_clock == 0 || by_clock > lifetime {
                    lifetime
                } else {
                    by_clock
                })
            }
            None => Some(by_clock),
        }
    }

    /// Whose it is.
    pub(crate) fn subject(&self) -> Option<String> {
        self.claims.sub.clone()
    }
}

#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Option<u64>,
    #[serde(default)]
    iat: Option<u64>,
    #[serde(default)]
    sub: Option<String>,
}

impl Claims {
    fn read(jwt: &str) -> Option<Self> {
        let payload = jwt.split('.').nth(1)?;
        serde_json::from_slice(&base64url(payload)?).ok()
    }
}

/// Decodes base64url; padding is allowed and ignored.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}
