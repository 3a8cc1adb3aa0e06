//! The feed at work: follows tables for whoever looks at them, hands what it hears to the [`Router`], and does the
//! work that comes out on the cache. All effects of the sync are here; its decisions are in the router.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedside_query::{Overlap, QueryClient, QueryFilter, Refetch};
use bedside_realtime::{
    AccessToken, Binding, BindingEvent, BindingHandle, BuildError, Change, Listener,
    RealtimeClient, Status, StatusSnapshot, TokenError, TokenNeed,
};
use gloo_timers::future::sleep;
use leptos::prelude::{ArcReadSignal, ArcRwSignal, GetUntracked, Set};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::registry::Table;
use super::router::{Due, Heard, Router, Work};
use crate::data::auth::Wanted;
use crate::data::clock::Moment;
use crate::data::{Auth, AuthState, Config};

/// How long a table is listened to after the last look at it: moving between pages should cost nothing.
const LINGER: Duration = Duration::from_secs(30);

/// While the feed can't be trusted, what is on screen is fetched this often.
const POLL: Duration = Duration::from_secs(20);

/// The live feed of one page. Clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    realtime: RealtimeClient,
    cache: QueryClient,
    /// Never locked while the realtime client or the cache is called: both may call back.
    router: Mutex<Router>,
    followed: Mutex<HashMap<Table, Followed>>,
    status: ArcRwSignal<StatusSnapshot>,
    polling: Mutex<Polling>,
    watching: Mutex<Option<Listener>>,
}

/// One binding per table, for all who follow it.
struct Followed {
    followers: usize,
    /// Counts the times that it was left, so that an old farewell doesn't end a new visit.
    farewells: u32,
    _listener: Listener,
    _binding: BindingHandle,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Polling {
    Off,
    On,
}

/// Follows a table for as long as it lives.
#[must_use = "dropping it stops following"]
pub struct Following {
    feed: Feed,
    table: Table,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.feed.unfollow(self.table);
    }
}

impl Feed {
    /// Makes the feed. No socket is opened before a table is followed.
    ///
    /// # Errors
    /// [`BuildError`] when the configured address or key can't be right.
    pub fn new(config: &Config, auth: &Auth, cache: QueryClient) -> Result<Self, BuildError> {
        let tokens = auth.clone();
        let held = Arc::new(Mutex::new(None::<String>));
        let realtime =
            RealtimeClient::builder(config.supabase_url.as_str(), config.anon_key.as_str())
                .token_source(move |need| {
                    let (auth, held) = (tokens.clone(), Arc::clone(&held));
                    async move {
                        let refused = (need == TokenNeed::Refused)
                            .then(|| lock(&held).clone())
                            .flatten();
                        let wanted = refused.as_deref().map_or(Wanted::Usable, Wanted::OtherThan);
                        match auth.access_token(wanted).await {
                            Ok(Some(token)) => {
                                *lock(&held) = Some(token.jwt.clone());
                                Ok(Some(AccessToken::new(token.jwt).expires_in(token.left)))
                            }
                            Ok(None) => Ok(None),
                            Err(_)
                                if matches!(
                                    auth.state().get_untracked(),
                                    AuthState::SignedOut(_)
                                ) =>
                            {
                                Err(TokenError::SessionEnded)
                            }
                            Err(_) => Err(TokenError::Unavailable),
                        }
                    }
                })
                .build()?;
        let feed = Self(Arc::new(Inner {
            status: ArcRwSignal::new(realtime.status().get()),
            realtime,
            cache,
            router: Mutex::new(Router::default()),
            followed: Mutex::new(HashMap::new()),
            polling: Mutex::new(Polling::Off),
            watching: Mutex::new(None),
        }));
        let watching = feed.0.realtime.status().subscribe({
            let feed = Arc::downgrade(&feed.0);
            move |snapshot| {
                if let Some(inner) = feed.upgrade() {
                    Self(inner).heed_status(snapshot);
                }
            }
        });
        *lock(&feed.0.watching) = Some(watching);
        Ok(feed)
    }

    /// Follows a table until the answer is dropped. However many follow it, the server is asked once.
    pub fn follow(&self, table: Table) -> Following {
        let following = Following {
            feed: self.clone(),
            table,
        };
        if let Some(followed) = lock(&self.0.followed).get_mut(&table) {
            followed.followers += 1;
            return following;
        }
        let binding = self.0.realtime.bind(Binding::table("public", table.name()));
        let feed = Arc::downgrade(&self.0);
        // A binding that lingered since the last follower says ready at once, and rightly makes us fetch again: nobody
        // listened in between.
        let listener = binding.on_event(move |event| {
            if let Some(inner) = feed.upgrade() {
                Self(inner).hear(table, event);
            }
        });
        let followed = Followed {
            followers: 1,
            farewells: 0,
            _listener: listener,
            _binding: binding,
        };
        lock(&self.0.followed).insert(table, followed);
        following
    }

    fn unfollow(&self, table: Table) {
        let farewell = {
            let mut followed = lock(&self.0.followed);
            let Some(entry) = followed.get_mut(&table) else {
                return;
            };
            entry.followers = entry.followers.saturating_sub(1);
            if entry.followers > 0 {
                return;
            }
            entry.farewells = entry.farewells.wrapping_add(1);
            entry.farewells
        };
        let feed = Arc::downgrade(&self.0);
        spawn_local(async move {
            sleep(LINGER).await;
            if let Some(inner) = feed.upgrade() {
                Self(inner).end_if_still_left(table, farewell);
            }
        });
    }

    fn end_if_still_left(&self, table: Table, farewell: u32) {
        let ended = {
            let mut followed = lock(&self.0.followed);
            let left = followed
                .get(&table)
                .is_some_and(|entry| entry.followers == 0 && entry.farewells == farewell);
            if left { followed.remove(&table) } else { None }
        };
        if ended.is_some() {
            // Nobody listens from here on, so nothing of this table may be taken for fresh when it is next looked at.
            let (filter, refetch) = selection(Work::Doubt(table));
            self.0
                .cache
                .invalidate_queries_with(filter, refetch, Overlap::Owe);
        }
        // Dropped outside the lock: ending a binding calls into the client.
        drop(ended);
    }

    /// The state of the feed, as a signal. Ages and countdowns in it are as of the last change of state; read
    /// [`Feed::status_now`] for the moment.
    pub fn status(&self) -> ArcReadSignal<StatusSnapshot> {
        self.0.status.read_only()
    }

    /// The state of the feed at this moment.
    pub fn status_now(&self) -> StatusSnapshot {
        self.0.realtime.status().get()
    }

    /// Tries again now.
    pub fn reconnect(&self) {
        self.0.realtime.reconnect();
    }

    /// Auth holds a new token.
    pub fn token_changed(&self) {
        self.0.realtime.token_changed();
    }

    /// From here on the feed and the cache are somebody else's: nothing of the former person stays.
    pub fn identify(&self, user: Option<Uuid>) {
        lock(&self.0.router).forget();
        self.0.cache.clear();
        self.0.realtime.set_identity(user.map(|id| id.to_string()));
    }

    fn hear(&self, table: Table, event: &BindingEvent) {
        let heard = match event {
            BindingEvent::Change(change) => heard(table, change),
            BindingEvent::Ready(_) => Heard::Ready,
            BindingEvent::Gap(_) => Heard::Gap,
            // The status says so, and polling stands in.
            BindingEvent::Refused(_) => Heard::Gap,
        };
        let due = lock(&self.0.router).hear(table, heard, Moment::now());
        let wait = match due {
            Due::AsSaid => return,
            Due::Now => Duration::ZERO,
            Due::In(wait) => wait,
        };
        let feed = Arc::downgrade(&self.0);
        spawn_local(async move {
            if !wait.is_zero() {
                sleep(wait).await;
            }
            if let Some(inner) = feed.upgrade() {
                Self(inner).work_off();
            }
        });
    }

    fn work_off(&self) {
        let work = lock(&self.0.router).work(Moment::now());
        for piece in work {
            let (filter, refetch) = selection(piece);
            self.0
                .cache
                .invalidate_queries_with(filter, refetch, Overlap::Owe);
        }
    }

    fn heed_status(&self, snapshot: &StatusSnapshot) {
        self.0.status.set(snapshot.clone());
        if trusted(&snapshot.status) {
            return;
        }
        if std::mem::replace(&mut *lock(&self.0.polling), Polling::On) == Polling::On {
            return;
        }
        let feed = Arc::downgrade(&self.0);
        spawn_local(async move {
            loop {
                sleep(POLL).await;
                let Some(feed) = feed.upgrade().map(Self) else {
                    return;
                };
                if trusted(&feed.status_now().status) {
                    *lock(&feed.0.polling) = Polling::Off;
                    return;
                }
                feed.0.cache.invalidate_queries(QueryFilter::all());
            }
        });
    }
}

/// Whether the feed itself brings what changes, or has nothing to bring.
fn trusted(status: &Status) -> bool {
    matches!(status, Status::Live)
}

/// What a change says about which row. Its values are not used: the database is asked again, under this person's rights.
fn heard(table: Table, change: &Change) -> Heard {
    let row = change
        .keyed_record()
        .and_then(|record| record.text(table.primary_key()));
    row.map_or(Heard::Unclear, |row| Heard::Row(row.into_owned()))
}

/// The queries that a piece of work is about.
fn selection(work: Work) -> (QueryFilter, Refetch) {
    match work {
        Work::All(table) => (QueryFilter::prefix(table.queries()), Refetch::Active),
        Work::Doubt(table) => (QueryFilter::prefix(table.queries()), Refetch::None),
        Work::Rows(table, rows) => {
            let touched = QueryFilter::prefix(table.queries()).matching(move |view| {
                table
                    .row_of(&view.key)
                    .is_none_or(|row| rows.contains(&row))
            });
            (touched, Refetch::Active)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
