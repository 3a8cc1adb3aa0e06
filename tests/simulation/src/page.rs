//! One page of the app without a browser: the real Realtime engine, the real sync, the real cache, and what of the page they
//! need: observers that come and go, fetches on their way, a person.
//!
//! Network and time belong to the world; the page says what it wants of them.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bedside::data::Pace;
use bedside::data::clock::Moment;
use bedside::data::query::{cache_options, query};
use bedside::data::{DataError, Page as Rows, rows};
use bedside::model::{FormSubmission, Patient, Profile, Version};
use bedside::sync::catch_up::{self, Failure, Fetch};
use bedside::sync::core::{Core, ECHO, Effect, Told};
use bedside::sync::outbox::{Change, Entry, Outcome, show};
use bedside::sync::router::Heard;
use bedside::sync::{Table, cache, news};
use bedside_query::{
    Condition, FetchStatus, Overlap, Predicate, QueryClient, QueryFilter, QueryKey, QueryOptions,
    Refetch, RowChange,
};
use bedside_realtime::engine::{
    Command, Config, Engine, Event, HandleId, Input, Now, Output, TokenPolicy,
};
use bedside_realtime::{Access, Binding, BindingEvent, Echo, Liveness, Room, Status};
use futures::channel::oneshot;
use uuid::Uuid;

use crate::bug::Bug;
use crate::clockwork::Clockwork;
use crate::database::{Row, User};
use crate::laid::{Laid, shown};
use crate::question::{Answer, Answers, Question};

/// Unix milliseconds of the beginning.
pub const BEGINNING: u64 = 1_700_000_000_000;

/// A fetch that has begun.
pub struct Asked {
    pub question: Question,
    pub answer: oneshot::Sender<Result<Answer, DataError>>,
}

/// What the page wants of the world.
#[derive(Debug)]
pub enum Wish {
    Open,
    Send(String),
    Close,
    Token(u64),
    /// What changed since a watermark.
    Ask {
        number: u64,
        since: Option<String>,
    },
    /// Rows by key.
    Rows(Fetch),
}

/// What a handle of the Realtime client is for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Table(Table),
    Beats,
    Liveness,
    Room,
}

/// A part of the screen, while it is mounted.
pub struct Visit {
    pub questions: Vec<(Question, QueryKey)>,
    _observations: Vec<Box<dyn Any>>,
}

pub struct Page {
    pub engine: Engine,
    pub core: Core,
    pub cache: QueryClient,
    pub clock: Clockwork,
    pub user: Option<User>,
    pub visits: Vec<Visit>,
    /// Since when the status is live.
    pub live_since: Option<u64>,
    /// It has heard the feed's heartbeat.
    pub knows_beats: bool,
    /// Saves that the screen shows before they are stored.
    pub laid: Laid,
    /// Something may have changed in it since this was last taken.
    pub moved: bool,
    last: HashMap<Uuid, Vec<oneshot::Sender<Outcome>>>,
    snapshots: HashMap<Uuid, Arc<Patient>>,
    asked: Rc<RefCell<Vec<Asked>>>,
    purposes: BTreeMap<HandleId, Purpose>,
    handles: u64,
    identified: bool,
    ready_once: Vec<Table>,
    wanted: Vec<Wish>,
    bug: Option<Bug>,
    now: u64,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.clock.stop();
    }
}

impl Page {
    pub fn new(seed: u64, bug: Option<Bug>, now: u64) -> Self {
        let clock = Clockwork::new();
        clock.set(now);
        let mut config = Config::new("ws://model/realtime/v1/websocket?apikey=key&vsn=2.0.0");
        config.tokens = TokenPolicy::Source;
        config.seed = seed | 1;
        config.trace = 0;
        Self {
            engine: Engine::new(config, Now::new(now, BEGINNING + now)),
            core: Core::new(Duration::from_millis(seed % 400), Pace::default()),
            cache: QueryClient::new(cache_options().runtime(clock.clone())),
            clock,
            user: None,
            visits: Vec::new(),
            live_since: None,
            knows_beats: false,
            laid: Laid::new(),
            moved: true,
            last: HashMap::new(),
            snapshots: HashMap::new(),
            asked: Rc::default(),
            purposes: BTreeMap::new(),
            handles: 0,
            identified: false,
            ready_once: Vec::new(),
            wanted: Vec::new(),
            bug,
            now,
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub fn moment(&self) -> Moment {
        Moment::from_millis(self.now)
    }

    /// When the page has something to do by itself.
    pub fn due(&self) -> Option<u64> {
        let engine = self.engine.timer();
        let beginning = Moment::from_millis(0);
        let core = self
            .core
            .due()
            .and_then(|due| u64::try_from(due.since(beginning).as_millis()).ok());
        [engine, core, self.clock.due()].into_iter().flatten().min()
    }

    /// Moves time and does what is due.
    pub fn pass(&mut self, now: u64, wishes: &mut Vec<Wish>) {
        self.now = now;
        if self.due().is_none_or(|due| due > now) {
            self.clock.set(now);
            return;
        }
        self.clock.set(now);
        self.clock.ring();
        if self.core.due().is_some_and(|due| due <= self.moment()) {
            let effects = self.core.wake(self.moment());
            self.carry_out(effects);
        }
        if self.engine.timer().is_some_and(|due| due <= now) {
            self.engine
                .handle(Now::new(now, BEGINNING + now), Input::Timer);
        }
        self.settle(wishes);
    }

    pub fn give(&mut self, input: Input<'_>, wishes: &mut Vec<Wish>) {
        self.engine
            .handle(Now::new(self.now, BEGINNING + self.now), input);
        self.settle(wishes);
    }

    fn command(&mut self, command: Command) {
        self.engine.handle(
            Now::new(self.now, BEGINNING + self.now),
            Input::Command(command),
        );
    }

    /// Lets everything inside the page come to rest.
    pub fn settle(&mut self, wishes: &mut Vec<Wish>) {
        self.moved = true;
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Open { .. } => wishes.push(Wish::Open),
                Output::Send(bedside_realtime::wire::Outbound::Text(text)) => {
                    wishes.push(Wish::Send(text))
                }
                Output::Close { .. } => wishes.push(Wish::Close),
                Output::NeedToken { request, .. } => wishes.push(Wish::Token(request)),
                Output::Event(event) => self.hear(event),
                Output::Send(_) | Output::Ask { .. } | Output::Post { .. } | Output::Finished => {}
            }
        }
        self.clock.settle();
        wishes.append(&mut self.wanted);
    }

    /// The database says what changed since a watermark.
    pub fn answered(
        &mut self,
        number: u64,
        mut answer: Result<catch_up::Answer, Failure>,
        wishes: &mut Vec<Wish>,
    ) {
        if let (true, Ok(answer)) = (self.has(Bug::NoFeedSince), &mut answer) {
            answer.changes.clear();
            answer.complete = true;
        }
        let effects = self.core.answered(number, answer, self.moment());
        self.carry_out(effects);
        self.settle(wishes);
    }

    /// Rows that were fetched by key.
    pub fn fetched(
        &mut self,
        fetch: &Fetch,
        rows: Result<Vec<RowChange>, Failure>,
        wishes: &mut Vec<Wish>,
    ) {
        let effects = self.core.fetched(fetch, rows, self.moment());
        self.carry_out(effects);
        self.settle(wishes);
    }

    /// Nobody can see the page, or somebody can.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.core.set_hidden(hidden, self.moment());
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Binding { handles, event } => {
                for handle in handles {
                    self.hear_binding(handle, &event);
                }
            }
            Event::Room { handles, event } => {
                let Some(told) = news::told(&event) else {
                    return;
                };
                if told == Told::Ready
                    && (self.has(Bug::FetchBeforeReady) || self.has(Bug::IgnoreGap))
                {
                    return;
                }
                for handle in handles {
                    if matches!(self.purposes.get(&handle), Some(Purpose::Room))
                        && !self.has(Bug::DeafToRevocation)
                    {
                        let effects = self.core.told(told.clone(), self.moment());
                        self.carry_out(effects);
                    }
                }
            }
            Event::Status(report) => {
                let live = report.status == Status::Live;
                self.live_since = if live {
                    self.live_since.or(Some(self.now))
                } else {
                    None
                };
                if !self.has(Bug::NoPolling) {
                    self.core.trust(news::trust(&report.status), self.moment());
                }
            }
            Event::Pushed { .. } => {}
        }
    }

    fn hear_binding(&mut self, handle: HandleId, event: &BindingEvent) {
        match self.purposes.get(&handle).copied() {
            Some(Purpose::Table(table)) => {
                let heard = news::heard(table, event);
                if heard == Heard::Ready {
                    let first = !self.ready_once.contains(&table);
                    if first {
                        self.ready_once.push(table);
                    }
                    if self.has(Bug::FetchBeforeReady) && first
                        || self.has(Bug::IgnoreGap) && !first
                    {
                        return;
                    }
                }
                let own = table == Table::Profiles
                    && matches!((&heard, self.user), (Heard::Row(change), Some(user)) if change.pk == Row::Person(user).id().into());
                if own && self.has(Bug::IgnoreOwnRole) {
                    return;
                }
                let effects = self.core.hear(table, heard, self.moment());
                self.carry_out(effects);
            }
            Some(Purpose::Beats) if matches!(event, BindingEvent::Change(_)) => {
                self.knows_beats = true;
                let effects = self.core.beat(self.moment());
                self.carry_out(effects);
            }
            _ => {}
        }
    }

    fn handle(&mut self, purpose: Purpose) -> HandleId {
        self.handles += 1;
        let handle = HandleId(self.handles);
        self.purposes.insert(handle, purpose);
        handle
    }

    fn release(&mut self, which: impl Fn(Purpose) -> bool) {
        let gone: Vec<(HandleId, Purpose)> = self
            .purposes
            .iter()
            .filter(|(_, purpose)| which(**purpose))
            .map(|(handle, purpose)| (*handle, *purpose))
            .collect();
        for (handle, purpose) in gone {
            self.purposes.remove(&handle);
            match purpose {
                Purpose::Room => self.command(Command::LeaveRoom { handle }),
                Purpose::Table(_) | Purpose::Beats | Purpose::Liveness => {
                    self.command(Command::Unbind { handle })
                }
            }
        }
    }

    /// Carries out what the sync wants, as the browser's executor does.
    fn carry_out(&mut self, effects: Vec<Effect>) {
        let beats = || Binding::table("public", "feed_heartbeat");
        for effect in effects {
            match effect {
                Effect::Bind(table) => {
                    let handle = self.handle(Purpose::Table(table));
                    self.command(Command::Bind {
                        handle,
                        binding: Binding::table("public", table.name()),
                    });
                }
                Effect::Unbind(table) => {
                    self.release(|purpose| matches!(purpose, Purpose::Table(own) if own == table));
                    self.ready_once.retain(|own| *own != table);
                }
                Effect::Attend(user) => {
                    let handle = self.handle(Purpose::Room);
                    let room = Room::named(news::room_of(&user)).access(Access::Private);
                    self.command(Command::EnterRoom { handle, room });
                }
                Effect::Beats => {
                    let handle = self.handle(Purpose::Beats);
                    self.command(Command::Bind {
                        handle,
                        binding: beats(),
                    });
                }
                Effect::Ask { number, since } => self.wanted.push(Wish::Ask { number, since }),
                Effect::Checked(missed) => self.command(Command::FeedChecked { missed }),
                Effect::Fetch(fetch) => self.wanted.push(Wish::Rows(fetch)),
                // The first beat tells, too; here it always comes.
                Effect::Sound => {}
                Effect::Watch if self.has(Bug::NoLiveness) => {}
                Effect::Watch => {
                    let handle = self.handle(Purpose::Liveness);
                    let liveness = Liveness::new(beats(), "beat", Pace::default().heartbeat());
                    self.command(Command::Watch { handle, liveness });
                }
                Effect::Depart => self.release(|purpose| !matches!(purpose, Purpose::Table(_))),
                Effect::Cache(_)
                    if self.has(Bug::NoTrailingRefetch) && self.live_since.is_some() =>
                {
                    let idle = QueryFilter::all().fetch_status(FetchStatus::Idle);
                    self.cache
                        .invalidate_queries_with(idle, Refetch::Active, Overlap::Join);
                }
                Effect::Apply(changes) => cache::apply(&self.cache, changes, Refetch::None),
                Effect::Heal(changes) => cache::apply(&self.cache, changes, Refetch::Active),
                Effect::Cache(work) => cache::question(&self.cache, work),
                Effect::Drop(lost) => cache::drop_lost(&self.cache, &lost),
                Effect::Expect(table, row) => {
                    let echo = Echo::of("public", table.name(), table.primary_key(), row);
                    let within = u64::try_from(ECHO.as_millis()).unwrap_or(u64::MAX);
                    self.command(Command::ExpectEcho { echo, within });
                }
                Effect::Forget if self.has(Bug::NoIdentityFence) => {}
                Effect::Forget => self.cache.clear(),
                Effect::Identify(_) => {
                    // The first identity is no change of identity.
                    if std::mem::replace(&mut self.identified, true) {
                        self.command(Command::Identity);
                    }
                }
            }
        }
    }

    /// Shows a save over the rows until the last word about it.
    pub fn show(&mut self, id: Uuid, change: Change) {
        self.moved = true;
        self.laid.push((id, change.clone()));
        if self.has(Bug::SnapshotRollback) && change.table == Table::Patients {
            let key = Question::key_of(&change);
            if let Ok(Some(held)) = self.cache.get_query_data::<Patient>(&key) {
                self.snapshots.insert(id, Arc::clone(&held));
                let laid = vec![(id, change)];
                if let Answer::Patient(row) = shown(Answer::Patient(held), &laid) {
                    let _ = self.cache.set_query_data(key, Patient::clone(&row));
                }
            }
            return;
        }
        let (tell, told) = oneshot::channel();
        self.last.entry(id).or_default().push(tell);
        show::until_told(&self.cache, change, told);
    }

    /// One save replaces another.
    pub fn replace(&mut self, old: Uuid, by: Uuid) {
        self.moved = true;
        for (id, _) in self.laid.iter_mut().filter(|(id, _)| *id == old) {
            *id = by;
        }
        if let Some(waits) = self.last.remove(&old) {
            self.last.entry(by).or_default().extend(waits);
        }
        if let Some(before) = self.snapshots.remove(&old) {
            self.snapshots.entry(by).or_insert(before);
        }
    }

    /// What became of a save.
    pub fn tell(&mut self, entry: &Entry, outcome: Outcome) {
        self.moved = true;
        if outcome == Outcome::Waiting {
            return;
        }
        self.laid.retain(|(id, _)| *id != entry.id);
        if let Some(before) = self.snapshots.remove(&entry.id) {
            match &outcome {
                Outcome::Stored(row) => show::settle(&self.cache, entry.change.table, row),
                _ => {
                    let key = Question::key_of(&entry.change);
                    let _ = self.cache.set_query_data(key, Patient::clone(&before));
                }
            }
            return;
        }
        if let Outcome::Conflict(clash) = &outcome {
            show::settle(&self.cache, entry.change.table, &clash.row);
        }
        for waits in self.last.remove(&entry.id).unwrap_or_default() {
            // The cache may have been cleared.
            let _ = waits.send(outcome.clone());
        }
        // Whoever waits goes on before anything else happens, as a browser's microtasks do.
        self.clock.settle();
    }

    /// The database accepted a write of this page.
    pub fn wrote(&mut self, table: Table, row: Uuid, version: Version) {
        let effects = self.core.wrote(table, row, version, self.moment());
        self.carry_out(effects);
    }

    /// Another person signs in, or nobody.
    pub fn identify(&mut self, user: Option<User>, wishes: &mut Vec<Wish>) {
        self.moved = true;
        self.user = user;
        self.laid.clear();
        self.last.clear();
        self.snapshots.clear();
        let effects = self.core.identify(
            user.map(|user| Row::Person(user).id().to_string()),
            self.moment(),
        );
        self.carry_out(effects);
        self.settle(wishes);
    }

    /// Part of the screen appears.
    pub fn mount(&mut self, questions: Vec<Question>, wishes: &mut Vec<Wish>) {
        let mut observations = Vec::new();
        for question in &questions {
            for table in question.tables() {
                let effects = self.core.follow(*table, self.moment());
                self.carry_out(effects);
            }
            observations.push(self.observe(*question));
        }
        let questions = questions
            .into_iter()
            .map(|question| (question, question.key()))
            .collect();
        self.visits.push(Visit {
            questions,
            _observations: observations,
        });
        self.settle(wishes);
    }

    /// Part of the screen goes.
    pub fn unmount(&mut self, visit: usize, wishes: &mut Vec<Wish>) {
        if visit >= self.visits.len() {
            return;
        }
        let visit = self.visits.remove(visit);
        for (question, _) in &visit.questions {
            for table in question.tables() {
                self.core.unfollow(*table, Moment::from_millis(self.now));
            }
        }
        drop(visit);
        self.settle(wishes);
    }

    /// Observes with the dependencies that the app's own queries of this kind declare.
    fn observe(&self, question: Question) -> Box<dyn Any> {
        let by = |row: Row| rows::by_key(row.id());
        let joins = || {
            let joins = rows::form_joins().into_iter();
            joins.filter(|_| !self.has(Bug::ForgetJoins))
        };
        match question {
            Question::Profile(user) => self.observe_as::<Profile>(question, |options| {
                options.row(rows::profiles().matching(by(Row::Person(user))))
            }),
            Question::Directory => {
                self.observe_as::<Vec<Arc<Profile>>>(question, |options| options)
            }
            Question::Patients(status) => {
                self.observe_as::<Rows<Arc<Patient>>>(question, |options| {
                    let shown = status.map_or_else(Predicate::all, |status| {
                        Predicate::all().and("status", Condition::Eq(status.word().into()))
                    });
                    options.row_set(rows::patients().matching(shown))
                })
            }
            Question::Patient(number) => self.observe_as::<Patient>(question, |options| {
                options.row(rows::patients().matching(by(Row::Patient(number))))
            }),
            Question::Forms => self.observe_as::<Rows<Arc<FormSubmission>>>(question, |options| {
                options.row_set(rows::form_submissions()).and_deps(joins())
            }),
            Question::FormsOf(patient) => {
                self.observe_as::<Rows<Arc<FormSubmission>>>(question, |options| {
                    let patient = Row::Patient(patient).id();
                    let shown = Predicate::all().and("patient_id", Condition::Eq(patient.into()));
                    options
                        .row_set(rows::form_submissions().matching(shown))
                        .and_deps(joins())
                })
            }
            Question::Form(number) => self.observe_as::<FormSubmission>(question, |options| {
                options
                    .row(rows::form_submissions().matching(by(Row::Form(number))))
                    .and_deps(joins())
            }),
            Question::CountPatients(_) | Question::WaitingForms => {
                self.observe_as::<usize>(question, |options| options)
            }
        }
    }

    fn observe_as<T: Answers>(
        &self,
        question: Question,
        declare: impl FnOnce(QueryOptions<T, DataError>) -> QueryOptions<T, DataError>,
    ) -> Box<dyn Any> {
        let asked = Rc::clone(&self.asked);
        let options = query(question.key(), move || {
            let (answer, answered) = oneshot::channel();
            asked.borrow_mut().push(Asked { question, answer });
            async move {
                let answer = answered.await.unwrap_or(Err(DataError::Offline))?;
                T::of(answer)
                    .map(Arc::unwrap_or_clone)
                    .ok_or(DataError::Unreadable)
            }
        });
        Box::new(self.cache.observe(declare(options), |_| {}))
    }

    /// The fetches that have begun since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.take()
    }
}
