//! The world around a page: time, a network, a server, a database, other people, and everything that goes wrong.
//!
//! One queue of events in simulated time; equal seeds give equal histories. For a while things happen and break, then the
//! world is whole and still, and by its end the page must show the truth.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bedside::sync::catch_up::{self, Failure};
use bedside_query::RowChange;
use bedside_realtime::engine::Input;

use crate::bug::Bug;
use crate::check::{self, Deadlines, Divergence};
use crate::database::Database;
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::page::Page;
use crate::server::{Later, Line, Server};

mod faults;
mod line;
mod person;
mod reads;
mod saving;

use line::Socket;
use reads::Fetch;
use saving::{Flight, Saving};

/// How long the world is still before the end.
const STILL: u64 = 120_000;

/// More than this many steps are never taken within one moment, unless something wakes again and again for nothing.
const STEPS_AT_ONCE: u32 = 10_000;

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
        page: u64,
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
    /// The person at the page saves something, or decides about what waits for them.
    Edit,
    /// Something breaks.
    Break,
    Thaw,
    Online,
    Visible,
    Leaks {
        line: Line,
    },
    /// A question about the log of changes reaches the database.
    Ask(reads::Question),
    /// Its answer reaches the page.
    Answer {
        page: u64,
        number: u64,
        answer: Result<catch_up::Answer, Failure>,
    },
    /// A request for rows by key reaches the database.
    Rows(reads::Rows),
    /// The rows reach the page.
    Found {
        page: u64,
        fetch: catch_up::Fetch,
        found: Result<Vec<RowChange>, Failure>,
    },
    /// A save reaches the database.
    Save(Box<Flight>),
    /// The answer to a save arrives.
    Saved(Box<Flight>),
    /// A tab hears that another one has written to the disk.
    Nudge(usize),
    /// The disk works again.
    Disk,
    Still,
    End,
}

/// What one run was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub steps: u64,
    pub commits: u64,
    pub fetches: u64,
    pub saves: u64,
}

struct World {
    dice: Dice,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: BTreeMap<usize, Event>,
    serial: u64,
    page: Page,
    /// Counts the lives of the page.
    pages: u64,
    database: Database,
    server: Server,
    deadlines: Deadlines,
    line: Line,
    /// The page's current socket, and whether what is sent on it gets lost.
    socket: Option<Socket>,
    saving: Saving,
    ledger: Ledger,
    was_settled: bool,
    bug: Option<Bug>,
    fetches: BTreeMap<u64, Fetch>,
    fetched: u64,
    /// Requests fail until then.
    rows_out_until: u64,
    failures: u32,
    /// The page sleeps; what would reach it waits.
    frozen: bool,
    frozen_since: u64,
    hidden_since: Option<u64>,
    waiting: Vec<usize>,
    /// The database stands still until then.
    database_out_until: u64,
    /// The database keeps a log of changes; an older one doesn't.
    keeps_log: bool,
    until: u64,
    still: bool,
    faults: u64,
    pace: u64,
    summary: Summary,
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
    let keeps_log = dice.percent(60);
    let mut world = World {
        page: Page::new(seed, bug, 0),
        pages: 0,
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
        saving: Saving::default(),
        ledger: Ledger::default(),
        was_settled: false,
        bug,
        fetches: BTreeMap::new(),
        fetched: 0,
        rows_out_until: 0,
        failures: 0,
        frozen: false,
        frozen_since: 0,
        hidden_since: None,
        waiting: Vec::new(),
        database_out_until: 0,
        keeps_log,
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
        self.after(0, 6_000, Event::Edit);
        self.after(5_000, 20_000, Event::Break);
        self.at(self.until, Event::Still);
        self.at(self.until + STILL, Event::End);
        self.sign_in(Some(user));
    }

    fn live(&mut self) -> Result<(), Divergence> {
        let mut at_once = 0;
        loop {
            let queued = self.queue.peek().map(|Reverse((at, _, _))| *at);
            let own = self.page.due().filter(|_| !self.frozen);
            let sends = self.sends_due();
            let Some(next) = [queued, own, sends].into_iter().flatten().min() else {
                return Ok(());
            };
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > STEPS_AT_ONCE {
                return Err(Divergence {
                    at: self.now,
                    what: "time stands still: something is due that nobody does".to_owned(),
                });
            }
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
                    self.check_saves()?;
                    self.check_sent()?;
                    return check::quiescence(&self.page, &self.database, self.now);
                }
                let reads = matches!(
                    self.events.get(&number),
                    Some(Event::Done { .. } | Event::Found { .. } | Event::Touch | Event::Thaw)
                );
                self.happen(number)?;
                if reads {
                    check::identity(&self.page, self.now)?;
                }
            }
            self.send_saves();
            self.begin_fetches();
            if !self.frozen {
                self.deadlines
                    .update(&self.database, &self.server.fates, self.now);
                // Where the page did nothing and nothing fell due, all is as it was found.
                let settled = check::settled(&self.page, self.now);
                if self.deadlines.fell_due(self.now)
                    || std::mem::take(&mut self.page.moved)
                    || std::mem::replace(&mut self.was_settled, settled) != settled
                {
                    check::step(&self.page, &self.database, &mut self.deadlines, self.now)?;
                }
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
                | Event::Answer { .. }
                | Event::Found { .. }
                | Event::Touch
                | Event::Edit
                | Event::Online
                | Event::Visible
        ) || matches!(event, Event::Saved(flight) if flight.is_of_page())
    }

    fn happen(&mut self, number: usize) -> Result<(), Divergence> {
        if self.frozen && self.events.get(&number).is_some_and(Self::is_inside) {
            self.waiting.push(number);
            return Ok(());
        }
        let Some(event) = self.events.remove(&number) else {
            return Ok(());
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
            Event::Token { page, request } => {
                if page == self.pages {
                    self.token(request);
                }
            }
            Event::Read { fetch } => self.read(fetch),
            Event::Done { fetch } => self.done(fetch),
            Event::Ask(question) => self.read_log(question),
            Event::Answer {
                page,
                number,
                answer,
            } if page == self.pages => {
                let mut wishes = Vec::new();
                self.page.answered(number, answer, &mut wishes);
                self.fulfil(wishes);
            }
            Event::Rows(rows) => self.read_rows(rows),
            Event::Found { page, fetch, found } if page == self.pages => {
                let mut wishes = Vec::new();
                self.page.fetched(&fetch, found, &mut wishes);
                self.fulfil(wishes);
            }
            Event::Answer { .. } | Event::Found { .. } => {}
            Event::Beat => {
                if self.now >= self.database_out_until {
                    self.database.beat(self.now);
                    self.committed();
                }
                self.at(self.now + BEAT, Event::Beat);
            }
            Event::Act => {
                if self.still {
                    return Ok(());
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
            Event::Edit => {
                self.edit();
                self.check_saves()?;
            }
            Event::Save(flight) => self.save_arrives(*flight)?,
            Event::Saved(flight) => {
                self.saved(*flight);
                self.check_saves()?;
            }
            Event::Nudge(tab) => {
                self.follow_disk(tab);
                self.check_saves()?;
            }
            Event::Disk => {
                self.disk_works();
                self.check_saves()?;
            }
            Event::Break => {
                self.fail();
                self.check_saves()?;
            }
            Event::Thaw => self.thaw()?,
            Event::Online => self.online(),
            Event::Visible => self.visible(),
            Event::Leaks { line } => {
                if let Some(socket) = self.socket.as_mut().filter(|socket| socket.line == line) {
                    // TCP gave up.
                    socket.hole = false;
                    self.at(self.now, Event::Later(Later::Close { line, code: 1006 }));
                }
            }
            Event::Still => self.heal()?,
            Event::End => {}
        }
        Ok(())
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
}
