//! The outbox in the browser: carries out what the [`Queue`] decides, on the disk, the network and the cache. It decides
//! nothing itself.
//!
//! Each tab has the whole queue before it, from the disk; whoever has something to send takes the turn among tabs, looks at the
//! disk again, and sends. So each save goes out once, whichever tab it was made in, and the tab that dies leaves nothing behind.

mod disk;
mod send;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bedside_query::QueryClient;
use futures::channel::{mpsc, oneshot};
use futures::future::AbortHandle;
use leptos::ev;
use leptos::prelude::{
    ArcReadSignal, ArcRwSignal, GetUntracked, Set, Update, window_event_listener,
};
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::BroadcastChannel;

use self::disk::Disk;
pub use self::view::{Kept, News, Saving, View};
use super::change::{Change, Columns};
use super::entry::{Clash, Entry};
use super::merge::Side;
use super::queue::{Effect, Outcome, Queue, Reply, Request};
use super::show;
use crate::data::Rest;
use crate::data::clock::{Moment, unix_seconds};
use crate::data::session::User;
pub use crate::sync::vault::Pending;
use crate::sync::vault::{self, Shelf};

/// The name of the turn, and of the channel on which tabs nudge each other.
const NAME: &str = "bedside.outbox";
/// The outbox of this page. Clones share it.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    rest: Rest,
    cache: QueryClient,
    /// Never locked while the cache is called, or across an await.
    state: Mutex<State>,
    /// Queues of people who are not signed in any more, with saves that the disk has refused. They go on when their person is back.
    aside: Mutex<HashMap<Uuid, Queue>>,
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
    /// Saves on disk that this version of the app can't read.
    unreadable: usize,
}

impl Outbox {
    /// An outbox for nobody yet; see [`Outbox::identify`].
    pub fn new(rest: Rest, cache: QueryClient) -> Self {
        let tabs = BroadcastChannel::new(NAME).ok().map(SendWrapper::new);
        let outbox = Self(Arc::new(Inner {
            rest,
            cache,
            state: Mutex::default(),
            aside: Mutex::default(),
            view: ArcRwSignal::default(),
            news: ArcRwSignal::default(),
            tabs,
        }));
        outbox.listen();
        outbox
    }

    /// Takes a save: it is on the screen when this returns, on disk and on its way as soon as that is possible.
    pub fn save(&self, change: Change) -> Saving {
        self.take_in(change, |queue, id, change, millis| {
            queue.save(id, change, millis)
        })
    }

    /// Takes a save in the place of one that was stopped: the person has corrected it.
    pub fn save_instead(&self, old: Uuid, change: Change) -> Saving {
        self.take_in(change, |queue, id, change, millis| {
            queue.save_instead(old, id, change, millis)
        })
    }

    /// Goes on from a save that was refused: both are one new save.
    pub fn amend(&self, refused: Uuid, change: Change) -> Saving {
        self.take_in(change, |queue, id, change, millis| {
            queue.amend(refused, id, change, millis)
        })
    }

    fn take_in(
        &self,
        change: Change,
        save: impl FnOnce(&mut Queue, Uuid, Change, u64) -> Vec<Effect>,
    ) -> Saving {
        let (tell, told) = oneshot::channel();
        let id = Uuid::new_v4();
        self.decide(|state| {
            let millis = unix_seconds().saturating_mul(1_000);
            let effects = save(&mut state.queue, id, change.clone(), millis);
            state.first.entry(id).or_default().push(tell);
            // Somebody is here and wants it done: no pause is worth waiting for.
            state.queue.wake();
            ((), effects)
        });
        self.show(id, change);
        self.send();
        Saving { id, told }
    }

    /// Where saves are until the server has them.
    pub fn kept(&self) -> Kept {
        lock(&self.0.state).kept
    }

    /// A save that the server has not confirmed, by its id or that of one that it took the place of.
    pub fn entry(&self, id: Uuid) -> Option<Entry> {
        lock(&self.0.state).queue.entry(id).cloned()
    }

    /// The person chose whose values count, field by field; fields that are not named stay as typed. It is sent again.
    pub fn resolve(&self, id: Uuid, choices: &[(String, Side)]) {
        self.decide(|state| ((), state.queue.resolve(id, Uuid::new_v4(), choices)));
        self.send();
    }

    /// The person wants a refused save sent once more.
    pub fn retry(&self, id: Uuid) {
        self.decide(|state| ((), state.queue.retry(id, Uuid::new_v4())));
        self.send();
    }

    /// The person takes a save back: what waited behind it is held up no more.
    pub fn withdraw(&self, id: Uuid) {
        self.decide(|state| ((), state.queue.withdraw(id)));
        self.send();
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

    /// Switches the outbox to another user. The previous user's entries stay on disk, encrypted, until they return.
    pub fn identify(&self, user: Option<User>) {
        let id = user.as_ref().map(|user| user.id);
        let old = {
            let mut state = lock(&self.0.state);
            let old = std::mem::take(&mut *state);
            state.user = id;
            if let Some(queue) = id.and_then(|id| lock(&self.0.aside).remove(&id)) {
                state.queue = queue;
                // Until the disk has them.
                state.kept = Kept::InMemory;
            }
            old
        };
        if let Some(sending) = &old.sending {
            // The request in flight is dropped with it, before a token of the next person could go out with it.
            sending.abort();
        }
        let mut queue = old.queue;
        if let Some(user) = old.user
            && !queue.unkept().is_empty()
        {
            queue.put_aside();
            lock(&self.0.aside).insert(user, queue);
        }
        self.refresh();
        let Some(user) = user else { return };
        let (disk, asked) = mpsc::unbounded();
        lock(&self.0.state).disk = Some(disk);
        let outbox = self.clone();
        spawn_local(async move { outbox.keep_for(user, asked).await });
        self.look();
    }

    /// Deletes what one person left on this device: they signed out, and were asked.
    pub fn wipe(&self, user: Uuid) -> oneshot::Receiver<()> {
        lock(&self.0.aside).remove(&user);
        let (tell, wiped) = oneshot::channel();
        spawn_local(async move {
            // Refused: then there is nothing to wipe, or nothing that could be done about it.
            let _ = vault::wipe(user).await;
            // Whoever does not wait for it has dropped the other end.
            let _ = tell.send(());
        });
        wiped
    }

    /// How many records of the person who is signed in have unsaved typing on this device, in whichever tab.
    pub async fn drafts(&self) -> usize {
        let user = lock(&self.0.state).user;
        match user {
            Some(user) => vault::count(user, Shelf::Drafts).await.unwrap_or_default(),
            None => 0,
        }
    }

    /// Whose saves wait on this device. Known without anybody being signed in.
    pub async fn pending() -> Vec<Pending> {
        vault::pending().await.unwrap_or_default()
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
            Effect::Replaced { old, by } => self.wait_for(old, by),
            Effect::Tell(entry, outcome) => self.tell(*entry, outcome),
        }
    }

    /// Those who wait for one save wait for another from here on.
    fn wait_for(&self, old: Uuid, by: Uuid) {
        let state = &mut *lock(&self.0.state);
        for waits in [&mut state.first, &mut state.last] {
            if let Some(moved) = waits.remove(&old) {
                waits.entry(by).or_default().extend(moved);
            }
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
                unreadable: state.unreadable,
            }
        };
        if self.0.view.get_untracked() != view {
            self.0.view.set(view);
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
            let aside = !lock(&outbox.0.aside).is_empty();
            if aside || view.kept == Kept::InMemory && !view.entries.is_empty() {
                event.prevent_default();
            }
        }));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
