//! The world around a page: time, a network, a server, a database, other people, and everything that goes wrong.
//!
//! One queue of events in simulated time; equal seeds give equal histories. For a while things happen and break, then the
//! world is whole and still, and by its end the page must show the truth.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use bedside::data::DataError;
use bedside::model::PatientStatus;
use bedside_query::{Network, Page as Visibility};
use bedside_realtime::engine::{Environment, Input};
use bedside_realtime::{AccessToken, TokenError};

use crate::bug::Bug;
use crate::check::{self, Deadlines, Divergence};
use crate::database::Database;
use crate::dice::Dice;
use crate::page::{Asked, Page, Wish};
use crate::question::{Answer, Question};
use crate::server::{Frame, Later, Line, Server};

/// How long the world is still before the end.
const STILL: u64 = 120_000;

/// The database counts its heartbeat up so often.
const BEAT: u64 = 10_000;

enum Event {
    Later(Later),
    /// A frame of the page reaches the server.
    Arrives {
        line: Line,
        text: String,
    },
    Opened {
        line: Line,
    },
    OpenFailed {
        line: Line,
    },
    Token {
        request: u64,
    },
    /// The database reads for a fetch.
    Read {
        fetch: u64,
    },
    /// Its answer reaches the page.
    Done {
        fetch: u64,
    },
    Beat,
    /// Somebody else does something.
    Act,
    /// The person at the page does something.
    Touch,
    /// Something breaks.
    Break,
    Thaw,
    Online,
    Visible,
    Leaks {
        line: Line,
    },
    Still,
    End,
}

struct Fetch {
    asked: Option<Asked>,
    user: Option<usize>,
    answer: Result<Answer, DataError>,
}

/// What one run was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub steps: u64,
    pub commits: u64,
    pub fetches: u64,
}

struct World {
    dice: Dice,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: BTreeMap<usize, Event>,
    serial: u64,
    page: Page,
    database: Database,
    server: Server,
    deadlines: Deadlines,
    line: Line,
    /// The page's current socket, and whether what is sent on it gets lost.
    socket: Option<Socket>,
    fetches: BTreeMap<u64, Fetch>,
    fetched: u64,
    /// Requests fail until then.
    rows_out_until: u64,
    failures: u32,
    /// The page sleeps; what would reach it waits.
    frozen: bool,
    waiting: Vec<usize>,
    /// The database stands still until then.
    database_out_until: u64,
    until: u64,
    still: bool,
    faults: u64,
    pace: u64,
    summary: Summary,
}

#[derive(Clone, Copy)]
struct Socket {
    line: Line,
    hole: bool,
    /// Frames to the server keep their order.
    floor: u64,
}

/// Runs one history.
///
/// # Errors
/// The first thing that must not be.
pub fn run(seed: u64, bug: Option<Bug>) -> Result<Summary, Divergence> {
    let mut dice = Dice::new(seed);
    let database = Database::new(&mut dice);
    let until = dice.between(30_000, 120_000);
    // Each history has faults of its own choice: many at once hide each other.
    let faults = dice.next() & dice.next();
    let pace = dice.between(300, 4_000);
    let mut world = World {
        page: Page::new(seed, bug),
        server: Server::new(bug == Some(Bug::JoinOkIsReady)),
        dice,
        now: 0,
        queue: BinaryHeap::new(),
        events: BTreeMap::new(),
        serial: 0,
        database,
        deadlines: Deadlines::default(),
        line: 0,
        socket: None,
        fetches: BTreeMap::new(),
        fetched: 0,
        rows_out_until: 0,
        failures: 0,
        frozen: false,
        waiting: Vec::new(),
        database_out_until: 0,
        until,
        still: false,
        faults,
        pace,
        summary: Summary::default(),
    };
    world.begin();
    world.live()?;
    Ok(world.summary)
}

impl World {
    fn at(&mut self, at: u64, event: Event) {
        self.serial += 1;
        let number = usize::try_from(self.serial).unwrap_or(usize::MAX);
        self.events.insert(number, event);
        self.queue
            .push(Reverse((at.max(self.now), self.serial, number)));
    }

    fn after(&mut self, low: u64, high: u64, event: Event) {
        let at = self.now + self.dice.between(low, high);
        self.at(at, event);
    }

    fn begin(&mut self) {
        let user = usize::try_from(self.dice.between(0, 3)).unwrap_or(0);
        let beat = self.dice.between(0, BEAT);
        self.at(beat, Event::Beat);
        self.after(0, self.pace, Event::Act);
        self.after(0, 3_000, Event::Touch);
        self.after(5_000, 20_000, Event::Break);
        self.at(self.until, Event::Still);
        self.at(self.until + STILL, Event::End);
        self.sign_in(Some(user));
    }

    fn sign_in(&mut self, user: Option<usize>) {
        let mut wishes = Vec::new();
        self.page.identify(user, &mut wishes);
        while !self.page.visits.is_empty() {
            self.page.unmount(0, &mut wishes);
        }
        if let Some(user) = user {
            self.page.mount(vec![Question::Profile(user)], &mut wishes);
            let questions = self.screen();
            self.page.mount(questions, &mut wishes);
        }
        self.fulfil(wishes);
    }

    /// What a screen of the app asks.
    fn screen(&mut self) -> Vec<Question> {
        let snapshot = self.database.now();
        let patients: Vec<u32> = snapshot.patients.keys().copied().collect();
        let forms: Vec<u32> = snapshot.forms.keys().copied().collect();
        let patient = self.dice.pick(&patients).copied().unwrap_or(1);
        let form = self.dice.pick(&forms).copied().unwrap_or(1);
        let status = self
            .dice
            .pick(PatientStatus::ALL)
            .copied()
            .unwrap_or(PatientStatus::Waiting);
        match self.dice.between(0, 5) {
            0 => vec![Question::Patients(None), Question::Directory],
            1 => vec![Question::Patients(Some(status)), Question::Directory],
            2 => vec![
                Question::Patient(patient),
                Question::FormsOf(patient),
                Question::Directory,
            ],
            3 => vec![Question::Forms, Question::Directory],
            4 => vec![Question::Form(form), Question::Directory],
            _ => vec![
                Question::CountPatients(status),
                Question::WaitingForms,
                Question::Patients(None),
            ],
        }
    }

    fn live(&mut self) -> Result<(), Divergence> {
        loop {
            let queued = self.queue.peek().map(|Reverse((at, _, _))| *at);
            let own = self.page.due().filter(|_| !self.frozen);
            let Some(next) = [queued, own].into_iter().flatten().min() else {
                return Ok(());
            };
            self.now = self.now.max(next);
            self.summary.steps += 1;
            let mut wishes = Vec::new();
            if !self.frozen {
                self.page.pass(self.now, &mut wishes);
                self.fulfil(wishes);
            }
            if queued.is_some_and(|at| at <= self.now)
                && let Some(Reverse((_, _, number))) = self.queue.pop()
            {
                if matches!(self.events.get(&number), Some(Event::End)) {
                    return check::quiescence(&self.page, &self.database, self.now);
                }
                let reads = matches!(
                    self.events.get(&number),
                    Some(Event::Done { .. } | Event::Touch | Event::Thaw)
                );
                self.happen(number);
                if reads {
                    check::identity(&self.page, self.now)?;
                }
            }
            self.begin_fetches();
            if !self.frozen {
                self.deadlines
                    .update(&self.database, &self.server.fates, self.now);
                check::step(&self.page, &self.database, &mut self.deadlines, self.now)?;
            }
        }
    }

    /// Whether an event happens inside the page, which may sleep.
    fn is_inside(event: &Event) -> bool {
        matches!(
            event,
            Event::Later(Later::Frame { .. } | Later::Close { .. })
                | Event::Opened { .. }
                | Event::OpenFailed { .. }
                | Event::Token { .. }
                | Event::Done { .. }
                | Event::Touch
                | Event::Online
                | Event::Visible
        )
    }

    fn happen(&mut self, number: usize) {
        if self.frozen && self.events.get(&number).is_some_and(Self::is_inside) {
            self.waiting.push(number);
            return;
        }
        let Some(event) = self.events.remove(&number) else {
            return;
        };
        match event {
            Event::Later(later) => self.later(later),
            Event::Arrives { line, text } => {
                if self
                    .socket
                    .is_some_and(|socket| socket.line == line && !socket.hole)
                {
                    let out = self.server.take(line, &text, self.now, &mut self.dice);
                    self.plan(out);
                }
            }
            Event::Opened { line } => {
                if self.socket.is_some_and(|socket| socket.line == line) {
                    self.server.opened(line);
                    self.give(Input::Opened);
                }
            }
            Event::OpenFailed { line } => {
                if self.socket.is_some_and(|socket| socket.line == line) {
                    self.socket = None;
                    self.give(Input::OpenFailed { http_status: None });
                }
            }
            Event::Token { request } => self.token(request),
            Event::Read { fetch } => self.read(fetch),
            Event::Done { fetch } => self.done(fetch),
            Event::Beat => {
                if self.now >= self.database_out_until {
                    self.database.beat(self.now);
                    self.committed();
                }
                self.at(self.now + BEAT, Event::Beat);
            }
            Event::Act => {
                if self.still {
                    return;
                }
                if self.now >= self.database_out_until {
                    let before = self.database.newest();
                    self.database.act(self.now, &mut self.dice);
                    if self.database.newest() != before {
                        self.summary.commits += 1;
                        self.committed();
                    }
                }
                // Now and then several at once.
                let wait = if self.dice.percent(20) { 30 } else { self.pace };
                self.after(0, wait, Event::Act);
            }
            Event::Touch => self.touch(),
            Event::Break => self.fail(),
            Event::Thaw => self.thaw(),
            Event::Online => self.online(),
            Event::Visible => self.visible(),
            Event::Leaks { line } => {
                if let Some(socket) = self.socket.as_mut().filter(|socket| socket.line == line) {
                    // TCP gave up.
                    socket.hole = false;
                    self.at(self.now, Event::Later(Later::Close { line, code: 1006 }));
                }
            }
            Event::Still => self.heal(),
            Event::End => {}
        }
    }

    fn committed(&mut self) {
        let out = self
            .server
            .committed(&self.database, self.now, &mut self.dice);
        self.plan(out);
    }

    fn plan(&mut self, out: Vec<(u64, Later)>) {
        for (at, later) in out {
            self.at(at, Event::Later(later));
        }
    }

    fn give(&mut self, input: Input<'_>) {
        let mut wishes = Vec::new();
        self.page.give(input, &mut wishes);
        self.fulfil(wishes);
    }

    fn later(&mut self, later: Later) {
        match later {
            Later::Frame { line, frame, part } => {
                let arrives = self
                    .socket
                    .is_some_and(|socket| socket.line == line && !socket.hole);
                if let Some(fate) = part.and_then(|part| self.server.fates.get_mut(part)) {
                    fate.outstanding = fate.outstanding.saturating_sub(1);
                    fate.lost |= !arrives;
                }
                if arrives {
                    match frame {
                        Frame::Text(text) => self.give(Input::Text(&text)),
                        Frame::Binary(bytes) => self.give(Input::Binary(&bytes)),
                    }
                }
            }
            Later::Close { line, code } => {
                self.server.gone(line);
                if self
                    .socket
                    .is_some_and(|socket| socket.line == line && !socket.hole)
                {
                    self.socket = None;
                    self.give(Input::Closed { code });
                }
            }
            Later::Listen { line, join_ref } => {
                let out = self
                    .server
                    .listen(line, &join_ref, self.now, &mut self.dice);
                self.plan(out);
            }
            Later::Expire {
                line,
                join_ref,
                serial,
            } => {
                let out = self
                    .server
                    .expire(line, &join_ref, serial, self.now, &mut self.dice);
                self.plan(out);
            }
            Later::Poll => {
                let out = self.server.poll(&self.database, self.now, &mut self.dice);
                self.plan(out);
                self.mark_unheard();
            }
        }
    }

    /// What the server looked at while it did not listen for this page was not told to it.
    fn mark_unheard(&mut self) {
        let tables = ["profiles", "patients", "form_submissions"];
        let listens = self
            .page
            .user
            .is_some_and(|user| tables.iter().all(|table| self.server.listens(user, table)));
        if !listens {
            let now = self.now;
            for (fate, commit) in self.server.fates.iter_mut().zip(&self.database.commits) {
                if fate.polled && commit.at + 1_000 >= now && fate.outstanding == 0 {
                    fate.lost = true;
                }
            }
        }
    }

    fn token(&mut self, request: u64) {
        let answer = if !self.still && self.dice.percent(5) {
            Err(TokenError::Unavailable)
        } else {
            Ok(self.page.user.map(|user| {
                let lifetime = self.dice.between(30_000, 200_000);
                let jwt = self.server.issue(user, self.now + lifetime);
                AccessToken::new(jwt).expires_in(Duration::from_millis(lifetime))
            }))
        };
        self.give(Input::Token { request, answer });
    }

    fn fulfil(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Open => {
                    self.hang_up();
                    self.line += 1;
                    let line = self.line;
                    self.socket = Some(Socket {
                        line,
                        hole: false,
                        floor: 0,
                    });
                    let opens = self.now >= self.server.closed_until;
                    self.after(
                        1,
                        200,
                        if opens {
                            Event::Opened { line }
                        } else {
                            Event::OpenFailed { line }
                        },
                    );
                }
                Wish::Send(text) => {
                    let delay = self.dice.between(1, 60);
                    let now = self.now;
                    if let Some(socket) = &mut self.socket {
                        socket.floor = socket.floor.max(now + delay);
                        let (at, line) = (socket.floor, socket.line);
                        self.at(at, Event::Arrives { line, text });
                    }
                }
                Wish::Close => self.hang_up(),
                Wish::Token(request) => self.after(1, 300, Event::Token { request }),
            }
        }
    }

    fn hang_up(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.server.gone(socket.line);
        }
    }

    fn begin_fetches(&mut self) {
        for asked in self.page.asked() {
            self.fetched += 1;
            self.summary.fetches += 1;
            let fetch = self.fetched;
            let user = self.page.user;
            self.fetches.insert(
                fetch,
                Fetch {
                    asked: Some(asked),
                    user,
                    answer: Err(DataError::Offline),
                },
            );
            let slow = if self.dice.percent(10) { 6_000 } else { 150 };
            self.after(1, slow, Event::Read { fetch });
        }
    }

    fn read(&mut self, number: u64) {
        let down = self.now < self.rows_out_until || self.now < self.database_out_until;
        let unlucky = !self.still && self.failures < 2 && self.dice.percent(8);
        self.failures = if unlucky { self.failures + 1 } else { 0 };
        let snapshot = self.database.now();
        if let Some(fetch) = self.fetches.get_mut(&number)
            && let Some(asked) = &fetch.asked
        {
            fetch.answer = match fetch.user {
                _ if down || unlucky => Err(DataError::Server { status: 503 }),
                Some(user) => asked.question.answer(&snapshot, user),
                None => Err(DataError::SignedOut),
            };
        }
        let slow = if self.dice.percent(10) { 4_000 } else { 150 };
        self.after(1, slow, Event::Done { fetch: number });
    }

    fn done(&mut self, number: u64) {
        if let Some(mut fetch) = self.fetches.remove(&number)
            && let Some(asked) = fetch.asked.take()
        {
            // Nobody waits any more when the cache was cleared meanwhile.
            let _ = asked.answer.send(fetch.answer);
        }
        let mut wishes = Vec::new();
        self.page.settle(&mut wishes);
        self.fulfil(wishes);
    }

    /// The person at the page moves on.
    fn touch(&mut self) {
        if self.still {
            return;
        }
        let mut wishes = Vec::new();
        let choice = self.dice.between(0, 99);
        if self.page.user.is_none() || choice < 4 {
            let next = if choice.is_multiple_of(2) {
                None
            } else {
                usize::try_from(self.dice.between(0, 3)).ok()
            };
            let next = if self.page.user.is_none() {
                Some(next.unwrap_or(1))
            } else {
                next
            };
            if next != self.page.user {
                self.sign_in(next);
            }
        } else if choice < 60 || self.page.visits.len() < 2 {
            // To another screen: the new one comes before the old one goes, or after.
            if self.page.visits.len() > 1 && self.dice.percent(70) {
                self.page.unmount(1, &mut wishes);
            }
            if self.page.visits.len() < 4 {
                let questions = self.screen();
                self.page.mount(questions, &mut wishes);
            }
        } else {
            let last = self.page.visits.len().saturating_sub(1);
            self.page.unmount(last, &mut wishes);
        }
        self.fulfil(wishes);
        let wait = if self.dice.percent(10) { 45_000 } else { 8_000 };
        self.after(100, wait, Event::Touch);
    }

    /// Something breaks.
    fn fail(&mut self) {
        if self.still {
            return;
        }
        self.after(2_000, 25_000, Event::Break);
        let fault = self.dice.between(0, 12);
        // Before the first beat a page can't know that there are beats, and their absence tells it nothing.
        let silent = matches!(fault, 2 | 3) && !self.page.knows_beats;
        if self.faults >> fault & 1 == 0 || silent {
            return;
        }
        let line = self.socket.map(|socket| socket.line);
        match (fault, line) {
            (0, Some(line)) => {
                let code = *self.dice.pick(&[1006, 1012, 1000, 1001]).unwrap_or(&1006);
                self.at(self.now, Event::Later(Later::Close { line, code }));
                if self.dice.percent(30) {
                    let until = self.now + self.dice.between(1_000, 20_000);
                    self.server.closed_until = self.server.closed_until.max(until);
                }
            }
            (1, Some(line)) => {
                if let Some(socket) = &mut self.socket {
                    socket.hole = true;
                }
                self.after(5_000, 60_000, Event::Leaks { line });
            }
            (2, _) => {
                // The way of changes is cut, and nobody knows.
                self.server.deaf_until = self.now + self.dice.between(12_000, 45_000);
            }
            (3, _) => {
                // The database stops; once it is back, its changes take another while to be followed.
                let back = self.now + self.dice.between(10_000, 30_000);
                self.database_out_until = back;
                self.server.deaf_until = back + self.dice.between(12_000, 20_000);
            }
            (4, _) => {
                // Subscriptions are built anew: what happened meanwhile is lost, but it is said.
                let lost = self.dice.between(100, 3_000);
                self.server.deaf_until = self.now + lost;
                let out = self.server.resubscribe(self.now + lost, &mut self.dice);
                self.server.deaf_until = self.now + lost;
                self.plan(out);
            }
            (5, _) => {
                let out = self.server.crash(self.now, &mut self.dice);
                self.plan(out);
            }
            (6, _) => {
                self.frozen = true;
                let long = if self.dice.percent(30) { 90_000 } else { 8_000 };
                self.after(500, long, Event::Thaw);
            }
            (7, _) => {
                self.page.cache.set_online(Network::Offline);
                self.give(Input::Environment(Environment::Offline));
                self.after(500, 20_000, Event::Online);
            }
            (8, _) => {
                self.page.cache.set_visible(Visibility::Hidden);
                self.after(500, 30_000, Event::Visible);
            }
            (9, _) => self.rows_out_until = self.now + self.dice.between(500, 1_500),
            (10, _) => {
                // Many changes within a moment.
                for _ in 0..self.dice.between(20, 60) {
                    self.database.act(self.now, &mut self.dice);
                    self.committed();
                }
            }
            (12, Some(line)) => {
                // Realtime is gone for good; rows can still be asked for.
                self.server.closed_until = u64::MAX;
                self.at(self.now, Event::Later(Later::Close { line, code: 1006 }));
            }
            (11, Some(_)) => {
                let mut wishes = Vec::new();
                self.page.give(
                    Input::Command(bedside_realtime::engine::Command::Reconnect),
                    &mut wishes,
                );
                self.fulfil(wishes);
            }
            _ => {}
        }
    }

    fn thaw(&mut self) {
        self.frozen = false;
        self.deadlines
            .update(&self.database, &self.server.fates, self.now);
        self.deadlines.forgive(self.now);
        let mut wishes = Vec::new();
        self.page.pass(self.now, &mut wishes);
        self.page
            .give(Input::Environment(Environment::Woken), &mut wishes);
        self.fulfil(wishes);
        for number in std::mem::take(&mut self.waiting) {
            self.happen(number);
        }
    }

    fn online(&mut self) {
        self.page.cache.set_online(Network::Online);
        self.give(Input::Environment(Environment::Online));
    }

    fn visible(&mut self) {
        self.page.cache.set_visible(Visibility::Visible);
        self.give(Input::Environment(Environment::Woken));
    }

    /// From here on nothing breaks and nothing changes but the heartbeat.
    fn heal(&mut self) {
        self.still = true;
        if self.frozen {
            self.thaw();
        }
        // A way that was cut stays cut for as long as was said: cut for less than a beat, nobody could notice.
        if self.server.closed_until < u64::MAX {
            self.server.closed_until = 0;
        }
        self.database_out_until = 0;
        self.rows_out_until = 0;
        self.online();
        self.visible();
        if let Some(socket) = self.socket.filter(|socket| socket.hole) {
            self.after(0, 5_000, Event::Leaks { line: socket.line });
        }
    }
}
