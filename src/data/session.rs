//! A signed-in session as a value: what the auth service gave, when it runs out, and the text that survives a reload.
//!
//! Age is counted on the monotonic clock from `expires_in`, because the wall clock of a ward computer may be hours off. Across a
//! reload only the wall clock is left, so a restored session trusts its token only when that clock makes sense.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::clock::Moment;

/// A token this close to its end is renewed before it is used.
const MARGIN: Duration = Duration::from_secs(45);

/// Who is signed in, with the tokens that prove it.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    access_token: String,
    refresh_token: String,
    lives: Duration,
    since: Moment,
}

/// Tokens must not end up in a log by way of `{:?}`.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user.id)
            .finish_non_exhaustive()
    }
}

/// The account behind a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: Uuid,
    #[serde(default)]
    pub email: String,
}

/// Why a stored or received text is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    #[error("not a session's JSON")]
    NotASession,
    #[error("a token that no header can carry")]
    BadToken,
}

/// What the auth service answers, and, with `saved_at`, what is stored.
#[derive(Serialize, Deserialize)]
struct Text {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
    user: User,
    /// Seconds since 1970; zero in the service's answer.
    #[serde(default)]
    saved_at: u64,
}

impl Session {
    /// Reads the answer of the auth service, received now.
    ///
    /// ```
    /// use bedside::data::{clock::Moment, session::Session};
    /// let answer = r#"{"access_token":"a.b.c","token_type":"bearer","expires_in":3600,"refresh_token":"r",
    ///     "user":{"id":"00000000-0000-4000-a000-000000000001","email":"ana@example.test"}}"#;
    /// let session = Session::received(answer, Moment::from_millis(0))?;
    /// assert!(session.usable_token(Moment::from_millis(1_000)).is_some());
    /// # Ok::<(), bedside::data::session::SessionError>(())
    /// ```
    pub fn received(answer: &str, now: Moment) -> Result<Self, SessionError> {
        let text: Text = serde_json::from_str(answer).map_err(|_| SessionError::NotASession)?;
        let lives = Duration::from_secs(text.expires_in);
        Self::checked(text, lives, now)
    }

    /// Reads what [`Session::stored`] wrote, perhaps by another load of the page, perhaps by anyone else.
    pub fn restored(text: &str, now: Moment, unix_now: u64) -> Result<Self, SessionError> {
        let text: Text = serde_json::from_str(text).map_err(|_| SessionError::NotASession)?;
        // A clock that went back says nothing about the token's age: renew before use.
        let left = unix_now
            .checked_sub(text.saved_at)
            .and_then(|age| text.expires_in.checked_sub(age))
            .unwrap_or(0);
        Self::checked(text, Duration::from_secs(left), now)
    }

    fn checked(text: Text, lives: Duration, now: Moment) -> Result<Self, SessionError> {
        let carries =
            |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !carries(&text.access_token) || !carries(&text.refresh_token) {
            return Err(SessionError::BadToken);
        }
        Ok(Self {
            user: text.user,
            access_token: text.access_token,
            refresh_token: text.refresh_token,
            lives,
            since: now,
        })
    }

    /// The text that survives a reload.
    pub fn stored(&self, now: Moment, unix_now: u64) -> Result<String, SessionError> {
        let text = Text {
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            expires_in: self.left(now).as_secs(),
            user: self.user.clone(),
            saved_at: unix_now,
        };
        serde_json::to_string(&text).map_err(|_| SessionError::NotASession)
    }

    /// How long the access token is still good for.
    pub fn left(&self, now: Moment) -> Duration {
        self.lives.saturating_sub(now.since(self.since))
    }

    /// The access token while it is well clear of its end. A token that never had that much life is used to its end.
    pub fn usable_token(&self, now: Moment) -> Option<&str> {
        let margin = MARGIN.min(self.lives / 4);
        (self.left(now) > margin).then_some(self.access_token.as_str())
    }

    /// The access token to the very end: better than nothing while the auth service is out.
    pub fn last_token(&self, now: Moment) -> Option<&str> {
        (!self.left(now).is_zero()).then_some(self.access_token.as_str())
    }

    /// The access token, however old: to say which one a server refused, and to sign out with.
    pub fn held_token(&self) -> &str {
        &self.access_token
    }

    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use serde_json::json;

    fn answer(expires_in: u64) -> String {
        json!({"access_token": "a.b.c", "refresh_token": "r1", "expires_in": expires_in,
            "user": {"id": "00000000-0000-4000-a000-000000000001", "email": "ana@example.test"}})
        .to_string()
    }

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let session = Session::received(&answer(3600), at(10)).unwrap();
        assert!(session.usable_token(at(10 + 3600 - 46)).is_some());
        assert!(session.usable_token(at(10 + 3600 - 45)).is_none());
        assert!(session.last_token(at(10 + 3599)).is_some());
        assert!(session.last_token(at(10 + 3600)).is_none());
    }

    #[test]
    fn a_short_lived_token_is_usable_for_most_of_its_life() {
        let session = Session::received(&answer(20), at(0)).unwrap();
        assert!(session.usable_token(at(14)).is_some());
        assert!(session.usable_token(at(15)).is_none());
    }

    #[test]
    fn a_session_survives_a_reload_with_the_life_it_had_left() {
        let session = Session::received(&answer(3600), at(100)).unwrap();
        let text = session.stored(at(700), 5_000).unwrap();
        let restored = Session::restored(&text, at(0), 5_060).unwrap();
        assert_eq!(restored.left(at(0)), Duration::from_secs(3600 - 600 - 60));
        assert_eq!(restored.user, session.user);
    }

    #[test]
    fn a_clock_that_went_back_makes_the_token_one_to_renew() {
        let text = Session::received(&answer(3600), at(0))
            .unwrap()
            .stored(at(0), 5_000)
            .unwrap();
        let restored = Session::restored(&text, at(0), 4_000).unwrap();
        assert_eq!(restored.usable_token(at(0)), None);
    }

    #[test]
    fn a_session_of_last_week_is_kept_to_be_renewed() {
        let text = Session::received(&answer(3600), at(0))
            .unwrap()
            .stored(at(0), 5_000)
            .unwrap();
        let restored = Session::restored(&text, at(0), 1_000_000).unwrap();
        assert_eq!(restored.usable_token(at(0)), None);
        assert_eq!(restored.refresh_token(), "r1");
    }

    #[test]
    fn foreign_text_in_the_storage_is_no_session() {
        for text in ["", "null", "{}", "[1]", "\"x\"", r#"{"access_token":"a"}"#] {
            assert_eq!(
                Session::restored(text, at(0), 0),
                Err(SessionError::NotASession),
                "{text}"
            );
        }
        let forged = answer(3600).replace("a.b.c", "a\\nInjected: yes");
        assert_eq!(
            Session::restored(&forged, at(0), 0),
            Err(SessionError::BadToken)
        );
    }

    #[test]
    fn absurd_lifetimes_do_not_overflow() {
        let session = Session::received(&answer(u64::MAX), at(5)).unwrap();
        assert!(session.usable_token(at(u32::MAX.into())).is_some());
    }

    #[test]
    fn debug_output_shows_no_token() {
        let session = Session::received(&answer(3600), at(0)).unwrap();
        let shown = format!("{session:?}");
        assert!(!shown.contains("a.b.c") && !shown.contains("r1"), "{shown}");
    }
}
