//! A signed-in session as a value: what the auth service gave, when it runs out, and the text that survives a reload.
//!
//! Age is counted from `expires_in` on both clocks of the computer, because either alone can be wrong: one is set by people, the
//! other stands still while the computer sleeps. What the calendar says absolutely is never believed, only differences; and
//! where a server's `Date` can be read, its word on the present outweighs both.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::clock::Now;

/// A token this close to its end is renewed before it is used.
const MARGIN: Duration = Duration::from_secs(45);

/// A server's `Date` counts whole seconds, and was on its way: a smaller difference is none.
const NOISE: Duration = Duration::from_secs(5);

/// Who is signed in, with the tokens that prove it.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    /// The project's address; a token is worth nothing anywhere else.
    project: String,
    access_token: String,
    refresh_token: String,
    lives: Duration,
    since: Now,
    /// When it ends by the server's calendar, if the server said.
    expires_at: Option<u64>,
    /// So much earlier than it must be the token is renewed, in 256ths of the margin: not all browsers of a ward at once.
    early: u8,
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
    #[error("a session of another project, or of an older version that did not say of which")]
    OtherProject,
}

/// What the auth service answers, and, with `saved_at` and `project`, what is stored.
#[derive(Serialize, Deserialize)]
struct Text {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
    #[serde(default)]
    expires_at: Option<u64>,
    user: User,
    /// Seconds since 1970; zero in the service's answer.
    #[serde(default)]
    saved_at: u64,
    #[serde(default)]
    project: String,
}

impl Session {
    /// Reads the answer of a project's auth service, received now.
    ///
    /// ```
    /// use bedside::data::{clock::{Moment, Now}, session::Session};
    /// let answer = r#"{"access_token":"a.b.c","token_type":"bearer","expires_in":3600,"refresh_token":"r",
    ///     "user":{"id":"00000000-0000-4000-a000-000000000001","email":"ana@example.test"}}"#;
    /// let now = Now { moment: Moment::from_millis(0), unix: 1_800_000_000 };
    /// let session = Session::received(answer, "https://x.test", now)?;
    /// assert!(session.usable_token(now).is_some());
    /// # Ok::<(), bedside::data::session::SessionError>(())
    /// ```
    pub fn received(answer: &str, project: &str, now: Now) -> Result<Self, SessionError> {
        let mut text: Text = serde_json::from_str(answer).map_err(|_| SessionError::NotASession)?;
        project.clone_into(&mut text.project);
        let lives = Duration::from_secs(text.expires_in);
        Self::checked(text, lives, now)
    }

    /// Reads what [`Session::stored`] wrote, perhaps by another load of the page, perhaps by anyone else.
    pub fn restored(text: &str, project: &str, now: Now) -> Result<Self, SessionError> {
        let text: Text = serde_json::from_str(text).map_err(|_| SessionError::NotASession)?;
        if text.project != project {
            return Err(SessionError::OtherProject);
        }
        // A clock that went back says nothing about the token's age: renew before use.
        let left = now
            .unix
            .checked_sub(text.saved_at)
            .and_then(|age| text.expires_in.checked_sub(age))
            .unwrap_or(0);
        Self::checked(text, Duration::from_secs(left), now)
    }

    fn checked(text: Text, lives: Duration, now: Now) -> Result<Self, SessionError> {
        let carries =
            |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !carries(&text.access_token) || !carries(&text.refresh_token) {
            return Err(SessionError::BadToken);
        }
        Ok(Self {
            user: text.user,
            project: text.project,
            // Tokens are random enough to be their own dice, and every tab that holds this one throws the same.
            early: dice(&text.refresh_token),
            access_token: text.access_token,
            refresh_token: text.refresh_token,
            lives,
            since: now,
            expires_at: text.expires_at,
        })
    }

    /// The text that survives a reload.
    pub fn stored(&self, now: Now) -> Result<String, SessionError> {
        let text = Text {
            access_token: self.access_token.clone(),
            refresh_token: self.refresh_token.clone(),
            expires_in: self.left(now).as_secs(),
            expires_at: self.expires_at,
            user: self.user.clone(),
            saved_at: now.unix,
            project: self.project.clone(),
        };
        serde_json::to_string(&text).map_err(|_| SessionError::NotASession)
    }

    /// The server says what time it is there. Its calendar is the one that the token ends by: what the clocks here made of a
    /// sleep, or of being set, is corrected.
    pub fn corrected(&mut self, server_unix: u64, now: Now) {
        let Some(expires_at) = self.expires_at else {
            return;
        };
        let left = Duration::from_secs(expires_at.saturating_sub(server_unix));
        if left.abs_diff(self.left(now)) > NOISE {
            self.lives = left;
            self.since = now;
        }
    }

    /// How long the access token is still good for.
    pub fn left(&self, now: Now) -> Duration {
        self.lives.saturating_sub(now.since(self.since))
    }

    /// The access token while it is well clear of its end. A token that never had that much life is used for most of it.
    pub fn usable_token(&self, now: Now) -> Option<&str> {
        let margin = MARGIN.min(self.lives / 4);
        let early = (margin / 2).saturating_mul(self.early.into()) / 256;
        (self.left(now) > margin.saturating_add(early)).then_some(self.access_token.as_str())
    }

    /// The access token to the very end: better than nothing while the auth service is out.
    pub fn last_token(&self, now: Now) -> Option<&str> {
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

/// A number that tokens fall into evenly: FNV-1a, mixed once more, since its high bits know little of the last signs.
fn dice(token: &str) -> u8 {
    let hash = token.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    mixed.to_be_bytes().first().copied().unwrap_or_default()
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
    use crate::data::clock::Moment;
    use serde_json::json;

    const HERE: &str = "https://here.test";
    const HOUR: u64 = 3_600;

    fn answer(expires_in: u64) -> String {
        json!({"access_token": "a.b.c", "refresh_token": "r1", "expires_in": expires_in,
            "expires_at": 1_000_000_u64.saturating_add(expires_in),
            "user": {"id": "00000000-0000-4000-a000-000000000001", "email": "ana@example.test"}})
        .to_string()
    }

    /// Seconds on the page's clock and on the computer's calendar.
    fn at(page: u64, unix: u64) -> Now {
        Now {
            moment: Moment::from_millis(page * 1000),
            unix,
        }
    }

    /// Both clocks, `seconds` after the answer came, on a calendar that is right.
    fn after(seconds: u64) -> Now {
        at(seconds, 1_000_000 + seconds)
    }

    fn received(expires_in: u64) -> Session {
        Session::received(&answer(expires_in), HERE, after(0)).unwrap()
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let session = received(HOUR);
        assert!(session.usable_token(after(HOUR - 46 - 23)).is_some());
        assert!(session.usable_token(after(HOUR - 45)).is_none());
        assert!(session.last_token(after(HOUR - 1)).is_some());
        assert!(session.last_token(after(HOUR)).is_none());
    }

    #[test]
    fn a_short_lived_token_is_usable_for_most_of_its_life() {
        let session = received(20);
        assert!(session.usable_token(after(12)).is_some());
        assert!(session.usable_token(after(15)).is_none());
    }

    #[test]
    fn different_sessions_are_renewed_at_different_times() {
        let renewed_at = |refresh: &str| {
            let text = answer(HOUR).replace("r1", refresh);
            let session = Session::received(&text, HERE, after(0)).unwrap();
            (0..HOUR).find(|age| session.usable_token(after(*age)).is_none())
        };
        let times: std::collections::BTreeSet<_> = (0..32)
            .map(|token| renewed_at(&format!("token-{token}")))
            .collect();
        assert!(times.len() > 10, "{times:?}");
    }

    #[test]
    fn a_calendar_that_is_hours_off_changes_nothing() {
        for skew in [-7_200_i64, 7_200] {
            let unix = |seconds: u64| u64::try_from(1_000_000 + skew).unwrap() + seconds;
            let session = Session::received(&answer(HOUR), HERE, at(0, unix(0))).unwrap();
            assert!(session.usable_token(at(3_000, unix(3_000))).is_some());
            let text = session.stored(at(3_000, unix(3_000))).unwrap();
            let restored = Session::restored(&text, HERE, at(0, unix(3_010))).unwrap();
            assert_eq!(restored.left(at(0, unix(3_010))), Duration::from_secs(590));
        }
    }

    #[test]
    fn a_night_s_sleep_ends_the_token_on_a_page_whose_clock_stood_still() {
        let session = received(HOUR);
        let morning = at(60, 1_000_000 + 8 * HOUR);
        assert_eq!(session.last_token(morning), None);
        assert_eq!(session.refresh_token(), "r1", "and can be renewed");
    }

    #[test]
    fn a_calendar_that_jumps_ahead_costs_a_renewal_and_one_that_jumps_back_nothing() {
        let session = received(HOUR);
        assert_eq!(session.usable_token(at(10, 1_000_000 + 2 * HOUR)), None);
        assert!(session.usable_token(at(10, 1_000_000 - 2 * HOUR)).is_some());
    }

    #[test]
    fn the_server_s_word_on_the_time_outweighs_the_clocks_here() {
        let mut session = received(HOUR);
        // The page slept unnoticed: its clocks say ten minutes, the server fifty.
        session.corrected(1_000_000 + 3_000, after(600));
        assert_eq!(session.left(after(600)), Duration::from_secs(600));
        // A second more or less is the wire's.
        session.corrected(1_000_000 + 3_001, after(600));
        assert_eq!(session.left(after(600)), Duration::from_secs(600));
    }

    #[test]
    fn a_session_survives_a_reload_with_the_life_it_had_left() {
        let session = received(HOUR);
        let text = session.stored(after(600)).unwrap();
        let restored = Session::restored(&text, HERE, at(0, 1_000_660)).unwrap();
        assert_eq!(
            restored.left(at(0, 1_000_660)),
            Duration::from_secs(HOUR - 660)
        );
        assert_eq!(restored.user, session.user);
    }

    #[test]
    fn a_clock_that_went_back_makes_the_token_one_to_renew() {
        let text = received(HOUR).stored(after(0)).unwrap();
        let restored = Session::restored(&text, HERE, at(0, 999_000)).unwrap();
        assert_eq!(restored.usable_token(at(0, 999_000)), None);
    }

    #[test]
    fn a_session_of_last_week_is_kept_to_be_renewed() {
        let text = received(HOUR).stored(after(0)).unwrap();
        let later = at(0, 1_000_000 + 7 * 24 * HOUR);
        let restored = Session::restored(&text, HERE, later).unwrap();
        assert_eq!(restored.usable_token(later), None);
        assert_eq!(restored.refresh_token(), "r1");
    }

    #[test]
    fn a_session_of_another_project_or_of_an_older_version_is_not_taken_up() {
        let text = received(HOUR).stored(after(0)).unwrap();
        for (text, project) in [(text.as_str(), "https://there.test"), (&answer(HOUR), HERE)] {
            assert_eq!(
                Session::restored(text, project, after(0)),
                Err(SessionError::OtherProject)
            );
        }
    }

    #[test]
    fn foreign_text_in_the_storage_is_no_session() {
        let whole = received(HOUR).stored(after(0)).unwrap();
        let cut = &whole[..whole.len() / 2];
        for text in [
            "",
            "null",
            "{}",
            "[1]",
            "\"x\"",
            r#"{"access_token":"a"}"#,
            cut,
        ] {
            assert_eq!(
                Session::restored(text, HERE, after(0)),
                Err(SessionError::NotASession),
                "{text}"
            );
        }
        let forged = whole.replace("a.b.c", "a\\nInjected: yes");
        assert_eq!(
            Session::restored(&forged, HERE, after(0)),
            Err(SessionError::BadToken)
        );
    }

    #[test]
    fn absurd_lifetimes_do_not_overflow() {
        let mut session = Session::received(&answer(u64::MAX), HERE, after(5)).unwrap();
        assert!(session.usable_token(at(u32::MAX.into(), 0)).is_some());
        session.corrected(u64::MAX, after(5));
        assert_eq!(session.usable_token(after(5)), None);
    }

    #[test]
    fn debug_output_shows_no_token() {
        let shown = format!("{:?}", received(HOUR));
        assert!(!shown.contains("a.b.c") && !shown.contains("r1"), "{shown}");
    }
}
