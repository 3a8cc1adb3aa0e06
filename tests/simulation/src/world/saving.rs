//! Saves: made in one of two tabs of one browser, kept on its disk, sent by whoever has the turn; with replies that get lost, tabs
//! that go, and people who decide.
//!
//! The first tab is the page with its cache; of the second there is only the outbox.

use std::collections::{BTreeMap, BTreeSet};

use bedside::data::DataError;
use bedside::data::clock::Moment;
use bedside::model::{
    FormStatus, FormSubmission, FormType, Patient, PatientField, PatientStatus, WARDS,
};
use bedside::sync::outbox::queue::{Effect, Reply, Request};
use bedside::sync::outbox::{
    Change, Columns, Entry, Found, Outcome, Queue, Side, Standing, Write, saves,
};
use bedside_realtime::ChangeKind;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Event, World};
use crate::bug::Bug;
use crate::check::Divergence;
use crate::database::{FORMS, Row, Snapshot, User, WARDS_USED};
use crate::laid::own;
use crate::question;

/// The tab with the cache.
pub const PAGE: usize = 0;
const TABS: usize = 2;

/// A tab's outbox, for as long as the tab lives.
#[derive(Default)]
struct Tab {
    queue: Queue,
    /// Which life of the tab this is: answers to an earlier one reach nobody.
    life: u64,
    waits: bool,
}

impl Tab {
    /// Whether the tab has an entry that could not be written.
    fn only_here(&self, entry: Uuid) -> bool {
        self.unkept().contains(&entry)
    }

    fn unkept(&self) -> Vec<Uuid> {
        let effects = self.queue.unkept();
        let ids = effects.iter().filter_map(|effect| match effect {
            Effect::Keep(entry) => Some(entry.id),
            _ => None,
        });
        ids.collect()
    }
}

/// A browser's outboxes.
#[derive(Default)]
pub struct Saving {
    tabs: [Tab; TABS],
    disk: BTreeMap<User, BTreeMap<Uuid, Entry>>,
    /// The tab that has the turn.
    turn: Option<usize>,
    /// The disk neither reads nor writes until then.
    out_until: u64,
    /// Entries that can't be read at the moment.
    garbled: BTreeSet<Uuid>,
    /// A save that a tab was told to be over while it was on disk.
    forgotten: Option<Uuid>,
    names: u64,
    lives: u64,
}

/// A request of the outbox on its way.
pub struct Flight {
    tab: usize,
    life: u64,
    user: User,
    entry: Uuid,
    request: Request,
    reply: Option<Reply>,
}

impl Flight {
    /// Whether its answer goes to the page, which may sleep.
    pub fn is_of_page(&self) -> bool {
        self.tab == PAGE
    }
}

impl Saving {
    fn on_disk(&self, entry: Uuid) -> bool {
        self.disk
            .values()
            .any(|entries| entries.contains_key(&entry))
    }

    /// Whether it is on disk, or, while that refuses, in a tab that says so.
    fn keeps(&self, entry: Uuid) -> bool {
        self.on_disk(entry) || self.tabs.iter().any(|tab| tab.only_here(entry))
    }
}

impl World {
    /// When a tab has something to send next.
    pub(super) fn sends_due(&self) -> Option<u64> {
        let now = Moment::from_millis(self.now);
        let due = |(tab, own): (usize, &Tab)| {
            self.sender(tab)?;
            own.queue.due(now).filter(|_| !own.waits)
        };
        let due = self.saving.tabs.iter().enumerate().filter_map(due).min()?;
        let due = u64::try_from(due.since(Moment::from_millis(0)).as_millis()).ok()?;
        // While another has the turn, there is nothing to do until that one is done.
        let free = self.saving.turn.is_none() || self.disk_is_out();
        Some(due).filter(|due| *due > self.now || free)
    }

    /// For whom a tab sends. A page that sleeps sends nothing, however long it has wanted to.
    fn sender(&self, tab: usize) -> Option<User> {
        self.page.user.filter(|_| tab != PAGE || !self.frozen)
    }

    /// Whether every save is where it must be.
    pub(super) fn check_saves(&mut self) -> Result<(), Divergence> {
        let saving = &self.saving;
        if let Some(entry) = saving.forgotten {
            return Err(Divergence {
                at: self.now,
                what: format!("save {entry} is on disk and was said to be seen to"),
            });
        }
        self.ledger
            .check(&self.database, |entry| saving.keeps(entry), self.now)
    }

    /// Nothing that could be sent waits any more.
    pub(super) fn check_sent(&self) -> Result<(), Divergence> {
        for tab in &self.saving.tabs {
            if let Some(due) = tab.queue.due(Moment::from_millis(self.now)) {
                return Err(Divergence {
                    at: self.now,
                    what: format!("a save still waits to be sent, at {due:?}"),
                });
            }
        }
        Ok(())
    }

    /// The person saves something, or decides about what waits for them.
    pub(super) fn edit(&mut self) {
        if self.still {
            return;
        }
        if self.dice.percent(25) {
            self.choose();
        } else {
            self.save();
        }
        let wait = if self.dice.percent(30) { 200 } else { 12_000 };
        self.after(50, wait, Event::Edit);
    }

    /// The person saves something, in one of the tabs.
    fn save(&mut self) {
        let Some(user) = self.page.user.filter(|_| !self.still) else {
            return;
        };
        let tab = if self.dice.percent(75) { PAGE } else { 1 };
        if tab == PAGE && self.frozen {
            return;
        }
        let Some(change) = self.some_change(user).filter(|change| !change.is_empty()) else {
            return;
        };
        let id = self.name();
        let now = self.now;
        let effects = match self.saving.tabs.get_mut(tab) {
            Some(tab) => tab.queue.save(id, change.clone(), now),
            None => return,
        };
        self.ledger.promise(id);
        self.summary.saves += 1;
        if tab == PAGE {
            self.page.show(id, change);
        }
        self.carry_out(tab, effects);
        if let Some(tab) = self.saving.tabs.get_mut(tab) {
            tab.queue.wake();
        }
        self.settle();
    }

    fn name(&mut self) -> Uuid {
        self.saving.names += 1;
        named(self.saving.names)
    }

    /// A change of what this person has before their eyes.
    fn some_change(&mut self, user: User) -> Option<Change> {
        let snapshot = self.database.now();
        let patients: Vec<u32> = snapshot.patients.keys().copied().collect();
        let forms: Vec<u32> = snapshot.forms.keys().copied().collect();
        match self.dice.between(0, 9) {
            0..=4 => {
                let number = *self.dice.pick(&patients)?;
                let row = self.seen_patient(user, number)?;
                let ward = usize::from(self.dice.below(WARDS_USED + 1));
                let status = *self.dice.pick(PatientStatus::ALL)?;
                let mut fields = Vec::new();
                if self.dice.percent(60) {
                    // Now and then one that the database refuses.
                    let ward = WARDS.get(ward).filter(|_| ward < usize::from(WARDS_USED));
                    let ward = ward.copied().unwrap_or("Nowhere");
                    fields.push((PatientField::Ward, ward.to_owned()));
                }
                if fields.is_empty() || self.dice.percent(30) {
                    fields.push((PatientField::Status, status.word().to_owned()));
                }
                Some(saves::patient_edit(&row, fields))
            }
            5..=7 => {
                let number = *self.dice.pick(&forms)?;
                let row = self.seen_form(user, number)?;
                if self.dice.percent(30) {
                    let status = *self.dice.pick(&FORMS)?;
                    return Some(saves::form_status(&row, status, None));
                }
                let mut answers = row.answers.clone();
                let key = *self.dice.pick(&["pulse", "pain"])?;
                if let Some(answers) = answers.as_object_mut() {
                    answers.insert(key.to_owned(), json!(self.dice.below(3)));
                }
                Some(saves::form_answers(&row, answers))
            }
            8 => {
                let id = Row::Patient(self.database.number()).id();
                Some(saves::new_patient(id, "BD-1", None, []))
            }
            _ => {
                let number = *self.dice.pick(&patients)?;
                let row = self.seen_patient(user, number)?;
                let id = Row::Form(self.database.number()).id();
                let answers = json!({"pulse": 1, "pain": 1});
                Some(saves::new_form(
                    id,
                    &row,
                    FormType::Vitals,
                    FormStatus::Draft,
                    answers,
                ))
            }
        }
    }

    /// The patient as the page shows it, or else as it would be fetched now.
    fn seen_patient(&mut self, user: User, number: u32) -> Option<Patient> {
        let key = question::Question::Patient(number).key();
        let held = self
            .page
            .cache
            .get_query_data::<Patient>(&key)
            .ok()
            .flatten();
        match held {
            Some(held) => Some(Patient::clone(&held)),
            None => {
                let snapshot = self.database.now();
                let seen = snapshot.sees_patient(user, number);
                seen.then(|| question::patient(&snapshot, user, number))
                    .flatten()
            }
        }
    }

    fn seen_form(&mut self, user: User, number: u32) -> Option<FormSubmission> {
        let key = question::Question::Form(number).key();
        let held = self
            .page
            .cache
            .get_query_data::<FormSubmission>(&key)
            .ok()
            .flatten();
        match held {
            Some(held) => Some(FormSubmission::clone(&held)),
            None => {
                let snapshot = self.database.now();
                let seen = snapshot.sees_form(user, number);
                seen.then(|| question::form(&snapshot, user, number))
                    .flatten()
            }
        }
    }

    /// The person decides about a save that waits for them.
    fn choose(&mut self) {
        let tab = if self.frozen { 1 } else { PAGE };
        let stopped: Vec<Entry> = self
            .saving
            .tabs
            .get(tab)
            .map(|tab| {
                tab.queue
                    .entries()
                    .iter()
                    .filter(|entry| !entry.is_waiting())
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        let Some(entry) = self.dice.pick(&stopped).cloned() else {
            return;
        };
        let choice = self.dice.between(0, 3);
        let name = self.name();
        let mut over = Vec::new();
        let mut promised = false;
        let Some(own) = self.saving.tabs.get_mut(tab) else {
            return;
        };
        let effects = match (&entry.standing, choice) {
            (Standing::Conflict(clash), 0..=2) => {
                let sides = [Side::Mine, Side::Theirs];
                let mut choices = Vec::new();
                for conflict in &clash.fields {
                    let side = self.dice.pick(&sides).cloned().unwrap_or(Side::Mine);
                    choices.push((conflict.field.clone(), side));
                }
                if choices.iter().any(|(_, side)| *side == Side::Theirs) {
                    over.push(entry.id);
                    over.push(name);
                } else {
                    promised = true;
                }
                own.queue.resolve(entry.id, name, &choices)
            }
            (Standing::Failed(_), 0) => {
                promised = true;
                own.queue.retry(entry.id, name)
            }
            (Standing::Failed(_), 1) => {
                // The person corrects what the database refused.
                let mut change = entry.change.clone();
                if let Some(ward) = change.columns.get_mut("ward") {
                    *ward = json!(WARDS.first());
                }
                over.push(entry.id);
                promised = true;
                own.queue.save_instead(entry.id, name, change, self.now)
            }
            _ => {
                let effects = own.queue.withdraw(entry.id);
                over.extend(effects.iter().filter_map(|effect| match effect {
                    Effect::Drop(id) => Some(*id),
                    _ => None,
                }));
                effects
            }
        };
        // A decision counts by itself, whatever became of the save that it is about.
        let goes_on = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Keep(entry) if entry.id == name));
        if promised && goes_on {
            self.ledger.promise(name);
        }
        let shown = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Show(_)));
        let corrected = effects.iter().find_map(|effect| match effect {
            Effect::Keep(entry) if entry.id == name && !shown => Some(entry.change.clone()),
            _ => None,
        });
        self.carry_out(tab, effects);
        self.ledger.release_all(over);
        if let Some(change) = corrected.filter(|_| tab == PAGE) {
            self.page.show(name, change);
        }
        self.settle();
    }

    fn disk_is_out(&self) -> bool {
        self.now < self.saving.out_until
    }

    /// The disk refuses for a while.
    pub(super) fn disk_fails(&mut self, out: u64) {
        self.saving.out_until = self.saving.out_until.max(self.now + out);
        // The tab with the turn goes on without it.
        self.saving.turn = None;
        self.at(self.saving.out_until, Event::Disk);
    }

    /// Some records can't be read for a while.
    pub(super) fn disk_garbles(&mut self) {
        let Some(disk) = self.disk_of() else { return };
        let ids: Vec<Uuid> = disk.keys().copied().collect();
        let garbled: Vec<Uuid> = ids.into_iter().filter(|_| self.dice.percent(50)).collect();
        self.saving.garbled.extend(garbled);
        for tab in 0..TABS {
            self.follow_disk(tab);
        }
        self.after(500, 15_000, Event::Disk);
    }

    /// The disk works again, and is given what it lacks.
    pub(super) fn disk_works(&mut self) {
        if self.disk_is_out() && !self.still {
            return;
        }
        self.saving.out_until = self.now;
        self.saving.garbled.clear();
        for tab in 0..TABS {
            let unkept = self.saving.tabs.get(tab).map(|own| own.queue.unkept());
            self.carry_out(tab, unkept.unwrap_or_default());
            self.follow_disk(tab);
        }
    }

    /// A tab is closed and opened again: what it had in memory is gone.
    pub(super) fn reopen(&mut self, tab: usize) {
        // What could not be written goes with the tab: it said so, and the browser asked.
        let lost = self
            .saving
            .tabs
            .get(tab)
            .map(Tab::unkept)
            .unwrap_or_default();
        let lost: Vec<Uuid> = lost
            .into_iter()
            .filter(|entry| !self.saving.on_disk(*entry))
            .collect();
        if !self.has(Bug::ForgetOnClose) {
            self.ledger.release_all(lost);
        }
        self.saving.lives += 1;
        let life = self.saving.lives;
        if let Some(own) = self.saving.tabs.get_mut(tab) {
            *own = Tab {
                life,
                ..Tab::default()
            };
        }
        if self.saving.turn == Some(tab) {
            self.saving.turn = None;
        }
        self.follow_disk(tab);
    }

    /// Somebody else's outboxes from here on.
    pub(super) fn hand_over(&mut self, old: Option<User>, next: Option<User>) {
        // Who signs out was asked, and deletes what is their own. A session that ran out leaves the disk as it is.
        let asked = next.is_none() && self.dice.percent(50);
        let left = old
            .filter(|_| asked)
            .and_then(|old| self.saving.disk.remove(&old));
        self.ledger
            .release_all(left.into_iter().flat_map(BTreeMap::into_keys));
        if let Some(next) = next.filter(|_| self.has(Bug::WipeOthers)) {
            self.saving.disk.retain(|user, _| *user == next);
        }
        for tab in 0..TABS {
            self.reopen(tab);
        }
    }

    fn disk_of(&mut self) -> Option<&mut BTreeMap<Uuid, Entry>> {
        let user = self.page.user?;
        Some(self.saving.disk.entry(user).or_default())
    }

    pub(super) fn follow_disk(&mut self, tab: usize) {
        if tab == PAGE && self.frozen {
            return;
        }
        if self.disk_is_out() {
            return;
        }
        let disk: Vec<Entry> = match self.disk_of() {
            Some(disk) => disk.values().cloned().collect(),
            None => return,
        };
        let garbled = &self.saving.garbled;
        let (garbled, entries): (Vec<Entry>, Vec<Entry>) = disk
            .into_iter()
            .partition(|entry| garbled.contains(&entry.id));
        let mut unreadable: Vec<Uuid> = garbled.iter().map(|entry| entry.id).collect();
        if self.has(Bug::UnreadableIsGone) {
            unreadable.clear();
        }
        let entries = Found {
            entries,
            unreadable,
        };
        let Some(own) = self.saving.tabs.get_mut(tab) else {
            return;
        };
        let effects = own.queue.follow(entries);
        self.carry_out(tab, effects);
    }

    /// Sends what there is to send, in whichever tab has the turn or can take it.
    pub(super) fn send_saves(&mut self) {
        for tab in 0..TABS {
            self.send_from(tab);
        }
    }

    fn send_from(&mut self, tab: usize) {
        let Some(user) = self.sender(tab) else { return };
        let alone = !self.has(Bug::DoubleSend);
        let now = Moment::from_millis(self.now);
        let wants = |world: &Self| {
            let own = world.saving.tabs.get(tab);
            own.is_some_and(|own| !own.waits && own.queue.due(now).is_some_and(|due| due <= now))
        };
        let flies = self.saving.tabs.get(tab).is_some_and(|own| own.waits);
        if flies {
            return;
        }
        let has_turn = self.saving.turn == Some(tab);
        if self.disk_is_out() {
            // Without a disk there is nothing to take turns about.
            if !wants(self) {
                return;
            }
        } else {
            if !has_turn {
                if !wants(self) || (alone && self.saving.turn.is_some()) {
                    return;
                }
                self.saving.turn = Some(tab);
                self.follow_disk(tab);
            }
            let mut name = self.saving.names;
            let folded = self.saving.tabs.get_mut(tab).map(|own| {
                own.queue.fold(|| {
                    name += 1;
                    named(name)
                })
            });
            self.saving.names = name;
            self.carry_out(tab, folded.unwrap_or_default());
        }
        let send = self
            .saving
            .tabs
            .get_mut(tab)
            .and_then(|own| own.queue.next(now));
        let Some(send) = send else {
            if self.saving.turn == Some(tab) {
                self.saving.turn = None;
            }
            return;
        };
        let entry = send.entry.id;
        let first = send.entry.replaces.first().copied();
        self.keep(tab, send.entry);
        let mut request = send.request;
        if let (true, Some(first)) = (self.has(Bug::SameSaveId), first)
            && let Request::Insert { columns, .. } | Request::Update { columns, .. } = &mut request
        {
            columns.insert("save_id".to_owned(), json!(first));
        }
        if self.has(Bug::DoubleSend)
            && let Request::Insert { columns, .. } | Request::Update { columns, .. } = &mut request
        {
            columns.remove("save_id");
        }
        let life = match self.saving.tabs.get_mut(tab) {
            Some(own) => {
                own.waits = true;
                own.life
            }
            None => return,
        };
        let flight = Flight {
            tab,
            life,
            user,
            entry,
            request,
            reply: None,
        };
        let slow = if self.dice.percent(10) { 6_000 } else { 150 };
        self.after(1, slow, Event::Save(Box::new(flight)));
    }

    /// A request of the outbox reaches the database, or does not.
    pub(super) fn save_arrives(&mut self, mut flight: Flight) -> Result<(), Divergence> {
        let down = self.now < self.rows_out_until || self.now < self.database_out_until;
        let unlucky = !self.still && self.dice.percent(10);
        let reply = if down {
            Reply::Trouble(DataError::Server { status: 503 })
        } else if unlucky && self.dice.percent(50) {
            Reply::Trouble(DataError::Offline)
        } else {
            let answered = self
                .database
                .request(self.now, flight.user, &flight.request);
            if answered.committed {
                self.ledger.count(flight.entry, self.now)?;
                self.summary.commits += 1;
                self.committed();
            }
            if unlucky {
                // It happened, and the response is lost.
                if answered.committed && self.dice.percent(60) {
                    self.colleague_changes(&flight.request);
                }
                Reply::Trouble(DataError::TimedOut)
            } else {
                answered.reply
            }
        };
        flight.reply = Some(reply);
        let slow = if self.dice.percent(10) { 4_000 } else { 150 };
        self.after(1, slow, Event::Saved(Box::new(flight)));
        Ok(())
    }

    /// A colleague changes the fields that a save has just set, before its tab tries again: then the tab finds a conflict instead of its
    /// own values.
    fn colleague_changes(&mut self, request: &Request) {
        let Request::Update {
            table,
            row,
            columns,
            ..
        } = request
        else {
            return;
        };
        let Some(row) = Row::of(*table, *row) else {
            return;
        };
        let mut after = Snapshot::clone(&self.database.now());
        let changed = match row {
            Row::Patient(number) => after.patients.get_mut(&number).map(|row| {
                if columns.contains_key("ward") {
                    row.ward = (row.ward + 1) % WARDS_USED;
                }
                if columns.contains_key("status") {
                    row.status = other_than(row.status, PatientStatus::ALL);
                }
                row.version += 1;
            }),
            Row::Form(number) => after.forms.get_mut(&number).map(|row| {
                if columns.contains_key("answers") {
                    row.answers = row.answers.map(|answer| (answer + 1) % 3);
                }
                if columns.contains_key("status") {
                    row.status = other_than(row.status, &FORMS);
                }
                row.version += 1;
            }),
            Row::Person(_) | Row::Beat => None,
        };
        if changed.is_some() {
            self.database
                .commit(self.now, after, row, ChangeKind::Update);
            self.summary.commits += 1;
            self.committed();
        }
    }

    /// The answer reaches the tab, if that still lives.
    pub(super) fn saved(&mut self, flight: Flight) {
        let Some(own) = self.saving.tabs.get_mut(flight.tab) else {
            return;
        };
        if own.life != flight.life {
            return;
        }
        own.waits = false;
        let Some(reply) = flight.reply else { return };
        let drops = self.bug == Some(Bug::DropOnError) && matches!(reply, Reply::Trouble(_));
        if let (
            Reply::Row(stored),
            Request::Insert { table, .. } | Request::Update { table, .. },
            PAGE,
        ) = (&reply, &flight.request, flight.tab)
        {
            let row = match &flight.request {
                Request::Update { row, .. } => Some(*row),
                _ => None,
            };
            if let Some(row) = row {
                let version = stored.get("version").and_then(Value::as_i64);
                self.page.wrote(*table, row, version.unwrap_or(0));
            }
        }
        let now = Moment::from_millis(self.now);
        let mut effects = own.queue.answered(flight.entry, reply, now);
        if drops {
            effects.extend(own.queue.withdraw(flight.entry));
        }
        self.carry_out(flight.tab, effects);
        self.settle();
    }

    fn keep(&mut self, tab: usize, entry: Entry) {
        if self.disk_is_out() {
            return;
        }
        if self.has(Bug::ForgetOnClose) {
            return;
        }
        if let Some(own) = self.saving.tabs.get_mut(tab) {
            own.queue.kept(&entry);
        }
        if let Some(disk) = self.disk_of() {
            disk.insert(entry.id, entry);
        }
    }

    fn carry_out(&mut self, tab: usize, effects: Vec<Effect>) {
        let mut changed = false;
        for effect in effects {
            match effect {
                Effect::Keep(entry) => {
                    changed = true;
                    self.keep(tab, *entry);
                }
                // Refused, it is left over, and the server knows that it has it.
                Effect::Drop(_) if self.disk_is_out() => {}
                Effect::Drop(id) => {
                    changed = true;
                    if let Some(disk) = self.disk_of() {
                        disk.remove(&id);
                    }
                }
                Effect::Replaced { old, by } => {
                    self.ledger.replace(old, by);
                    if tab == PAGE {
                        self.page.replace(old, by);
                    }
                }
                Effect::Show(entry) if tab == PAGE => self.page.show(entry.id, entry.change),
                Effect::Tell(entry, outcome) => self.tell(tab, *entry, outcome),
                Effect::Show(_) => {}
            }
        }
        if changed {
            // The other tab is nudged, and looks; it may be busy.
            let busy = if self.dice.percent(20) { 3_000 } else { 30 };
            self.after(1, busy, Event::Nudge(1 - tab.min(1)));
        }
    }

    fn tell(&mut self, tab: usize, entry: Entry, outcome: Outcome) {
        if let Outcome::Stored(row) = &outcome {
            self.right(&entry, row);
        }
        if outcome == Outcome::Elsewhere && self.saving.on_disk(entry.id) {
            self.saving.forgotten = Some(entry.id);
        }
        if tab != PAGE {
            return;
        }
        let outcome = match outcome {
            // The app reads the row again; what matters here is that it is asked for.
            Outcome::Elsewhere => {
                let row = Row::of(entry.change.table, entry.change.row).zip(self.page.user);
                let read = |(row, user)| crate::postgrest::read(&self.database.now(), user, row);
                Outcome::Stored(row.and_then(read).unwrap_or_default())
            }
            outcome => outcome,
        };
        self.page.tell(&entry, outcome);
    }

    /// What was stored without being sent: it stands in the row already, or the person gave it up.
    fn right(&mut self, entry: &Entry, row: &Columns) {
        let base = match &entry.change.write {
            Write::Update { base, .. } => base.clone(),
            Write::Create => Columns::new(),
        };
        let holds = |(column, value): (&String, &Value)| match row.get(column) {
            Some(now @ Value::Object(_)) => own(Some(value), base.get(column))
                .into_iter()
                .all(|(key, mine)| now.get(key) == Some(mine)),
            now => now == Some(value),
        };
        if row.is_empty() || entry.change.columns.iter().all(holds) {
            self.ledger.release(entry.id);
        }
    }

    pub(super) fn settle(&mut self) {
        if !self.frozen {
            let mut wishes = Vec::new();
            self.page.settle(&mut wishes);
            self.fulfil(wishes);
        }
        self.send_saves();
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

/// Another value.
fn other_than<T: Copy + PartialEq>(value: T, all: &[T]) -> T {
    let others = all.iter().copied().filter(|other| *other != value);
    others.last().unwrap_or(value)
}

fn named(number: u64) -> Uuid {
    Uuid::from_u128(0xd000_0000 + u128::from(number))
}
