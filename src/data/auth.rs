//! Who is signed in: password sign-in, a token that is always fresh enough, sign-out, and the same in every tab.
//!
//! One [`Auth`] a page; clones share it. Every holder of a token asks here each time, and an asker waits while a renewal is
//! on its way, so there is one renewal however many ask. It never knows rows, sockets or pages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::pin_mut;
use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::{
    ArcReadSignal, ArcRwSignal, Get, GetUntracked, Set, Update, window_event_listener,
};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::auth_api::{Answer, AuthApi, DEADLINE};
use super::clock::Now;
use super::kept::{self, KEY, Kept};
use super::respite::Respite;
use super::session::{Session, User};
use super::signed_out::SignedOutBecause;
use super::tab_turn::TabTurn;
use super::{AuthError, Config, store};

/// Whether somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthState {
    SignedIn(User),
    SignedOut(SignedOutBecause),
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
    /// All of the person's other sessions, on whatever device.
    Elsewhere,
    /// All of the person's sessions.
    Everywhere,
}

/// An access token, whose it is, and how long it is still good for.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub jwt: String,
    pub user: Uuid,
    pub left: std::time::Duration,
}

/// Who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    api: AuthApi,
    project: String,
    held: Mutex<Held>,
    /// Held by the one renewal.
    renewing: futures::lock::Mutex<()>,
    state: ArcRwSignal<AuthState>,
    /// Counts the tokens, for those who hand them on.
    tokens: ArcRwSignal<u32>,
}

/// Never locked across an await or a signal write.
struct Held {
    session: Option<Session>,
    /// Whether the storage speaks for all tabs; where it is full or forbidden, each is on its own.
    written: store::Written,
    respite: Respite,
    /// Whose screens are locked. Until the password is given no token is used, and none is kept in the browser.
    locked: Option<User>,
    /// Who waits for a token until then.
    waiting: Vec<oneshot::Sender<()>>,
    /// Who asked in this tab to be signed out, until what they left is deleted.
    asked: Option<Uuid>,
}

impl Auth {
    /// Takes up the session that a former load of the page left, if there is one.
    pub fn restore(config: &Config) -> Self {
        let kept = kept::read(&config.supabase_url, Now::read());
        let locked = match &kept {
            Kept::Locked(user) => Some(user.clone()),
            _ => None,
        };
        let (session, state) = taken(kept);
        Self(Arc::new(Inner {
            api: AuthApi::new(config),
            project: config.supabase_url.clone(),
            held: Mutex::new(Held {
                written: store::Written::Kept,
                session,
                respite: Respite::default(),
                locked,
                waiting: Vec::new(),
                asked: None,
            }),
            renewing: futures::lock::Mutex::new(()),
            state: ArcRwSignal::new(state),
            tokens: ArcRwSignal::new(0),
        }))
    }

    /// Follows sign-in, sign-out and renewal in other tabs, for the life of the page.
    pub fn follow_other_tabs(&self) {
        let auth = self.clone();
        // The handles would end the listening when dropped, and the page listens as long as it lives.
        std::mem::forget(window_event_listener(ev::storage, move |event| {
            // No key: the whole storage was cleared.
            if event.key().is_none_or(|key| key == KEY) {
                auth.take_up();
            }
        }));
        let auth = self.clone();
        std::mem::forget(window_event_listener(ev::online, move |_| {
            auth.held().respite.end();
        }));
        // A page that was frozen, or comes back out of the history, heard nothing meanwhile.
        let auth = self.clone();
        std::mem::forget(window_event_listener(ev::pageshow, move |_| {
            auth.look_again();
        }));
        let auth = self.clone();
        std::mem::forget(window_event_listener(ev::focus, move |_| auth.look_again()));
    }

    /// Believes the storage where it speaks for all tabs.
    pub fn look_again(&self) {
        if self.survives_a_reload() {
            self.take_up();
        }
    }

    /// Whether the browser keeps the session for the next load of the page.
    pub fn survives_a_reload(&self) -> bool {
        self.held().written == store::Written::Kept
    }

    fn take_up(&self) {
        let kept = kept::read(&self.0.project, Now::read());
        let known = match &kept {
            Kept::Session(kept) => self.holds(kept),
            Kept::Nothing(_) => self.user_id().is_none(),
            Kept::Locked(user) if self.user_id() == Some(user.id) => {
                // Locked in another tab.
                self.held().locked = Some(user.clone());
                true
            }
            Kept::Locked(_) => false,
            // Only the server ends a session, so this one goes on.
            Kept::Unreadable => true,
        };
        if known {
            return;
        }
        let (session, state) = match kept {
            Kept::Session(session) if self.is_locked() => {
                return self.open_on_proof(*session);
            }
            // Taken away without a word, while somebody was signed in: the person cleared the site's data.
            Kept::Nothing(SignedOutBecause::Nobody) => {
                (None, AuthState::SignedOut(SignedOutBecause::Asked))
            }
            kept => taken(kept),
        };
        self.adopt(session, state);
    }

    /// Another tab says that the password was given there. Anybody can write into a browser's storage, so the server is asked whose
    /// tokens these are before a locked screen opens.
    fn open_on_proof(&self, session: Session) {
        let auth = self.clone();
        spawn_local(async move {
            let answer = auth.0.api.user(session.held_token()).await;
            let owner = answer.map(|answer| serde_json::from_str::<User>(&answer.text).ok());
            let proven = matches!(owner, Ok(Some(owner)) if owner.id == session.user.id);
            if proven && auth.is_locked() && auth.user_id() == Some(session.user.id) {
                let state = AuthState::SignedIn(session.user.clone());
                auth.adopt(Some(session), state);
            }
        });
    }

    /// The screens are locked: from here on no token is used, and the browser keeps none, until the password is given.
    pub fn lock(&self) {
        let AuthState::SignedIn(user) = self.0.state.get_untracked() else {
            return;
        };
        let before = self.held().locked.replace(user.clone());
        if before.is_none() {
            kept::lock(&user, &self.0.project);
        }
    }

    /// Whether the screens are locked.
    pub fn is_locked(&self) -> bool {
        self.held().locked.is_some()
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

    /// Who was signed out because they asked for it in this tab, once: what they left on this device can be deleted. What other tabs
    /// or the storage say is not asked.
    pub fn take_asked(&self) -> Option<Uuid> {
        self.held().asked.take()
    }

    /// Who is signed in at this moment.
    pub fn user_id(&self) -> Option<Uuid> {
        let held = self.held();
        let user = held.session.as_ref().map(|session| &session.user);
        user.or(held.locked.as_ref()).map(|user| user.id)
    }

    /// Grows with every new token: a holder of the old one takes the new one then.
    pub fn token_count(&self) -> ArcReadSignal<u32> {
        self.0.tokens.read_only()
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<(), AuthError> {
        let answer = self.0.api.by_password(email, password).await?;
        self.begin(self.read(&answer)?);
        Ok(())
    }

    /// Makes the account that an invitation was written for, and signs in with it.
    ///
    /// # Errors
    /// [`AuthError::EmailNotConfirmed`] when the account was created and its owner has to open a message first;
    /// [`AuthError::NoInvitation`] when the code isn't valid for this address.
    pub async fn sign_up(&self, email: &str, code: &str, password: &str) -> Result<(), AuthError> {
        let answer = self.0.api.sign_up(email, code, password).await?;
        let session = self
            .read(&answer)
            .map_err(|_| AuthError::EmailNotConfirmed)?;
        self.begin(session);
        Ok(())
    }

    /// Asks for the password again: the person at the screen is the one who is signed in. The proof is a new session, which takes
    /// the place of the old one.
    pub async fn prove(&self, password: &str) -> Result<(), AuthError> {
        let held = self.current();
        let user = held.as_ref().map(|held| held.user.clone());
        let user = user
            .or_else(|| self.held().locked.clone())
            .ok_or(AuthError::SessionEnded)?;
        let answer = match self.0.api.by_password(&user.email, password).await {
            // The password may be right, and the address not the account's any more.
            Err(AuthError::WrongCredentials) => {
                let email = self.changed_email(&user).await;
                let email = email.ok_or(AuthError::WrongCredentials)?;
                self.0.api.by_password(&email, password).await?
            }
            answer => answer?,
        };
        let session = self.read(&answer)?;
        let same = session.user.id == user.id && self.user_id() == Some(user.id);
        if !same {
            self.forget_on_server(session);
            return Err(AuthError::SessionEnded);
        }
        self.begin(session);
        if let Some(held) = held {
            self.forget_on_server(held);
        }
        Ok(())
    }

    /// The address of the account, if it is not the one that the session was given with.
    async fn changed_email(&self, known: &User) -> Option<String> {
        let token = self.any_token(Wanted::Usable).await.ok()??;
        let answer = self.0.api.user(&token.jwt).await.ok()?;
        let now: User = serde_json::from_str(&answer.text).ok()?;
        (now.id == known.id && !now.email.is_empty() && now.email != known.email)
            .then_some(now.email)
    }

    /// Changes the password, which ends all other sessions of the person.
    pub async fn change_password(&self, present: &str, new: &str) -> Result<(), AuthError> {
        self.prove(present).await?;
        let token = self.access_token(Wanted::Usable).await?;
        let token = token.ok_or(AuthError::SessionEnded)?;
        self.0.api.set_password(&token.jwt, new).await
    }

    /// Signs out at once here; the server is told, and need not answer: without an answer the tokens simply run out.
    pub async fn sign_out(&self) {
        self.end(SignedOutBecause::Asked).await;
    }

    /// Ends sessions that this browser can't see. Nothing has happened here either when the server could not be told.
    pub async fn sign_out_beyond(&self, reach: SignOut) -> Result<(), AuthError> {
        let token = self.access_token(Wanted::Usable).await?;
        let token = token.ok_or(AuthError::SessionEnded)?;
        self.0.api.log_out(&token.jwt, reach).await?;
        if reach == SignOut::Everywhere && self.user_id() == Some(token.user) {
            self.leave(SignedOutBecause::Asked);
        }
        Ok(())
    }

    /// Ends the session here for a reason that the sign-in page then says.
    pub async fn end(&self, because: SignedOutBecause) {
        if let Some(session) = self.leave(because) {
            // The tokens are forgotten here, whatever becomes of this.
            let _ = self
                .0
                .api
                .log_out(session.held_token(), SignOut::Here)
                .await;
        }
    }

    /// An access token to use now; `None` when nobody is signed in. Waits for a renewal when one is due.
    ///
    /// While the screens are locked it waits for the password.
    pub async fn access_token(&self, wanted: Wanted<'_>) -> Result<Option<Token>, AuthError> {
        loop {
            self.unlocked().await;
            let token = self.any_token(wanted).await;
            // Locked while it was renewed.
            if !self.is_locked() {
                return token;
            }
        }
    }

    async fn unlocked(&self) {
        while self.is_locked() {
            let (open, opened) = oneshot::channel();
            self.held().waiting.push(open);
            // A dropped sender opens it too, and the waiting request looks again.
            let _ = opened.await;
        }
    }

    async fn any_token(&self, wanted: Wanted<'_>) -> Result<Option<Token>, AuthError> {
        let Some(session) = self.current() else {
            return Ok(None);
        };
        if let Some(token) = suiting(&session, wanted) {
            return Ok(Some(token));
        }
        self.renew(wanted).await
    }

    /// A server said what time it is there.
    pub fn correct(&self, server_unix: u64) {
        if let Some(session) = &mut self.held().session {
            session.corrected(server_unix, Now::read());
        }
    }

    async fn renew(&self, wanted: Wanted<'_>) -> Result<Option<Token>, AuthError> {
        let _turn = self.0.renewing.lock().await;
        // A refresh token is good for one use: two tabs that renew at once would end each other's session.
        let _tabs = self.take_turn().await;
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
        if let Some(error) = self.held().respite.failure(Now::read().moment) {
            return last_resort(&session, wanted, error);
        }

        let renewed = match self.0.api.by_refresh_token(session.refresh_token()).await {
            Ok(answer) => self.read(&answer),
            Err(error) => Err(error),
        };
        match renewed {
            Ok(renewed) => {
                self.held().respite.end();
                // Signed out, or someone else signed in, while the answer was on its way.
                if !self.holds(&session) {
                    return Ok(None);
                }
                let token = token(&renewed, renewed.held_token());
                if self.is_locked() {
                    // Kept in this tab alone, for the moment when the password is given.
                    self.held().session = Some(renewed);
                    return Ok(Some(token));
                }
                self.begin(renewed);
                Ok(Some(token))
            }
            Err(error) if !error.ends_session() => {
                // The service is out, or something in front of it answers; the session may be fine.
                self.held().respite.failed(&error, Now::read().moment);
                last_resort(&session, wanted, error)
            }
            Err(error) => {
                // Another tab may have used the refresh token up a moment ago.
                if let Some(token) = self.adopt_newer(&session, wanted) {
                    return Ok(Some(token));
                }
                if self.holds(&session) {
                    self.leave(SignedOutBecause::refused(&error));
                }
                Err(error)
            }
        }
    }

    /// The turn among all tabs. One that is frozen while it has the turn must not keep the others waiting for ever: what the
    /// turn guards is forgiven by the service for a moment.
    async fn take_turn(&self) -> Option<TabTurn> {
        let turn = TabTurn::take(KEY);
        pin_mut!(turn);
        match select(turn, sleep(DEADLINE)).await {
            Either::Left((turn, _)) => Some(turn),
            Either::Right(_) => None,
        }
    }

    /// Takes over what another tab renewed.
    fn adopt_newer(&self, ours: &Session, wanted: Wanted<'_>) -> Option<Token> {
        let Kept::Session(kept) = kept::read(&self.0.project, Now::read()) else {
            return None;
        };
        if kept.user.id != ours.user.id || kept.refresh_token() == ours.refresh_token() {
            return None;
        }
        let token = suiting(&kept, wanted);
        let (session, state) = taken(Kept::Session(kept));
        self.adopt(session, state);
        token
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Session> {
        self.held().session.clone()
    }

    fn holds(&self, session: &Session) -> bool {
        let held = self.held();
        held.session
            .as_ref()
            .is_some_and(|held| held.refresh_token() == session.refresh_token())
    }

    fn read(&self, answer: &Answer) -> Result<Session, AuthError> {
        let mut session = Session::received(&answer.text, &self.0.project, answer.asked)
            .map_err(|_| AuthError::Unreadable)?;
        if let Some(server_unix) = answer.server_unix {
            session.corrected(server_unix, answer.asked);
        }
        Ok(session)
    }

    /// This session is the browser's from now on.
    fn begin(&self, session: Session) {
        let written = kept::write(&session, Now::read());
        self.held().written = written;
        let state = AuthState::SignedIn(session.user.clone());
        self.adopt(Some(session), state);
    }

    /// Nobody is signed in from now on. Gives back the session that was.
    fn leave(&self, because: SignedOutBecause) -> Option<Session> {
        let session = self.current();
        if matches!(because, SignedOutBecause::Asked | SignedOutBecause::Gone) {
            let asked = self.user_id();
            self.held().asked = asked;
        }
        kept::end(because);
        self.adopt(None, AuthState::SignedOut(because));
        session
    }

    fn forget_on_server(&self, session: Session) {
        let auth = self.clone();
        spawn_local(async move {
            // Without an answer its tokens simply run out.
            let _ = auth
                .0
                .api
                .log_out(session.held_token(), SignOut::Here)
                .await;
        });
    }

    /// Makes a session the one of this tab and tells those who watch.
    fn adopt(&self, session: Option<Session>, state: AuthState) {
        {
            let mut held = self.held();
            held.session = session;
            held.locked = None;
            // Dropped, they tell those who wait.
            held.waiting.clear();
        }
        if self.0.state.get_untracked() != state {
            self.0.state.set(state);
        }
        self.0.tokens.update(|count| *count = count.wrapping_add(1));
    }
}

fn taken(kept: Kept) -> (Option<Session>, AuthState) {
    match kept {
        Kept::Session(session) => {
            let state = AuthState::SignedIn(session.user.clone());
            (Some(*session), state)
        }
        Kept::Locked(user) => (None, AuthState::SignedIn(user)),
        Kept::Nothing(because) => (None, AuthState::SignedOut(because)),
        Kept::Unreadable => (None, AuthState::SignedOut(SignedOutBecause::Nobody)),
    }
}

fn suiting(session: &Session, wanted: Wanted<'_>) -> Option<Token> {
    let jwt = session.usable_token(Now::read())?;
    match wanted {
        Wanted::OtherThan(refused) if refused == jwt => None,
        _ => Some(token(session, jwt)),
    }
}

/// The token to its very end, for whoever has not seen it refused.
fn last_resort(
    session: &Session,
    wanted: Wanted<'_>,
    error: AuthError,
) -> Result<Option<Token>, AuthError> {
    match (wanted, session.last_token(Now::read())) {
        (Wanted::Usable, Some(jwt)) => Ok(Some(token(session, jwt))),
        _ => Err(error),
    }
}

fn token(session: &Session, jwt: &str) -> Token {
    Token {
        jwt: jwt.to_owned(),
        user: session.user.id,
        left: session.left(Now::read()),
    }
}

/// The value of the `Authorization` header.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
