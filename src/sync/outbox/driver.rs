//! The outbox in the browser: carries out what the [`Queue`] decides, on the disk, the network and the cache. It decides
//! nothing itself.
//!
//! Each tab has the whole queue before it, from the disk; whoever has something to send takes the turn among tabs, looks at the
//! disk again, and sends. So each save goes out once, whichever tab it was made in, and the tab that dies leaves nothing behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedside_query::QueryClient;
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::future::{AbortHandle, Either, abortable, select};
use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::{
    ArcReadSignal, ArcRwSignal, GetUntracked, Set, Update, window_event_listener,
};
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use uuid::Uuid;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::BroadcastChannel;

use super::change::{Change, Columns};
use super::entry::{Clash, Entry};
use super::merge::Side;
use super::queue::{Effect, Outcome, Queue, Reply, Request};
use super::show;
use super::vault::{self, Refused, Vault};
use crate::data::Rest;
use crate::data::clock::{Moment, unix_seconds};
use crate::data::tab_turn::TabTurn;
use crate::data::written::Written;

/// The name of the turn, and of the channel on which tabs nudge each other.
const NAME: &str = "bedside.outbox";
/// Longer than a person should wait for "saved": then they are told that it is kept and will be sent.
const PATIENCE: Duration = Duration::from_secs(3);

/// The outbox of this page. Clones share it.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    rest: Rest,
    cache: QueryClient,
    /// Never locked while the cache is called, or across an await.
    state: Mutex<State>,
    view: ArcRwSignal<View>,
    news: ArcRwSignal<Vec<News>>,
    tabs: Option<SendWrapper<BroadcastChannel>>,
}

#[derive(Default)]
struct State {
    user: Option<Uuid>,
    queue: Queue,
    /// Those who saved and wait for a first word.
    first: HashMap<Uuid, Vec<oneshot::Sender<Outcome>>>,
    /// The optimistic changes on the screen, which wait for the last word.
    last: HashMap<Uuid, Vec<oneshot::Sender<Outcome>>>,
    disk: Option<mpsc::UnboundedSender<Disk>>,
    sending: Option<AbortHandle>,
    alarm: Option<Moment>,
    kept: Kept,
}

/// Where saves are until the server has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// On disk: they survive the tab.
    #[default]
    OnDisk,
    /// In this tab only; the browser refuses to keep them.
    InMemory,
}

/// The outbox as the screen sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Oldest first.
    pub entries: Arc<Vec<Entry>>,
    pub kept: Kept,
}

impl View {
    /// How many saves wait to be sent.
    pub fn waiting(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.is_waiting())
            .count()
    }

    /// How many wait for a person.
    pub fn stopped(&self) -> usize {
        self.entries.len().saturating_sub(self.waiting())
    }
}

/// What became of a save that nobody waits for any more.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    pub change: Change,
    pub outcome: Outcome,
}

/// A save that was taken in.
#[must_use = "tell the person how it went"]
pub struct Saving {
    /// The entry that stands for it, for [`Outbox::resolve`] and [`Outbox::withdraw`].
    pub id: Uuid,
    told: oneshot::Receiver<Outcome>,
}

impl Saving {
    /// The first word about it: stored, refused, in conflict; or that it waits, as soon as that is clear.
    pub async fn outcome(self) -> Outcome {
        match select(self.told, Box::pin(sleep(PATIENCE))).await {
            Either::Left((told, _)) => told.unwrap_or(Outcome::Waiting),
            Either::Right(_) => Outcome::Waiting,
        }
    }
}

/// What the disk is asked, in this order.
enum Disk {
    Keep(Box<Entry>),
    Drop(Uuid),
    Load(oneshot::Sender<Option<Vec<Entry>>>),
}

impl Outbox {
    /// An outbox for nobody yet; see [`Outbox::identify`].
    pub fn new(rest: Rest, cache: QueryClient) -> Self {
        let tabs = BroadcastChannel::new(NAME).ok().map(SendWrapper::new);
        let outbox = Self(Arc::new(Inner {
            rest,
            cache,
            state: Mutex::default(),
            view: ArcRwSignal::default(),
            news: ArcRwSignal::default(),
            tabs,
        }));
        outbox.listen();
        outbox
    }

    /// Takes a save: it is on the screen when this returns, on disk and on its way as soon as that is possible.
    pub fn save(&self, change: Change) -> Saving {
        let (tell, told) = oneshot::channel();
        let id = self.decide(|state| {
            let millis = unix_seconds().saturating_mul(1_000);
            let (id, effects) = state.queue.save(Uuid::new_v4(), change.clone(), millis);
            state.first.entry(id).or_default().push(tell);
            // Somebody is here and wants it done: no pause is worth waiting for.
            state.queue.wake();
            (id, effects)
        });
        self.show(id, change);
        self.send();
        Saving { id, told }
    }

    /// Takes a save in the place of one that was stopped: the person has mended it.
    pub fn save_instead(&self, id: Uuid, change: Change) -> Saving {
        self.withdraw(id);
        self.save(change)
    }

    /// The person chose whose values count, field by field; fields that are not named stay as typed. It is sent again.
    pub fn resolve(&self, id: Uuid, choices: &[(String, Side)]) {
        self.decide(|state| ((), state.queue.resolve(id, choices)));
        self.send();
    }

    /// The person wants a refused save sent once more.
    pub fn retry(&self, id: Uuid) {
        self.decide(|state| ((), state.queue.retry(id)));
        self.send();
    }

    /// The person takes a save back.
    pub fn withdraw(&self, id: Uuid) {
        self.decide(|state| ((), state.queue.withdraw(id)));
    }

    /// The network may be back: what waits is tried at once.
    pub fn wake(&self) {
        self.decide(|state| {
            state.queue.wake();
            ((), Vec::new())
        });
        self.send();
    }

    /// The outbox, as a signal.
    pub fn view(&self) -> ArcReadSignal<View> {
        self.0.view.read_only()
    }

    /// What became of saves that nobody waited for; each is given once. Follow [`Outbox::news_signal`] to know when to ask.
    pub fn take_news(&self) -> Vec<News> {
        let news = self.0.news.get_untracked();
        if !news.is_empty() {
            self.0.news.set(Vec::new());
        }
        news
    }

    /// Moves when there is news.
    pub fn news_signal(&self) -> ArcReadSignal<Vec<News>> {
        self.0.news.read_only()
    }

    /// From here on the outbox is somebody else's. `wipe`: what the former person left goes from the disk, too.
    pub fn identify(&self, user: Option<Uuid>, wipe: Wipe) {
        let former = {
            let mut state = lock(&self.0.state);
            let former = std::mem::take(&mut *state);
            state.user = user;
            former
        };
        if let Some(sending) = &former.sending {
            // The request in flight is dropped with it, before a token of the next person could go out with it.
            sending.abort();
        }
        drop(former);
        self.refresh();
        let outbox = self.clone();
        let (disk, asked) = mpsc::unbounded();
        if user.is_some() {
            lock(&self.0.state).disk = Some(disk);
        }
        spawn_local(async move {
            if wipe == Wipe::All || user.is_some() {
                // Refused: then there is nothing to wipe, or nothing that could be done about it.
                let _ = vault::wipe_all_but(user.filter(|_| wipe == Wipe::Others)).await;
            }
            if let Some(user) = user {
                outbox.keep_for(user, asked).await;
            }
        });
        if user.is_some() {
            self.look();
        }
    }

    /// Does what the disk is asked, one after the other, until the person is another.
    async fn keep_for(&self, user: Uuid, mut asked: mpsc::UnboundedReceiver<Disk>) {
        let vault = Vault::open(user).await;
        if vault.is_err() {
            self.refused(user);
        }
        while let Some(disk) = asked.next().await {
            let vault = vault.as_ref().map_err(|refused| *refused);
            let done = match disk {
                Disk::Keep(entry) => match vault {
                    Ok(vault) => vault.keep(&entry).await.map(|()| {
                        if self.is_for(user) {
                            lock(&self.0.state).queue.kept(&entry);
                        }
                    }),
                    Err(refused) => Err(refused),
                },
                Disk::Drop(id) => match vault {
                    Ok(vault) => vault.drop(id).await,
                    Err(refused) => Err(refused),
                },
                Disk::Load(answer) => {
                    let entries = match vault {
                        Ok(vault) => vault.all().await.ok(),
                        Err(_) => None,
                    };
                    // Whoever asked may be gone.
                    let _ = answer.send(entries);
                    continue;
                }
            };
            match done {
                Ok(()) => self.nudge(),
                Err(Refused) => self.refused(user),
            }
        }
    }

    fn refused(&self, user: Uuid) {
        if self.is_for(user) {
            lock(&self.0.state).kept = Kept::InMemory;
            self.refresh();
        }
    }

    fn is_for(&self, user: Uuid) -> bool {
        lock(&self.0.state).user == Some(user)
    }

    /// Looks at the disk, where other tabs may have left something, and sends what there is to send.
    fn look(&self) {
        let outbox = self.clone();
        spawn_local(async move {
            outbox.follow_disk().await;
            outbox.send();
        });
    }

    async fn follow_disk(&self) {
        let (answer, entries) = oneshot::channel();
        let user = {
            let state = lock(&self.0.state);
            let Some(disk) = &state.disk else { return };
            // Without the disk's worker there is no disk.
            let _ = disk.unbounded_send(Disk::Load(answer));
            state.user
        };
        let Ok(Some(entries)) = entries.await else {
            return;
        };
        self.decide(|state| {
            let effects = if state.user == user {
                state.queue.follow(entries)
            } else {
                Vec::new()
            };
            ((), effects)
        });
    }

    /// Sends what may be sent, unless that is being done.
    fn send(&self) {
        let outbox = self.clone();
        let (sending, abort) = abortable(async move { outbox.send_all().await });
        {
            let mut state = lock(&self.0.state);
            let now = Moment::now();
            let nothing = state.queue.due(now).is_none_or(|due| due > now);
            if state.user.is_none() || state.sending.is_some() {
                return;
            }
            if nothing {
                drop(state);
                return self.set_alarm();
            }
            state.sending = Some(abort);
        }
        spawn_local(async move {
            // Aborted: the person is another, and the outbox has been told so.
            let _ = sending.await;
        });
    }

    async fn send_all(&self) {
        {
            let _turn = TabTurn::take(NAME).await;
            // What another tab sent meanwhile is not sent again.
            self.follow_disk().await;
            while let Some(send) = self.next() {
                let id = send.entry.id;
                if let Some(disk) = &lock(&self.0.state).disk {
                    // Before it goes out, the disk knows that it may have gone out.
                    let _ = disk.unbounded_send(Disk::Keep(Box::new(send.entry)));
                }
                let reply = self.exchange(send.request).await;
                self.decide(|state| ((), state.queue.answered(id, reply, Moment::now())));
            }
            // The disk is up to date before the next tab looks at it.
            self.flushed().await;
        }
        lock(&self.0.state).sending = None;
        // Something may have come in between the last look and now.
        self.send();
    }

    fn next(&self) -> Option<super::queue::Send> {
        let send = lock(&self.0.state).queue.next(Moment::now());
        self.refresh();
        send
    }

    async fn flushed(&self) {
        let (answer, entries) = oneshot::channel();
        if let Some(disk) = &lock(&self.0.state).disk {
            let _ = disk.unbounded_send(Disk::Load(answer));
        }
        let _ = entries.await;
    }

    async fn exchange(&self, request: Request) -> Reply {
        let rest = &self.0.rest;
        let body = |columns: Columns| serde_json::Value::Object(columns).to_string();
        let writes = match &request {
            Request::Insert { table, .. } | Request::Update { table, .. } => Some(table.name()),
            Request::Read { .. } => None,
        };
        let request = match request {
            Request::Insert { table, columns } => {
                rest.table(table.name()).insert(body(columns)).select("*")
            }
            Request::Update {
                table,
                row,
                version,
                columns,
            } => rest
                .table(table.name())
                .update(body(columns))
                .eq(table.primary_key(), row.to_string())
                .eq("version", version.to_string())
                .select("*"),
            Request::Read { table, row } => rest
                .table(table.name())
                .select("*")
                .eq(table.primary_key(), row.to_string()),
        };
        match rest.rows::<Columns>(request).await {
            Ok(rows) => {
                let row = rows.into_iter().next();
                // The echo of an own write is then known for what it is.
                let written = writes
                    .zip(row.as_ref())
                    .and_then(|(table, row)| written(table, row));
                if let Some(written) = written {
                    rest.writes().tell(written);
                }
                row.map_or(Reply::NoRow, Reply::Row)
            }
            Err(error) => Reply::Trouble(error),
        }
    }

    /// Shows a save over the rows until the last word about it.
    fn show(&self, id: Uuid, change: Change) {
        let (tell, told) = oneshot::channel();
        lock(&self.0.state).last.entry(id).or_default().push(tell);
        show::until_told(&self.0.cache, change, told);
    }

    /// Asks the queue and does what it says. The state is free again before anything is done.
    fn decide<T>(&self, ask: impl FnOnce(&mut State) -> (T, Vec<Effect>)) -> T {
        let (answer, effects) = ask(&mut lock(&self.0.state));
        for effect in effects {
            self.carry_out(effect);
        }
        self.refresh();
        answer
    }

    fn carry_out(&self, effect: Effect) {
        let disk = lock(&self.0.state).disk.clone();
        let ask = |what: Disk| {
            if let Some(disk) = &disk {
                // Without the disk's worker there is no disk.
                let _ = disk.unbounded_send(what);
            }
        };
        match effect {
            Effect::Keep(entry) => ask(Disk::Keep(entry)),
            Effect::Drop(id) => ask(Disk::Drop(id)),
            Effect::Show(entry) => self.show(entry.id, entry.change),
            Effect::Tell(entry, Outcome::Elsewhere) => self.ask_elsewhere(*entry),
            Effect::Tell(entry, outcome) => self.tell(*entry, outcome),
        }
    }

    fn tell(&self, entry: Entry, outcome: Outcome) {
        let (first, last) = {
            let mut state = lock(&self.0.state);
            let first = state.first.remove(&entry.id).unwrap_or_default();
            let last = match outcome {
                Outcome::Waiting => Vec::new(),
                _ => state.last.remove(&entry.id).unwrap_or_default(),
            };
            (first, last)
        };
        let mut heard = matches!(outcome, Outcome::Waiting | Outcome::Withdrawn);
        for waits in first {
            heard |= waits.send(outcome.clone()).is_ok();
        }
        if let Outcome::Conflict(Clash { row, .. }) = &outcome {
            // What is true now, for whoever has to choose.
            show::settle(&self.0.cache, entry.change.table, row);
        }
        for waits in last {
            // The cache may have been cleared.
            let _ = waits.send(outcome.clone());
        }
        if !heard {
            let change = entry.change;
            self.0
                .news
                .update(|news| news.push(News { change, outcome }));
        }
    }

    /// Another tab saw to it: the row says how.
    fn ask_elsewhere(&self, entry: Entry) {
        let outbox = self.clone();
        spawn_local(async move {
            let request = Request::Read {
                table: entry.change.table,
                row: entry.change.row,
            };
            let row = match outbox.exchange(request).await {
                Reply::Row(row) => row,
                Reply::NoRow | Reply::Trouble(_) => Columns::new(),
            };
            let (first, last) = {
                let mut state = lock(&outbox.0.state);
                let first = state.first.remove(&entry.id).unwrap_or_default();
                (first, state.last.remove(&entry.id).unwrap_or_default())
            };
            for waits in first.into_iter().chain(last) {
                let _ = waits.send(Outcome::Stored(row.clone()));
            }
        });
    }

    /// Tells the screen how the outbox is.
    fn refresh(&self) {
        let view = {
            let state = lock(&self.0.state);
            View {
                entries: Arc::new(state.queue.entries().to_vec()),
                kept: state.kept,
            }
        };
        if self.0.view.get_untracked() != view {
            self.0.view.set(view);
        }
    }

    /// One timer for the next attempt.
    fn set_alarm(&self) {
        let due = {
            let mut state = lock(&self.0.state);
            let due = state.queue.due(Moment::now());
            if state.alarm == due {
                return;
            }
            state.alarm = due;
            due
        };
        let Some(due) = due else { return };
        let outbox = Arc::downgrade(&self.0);
        spawn_local(async move {
            sleep(due.since(Moment::now())).await;
            let Some(outbox) = outbox.upgrade().map(Self) else {
                return;
            };
            // Another time was set meanwhile: that one's task comes.
            let mine = {
                let mut state = lock(&outbox.0.state);
                let mine = state.alarm == Some(due);
                if mine {
                    state.alarm = None;
                }
                mine
            };
            if mine {
                outbox.send();
            }
        });
    }

    /// Tells the other tabs that the disk has changed.
    fn nudge(&self) {
        if let Some(tabs) = &self.0.tabs {
            // Nobody there is no trouble.
            let _ = tabs.post_message(&JsValue::NULL);
        }
    }

    /// Listens to the other tabs, and to the network, for the life of the page.
    fn listen(&self) {
        if let Some(tabs) = &self.0.tabs {
            let outbox = self.clone();
            let nudged = Closure::<dyn Fn()>::new(move || outbox.look());
            tabs.set_onmessage(Some(nudged.as_ref().unchecked_ref()));
            nudged.forget();
        }
        let outbox = self.clone();
        std::mem::forget(window_event_listener(ev::online, move |_| outbox.wake()));
        let outbox = self.clone();
        std::mem::forget(window_event_listener(ev::beforeunload, move |event| {
            let view = outbox.0.view.get_untracked();
            // What is only in this tab goes with it: the browser asks first.
            if view.kept == Kept::InMemory && !view.entries.is_empty() {
                event.prevent_default();
            }
        }));
    }
}

/// What goes from the disk when the person changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wipe {
    /// What is not this person's. With nobody signed in, nothing: the session ran out, and the same person may come back.
    Others,
    /// Everything: the person signed out.
    All,
}

fn written(table: &'static str, row: &Columns) -> Option<Written> {
    let id = row.get("id")?.as_str()?;
    Some(Written {
        table,
        id: Uuid::parse_str(id).ok()?,
        version: row.get("version")?.as_i64()?,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
