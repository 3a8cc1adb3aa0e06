//! Exact catch-up: asks the database which changes since the last answer concern this user, and fetches the rows that the feed
//! didn't bring. Pure: answers, changes and time in, [`Step`]s out. Knows neither REST nor the cache nor the socket.
//!
//! No client can detect a lost change from the stream alone, but the database logs every change. `feed_since(watermark)` returns
//! those of transactions that the watermark's snapshot didn't see. Rows that the feed brought in the same version are proven; the
//! others are fetched by key, or dropped when the user lost them. After an answer with nothing missing, everything on the screen is
//! proven up to the moment of the question.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::core::Lost;
use super::registry::Table;
use crate::data::clock::Moment;
use crate::model::Version;

/// How long a committed change may be on its way before its row is fetched: Realtime polls the database every half second, and a busy
/// server takes longer.
const IN_TRANSIT: Duration = Duration::from_secs(2);

/// A change that hasn't come this long after it was fetched is lost. Until then the server may be slow.
const LATE: Duration = Duration::from_secs(8);

/// Own writes whose echo hasn't come after this long raise a suspicion.
const ECHO: Duration = Duration::from_secs(3);

/// Suspicions within this time cost one question: three tables become ready at the same moment.
const GATHER: Duration = Duration::from_millis(50);

/// The wait after a failed question; doubled by each further failure.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_MOST: Duration = Duration::from_secs(20);

/// After a loss the next question comes early: one lost window often follows another.
const AFTER_LOSS: Duration = Duration::from_secs(5);

/// An answer without a known interval, and the bounds for one that has it.
const INTERVAL: Duration = Duration::from_secs(15);
const INTERVAL_MOST: Duration = Duration::from_secs(120);

/// An answer that takes longer than this after its interval proves nothing in time.
const OVERDUE: Duration = Duration::from_secs(4);

/// A database without `feed_since` may get it by a migration while the page is open.
const ASK_ABSENT: Duration = Duration::from_secs(60);

/// The first watermark reaches 30 s back, for the fetches that began before it was known. An answer later than this doesn't cover them.
const FIRST_COVERS: Duration = Duration::from_secs(20);

/// More missing rows of one table than this are fetched as lists; their keys would make too long an address.
const BY_KEY: usize = 100;

/// While the feed is not live, the database is asked this often.
const POLL: Duration = Duration::from_secs(20);

/// Looks at the page that follow each other faster than this cost one question.
const GLANCE: Duration = Duration::from_secs(2);

/// From this failure on, what is on the screen is fetched with each attempt.
const GIVES_UP: u32 = 3;

/// Brought rows remembered between two answers. Beyond it they are fetched again when the database names them.
const REMEMBERED: usize = 5_000;

/// The answer of `feed_since`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// Opaque; the next question carries it.
    pub watermark: String,
    /// Whether `changes` are all there are. Otherwise the log no longer covers the old watermark, or there are too many.
    pub complete: bool,
    pub changes: Vec<Logged>,
    /// When to ask again at the latest.
    #[serde(default)]
    pub interval_ms: Option<u32>,
}

/// A row that changed, in its current version, or that this user lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Logged {
    /// `*`: any table.
    pub table: String,
    #[serde(default)]
    pub id: Option<Uuid>,
    #[serde(default)]
    pub version: Option<Version>,
    #[serde(default)]
    pub lost: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The database has no `feed_since`: its schema is older than this app.
    Absent,
    /// Something in it can't be read by this build.
    Unreadable,
    /// A network or server failure.
    Transient,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Ask the database; the answer goes to [`CatchUp::answered`].
    Ask { number: u64, since: Option<String> },
    /// So many changes should have come and didn't; none: nothing is missing any more.
    Checked(u64),
    /// Fetch these rows by key; the outcome goes to [`CatchUp::fetched`].
    Fetch(Fetch),
    /// The user may no longer see these rows.
    Drop(Lost),
    /// Too much is missing in this table to fetch it row by row.
    Refetch(Table),
    /// Nothing is known about what happened since the last answer.
    RefetchAll,
    /// The database can't answer: the feed's heartbeat has to do.
    UseHeartbeat,
}

/// Rows to be fetched by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub number: u64,
    pub table: Table,
    pub ids: Vec<Uuid>,
}

/// What the database can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It keeps a log of changes.
    Log,
    /// It doesn't; the feed's heartbeat is the only sign.
    Heartbeat,
}

/// Whether the feed claims to bring what changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Live {
    Yes,
    #[default]
    No,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Feed,
    Fetch,
}

/// Figures for the status page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub questions: u64,
    pub failed: u64,
    /// Changes that the database named.
    pub named: u64,
    /// Of those, the ones that the feed hadn't brought.
    pub missing: u64,
    /// Of those, the ones that never came.
    pub lost: u64,
    /// Requests for missing rows.
    pub fetches: u64,
    /// Answers that couldn't say what changed.
    pub incomplete: u64,
}

#[derive(Debug)]
struct Asked {
    number: u64,
    at: Moment,
    /// The suspicions that its answer settles.
    covers: u64,
}

/// What the feed brought of a row.
#[derive(Debug)]
struct Brought {
    version: Version,
    at: Moment,
}

/// A version that should come, or come back, until then.
#[derive(Debug)]
struct Awaited {
    version: Version,
    by: Moment,
    /// Its fetch failed. Until it succeeds, the screen is known to be wrong.
    overdue: bool,
}

/// Rows on their way, with the versions that the database named.
#[derive(Debug)]
struct Fetching {
    table: Table,
    rows: Vec<Requested>,
}

#[derive(Clone, Copy, Debug)]
struct Requested {
    id: Uuid,
    /// As the database named it.
    version: Version,
    /// What the feed brought while the row was being fetched: the answer may be older.
    newer: Option<Version>,
}

/// The catch-up of one page. See the [module](self).
#[derive(Debug, Default)]
pub struct CatchUp {
    mode: Mode,
    active: bool,
    hidden: bool,
    live: Live,
    watermark: Option<String>,
    asked: Option<Asked>,
    /// Questions and fetches so far: an answer to an earlier user's is none.
    numbers: u64,
    ask_at: Option<Moment>,
    failures: u32,
    interval: Duration,
    suspicions: u64,
    settled: u64,
    /// Since when a suspicion isn't settled.
    suspected_at: Option<Moment>,
    overdue: bool,
    brought: HashMap<(Table, Uuid), Brought>,
    lost_everything: Option<Moment>,
    missing: BTreeMap<(Table, Uuid), Awaited>,
    /// Missing rows that were fetched, and may still come late.
    late: BTreeMap<(Table, Uuid), Awaited>,
    echoes: BTreeMap<(Table, Uuid), Awaited>,
    fetching: BTreeMap<u64, Fetching>,
    proven_at: Option<Moment>,
    /// Stretches intervals, so that pages don't ask in step: 0.8 to 1.2.
    stretch: f64,
    stats: Stats,
}

impl CatchUp {
    /// Of a page with this place, 0 to 1, among all pages that ask.
    pub fn new(place: f64) -> Self {
        Self {
            stretch: 0.8 + 0.4 * place.clamp(0.0, 1.0),
            ..Self::default()
        }
    }

    /// Another user signed in, or the user signed out. Nothing of the previous user's answers counts.
    pub fn identify(&mut self, signed_in: bool, now: Moment) -> Vec<Step> {
        *self = Self {
            active: signed_in,
            hidden: self.hidden,
            live: self.live,
            numbers: self.numbers,
            stretch: self.stretch,
            ..Self::default()
        };
        self.ask_at = signed_in.then_some(now);
        self.wake(now)
    }

    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether every change up to the last answer is on the screen, that answer is recent, and nothing happened since that raised a
    /// suspicion.
    pub fn is_proven(&self, now: Moment) -> bool {
        let recent = |at: Moment| now.since(at) <= self.stretched(self.interval) + OVERDUE;
        match self.mode {
            Mode::Unknown => false,
            Mode::Heartbeat => true,
            Mode::Log => {
                self.suspicions == self.settled
                    && self.fetching.is_empty()
                    && !self.missing.values().any(|awaited| awaited.overdue)
                    && self.proven_at.is_some_and(recent)
            }
        }
    }

    /// Whether an answer should have come by now: what is on the screen may be out of date. As of the last [`CatchUp::wake`].
    pub const fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// When the next answer is overdue.
    fn overdue_at(&self) -> Option<Moment> {
        let lapses = |at: Moment| at.after(self.stretched(self.interval));
        let proof = self.proven_at.map(lapses);
        let first = proof.into_iter().chain(self.suspected_at).min()?;
        (self.mode == Mode::Log && !self.hidden).then(|| first.after(OVERDUE))
    }

    /// The last moment up to which everything was proven.
    pub const fn proven_at(&self) -> Option<Moment> {
        self.proven_at
    }

    pub fn watermark(&self) -> Option<&str> {
        self.watermark.as_deref()
    }

    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether the feed is live. While it isn't, the database is asked at least every 20 s, and missing rows aren't waited for.
    pub fn set_live(&mut self, live: Live, now: Moment) {
        let lost = std::mem::replace(&mut self.live, live) == Live::Yes && live == Live::No;
        if lost && self.mode != Mode::Heartbeat {
            self.interrupted(now);
            self.ask_by(now.after(self.stretched(POLL)));
        }
    }

    fn stretched(&self, time: Duration) -> Duration {
        let millis = time.as_secs_f64() * 1_000.0 * self.stretch.max(0.8);
        // Timers know no less than a millisecond; no interval is longer than minutes.
        Duration::from_millis(millis as u64)
    }

    /// Continuity is in doubt from now on, and asking would prove nothing yet.
    pub fn interrupted(&mut self, now: Moment) {
        self.suspicions = self.suspicions.saturating_add(1);
        self.suspected_at.get_or_insert(now);
    }

    /// Something may have been missed: ask, this much later.
    pub fn suspect(&mut self, wait: Duration, now: Moment) {
        self.interrupted(now);
        self.ask_by(now.after(wait.max(GATHER)));
    }

    /// The page can be seen again, or no longer.
    pub fn set_hidden(&mut self, hidden: bool, now: Moment) {
        self.hidden = hidden;
        if !hidden {
            self.look(now);
        }
    }

    /// Someone looks at the page, or at another part of it: what they see is proven soon, unless it was a moment ago.
    pub fn look(&mut self, now: Moment) {
        let last = self.asked.as_ref().map(|asked| asked.at).or(self.proven_at);
        let recent = last.is_some_and(|last| now.since(last) < GLANCE);
        if self.mode != Mode::Heartbeat && (!recent || self.suspicions != self.settled) {
            self.ask_by(now.after(GATHER));
        }
    }

    fn ask_by(&mut self, at: Moment) {
        if self.active {
            self.ask_at = Some(self.ask_at.map_or(at, |set| set.min(at)));
        }
    }

    /// The feed brought a row in this version; a row that is gone has the highest.
    pub fn brought(&mut self, source: Source, key: (Table, Uuid), version: Version, now: Moment) {
        let came = |awaited: &Awaited| awaited.version <= version;
        if source == Source::Feed {
            let fetches = self.fetching.values_mut();
            let rows = fetches.filter(|fetch| fetch.table == key.0);
            for row in rows
                .flat_map(|fetch| &mut fetch.rows)
                .filter(|row| row.id == key.1)
            {
                row.newer = row.newer.max(Some(version));
            }
        }
        let by_feed = match source {
            Source::Feed => vec![&mut self.echoes, &mut self.late],
            Source::Fetch => Vec::new(),
        };
        for awaited in by_feed.into_iter().chain([&mut self.missing]) {
            if awaited.get(&key).is_some_and(came) {
                awaited.remove(&key);
            }
        }
        if self.brought.len() >= REMEMBERED {
            self.brought.clear();
        }
        let newest = Brought { version, at: now };
        let held = self
            .brought
            .entry(key)
            .or_insert(Brought { version, at: now });
        // A row that comes after it was dropped is in sight again.
        if held.version <= version || held.version == GONE {
            *held = newest;
        }
    }

    /// The user was told of a loss of rights, and the cache dropped what that names.
    pub fn dropped(&mut self, lost: &Lost, now: Moment) {
        match lost {
            Lost::Everything => self.lost_everything = Some(now),
            Lost::Row(table, id) => {
                if let Ok(id) = Uuid::parse_str(id) {
                    self.brought(Source::Feed, (*table, id), GONE, now);
                    // Rights that come back make the row a change again.
                    self.missing.remove(&(*table, id));
                }
            }
        }
    }

    /// The database accepted a write of this page: its echo is due.
    pub fn wrote(&mut self, table: Table, id: Uuid, version: Version, now: Moment) {
        let came = |brought: &Brought| brought.version >= version;
        if self.live == Live::Yes
            && self.mode == Mode::Log
            && !self.brought.get(&(table, id)).is_some_and(came)
        {
            let by = now.after(ECHO);
            let overdue = false;
            self.echoes.insert(
                (table, id),
                Awaited {
                    version,
                    by,
                    overdue,
                },
            );
        }
    }

    /// The answer to a question. `follows` says whether a table's changes matter to this page.
    pub fn answered(
        &mut self,
        number: u64,
        answer: Result<Answer, Failure>,
        follows: impl Fn(Table) -> bool,
        now: Moment,
    ) -> Vec<Step> {
        let Some(asked) = self.asked.take_if(|asked| asked.number == number) else {
            return Vec::new();
        };
        match answer {
            Ok(answer) => self.learn(&asked, answer, follows, now),
            Err(Failure::Absent) => {
                self.ask_at = Some(now.after(ASK_ABSENT));
                if self.mode == Mode::Heartbeat {
                    return Vec::new();
                }
                self.forget_log();
                self.mode = Mode::Heartbeat;
                vec![Step::UseHeartbeat]
            }
            Err(Failure::Transient | Failure::Unreadable) => {
                self.stats.failed = self.stats.failed.saturating_add(1);
                let wait = RETRY
                    .saturating_mul(1 << self.failures.min(4))
                    .min(RETRY_MOST);
                self.failures = self.failures.saturating_add(1);
                self.ask_at = Some(now.after(self.stretched(wait)));
                if self.failures < GIVES_UP || self.mode == Mode::Heartbeat {
                    return Vec::new();
                }
                // Rows may be readable although the log isn't.
                vec![Step::RefetchAll]
            }
        }
    }

    fn forget_log(&mut self) {
        self.watermark = None;
        self.brought.clear();
        self.missing.clear();
        self.late.clear();
        self.echoes.clear();
        self.fetching.clear();
    }

    fn learn(
        &mut self,
        asked: &Asked,
        answer: Answer,
        follows: impl Fn(Table) -> bool,
        now: Moment,
    ) -> Vec<Step> {
        let first = self.watermark.replace(answer.watermark).is_none();
        let before = std::mem::replace(&mut self.mode, Mode::Log);
        self.failures = 0;
        // Fetches older than the first watermark reaches back are covered by nothing.
        let uncovered = first && (before == Mode::Heartbeat || now.since(asked.at) > FIRST_COVERS);
        let interval = answer.interval_ms.map_or(INTERVAL, |millis| {
            Duration::from_millis(millis.into()).clamp(RETRY, INTERVAL_MOST)
        });
        self.interval = match self.live {
            Live::Yes => interval,
            Live::No => interval.min(POLL),
        };
        self.ask_at = None;
        self.ask_by(now.after(self.stretched(self.interval)));
        let mut steps = Vec::new();
        if !answer.complete || uncovered {
            self.stats.incomplete = self.stats.incomplete.saturating_add(1);
            (self.missing, self.fetching) = Default::default();
            steps.push(Step::RefetchAll);
        } else {
            for logged in answer.changes {
                self.take_in(logged, asked, &follows, now, &mut steps);
            }
        }
        // What came before the question was committed before it: this answer was the last that could name it.
        self.brought.retain(|_, brought| brought.at >= asked.at);
        // The first answer names no changes, it only says from where on they can be asked for.
        if !first {
            self.settled = asked.covers;
        }
        if self.settled < self.suspicions {
            self.suspected_at = Some(now);
            self.ask_by(now.after(GATHER));
        } else {
            self.suspected_at = None;
        }
        self.proven_at = Some(asked.at);
        steps.extend(self.wake(now));
        let asks_only = |step: &Step| matches!(step, Step::Ask { .. });
        if self.live == Live::No && self.fetching.is_empty() && steps.iter().all(asks_only) {
            steps.push(Step::Checked(0));
        }
        steps
    }

    fn take_in(
        &mut self,
        logged: Logged,
        asked: &Asked,
        follows: &impl Fn(Table) -> bool,
        now: Moment,
        steps: &mut Vec<Step>,
    ) {
        self.stats.named = self.stats.named.saturating_add(1);
        let Some((table, id)) = Table::named(&logged.table).zip(logged.id) else {
            // A loss that names no row this build knows takes everything; a change of such a row concerns no screen.
            let told = self.lost_everything.take();
            if logged.lost
                && told.is_none_or(|told| now.since(told) > IN_TRANSIT.max(now.since(asked.at)))
            {
                steps.push(Step::Drop(Lost::Everything));
            }
            return;
        };
        let brought = self
            .brought
            .get(&(table, id))
            .map(|brought| brought.version);
        if logged.lost {
            self.missing.remove(&(table, id));
            if brought != Some(GONE) {
                steps.push(Step::Drop(Lost::Row(table, id.to_string())));
            }
            return;
        }
        let version = logged.version.unwrap_or(Version::MAX - 1);
        // A row that was dropped and is named as a change came back.
        let came = brought.is_some_and(|brought| brought >= version && brought != GONE);
        if came || !follows(table) {
            return;
        }
        // After a gap nothing is on its way, and what the last answer should have named waited long enough.
        let by = if self.live == Live::Yes && asked.covers == self.settled && !self.overdue {
            now.after(IN_TRANSIT)
        } else {
            now
        };
        self.missing
            .entry((table, id))
            .and_modify(|awaited| {
                awaited.version = awaited.version.max(version);
                awaited.by = awaited.by.min(by);
            })
            .or_insert(Awaited {
                version,
                by,
                overdue: false,
            });
    }

    /// Whether this fetch is still this user's.
    pub fn awaits(&self, number: u64) -> bool {
        self.fetching.contains_key(&number)
    }

    /// Whether a fetched row isn't older than what the feed brought in the meantime.
    pub fn is_current(&self, number: u64, id: Uuid, version: Version) -> bool {
        let fetch = self.fetching.get(&number);
        let mut rows = fetch.into_iter().flat_map(|fetch| &fetch.rows);
        let row = rows.find(|row| row.id == id);
        row.is_some_and(|row| row.newer.is_none_or(|newer| newer <= version))
    }

    /// The outcome of [`Step::Fetch`]: the keys of the rows that were found. Rows that weren't are lost to this user.
    pub fn fetched(
        &mut self,
        number: u64,
        found: Result<&[Uuid], Failure>,
        now: Moment,
    ) -> Vec<Step> {
        let Some(Fetching { table, rows }) = self.fetching.remove(&number) else {
            return Vec::new();
        };
        let lost = |id: Uuid| Step::Drop(Lost::Row(table, id.to_string()));
        match found {
            Ok(found) => {
                let rows = rows.iter().filter(|row| row.newer.is_none());
                let ids = rows.map(|row| row.id);
                ids.filter(|id| !found.contains(id)).map(lost).collect()
            }
            // A list shows the rows that can be read, and how many can't.
            Err(Failure::Unreadable) => vec![Step::Refetch(table)],
            Err(Failure::Absent | Failure::Transient) => {
                let by = now.after(RETRY);
                for Requested { id, version, .. } in rows {
                    let overdue = true;
                    let awaited = Awaited {
                        version,
                        by,
                        overdue,
                    };
                    self.missing.insert((table, id), awaited);
                }
                self.interrupted(now);
                Vec::new()
            }
        }
    }

    /// When [`CatchUp::wake`] has something to do.
    pub fn due(&self) -> Option<Moment> {
        let ask = self.ask_at.filter(|_| self.may_ask());
        let awaited = self.missing.values().chain(self.echoes.values());
        let awaited = awaited.chain(self.late.values());
        let overdue = self.overdue_at().filter(|_| !self.overdue);
        let awaited = awaited.map(|awaited| awaited.by);
        awaited.chain(ask).chain(overdue).min()
    }

    /// A hidden page proves nothing until it is seen, except the first watermark: its fetches need it.
    fn may_ask(&self) -> bool {
        self.active && self.asked.is_none() && !(self.hidden && self.watermark.is_some())
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Moment) -> Vec<Step> {
        let overdue: Vec<(Table, Uuid)> = self
            .echoes
            .extract_if(.., |_, awaited| awaited.by <= now)
            .map(|(key, _)| key)
            .collect();
        if !overdue.is_empty() {
            self.suspect(Duration::ZERO, now);
        }
        let mut steps = self.fetch_missing(now);
        let lost = self
            .late
            .extract_if(.., |_, awaited| awaited.by <= now)
            .count();
        if lost > 0 {
            let lost = u64::try_from(lost).unwrap_or(u64::MAX);
            self.stats.lost = self.stats.lost.saturating_add(lost);
            if self.live == Live::Yes {
                steps.push(Step::Checked(lost));
            }
        }
        if self.may_ask() && self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = None;
            self.numbers = self.numbers.saturating_add(1);
            self.stats.questions = self.stats.questions.saturating_add(1);
            self.asked = Some(Asked {
                number: self.numbers,
                at: now,
                covers: self.suspicions,
            });
            steps.push(Step::Ask {
                number: self.numbers,
                since: self.watermark.clone(),
            });
        }
        self.overdue = self.overdue_at().is_some_and(|at| at <= now);
        steps
    }

    fn fetch_missing(&mut self, now: Moment) -> Vec<Step> {
        let mut by_table: BTreeMap<Table, Vec<Requested>> = BTreeMap::new();
        let due = self.missing.extract_if(.., |_, awaited| awaited.by <= now);
        for ((table, id), awaited) in due {
            by_table.entry(table).or_default().push(Requested {
                id,
                version: awaited.version,
                newer: None,
            });
            if self.live == Live::Yes && self.late.len() < REMEMBERED {
                let by = now.after(LATE);
                self.late.insert((table, id), Awaited { by, ..awaited });
            }
        }
        if !by_table.is_empty() && self.live == Live::Yes {
            self.ask_by(now.after(AFTER_LOSS));
        }
        let mut steps = Vec::new();
        for (table, rows) in by_table {
            let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            self.stats.missing = self.stats.missing.saturating_add(count);
            if rows.len() > BY_KEY {
                steps.push(Step::Refetch(table));
                continue;
            }
            self.stats.fetches = self.stats.fetches.saturating_add(1);
            self.numbers = self.numbers.saturating_add(1);
            steps.push(Step::Fetch(Fetch {
                number: self.numbers,
                table,
                ids: rows.iter().map(|row| row.id).collect(),
            }));
            self.fetching.insert(self.numbers, Fetching { table, rows });
        }
        steps
    }
}

/// The version of a row that is gone.
pub const GONE: Version = Version::MAX;

#[cfg(test)]
mod tests;
