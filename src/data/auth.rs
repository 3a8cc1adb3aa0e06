//! Who is signed in: password sign-in, a token that is always fresh enough, sign-out, and the same in every tab.
//!
//! One [`Auth`] a page; clones share it. Every holder of a token asks here each time, and an asker waits while a renewal is
//! on its way, so there is one renewal however many ask. It never knows rows, sockets or pages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use gloo_net::http::{Request, RequestBuilder};
use gloo_timers::future::TimeoutFuture;
use leptos::ev;
use leptos::prelude::{
    ArcReadSignal, ArcRwSignal, Get, GetUntracked, Set, Update, window_event_listener,
};
use serde_json::json;

use super::clock::{Moment, unix_seconds};
use super::session::{Session, User};
use super::tab_turn::TabTurn;
use super::{AuthError, Config, store};

/// Where the session is kept. Another app on the same origin has another name.
const KEY: &str = "bedside.session";
/// How long the auth service may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// Whether somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthState {
    SignedIn(User),
    SignedOut(SignedOutBecause),
}

/// Why nobody is signed in, for the sign-in page to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOutBecause {
    /// Nobody has signed in here.
    Nobody,
    /// The person asked, here or in another tab.
    Asked,
    /// The server no longer accepts the session.
    Ended,
    /// The account is not active: nobody let the person in yet, or an admin has switched it off.
    NotActive,
    /// The account is gone.
    Gone,
}

/// Which access token will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Any that is well clear of its end.
    Usable,
    /// One that is not this: the server refused it.
    OtherThan(&'a str),
}

/// Which sessions a sign-out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// This browser's.
    Here,
    /// All of the person's sessions on all devices.
    Everywhere,
}

/// An access token and how long it is still good for.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub jwt: String,
    pub left: Duration,
}

/// Who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    base: String,
    anon_key: String,
    /// Never locked across an await or a signal write.
    session: Mutex<Option<Session>>,
    /// Held by the one renewal.
    renewing: futures::lock::Mutex<()>,
    state: ArcRwSignal<AuthState>,
    /// Counts the tokens, for those who hand them on.
    tokens: ArcRwSignal<u32>,
}

impl Auth {
    /// Takes up the session that a former load of the page left, if there is one.
    pub fn restore(config: &Config) -> Self {
        let session = kept_session();
        let state = match &session {
            Some(session) => AuthState::SignedIn(session.user.clone()),
            None => AuthState::SignedOut(SignedOutBecause::Nobody),
        };
        Self(Arc::new(Inner {
            base: format!("{}/auth/v1", config.supabase_url),
            anon_key: config.anon_key.clone(),
            session: Mutex::new(session),
            renewing: futures::lock::Mutex::new(()),
            state: ArcRwSignal::new(state),
            tokens: ArcRwSignal::new(0),
        }))
    }

    /// Follows sign-in, sign-out and renewal in other tabs, for the life of the page.
    pub fn follow_other_tabs(&self) {
        let auth = self.clone();
        let handle = window_event_listener(ev::storage, move |event| {
            // No key: the whole storage was cleared.
            if event.key().is_none_or(|key| key == KEY) {
                auth.adopt(kept_session(), SignedOutBecause::Asked);
            }
        });
        std::mem::forget(handle);
    }

    /// Whether somebody is signed in, as a signal.
    pub fn state(&self) -> ArcReadSignal<AuthState> {
        self.0.state.read_only()
    }

    /// Who is signed in, tracked.
    pub fn user(&self) -> Option<User> {
        match self.0.state.get() {
            AuthState::SignedIn(user) => Some(user),
            AuthState::SignedOut(_) => None,
        }
    }

    /// Grows with every new token: a holder of the old one takes the new one then.
    pub fn token_count(&self) -> ArcReadSignal<u32> {
        self.0.tokens.read_only()
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<(), AuthError> {
        let body = json!({ "email": email.trim(), "password": password });
        let session = self.grant("password", &body).await?;
        self.adopt(Some(session), SignedOutBecause::Nobody);
        self.keep();
        Ok(())
    }

    /// Makes the account that an invitation was written for, and signs in with it.
    ///
    /// # Errors
    /// [`AuthError::EmailNotConfirmed`] when the account was made and its owner has to open a message first; a code that is not
    /// good is the server's failure, since it is the database that refuses the account.
    pub async fn sign_up(&self, email: &str, code: &str, password: &str) -> Result<(), AuthError> {
        let body = json!({
            "email": email.trim(),
            "password": password,
            "data": { "invitation": code.trim() },
        });
        let request = Request::post(&format!("{}/signup", self.0.base));
        let answer = self.call(request, Some(&body)).await?;
        let session =
            Session::received(&answer, Moment::now()).map_err(|_| AuthError::EmailNotConfirmed)?;
        self.adopt(Some(session), SignedOutBecause::Nobody);
        self.keep();
        Ok(())
    }

    /// Ends the session here for a reason that the sign-in page then says; the server is told, and need not answer.
    pub async fn end(&self, because: SignedOutBecause) {
        self.leave(SignOut::Here, because).await;
    }

    /// Signs out at once here; the server is told, and need not answer.
    pub async fn sign_out(&self, reach: SignOut) {
        self.leave(reach, SignedOutBecause::Asked).await;
    }

    async fn leave(&self, reach: SignOut, because: SignedOutBecause) {
        let held = self.current();
        self.adopt(None, because);
        self.keep();
        let Some(session) = held else { return };
        let scope = match reach {
            SignOut::Here => "local",
            SignOut::Everywhere => "global",
        };
        let request = Request::post(&format!("{}/logout?scope={scope}", self.0.base));
        // Without an answer the tokens simply run out.
        let _ = self
            .call(
                request.header("Authorization", &bearer(session.held_token())),
                None,
            )
            .await;
    }

    /// An access token to use now; `None` when nobody is signed in. Waits for a renewal when one is due.
    pub async fn access_token(&self, wanted: Wanted<'_>) -> Result<Option<Token>, AuthError> {
        let Some(session) = self.current() else {
            return Ok(None);
        };
        if let Some(token) = suiting(&session, wanted) {
            return Ok(Some(token));
        }
        self.renew(wanted).await
    }

    async fn renew(&self, wanted: Wanted<'_>) -> Result<Option<Token>, AuthError> {
        let _turn = self.0.renewing.lock().await;
        // A refresh token is good for one use: two tabs that renew at once would end each other's session.
        let _tabs = TabTurn::take(KEY).await;
        let Some(session) = self.current() else {
            return Ok(None);
        };
        // Whoever had the turn before may have done it already, here or in another tab.
        if let Some(token) = suiting(&session, wanted) {
            return Ok(Some(token));
        }
        if let Some(token) = self.adopt_newer(&session, wanted) {
            return Ok(Some(token));
        }

        let body = json!({ "refresh_token": session.refresh_token() });
        match self.grant("refresh_token", &body).await {
            Ok(renewed) => {
                // Signed out, or someone else signed in, while the answer was on its way.
                if !self.holds(&session) {
                    return Ok(None);
                }
                let token = token(&renewed, renewed.held_token());
                self.adopt(Some(renewed), SignedOutBecause::Nobody);
                self.keep();
                Ok(Some(token))
            }
            Err(error) if error.is_passing() => {
                // The service is out, not the session.
                match (wanted, session.last_token(Moment::now())) {
                    (Wanted::Usable, Some(jwt)) => Ok(Some(token(&session, jwt))),
                    _ => Err(error),
                }
            }
            Err(error) => {
                // Another tab may have used the refresh token up a moment ago.
                if let Some(token) = self.adopt_newer(&session, wanted) {
                    return Ok(Some(token));
                }
                if self.holds(&session) {
                    self.adopt(None, SignedOutBecause::Ended);
                    self.keep();
                }
                Err(error)
            }
        }
    }

    /// Takes over what another tab renewed.
    fn adopt_newer(&self, ours: &Session, wanted: Wanted<'_>) -> Option<Token> {
        let kept = kept_session()?;
        if kept.user.id != ours.user.id || kept.refresh_token() == ours.refresh_token() {
            return None;
        }
        let token = suiting(&kept, wanted);
        self.adopt(Some(kept), SignedOutBecause::Nobody);
        token
    }

    fn current(&self) -> Option<Session> {
        self.0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn holds(&self, session: &Session) -> bool {
        self.current()
            .is_some_and(|held| held.refresh_token() == session.refresh_token())
    }

    /// Makes a session the one of this tab and tells those who watch.
    fn adopt(&self, session: Option<Session>, because: SignedOutBecause) {
        let state = match &session {
            Some(session) => AuthState::SignedIn(session.user.clone()),
            None => AuthState::SignedOut(because),
        };
        *self
            .0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = session;
        if self.0.state.get_untracked() != state {
            self.0.state.set(state);
        }
        self.0.tokens.update(|count| *count = count.wrapping_add(1));
    }

    /// Writes the session down for the next load and the other tabs.
    fn keep(&self) {
        let text = self
            .current()
            .map(|session| session.stored(Moment::now(), unix_seconds()));
        match text {
            Some(Ok(text)) => store::write(KEY, &text),
            _ => store::remove(KEY),
        }
    }

    async fn grant(&self, kind: &str, body: &serde_json::Value) -> Result<Session, AuthError> {
        let request = Request::post(&format!("{}/token?grant_type={kind}", self.0.base));
        let answer = self.call(request, Some(body)).await?;
        Session::received(&answer, Moment::now()).map_err(|_| AuthError::Unreadable)
    }

    async fn call(
        &self,
        request: RequestBuilder,
        body: Option<&serde_json::Value>,
    ) -> Result<String, AuthError> {
        let request = request
            .header("apikey", &self.0.anon_key)
            .header("X-Supabase-Api-Version", "2024-01-01");
        let request = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
            None => request.build(),
        };
        let request = request.map_err(|_| AuthError::Unreadable)?;
        let exchange = async {
            let response = request.send().await.map_err(|_| AuthError::Offline)?;
            let status = response.status();
            let text = response.text().await.map_err(|_| AuthError::Offline)?;
            if (200..300).contains(&status) {
                Ok(text)
            } else {
                Err(AuthError::from_response(status, &text))
            }
        };
        let deadline = TimeoutFuture::new(u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX));
        pin_mut!(exchange);
        match select(exchange, deadline).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(AuthError::Offline),
        }
    }
}

fn kept_session() -> Option<Session> {
    let text = store::read(KEY)?;
    match Session::restored(&text, Moment::now(), unix_seconds()) {
        Ok(session) => Some(session),
        Err(_) => {
            // Corrupt, or not ours: start clean rather than trip over it at each load.
            store::remove(KEY);
            None
        }
    }
}

fn suiting(session: &Session, wanted: Wanted<'_>) -> Option<Token> {
    let jwt = session.usable_token(Moment::now())?;
    match wanted {
        Wanted::OtherThan(refused) if refused == jwt => None,
        _ => Some(token(session, jwt)),
    }
}

fn token(session: &Session, jwt: &str) -> Token {
    Token {
        jwt: jwt.to_owned(),
        left: session.left(Moment::now()),
    }
}

/// The value of the `Authorization` header.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
