//! The sync without its effects: who follows what, whom the feed belongs to, whether it can be trusted, and what all that
//! asks of the cache and of the feed. Events and time in, effects out; it knows no socket, no cache, no clock and no task.
//!
//! [`Feed`](super::Feed) carries the effects out in the browser; the simulation does the same in a world of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bedside_query::{Record, RowChange, Segment};
use uuid::Uuid;

use super::catch_up::{Answer, CatchUp, Failure, Fetch, GONE, Live, Mode, Source, Step};
use super::patches::{Patches, Room};
use super::registry::Table;
use super::router::{Due, Heard, Router, SPREAD, Work};
use crate::data::Pace;
use crate::data::clock::Moment;
use crate::model::Version;

/// While the feed can't be trusted, what is on screen is fetched this often.
pub const POLL: Duration = Duration::from_secs(20);

/// Looks at the page that follow each other faster than this are one look.
const GLANCE: Duration = Duration::from_secs(2);

/// How long a beat may be on its way.
const LATE: Duration = Duration::from_secs(2);

/// How long the echo of one's own write may take before the feed is doubted.
pub const ECHO: Duration = Duration::from_secs(15);

/// Something to be done. Effects are carried out in the order in which they are given.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Listen to a table; what is heard goes to [`Core::hear`].
    Bind(Table),
    /// Stop listening to it.
    Unbind(Table),
    /// Enter the private room of this user; its messages go to [`Core::told`].
    Attend(String),
    /// Listen to the feed's heartbeat, which goes to [`Core::beat`].
    Beats,
    /// Ask the database what changed since a watermark; the answer goes to [`Core::answered`].
    Ask { number: u64, since: Option<String> },
    /// Fetch rows by key; they go to [`Core::fetched`].
    Fetch(Fetch),
    /// Tell the Realtime client how many changes it should have brought and didn't; none: nothing is missing.
    Checked(u64),
    /// Show these rows wherever they belong. Together with the answer that named them they prove the queries that show them; where
    /// that can't be told, the query is fetched.
    Heal(Vec<(Table, RowChange)>),
    /// Ask the database how often its heartbeat has beaten; the answer goes to [`Core::sounded`].
    Sound,
    /// Take the absence of the heartbeat for the death of the feed.
    Watch,
    /// Stop attending and watching.
    Depart,
    /// Take the absence of this row's echo, within [`ECHO`], for the death of the feed.
    Expect(Table, String),
    /// Show these changed rows wherever they are shown, and put in question what can't be told from them.
    Apply(Vec<(Table, RowChange)>),
    /// Put queries in question.
    Cache(Work),
    /// Take these rows out of what is cached, at once: this person may not see them any more.
    Drop(Lost),
    /// Everything cached goes, and nothing that was asked before may arrive any more.
    Forget,
    /// Tell the Realtime client whose it is now.
    Identify(Option<String>),
}

/// What a person lost the right to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A row, with the rows that belong to it.
    Row(Table, String),
    /// Too much to be named.
    Everything,
}

/// What the private room says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The room is entered; messages before that may be missing.
    Ready,
    /// Rights were lost.
    Revoked(Lost),
}

/// Whether the feed itself brings what changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    Live,
    /// It may not.
    Doubtful,
    /// It seemed to and did not: what it should have brought is missing.
    Broken,
}

#[derive(Debug)]
struct Followed {
    followers: usize,
    /// When listening ends, once nobody follows.
    ends: Option<Moment>,
}

#[derive(Debug)]
struct Attending {
    user: String,
    since: Moment,
}

/// The decisions of one page's feed.
#[derive(Debug, Default)]
pub struct Core {
    router: Router,
    patches: Patches,
    catch_up: CatchUp,
    followed: BTreeMap<Table, Followed>,
    identity: Option<String>,
    attending: Option<Attending>,
    /// A beat was heard, so there are beats: a database without a scheduler has none, and their absence says nothing there.
    beats: bool,
    /// When the gathered work is due.
    work_at: Option<Moment>,
    /// When the next look without the feed is due.
    poll_at: Option<Moment>,
    /// When the last one was, or the trust was lost.
    polled_at: Option<Moment>,
    /// The feed was found to be broken, and what was missed till then is being fetched.
    broken: bool,
    /// How long this page waits when all pages have the same reason to fetch.
    spread: Duration,
    pace: Pace,
}

impl Core {
    /// The decisions of a page that fetches so long after the end of a gap, within
    /// [`SPREAD`]: not all pages may come at once.
    pub fn new(spread: Duration, pace: Pace) -> Self {
        Self {
            pace,
            catch_up: CatchUp::new(spread.as_secs_f64() / SPREAD.as_secs_f64()),
            router: Router::spread(spread),
            spread: spread.min(SPREAD),
            ..Self::default()
        }
    }

    /// Somebody looks at a table, and so at the tables that decide on who sees its rows.
    pub fn follow(&mut self, table: Table, now: Moment) -> Vec<Effect> {
        let mut bound = Vec::new();
        for table in table.with_deciding() {
            let followed = self.followed.entry(*table).or_insert_with(|| {
                bound.push(Effect::Bind(*table));
                Followed {
                    followers: 0,
                    ends: None,
                }
            });
            followed.followers += 1;
            followed.ends = None;
        }
        if self.polled_at.is_some() {
            self.catch_up.look(now);
        }
        let mut effects = self.attend(now);
        effects.extend(bound);
        effects
    }

    /// One who looked at a table looks away.
    pub fn unfollow(&mut self, table: Table, now: Moment) {
        for table in table.with_deciding() {
            if let Some(followed) = self.followed.get_mut(table) {
                followed.followers = followed.followers.saturating_sub(1);
                if followed.followers == 0 {
                    followed.ends = Some(now.after(self.pace.linger()));
                }
            }
        }
    }

    /// From here on the feed and the cache are somebody else's: nothing of the former person stays.
    pub fn identify(&mut self, user: Option<String>, now: Moment) -> Vec<Effect> {
        self.router.forget();
        self.patches.forget();
        self.identity = user;
        let mut effects = vec![Effect::Forget];
        let left: Vec<Table> = self.left(|_| true);
        for table in left {
            self.followed.remove(&table);
            self.router.leave(table);
            effects.push(Effect::Unbind(table));
        }
        // Out of the former person's room before there is a new person, and into the new one's only then.
        effects.extend(self.depart());
        effects.push(Effect::Identify(self.identity.clone()));
        let steps = self.catch_up.identify(self.identity.is_some(), now);
        effects.extend(self.attend(now));
        effects.extend(self.take(steps, now));
        effects
    }

    /// The feed said something about a table.
    pub fn hear(&mut self, table: Table, heard: Heard, now: Moment) -> Vec<Effect> {
        // With a log of changes a gap ends in what it names, not in fetching everything.
        if self.catch_up.mode() != Mode::Heartbeat {
            match heard {
                Heard::Gap => {
                    self.catch_up.interrupted(now);
                    return Vec::new();
                }
                Heard::Ready => {
                    self.catch_up.suspect(self.spread, now);
                    return Vec::new();
                }
                Heard::Row(_) | Heard::Unclear => {}
            }
        }
        // Other rights in force: who may see what can have changed for every row there is.
        let Heard::Row(change) = heard else {
            let due = self.router.hear(table, &heard, now);
            let mut effects = match (&heard, due) {
                // What was fetched before the server listened proves nothing, and its next fetch has to wait for its turn.
                (Heard::Ready, Due::In(_) | Due::AsSaid) => table
                    .with_shown_by()
                    .map(|table| Effect::Cache(Work::Doubt(table)))
                    .collect(),
                _ => Vec::new(),
            };
            effects.extend(self.schedule(due, now));
            return effects;
        };
        self.brought(Source::Feed, table, &change, now);
        let own = table == Table::Profiles && self.is_own(&change.pk);
        let room = self.patches.add(table, change);
        let mut effects = self.patch(now);
        let due = match (own, room) {
            (true, _) | (_, Room::None) => self.doubt_all(now),
            (false, Room::Enough) => Due::AsSaid,
        };
        effects.extend(self.schedule(due, now));
        effects
    }

    fn brought(&mut self, source: Source, table: Table, change: &RowChange, now: Moment) {
        if let (Segment::Uuid(id), Some(version)) = (&change.pk, version(change)) {
            self.catch_up.brought(source, (table, *id), version, now);
        }
    }

    /// The database said what changed since a watermark.
    pub fn answered(
        &mut self,
        number: u64,
        answer: Result<Answer, Failure>,
        now: Moment,
    ) -> Vec<Effect> {
        let followed = &self.followed;
        let follows = |table: Table| followed.contains_key(&table);
        let steps = self.catch_up.answered(number, answer, follows, now);
        self.take(steps, now)
    }

    /// The rows that were fetched by key.
    pub fn fetched(
        &mut self,
        fetch: &Fetch,
        outcome: Result<Vec<RowChange>, Failure>,
        now: Moment,
    ) -> Vec<Effect> {
        // Rows that were read for another user are nobody's.
        if !self.catch_up.awaits(fetch.number) {
            return Vec::new();
        }
        let table = fetch.table;
        let mut own = false;
        let found = outcome.as_ref().map_err(|failure| *failure).map(|rows| {
            let ids = rows.iter().filter_map(|row| match row.pk {
                Segment::Uuid(id) => Some(id),
                _ => None,
            });
            ids.collect::<Vec<Uuid>>()
        });
        let mut rows = outcome.unwrap_or_default();
        // The feed may have brought a newer version, or the end of the row, while the answer was on its way.
        rows.retain(|row| match (&row.pk, version(row)) {
            (Segment::Uuid(id), Some(version)) => {
                self.catch_up.is_current(fetch.number, *id, version)
            }
            _ => true,
        });
        for row in &rows {
            self.brought(Source::Fetch, table, row, now);
            own |= table == Table::Profiles && self.is_own(&row.pk);
        }
        let found = found.as_deref().map_err(|failure| *failure);
        let steps = self.catch_up.fetched(fetch.number, found, now);
        let mut effects = Vec::new();
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|row| (table, row)).collect();
            effects.push(Effect::Heal(rows));
        }
        effects.extend(self.take(steps, now));
        if own {
            let due = self.doubt_all(now);
            effects.extend(self.schedule(due, now));
        }
        effects
    }

    /// What the catch-up wants done.
    fn take(&mut self, steps: Vec<Step>, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for step in steps {
            match step {
                Step::Ask { number, since } => effects.push(Effect::Ask { number, since }),
                Step::Checked(missed) => effects.push(Effect::Checked(missed)),
                Step::Fetch(fetch) => effects.push(Effect::Fetch(fetch)),
                Step::Drop(lost) => effects.extend(self.revoke(lost, now)),
                Step::Refetch(table) => {
                    let due = self.router.hear(table, &Heard::Unclear, now);
                    effects.extend(self.schedule(due, now));
                }
                Step::RefetchAll => {
                    let due = self.doubt_all(now);
                    effects.extend(self.schedule(due, now));
                }
                Step::UseHeartbeat => {
                    if self.attending.is_some() {
                        effects.push(Effect::Beats);
                        effects.extend(self.beats.then_some(Effect::Watch));
                    }
                    let due = self.doubt_all(now);
                    effects.extend(self.schedule(due, now));
                }
            }
        }
        effects
    }

    fn is_own(&self, row: &Segment) -> bool {
        let own = |user: &String| Uuid::parse_str(user).ok().map(Segment::from);
        self.identity.as_ref().and_then(own).as_ref() == Some(row)
    }

    /// Shows the changed rows that are due. What they put in question is fetched when the router says.
    fn patch(&mut self, now: Moment) -> Vec<Effect> {
        let batch = self.patches.batch(now);
        if batch.is_empty() {
            return Vec::new();
        }
        let mut due = Due::AsSaid;
        for (table, change) in &batch {
            match self.router.hear(*table, &Heard::Row(change.clone()), now) {
                Due::AsSaid => {}
                said => due = said,
            }
        }
        let mut effects = vec![Effect::Apply(batch)];
        effects.extend(self.schedule(due, now));
        effects
    }

    /// The private room said something.
    pub fn told(&mut self, told: Told, now: Moment) -> Vec<Effect> {
        match told {
            Told::Ready if self.catch_up.mode() == Mode::Heartbeat => {
                let due = self.doubt_all(now);
                self.schedule(due, now)
            }
            Told::Ready => {
                self.catch_up.suspect(self.spread, now);
                Vec::new()
            }
            Told::Revoked(lost) => {
                self.catch_up.dropped(&lost, now);
                self.revoke(lost, now)
            }
        }
    }

    /// Drops what the user may no longer see.
    fn revoke(&mut self, lost: Lost, now: Moment) -> Vec<Effect> {
        // What is left of a list is true row by row, and as a whole no answer to anything: fresh is only what comes next.
        let mut effects = vec![Effect::Drop(lost)];
        effects.extend(Table::ALL.map(|table| Effect::Cache(Work::Doubt(table))));
        let due = self.doubt_all(now);
        effects.extend(self.schedule(due, now));
        effects
    }

    /// The server listens for the heartbeat from now on.
    pub fn beats_ready(&self) -> Vec<Effect> {
        if self.beats || self.attending.is_none() {
            return Vec::new();
        }
        // Whether there are beats, only the database knows: waiting for the first would be waiting forever on a dead feed.
        vec![Effect::Sound]
    }

    /// The database said how often its heartbeat has beaten. One that never has belongs to a database without a scheduler.
    pub fn sounded(&mut self, beats: u64) -> Vec<Effect> {
        if beats == 0 || self.beats || self.attending.is_none() {
            return Vec::new();
        }
        self.beats = true;
        vec![Effect::Watch]
    }

    /// The feed's heartbeat was heard.
    pub fn beat(&mut self, now: Moment) -> Vec<Effect> {
        let Some(attending) = self.attending.as_ref().filter(|_| !self.beats) else {
            return Vec::new();
        };
        self.beats = true;
        let mut effects = vec![Effect::Watch];
        if now.since(attending.since) > self.pace.heartbeat().saturating_add(LATE) {
            // One before it should have come: nobody watched yet, and what else got lost nobody knows.
            let due = self.doubt_all(now);
            effects.extend(self.schedule(due, now));
        }
        effects
    }

    /// The state of the feed.
    pub fn trust(&mut self, trust: Trust, now: Moment) {
        let live = match trust {
            Trust::Live => Live::Yes,
            Trust::Doubtful | Trust::Broken => Live::No,
        };
        self.catch_up.set_live(live, now);
        match trust {
            Trust::Live => (self.poll_at, self.polled_at, self.broken) = (None, None, false),
            Trust::Broken if !self.broken => {
                self.broken = true;
                // All pages of a broken server find out at the same beat.
                self.poll_at = Some(now.after(self.spread.saturating_mul(5)));
                self.polled_at = self.polled_at.or(Some(now));
            }
            Trust::Doubtful | Trust::Broken => {
                self.poll_at = self.poll_at.or(Some(now.after(POLL)));
                self.polled_at = self.polled_at.or(Some(now));
            }
        }
    }

    /// Somebody looks at the page again. Without trust in the feed, what they see is asked for at once.
    pub fn seen(&mut self, now: Moment) -> Vec<Effect> {
        self.catch_up.look(now);
        let long_ago = |polled: Moment| now.since(polled) >= GLANCE;
        if self.polled_at.is_some_and(long_ago) {
            return self.poll(now);
        }
        Vec::new()
    }

    fn poll(&mut self, now: Moment) -> Vec<Effect> {
        self.poll_at = Some(now.after(POLL));
        self.polled_at = Some(now);
        if self.catch_up.mode() != Mode::Heartbeat {
            // The catch-up asks in its own time, and fetches only what changed.
            return Vec::new();
        }
        Table::ALL
            .map(|table| Effect::Cache(Work::All(table)))
            .to_vec()
    }

    /// The database accepted a write of this user. A missing echo is a sign that changes don't come.
    pub fn wrote(&mut self, table: Table, id: Uuid, version: Version, now: Moment) -> Vec<Effect> {
        if !self.followed.contains_key(&table) {
            return Vec::new();
        }
        self.catch_up.wrote(table, id, version, now);
        if self.beats || self.catch_up.mode() != Mode::Heartbeat {
            return Vec::new();
        }
        vec![Effect::Expect(table, id.to_string())]
    }

    /// The page can be seen, or not.
    pub fn set_hidden(&mut self, hidden: bool, now: Moment) {
        self.catch_up.set_hidden(hidden, now);
    }

    /// What has been proven, and what that took.
    pub const fn catch_up(&self) -> &CatchUp {
        &self.catch_up
    }

    /// Whose feed it is.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// When [`Core::wake`] has something to do.
    pub fn due(&self) -> Option<Moment> {
        let ends = self.followed.values().filter_map(|followed| followed.ends);
        let patches = self.patches.due(Moment::from_millis(0));
        ends.chain(self.work_at)
            .chain(self.poll_at)
            .chain(patches)
            .chain(self.catch_up.due())
            .min()
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for table in self.left(|ends| ends <= now) {
            self.followed.remove(&table);
            self.router.leave(table);
            effects.push(Effect::Unbind(table));
            // Nobody listens from here on, so nothing of it may be taken for fresh when it is next looked at.
            effects.push(Effect::Cache(Work::Doubt(table)));
        }
        effects.extend(self.attend(now));
        effects.extend(self.patch(now));
        if self.work_at.is_some_and(|at| at <= now) {
            effects.extend(self.work(now));
        }
        if self.poll_at.is_some_and(|at| at <= now) {
            effects.extend(self.poll(now));
        }
        let steps = self.catch_up.wake(now);
        effects.extend(self.take(steps, now));
        effects
    }

    /// The tables that nobody follows any more, and whose end is as asked.
    fn left(&self, over: impl Fn(Moment) -> bool) -> Vec<Table> {
        let left = |followed: &Followed| followed.ends.is_some_and(&over);
        self.followed
            .iter()
            .filter(|(_, followed)| left(followed))
            .map(|(table, _)| *table)
            .collect()
    }

    /// Attends for whoever is signed in, while there is anything to listen to.
    fn attend(&mut self, now: Moment) -> Vec<Effect> {
        let wanted = self.identity.clone().filter(|_| !self.followed.is_empty());
        if wanted.as_ref() == self.attending.as_ref().map(|attending| &attending.user) {
            return Vec::new();
        }
        let departs = self.depart();
        self.attending = wanted.clone().map(|user| Attending { user, since: now });
        let heartbeat = wanted.is_some() && self.catch_up.mode() == Mode::Heartbeat;
        let watches = (self.beats && heartbeat).then_some(Effect::Watch);
        departs
            .into_iter()
            .chain(wanted.map(Effect::Attend))
            .chain(heartbeat.then_some(Effect::Beats))
            .chain(watches)
            .collect()
    }

    fn depart(&mut self) -> Option<Effect> {
        self.attending.take().map(|_| Effect::Depart)
    }

    fn doubt_all(&mut self, now: Moment) -> Due {
        let mut due = Due::AsSaid;
        for table in Table::ALL {
            match self.router.hear(table, &Heard::Unclear, now) {
                Due::AsSaid => {}
                said => due = said,
            }
        }
        due
    }

    fn schedule(&mut self, due: Due, now: Moment) -> Vec<Effect> {
        match due {
            Due::AsSaid => Vec::new(),
            Due::Now => self.work(now),
            Due::In(wait) => {
                let at = now.after(wait);
                self.work_at = Some(self.work_at.map_or(at, |said| said.min(at)));
                Vec::new()
            }
        }
    }

    fn work(&mut self, now: Moment) -> Vec<Effect> {
        self.work_at = None;
        let work = self.router.work(now);
        work.into_iter().map(Effect::Cache).collect()
    }
}

/// The version that a change made; the highest for a row that is gone.
fn version(change: &RowChange) -> Option<Version> {
    match &change.record {
        Record::Key => Some(GONE),
        Record::Columns(columns) => columns.get("version").and_then(serde_json::Value::as_i64),
        Record::Doubtful => None,
    }
}
