//! The way to the live feed for everything in this page: over a socket of its own while this tab leads, else over the tab that
//! does. It carries out what [`Tabs`] decides, and decides nothing itself.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bedside_realtime::{
    Binding, BindingEvent, BindingHandle, Echo, Gap, Listener, Liveness, PresenceState,
    RealtimeClient, Room, RoomEvent, RoomHandle, StatusSnapshot,
};
use gloo_timers::future::sleep;
use leptos::prelude::{ArcReadSignal, ArcRwSignal, GetUntracked, Set, document};
use leptos::task::spawn_local;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::hall::{Hall, News};
use super::state::{Effect, Leadership, Tabs};
use super::word::Act;
use crate::data::clock::{Moment, unix_millis};

/// How often a tab that somebody looks at asks whether the leader is still there.
pub const PACE: Duration = Duration::from_millis(400);

type OnBinding = Arc<dyn Fn(&BindingEvent) + Send + Sync>;
type OnRoom = Arc<dyn Fn(&RoomEvent) + Send + Sync>;
type OnStatus = Box<dyn Fn(&StatusSnapshot) + Send + Sync>;

/// The way of this page to the feed. Clones share it.
#[derive(Clone)]
pub struct Line(Arc<Inner>);

struct Inner {
    /// Makes the client of a lead.
    build: Box<dyn Fn() -> Option<RealtimeClient> + Send + Sync>,
    /// None of these is locked while a client, an ear or a signal is called: all may call back.
    tabs: Mutex<Tabs>,
    effects: Mutex<Effects>,
    client: Mutex<Option<Client>>,
    hall: Mutex<Option<Hall>>,
    /// Counts identities, so that news of a former hall are told from those of the present one.
    halls: Mutex<u64>,
    bindings: Mutex<HashMap<u64, OnBinding>>,
    rooms: Mutex<HashMap<u64, OnRoom>>,
    on_status: Mutex<Option<Arc<OnStatus>>>,
    /// As the leader said it, and when.
    status: Mutex<(StatusSnapshot, Option<Moment>)>,
    leadership: ArcRwSignal<Leadership>,
    /// Whether the next question to the leader is due at some time.
    asking: AtomicBool,
}

/// What waits to be done, and whether somebody is at it: what is decided meanwhile comes after.
#[derive(Default)]
struct Effects {
    waiting: VecDeque<Effect>,
    busy: bool,
}

/// The client of a lead, and what it is asked for.
struct Client {
    realtime: RealtimeClient,
    bindings: Vec<(Binding, BindingHandle)>,
    rooms: HashMap<String, (Arc<RoomHandle>, Listener)>,
    liveness: Option<BindingHandle>,
    _status: Listener,
}

/// A binding that is held until this is dropped.
#[must_use = "dropping it ends the binding"]
pub struct Bound {
    line: Line,
    number: u64,
}

impl Drop for Bound {
    fn drop(&mut self) {
        lock(&self.line.0.bindings).remove(&self.number);
        self.line.decide(|tabs| tabs.release(self.number));
    }
}

/// A room that is held until this is dropped.
#[must_use = "dropping it leaves the room"]
pub struct Seat {
    line: Line,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.line.0.rooms).remove(&self.number);
        self.line.decide(|tabs| tabs.release(self.number));
    }
}

impl Seat {
    /// Shows up in the room with a JSON object.
    pub fn track<T: Serialize>(&self, payload: &T) {
        // What can't be written is not shown.
        let json = serde_json::to_string(payload).ok();
        self.line.decide(|tabs| tabs.show(self.number, json));
    }

    /// Says something in the room, as JSON; whether it arrives is not known.
    pub fn say<T: Serialize>(&self, event: &str, payload: &T) {
        if let Ok(json) = serde_json::to_string(payload) {
            let event = event.to_owned();
            self.line
                .decide(|tabs| tabs.say(self.number, event, json, unix_millis()));
        }
    }

    /// Whether this tab is in the room.
    pub fn is_inside(&self) -> bool {
        lock(&self.line.0.tabs).is_inside(self.number)
    }

    /// Who is here, as far as is known.
    pub fn presence(&self) -> PresenceState {
        lock(&self.line.0.tabs).present(self.number)
    }
}

impl Line {
    /// A line of nobody yet; see [`Line::identify`].
    pub fn new(build: impl Fn() -> Option<RealtimeClient> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            build: Box::new(build),
            tabs: Mutex::new(Tabs::new(Uuid::new_v4())),
            effects: Mutex::default(),
            client: Mutex::default(),
            hall: Mutex::default(),
            halls: Mutex::default(),
            bindings: Mutex::default(),
            rooms: Mutex::default(),
            on_status: Mutex::default(),
            status: Mutex::default(),
            leadership: ArcRwSignal::default(),
            asking: AtomicBool::default(),
        }))
    }

    /// Calls back with the status whenever it changes. The last one who asks is told.
    pub fn on_status(&self, on_status: impl Fn(&StatusSnapshot) + Send + Sync + 'static) {
        *lock(&self.0.on_status) = Some(Arc::new(Box::new(on_status)));
    }

    /// From here on the line is somebody else's, or nobody's: the socket closes, the channel falls silent, and what was heard
    /// on either reaches nobody any more.
    pub fn identify(&self, user: Option<&str>) {
        let serial = {
            let mut halls = lock(&self.0.halls);
            *halls += 1;
            *halls
        };
        let left = lock(&self.0.hall).take();
        drop(left);
        self.decide(Tabs::fence);
        let Some(user) = user else { return };
        let me = lock(&self.0.tabs).me();
        let line = Arc::downgrade(&self.0);
        let hall = Hall::enter(user, me, move |news| {
            if let Some(inner) = line.upgrade() {
                Self(inner).hear(serial, news);
            }
        });
        match hall {
            Some(hall) => *lock(&self.0.hall) = Some(hall),
            None => self.decide(|tabs| tabs.crowned(unix_millis())),
        }
    }

    fn hear(&self, hall: u64, news: News) {
        if *lock(&self.0.halls) != hall {
            return;
        }
        self.decide(|tabs| match news {
            News::Word(word) => tabs.hear(*word, unix_millis()),
            News::Arrived => tabs.come(),
            News::Crowned => tabs.crowned(unix_millis()),
            News::Deposed => tabs.deposed(),
            News::Left(tab) => tabs.left(tab),
        });
    }

    /// Listens to row changes until the answer is dropped.
    pub fn bind(
        &self,
        binding: Binding,
        on_event: impl Fn(&BindingEvent) + Send + Sync + 'static,
    ) -> Bound {
        let mut taken = 0;
        self.decide(|tabs| {
            let (number, effects) = tabs.bind(binding, unix_millis());
            lock(&self.0.bindings).insert(number, Arc::new(on_event));
            taken = number;
            effects
        });
        Bound {
            line: self.clone(),
            number: taken,
        }
    }

    /// Enters a room until the answer is dropped.
    pub fn enter(&self, room: Room, on_event: impl Fn(&RoomEvent) + Send + Sync + 'static) -> Seat {
        let mut taken = 0;
        self.decide(|tabs| {
            let (number, effects) = tabs.enter(room, unix_millis());
            lock(&self.0.rooms).insert(number, Arc::new(on_event));
            taken = number;
            effects
        });
        Seat {
            line: self.clone(),
            number: taken,
        }
    }

    /// Watches a row that the database changes at a fixed pace, until the answer is dropped.
    pub fn watch_liveness(&self, liveness: Liveness) -> Bound {
        let mut taken = 0;
        self.decide(|tabs| {
            let (number, effects) = tabs.watch(liveness);
            taken = number;
            effects
        });
        Bound {
            line: self.clone(),
            number: taken,
        }
    }

    /// Says that an own write was accepted, and that its change must come back.
    pub fn expect_echo(&self, echo: Echo, within: Duration) {
        let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.decide(|tabs| tabs.expect(echo, within));
    }

    /// Says how many changes the feed should have brought and didn't.
    pub fn feed_checked(&self, missed: u64) {
        self.decide(|tabs| tabs.checked(missed));
    }

    /// Tries again now.
    pub fn reconnect(&self) {
        self.decide(|tabs| tabs.reconnect());
    }

    /// The token source has a new token.
    pub fn token_changed(&self) {
        if let Some(realtime) = self.realtime() {
            realtime.token_changed();
        }
    }

    /// The status at this moment.
    pub fn status(&self) -> StatusSnapshot {
        if let Some(realtime) = self.realtime() {
            return realtime.status().get();
        }
        let (mut status, at) = lock(&self.0.status).clone();
        let age = at.map_or(Duration::ZERO, |at| Moment::now().since(at));
        status.next_retry_in = status.next_retry_in.map(|left| left.saturating_sub(age));
        // The leader has it from the server at first hand.
        status.proof_age = None;
        status
    }

    /// Which tab leads, as a signal.
    pub fn leadership(&self) -> ArcReadSignal<Leadership> {
        self.0.leadership.read_only()
    }

    /// What is known to have been missed, the oldest first.
    pub fn gaps(&self) -> Vec<Gap> {
        lock(&self.0.tabs).gaps()
    }

    /// What went over this tab's socket lately, as JSON.
    pub fn trace_json(&self) -> String {
        let realtime = self.realtime();
        realtime.map_or_else(String::new, |realtime| realtime.trace_json())
    }

    fn realtime(&self) -> Option<RealtimeClient> {
        let client = lock(&self.0.client);
        client.as_ref().map(|client| client.realtime.clone())
    }

    /// Asks the state and does what it says, in order, also when what is done leads to the next question.
    fn decide(&self, ask: impl FnOnce(&mut Tabs) -> Vec<Effect>) {
        let effects = ask(&mut lock(&self.0.tabs));
        {
            let mut queue = lock(&self.0.effects);
            queue.waiting.extend(effects);
            if std::mem::replace(&mut queue.busy, true) {
                return;
            }
        }
        loop {
            let next = {
                let mut queue = lock(&self.0.effects);
                let next = queue.waiting.pop_front();
                queue.busy = next.is_some();
                next
            };
            match next {
                Some(effect) => self.carry_out(effect),
                None => break,
            }
        }
        self.publish();
    }

    fn publish(&self) {
        self.ask_now_and_then();
        let (status, leadership) = {
            let tabs = lock(&self.0.tabs);
            (tabs.status().clone(), tabs.leadership())
        };
        if self.0.leadership.try_get_untracked() != Some(leadership) {
            self.0.leadership.set(leadership);
        }
        let before = {
            let mut known = lock(&self.0.status);
            if known.0 == status {
                return;
            }
            std::mem::replace(&mut *known, (status.clone(), Some(Moment::now())))
        };
        let told = lock(&self.0.on_status).clone();
        if let (Some(told), true) = (told, before.0 != status) {
            told(&status);
        }
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Post(word) => {
                if let Some(hall) = &*lock(&self.0.hall) {
                    hall.post(&word);
                }
            }
            Effect::Seize => {
                if let Some(hall) = &*lock(&self.0.hall) {
                    hall.seize();
                }
            }
            Effect::Yield => {
                if let Some(hall) = &*lock(&self.0.hall) {
                    hall.give_back();
                }
            }
            Effect::Attend(tab) => {
                if let Some(hall) = &*lock(&self.0.hall) {
                    hall.attend(tab);
                }
            }
            Effect::Open => self.open(),
            Effect::Close => {
                let ended = lock(&self.0.client).take();
                if let Some(client) = &ended {
                    client.realtime.shutdown();
                }
                drop(ended);
            }
            Effect::Tell(numbers, event) => {
                for number in numbers {
                    let ear = lock(&self.0.bindings).get(&number).cloned();
                    if let Some(ear) = ear {
                        ear(&event);
                    }
                }
            }
            Effect::TellRoom(numbers, event) => {
                for number in numbers {
                    let ear = lock(&self.0.rooms).get(&number).cloned();
                    if let Some(ear) = ear {
                        ear(&event);
                    }
                }
            }
            effect => {
                if let Some(realtime) = self.realtime() {
                    self.ask_of(&realtime, effect);
                }
            }
        }
    }

    fn open(&self) {
        let Some(realtime) = (self.0.build)() else {
            return;
        };
        let line = self.weakly();
        let listener = realtime.status().subscribe(move |snapshot| {
            line(&|line| line.decide(|tabs| tabs.fares(snapshot.clone())));
        });
        *lock(&self.0.client) = Some(Client {
            realtime,
            bindings: Vec::new(),
            rooms: HashMap::new(),
            liveness: None,
            _status: listener,
        });
    }

    /// What only concerns the client. Handles are dropped outside the lock: that calls into the client.
    fn ask_of(&self, realtime: &RealtimeClient, effect: Effect) {
        match effect {
            Effect::Bind(binding) => {
                let (line, served) = (self.weakly(), binding.clone());
                let handle = realtime.bind_with(binding.clone(), move |event| {
                    line(&|line| line.decide(|tabs| tabs.served(&served, event, unix_millis())));
                });
                self.with_client(|client| client.bindings.push((binding, handle)));
            }
            Effect::Unbind(binding) => {
                let ended = self.with_client(|client| {
                    let place = client.bindings.iter().position(|(own, _)| *own == binding);
                    place.map(|place| client.bindings.swap_remove(place))
                });
                drop(ended);
            }
            Effect::Enter(room) => {
                let name = room.name().to_owned();
                let handle = Arc::new(realtime.enter(room));
                let (line, served) = (self.weakly(), name.clone());
                let listener = handle.on_event(move |event| {
                    line(&|line| {
                        let present = line.met(&served);
                        line.decide(|tabs| {
                            tabs.served_room(&served, event, present, unix_millis())
                        });
                    });
                });
                self.with_client(|client| client.rooms.insert(name, (handle, listener)));
            }
            Effect::Leave(room) => {
                let ended = self.with_client(|client| client.rooms.remove(&room));
                drop(ended);
            }
            Effect::Show(room, json) => {
                self.in_room(&room, |handle| match &json {
                    Some(json) => {
                        if let Ok(json) = serde_json::from_str::<&RawValue>(json) {
                            let _ = handle.track(json);
                        }
                    }
                    None => handle.untrack(),
                });
            }
            Effect::Watch(liveness) => {
                let next = liveness.map(|liveness| realtime.watch_liveness(liveness));
                let ended =
                    self.with_client(|client| std::mem::replace(&mut client.liveness, next));
                drop(ended);
            }
            Effect::Do(Act::Say { room, event, json }) => {
                self.in_room(&room, |handle| {
                    if let Ok(json) = serde_json::from_str::<&RawValue>(&json) {
                        drop(handle.say(&event, json));
                    }
                });
            }
            Effect::Do(Act::Expect(echo, within)) => {
                realtime.expect_echo(echo, Duration::from_millis(within));
            }
            Effect::Do(Act::Reconnect) => realtime.reconnect(),
            Effect::Do(Act::Checked(missed)) => realtime.feed_checked(missed),
            Effect::Tick => realtime.tick(),
            _ => {}
        }
    }

    fn with_client<T: Default>(&self, ask: impl FnOnce(&mut Client) -> T) -> T {
        lock(&self.0.client).as_mut().map(ask).unwrap_or_default()
    }

    fn in_room(&self, name: &str, ask: impl FnOnce(&RoomHandle)) {
        // None of these calls back on the caller's stack.
        self.with_client(|client| {
            if let Some((handle, _)) = client.rooms.get(name) {
                ask(handle);
            }
        });
    }

    fn met(&self, room: &str) -> PresenceState {
        self.with_client(|client| {
            let room = client.rooms.get(room);
            room.map(|(handle, _)| handle.presence())
                .unwrap_or_default()
        })
    }

    /// While somebody looks at this tab and it follows, it asks for a sign of life. A hidden one is told of the leader's end by the lock,
    /// and a leader has nobody to ask: neither wakes the computer.
    pub fn ask_now_and_then(&self) {
        let asks = lock(&self.0.tabs).leadership() == Leadership::Follows && !document().hidden();
        if !asks || self.0.asking.swap(true, Ordering::Relaxed) {
            return;
        }
        let line = Arc::downgrade(&self.0);
        spawn_local(async move {
            sleep(PACE).await;
            let Some(inner) = line.upgrade() else { return };
            inner.asking.store(false, Ordering::Relaxed);
            // Decides, and so comes by here again.
            Self(inner).decide(Tabs::tick);
        });
    }

    /// Calls with the line while there is one: what the line holds must not hold the line.
    fn weakly(&self) -> impl Fn(&dyn Fn(&Self)) + Send + Sync + 'static {
        let line = Arc::downgrade(&self.0);
        move |call| {
            if let Some(inner) = line.upgrade() {
                call(&Self(inner));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
