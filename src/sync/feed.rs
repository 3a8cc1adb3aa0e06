//! The sync in the browser: carries out what the [`Core`] decides, on the line to the feed and the cache, and brings it what
//! they say. It decides nothing itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedside_query::{QueryClient, Refetch};
use bedside_realtime::{
    Access, AccessToken, Binding, BindingEvent, BuildError, Echo, Gap, Liveness, RealtimeClient,
    Room, RoomEvent, StatusSnapshot, TokenError, TokenNeed,
};
use leptos::prelude::{ArcReadSignal, ArcRwSignal, GetUntracked, Set};
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use uuid::Uuid;

use super::catch_up::{Fetch, Mode, Stats};
use super::core::{Core, ECHO, Effect};
use super::ears::{Ears, Hearing, Word};
use super::registry::Table;
use super::router::{Heard, SPREAD};
use super::tabs::{Bound, Leadership, Line, Seat};
use super::tally::Tally;
use super::{cache, log, news};
use crate::data::auth::Wanted;
use crate::data::clock::{Moment, sleep_until, unix_millis};
use crate::data::{Auth, AuthState, Config, Pace, Rest, Written, heartbeat};
use crate::model::Version;

/// The live feed of one page. Clones share it.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    line: Line,
    cache: QueryClient,
    /// Never locked while the realtime client or the cache is called: both may call back.
    core: Mutex<Core>,
    pace: Pace,
    tables: Mutex<HashMap<Table, Bound>>,
    attendance: Mutex<Option<Attendance>>,
    rest: Rest,
    ears: Ears,
    tally: Mutex<Tally>,
    /// Whether the server has said of a table that is bound that it listens.
    listens: Mutex<HashMap<Table, Listens>>,
    status: ArcRwSignal<StatusSnapshot>,
    overdue: ArcRwSignal<bool>,
    /// For when the one timer is set.
    alarm: Mutex<Option<Moment>>,
}

/// What is listened to for the signed-in person, besides tables.
struct Attendance {
    _room: Seat,
    beats: Option<Bound>,
    liveness: Option<Bound>,
}

/// What is proven about the rows on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub mode: Mode,
    pub is_proven: bool,
    /// Everything on the screen is as of then, or newer.
    pub age: Option<Duration>,
    pub watermark: Option<String>,
    pub stats: Stats,
}

/// Whether the server has said of a binding that it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    Ready,
    NotYet,
}

/// Follows a table for as long as it lives.
#[must_use = "dropping it stops following"]
pub struct Following {
    feed: Feed,
    table: Table,
}

impl Drop for Following {
    fn drop(&mut self) {
        let table = self.table;
        self.feed.decide(|core, now| {
            core.unfollow(table, now);
            Vec::new()
        });
    }
}

impl Feed {
    /// Makes the feed. No socket is opened before a table is followed.
    ///
    /// # Errors
    /// [`BuildError`] when the configured address or key can't be right.
    pub fn new(
        config: &Config,
        auth: &Auth,
        rest: Rest,
        cache: QueryClient,
    ) -> Result<Self, BuildError> {
        // What can't be right is said at once, whichever tab leads.
        builder(config, auth).build()?.shutdown();
        let pace = config.pace;
        let (config, auth) = (config.clone(), auth.clone());
        let line = Line::new(move || builder(&config, &auth).build().ok());
        let feed = Self(Arc::new(Inner {
            status: ArcRwSignal::new(line.status()),
            overdue: ArcRwSignal::new(false),
            line,
            cache,
            core: Mutex::new(Core::new(SPREAD.mul_f64(js_sys::Math::random()), pace)),
            pace,
            tables: Mutex::default(),
            attendance: Mutex::default(),
            rest,
            ears: Ears::default(),
            tally: Mutex::default(),
            listens: Mutex::default(),
            alarm: Mutex::default(),
        }));
        feed.0.line.on_status({
            let feed = feed.weakly();
            move |snapshot| {
                feed(&|feed| {
                    feed.0.status.set(snapshot.clone());
                    let trust = news::trust(&snapshot.status);
                    feed.decide(|core, now| {
                        core.trust(trust, now);
                        Vec::new()
                    });
                });
            }
        });
        Ok(feed)
    }

    /// Follows a table until the answer is dropped. However many follow it, the server is asked once.
    pub fn follow(&self, table: Table) -> Following {
        self.decide(|core, now| core.follow(table, now));
        Following {
            feed: self.clone(),
            table,
        }
    }

    /// Calls back with every word of the feed until the answer is dropped, after the cache has done with it. Hearing alone binds
    /// nothing: follow the tables that matter.
    pub fn hear(&self, ear: impl Fn(Word<'_>) + Send + Sync + 'static) -> Hearing {
        self.0.ears.add(ear)
    }

    /// The database accepted a write of this person.
    pub fn wrote(&self, written: Written) {
        self.0.ears.say(Word::Wrote(written));
        if let Some(table) = Table::named(written.table) {
            self.decide(|core, now| core.wrote(table, written.id, written.version, now));
        }
    }

    /// Whether this page wrote that version of a row.
    pub fn is_own(&self, table: &str, id: Uuid, version: Version) -> bool {
        self.0.ears.is_own(table, id, version)
    }

    /// Whose feed it is.
    pub fn user(&self) -> Option<Uuid> {
        let core = lock(&self.0.core);
        core.identity().and_then(|user| Uuid::parse_str(user).ok())
    }

    /// Enters a room, until the answer is dropped.
    pub fn enter(&self, room: Room, on_event: impl Fn(&RoomEvent) + Send + Sync + 'static) -> Seat {
        self.0.line.enter(room, on_event)
    }

    /// Which of this person's tabs holds the socket, as a signal.
    pub fn leadership(&self) -> ArcReadSignal<Leadership> {
        self.0.line.leadership()
    }

    /// The state of the feed, as a signal. Ages and countdowns in it are as of the last change of state; read
    /// [`Feed::status_now`] for the moment.
    pub fn status(&self) -> ArcReadSignal<StatusSnapshot> {
        self.0.status.read_only()
    }

    /// The state of the feed at this moment.
    pub fn status_now(&self) -> StatusSnapshot {
        self.0.line.status()
    }

    /// What has come in so far.
    pub fn tally(&self) -> Tally {
        lock(&self.0.tally).clone()
    }

    /// What is known to have been missed, the oldest first.
    pub fn gaps(&self) -> Vec<Gap> {
        self.0.line.gaps()
    }

    /// The tables that are listened to, and whether the server has said that it listens.
    pub fn bindings(&self) -> Vec<(Table, Listens)> {
        let listens = lock(&self.0.listens);
        let bound = |table: &Table| Some((*table, *listens.get(table)?));
        Table::ALL.iter().filter_map(bound).collect()
    }

    /// What went over the socket lately, as JSON: no tokens, rows, messages or filters.
    pub fn trace_json(&self) -> String {
        self.0.line.trace_json()
    }

    /// Whether the database should have verified by now what is on the screen, as a signal.
    pub fn overdue(&self) -> ArcReadSignal<bool> {
        self.0.overdue.read_only()
    }

    /// What the catch-up has asked and found, up to which watermark, and how long ago everything was last proven.
    pub fn proof(&self) -> Proof {
        let now = Moment::now();
        let core = lock(&self.0.core);
        let catch_up = core.catch_up();
        Proof {
            mode: catch_up.mode(),
            is_proven: catch_up.is_proven(now),
            age: catch_up.proven_at().map(|at| now.since(at)),
            watermark: catch_up.watermark().map(str::to_owned),
            stats: catch_up.stats().clone(),
        }
    }

    /// The page can be seen, or not.
    pub fn set_hidden(&self, hidden: bool) {
        self.decide(|core, now| {
            core.set_hidden(hidden, now);
            Vec::new()
        });
    }

    /// Somebody looks at the page again.
    pub fn seen(&self) {
        self.0.line.ask_now_and_then();
        self.decide(Core::seen);
    }

    /// Tries again now.
    pub fn reconnect(&self) {
        self.0.line.reconnect();
    }

    /// Auth holds a new token.
    pub fn token_changed(&self) {
        self.0.line.token_changed();
    }

    /// From here on the feed and the cache are somebody else's: nothing of the former person stays.
    pub fn identify(&self, user: Option<Uuid>) {
        let user = user.map(|id| id.to_string());
        self.decide(|core, now| core.identify(user, now));
    }

    /// Asks the core and does what it says. The core is free again before anything is done.
    fn decide(&self, ask: impl FnOnce(&mut Core, Moment) -> Vec<Effect>) {
        let (effects, due, overdue) = {
            let mut core = lock(&self.0.core);
            let effects = ask(&mut core, Moment::now());
            (effects, core.due(), core.catch_up().is_overdue())
        };
        if self.0.overdue.get_untracked() != overdue {
            self.0.overdue.set(overdue);
        }
        for effect in effects {
            self.carry_out(effect);
        }
        self.set_alarm(due);
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Bind(table) => self.bind(table),
            Effect::Unbind(table) => {
                lock(&self.0.listens).remove(&table);
                let ended = lock(&self.0.tables).remove(&table);
                // Dropped outside the lock: ending a binding calls into the client.
                drop(ended);
            }
            Effect::Attend(user) => self.attend(&user),
            Effect::Beats => self.listen_to_beats(),
            Effect::Watch => self.watch(),
            Effect::Depart => {
                let ended = lock(&self.0.attendance).take();
                drop(ended);
            }
            Effect::Sound => self.sound(),
            Effect::Ask { number, since } => self.ask(number, since),
            Effect::Fetch(fetch) => self.fetch(fetch),
            Effect::Checked(missed) => self.0.line.feed_checked(missed),
            Effect::Apply(changes) => cache::apply(&self.0.cache, changes, Refetch::None),
            Effect::Heal(changes) => cache::apply(&self.0.cache, changes, Refetch::Active),
            Effect::Cache(work) => cache::question(&self.0.cache, work),
            Effect::Drop(lost) => {
                cache::drop_lost(&self.0.cache, &lost);
                self.0.ears.say(Word::Lost(&lost));
            }
            Effect::Forget => {
                self.0.cache.clear();
                self.0.ears.say(Word::Forget);
            }
            Effect::Expect(table, row) => {
                let echo = Echo::of("public", table.name(), table.primary_key(), row);
                self.0.line.expect_echo(echo, ECHO);
            }
            Effect::Identify(user) => self.0.line.identify(user.as_deref()),
        }
    }

    fn bind(&self, table: Table) {
        let feed = self.weakly();
        // A binding that lingered since the last follower says ready at once, and rightly makes us fetch again: nobody
        // listened in between.
        lock(&self.0.listens).insert(table, Listens::NotYet);
        let binding = Binding::table("public", table.name());
        let bound = self.0.line.bind(binding, move |event| {
            feed(&|feed| {
                let heard = feed.take_in(table, event);
                feed.decide(|core, now| core.hear(table, heard, now));
                feed.0.ears.say(Word::Said(table, event));
            });
        });
        lock(&self.0.tables).insert(table, bound);
    }

    /// What an event says, counted on the way.
    fn take_in(&self, table: Table, event: &BindingEvent) -> Heard {
        let change = match event {
            BindingEvent::Change(change) => change,
            BindingEvent::Ready(_) => {
                lock(&self.0.listens).insert(table, Listens::Ready);
                return news::heard(table, event);
            }
            BindingEvent::Gap(_) | BindingEvent::Refused(_) => {
                lock(&self.0.listens).insert(table, Listens::NotYet);
                return news::heard(table, event);
            }
        };
        let now = unix_millis();
        let fault = news::fault(table, change, now);
        let mut tally = lock(&self.0.tally);
        tally.event(table, news::committed(change), now);
        match fault {
            None => news::heard(table, event),
            Some(fault) => {
                tally.fault(fault);
                Heard::Unclear
            }
        }
    }

    /// Asks whether there is a heartbeat at all.
    fn sound(&self) {
        let rest = self.0.rest.clone();
        let feed = self.weakly();
        spawn_local(async move {
            // Without an answer, the first beat will tell.
            if let Ok(beats) = heartbeat::beats(rest).await {
                feed(&|feed| feed.decide(|core, _| core.sounded(beats)));
            }
        });
    }

    fn attend(&self, user: &str) {
        let room = Room::named(news::room_of(user)).access(Access::Private);
        let feed = self.weakly();
        let room = self.0.line.enter(room, move |event| {
            if let Some(told) = news::told(event) {
                feed(&|feed| feed.decide(|core, now| core.told(told.clone(), now)));
            }
        });
        let attendance = Attendance {
            _room: room,
            beats: None,
            liveness: None,
        };
        *lock(&self.0.attendance) = Some(attendance);
    }

    fn listen_to_beats(&self) {
        let feed = self.weakly();
        let beats = self.0.line.bind(beats(), move |event| {
            feed(&|feed| match event {
                BindingEvent::Change(_) => feed.decide(Core::beat),
                BindingEvent::Ready(_) => feed.decide(|core, _| core.beats_ready()),
                BindingEvent::Gap(_) | BindingEvent::Refused(_) => {}
            });
        });
        let ended = match &mut *lock(&self.0.attendance) {
            Some(attendance) => attendance.beats.replace(beats),
            None => Some(beats),
        };
        drop(ended);
    }

    /// Asks the database what changed since a watermark.
    fn ask(&self, number: u64, since: Option<String>) {
        let rest = self.0.rest.clone();
        let feed = self.weakly();
        spawn_local(async move {
            let answer = log::feed_since(&rest, since.as_deref()).await;
            feed(&|feed| feed.decide(|core, now| core.answered(number, answer.clone(), now)));
        });
    }

    /// Fetches rows that the feed didn't bring.
    fn fetch(&self, fetch: Fetch) {
        let rest = self.0.rest.clone();
        let feed = self.weakly();
        spawn_local(async move {
            let rows = log::rows(&rest, &fetch).await;
            feed(&|feed| feed.decide(|core, now| core.fetched(&fetch, rows.clone(), now)));
        });
    }

    fn watch(&self) {
        let watched = Liveness::new(beats(), "beat", self.0.pace.heartbeat());
        let liveness = self.0.line.watch_liveness(watched);
        let unheard = match &mut *lock(&self.0.attendance) {
            Some(attendance) => attendance.liveness.replace(liveness),
            None => Some(liveness),
        };
        drop(unheard);
    }

    /// One timer for whatever the core waits for.
    fn set_alarm(&self, due: Option<Moment>) {
        let before = std::mem::replace(&mut *lock(&self.0.alarm), due);
        let Some(due) = due.filter(|_| before != due) else {
            return;
        };
        let feed = self.weakly();
        spawn_local(async move {
            sleep_until(due).await;
            feed(&|feed| {
                // Another time was set meanwhile: that one's task comes.
                if *lock(&feed.0.alarm) == Some(due) {
                    *lock(&feed.0.alarm) = None;
                    feed.decide(Core::wake);
                }
            });
        });
    }

    /// Calls with the feed while there is one: what the feed holds must not hold the feed.
    fn weakly(&self) -> impl Fn(&dyn Fn(&Self)) + Send + Sync + 'static {
        let feed = Arc::downgrade(&self.0);
        move |call| {
            if let Some(inner) = feed.upgrade() {
                call(&Self(inner));
            }
        }
    }
}

/// How a tab that leads makes its client.
fn builder(config: &Config, auth: &Auth) -> bedside_realtime::client::Builder {
    let tokens = auth.clone();
    let held = Arc::new(Mutex::new(None::<String>));
    let builder = RealtimeClient::builder(&config.supabase_url, &config.publishable_key)
        .token_source(move |need| {
            let (auth, held) = (tokens.clone(), Arc::clone(&held));
            // Natively a client may move between threads; this one never leaves the page's only one.
            SendWrapper::new(async move {
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
                    Err(_) if matches!(auth.state().get_untracked(), AuthState::SignedOut(_)) => {
                        Err(TokenError::SessionEnded)
                    }
                    Err(_) => Err(TokenError::Unavailable),
                }
            })
        });
    // The embedded backend has no limit on events, and no crowd that has to come back spread out after a restart.
    if config.demo {
        builder
            .event_rate(None)
            .tune(|engine| (engine.restart_spread, engine.loss_spread) = (1_000, 1_000))
    } else {
        builder
    }
}

/// The feed's heartbeat.
fn beats() -> Binding {
    Binding::table("public", "feed_heartbeat")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
