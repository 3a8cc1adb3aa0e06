//! Where the sync begins: one cache and one feed for the app, and who they belong to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedside_query::{Page, provide_query_client};
use bedside_realtime::{BuildError, Status};
use futures::channel::oneshot;
use leptos::prelude::{Effect, Get, GetUntracked, With, provide_context};
use leptos::reactive::effect::ImmediateEffect;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::outbox::Outbox;
use super::{Feed, Notifications, page};
use crate::data::clock::within;
use crate::data::{Auth, AuthState, Config, Rest, SignedOutBecause, query};

/// A disk that takes longer to be wiped is not waited for.
const WIPED: Duration = Duration::from_secs(2);

/// Provides the cache and the feed of this app to all that is rendered below.
///
/// # Errors
/// [`BuildError`] when the configured address or key can't be right; the cache is provided all the same.
pub fn provide_live_data(config: &Config, auth: &Auth, rest: &Rest) -> Result<(), BuildError> {
    let cache = query::cache();
    provide_query_client(cache.clone());
    page::tell(&cache);
    let outbox = Outbox::new(rest.clone(), cache.clone());
    provide_context(outbox.clone());
    let feed = Feed::new(config, auth, rest.clone(), cache.clone())?;
    let looked = feed.clone();
    page::on_look(move || looked.seen());
    let shown = feed.clone();
    page::on_visibility(move |page| shown.set_hidden(page == Page::Hidden));
    feed.set_hidden(page::is_hidden());
    provide_context(feed.clone());
    provide_context(Notifications::new(feed.clone(), cache, rest.clone()));
    let wrote = feed.clone();
    rest.writes().listen(move |written| wrote.wrote(written));
    follow_identity(&feed, &outbox, auth);
    send_when_live(&feed, outbox);
    follow_tokens(feed, auth);
    Ok(())
}

/// The fence: at the very moment somebody else is signed in, before any page can ask anything in their name.
fn follow_identity(feed: &Feed, outbox: &Outbox, auth: &Auth) {
    let state = auth.state();
    let user = |state: AuthState| match state {
        AuthState::SignedIn(user) => Some(user.id),
        AuthState::SignedOut(_) => None,
    };
    let here = Arc::new(Mutex::new(Identity::default()));
    let first = user(state.get_untracked());
    let account = |state: &AuthState| match state {
        AuthState::SignedIn(user) => Some(user.clone()),
        AuthState::SignedOut(_) => None,
    };
    lock(&here).becomes(first);
    feed.identify(first);
    outbox.identify(account(&state.get_untracked()));
    let (feed, outbox, auth) = (feed.clone(), outbox.clone(), auth.clone());
    ImmediateEffect::new_scoped(move || {
        let state = state.get();
        let over = matches!(
            state,
            AuthState::SignedOut(SignedOutBecause::Asked | SignedOutBecause::Gone)
        );
        let signed_in = account(&state);
        let now = user(state);
        let (before, last) = lock(&here).becomes(now);
        if before == now {
            return;
        }
        feed.identify(now);
        outbox.identify(signed_in);
        // Only where the person was asked, and only what is theirs. What another tab or the storage says is no reason to delete
        // anything: it may be about another user by now.
        let wiped = auth.take_asked().map(|user| outbox.wipe(user));
        match now {
            None if over => begin_anew(wiped, page::leave),
            // A session that the browser refuses to keep would not survive the change of pages.
            Some(_) if last.is_some() && last != now && auth.survives_a_reload() => {
                begin_anew(wiped, page::reload);
            }
            _ => {}
        }
    });
}

/// Whom this page has served.
#[derive(Default)]
struct Identity {
    now: Option<Uuid>,
    last: Option<Uuid>,
}

impl Identity {
    /// Who it was a moment ago, and who was the last that was anybody.
    fn becomes(&mut self, user: Option<Uuid>) -> (Option<Uuid>, Option<Uuid>) {
        let former = (self.now, self.last);
        self.now = user;
        self.last = user.or(self.last);
        former
    }
}

fn lock(identity: &Mutex<Identity>) -> MutexGuard<'_, Identity> {
    identity.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was read and let go of lies in the page's memory until something else is written there. Only a new page has none of it; where
/// none can be had for want of a server, this one stays.
fn begin_anew(wiped: Option<oneshot::Receiver<()>>, go: fn()) {
    spawn_local(async move {
        if let Some(wiped) = wiped {
            within(WIPED, wiped).await;
        }
        // Left while its site does not answer, a page is followed by the browser's own complaint.
        if Config::load().await.is_ok() {
            go();
        }
    });
}

/// A feed that is live again is the first sign that what waits can be sent.
fn send_when_live(feed: &Feed, outbox: Outbox) {
    let status = feed.status();
    Effect::new(move |was_live: Option<bool>| {
        let live = status.with(|snapshot| snapshot.status == Status::Live);
        if live && was_live == Some(false) {
            outbox.wake();
        }
        live
    });
}

/// A renewed token goes to the server in time, on the socket that is open.
fn follow_tokens(feed: Feed, auth: &Auth) {
    let tokens = auth.token_count();
    Effect::new(move |former: Option<u32>| {
        let count = tokens.get();
        if former.is_some_and(|former| former != count) {
            feed.token_changed();
        }
        count
    });
}
