//! Where the sync begins: one cache and one feed for the app, and who they belong to.

use std::sync::{Arc, Mutex, PoisonError};

use bedside_query::provide_query_client;
use bedside_realtime::{BuildError, Status};
use leptos::prelude::{Effect, Get, GetUntracked, With, provide_context};
use leptos::reactive::effect::ImmediateEffect;

use super::outbox::{Outbox, Wipe};
use super::{Feed, Notifications, page};
use crate::data::{Auth, AuthState, Config, Rest, SignedOutBecause, query};

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
    let known = Arc::new(Mutex::new(user(state.get_untracked())));
    feed.identify(user(state.get_untracked()));
    outbox.identify(user(state.get_untracked()), Wipe::Others);
    let (feed, outbox) = (feed.clone(), outbox.clone());
    ImmediateEffect::new_scoped(move || {
        let state = state.get();
        let wipe = match &state {
            AuthState::SignedOut(SignedOutBecause::Asked | SignedOutBecause::Gone) => Wipe::All,
            _ => Wipe::Others,
        };
        let now = user(state);
        let before = std::mem::replace(
            &mut *known.lock().unwrap_or_else(PoisonError::into_inner),
            now,
        );
        if before != now {
            feed.identify(now);
            outbox.identify(now, wipe);
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
