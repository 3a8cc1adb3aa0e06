//! The model of the database: a few rows of each table, who may see them, and every state that there ever was.
//!
//! Rights are the policies': an admin and a viewer see all, a clinician the own patients and their forms, whoever is not
//! active only the own profile.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bedside::model::{FormStatus, PatientStatus, Role};
use bedside::sync::Table;
use bedside::sync::catch_up;
use bedside::sync::core::Lost;
use bedside_realtime::ChangeKind;
use uuid::Uuid;

use crate::dice::Dice;

/// A person, by number.
pub type User = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonRow {
    pub role: Role,
    pub active: bool,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientRow {
    pub clinician: Option<User>,
    pub status: PatientStatus,
    /// By its place among the wards.
    pub ward: u8,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormRow {
    pub patient: u32,
    pub status: FormStatus,
    /// The answers to two questions.
    pub answers: [u8; 2],
    pub version: i64,
}

/// A row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Person(User),
    Patient(u32),
    Form(u32),
    Beat,
}

impl Row {
    /// The table's name on the wire.
    pub const fn table(self) -> &'static str {
        match self {
            Row::Person(_) => "profiles",
            Row::Patient(_) => "patients",
            Row::Form(_) => "form_submissions",
            Row::Beat => "feed_heartbeat",
        }
    }

    /// The row of this key in a table.
    pub fn of(table: Table, id: Uuid) -> Option<Self> {
        let number = |first: u128| u32::try_from(id.as_u128().checked_sub(first)?).ok();
        match table {
            Table::Profiles => number(0xa000_0000).map(|user| Row::Person(user as User)),
            Table::Patients => number(0xb000_0000).map(Row::Patient),
            Table::FormSubmissions => number(0xc000_0000).map(Row::Form),
        }
    }

    pub fn id(self) -> Uuid {
        match self {
            Row::Person(user) => Uuid::from_u128(0xa000_0000 + user as u128),
            Row::Patient(number) => Uuid::from_u128(0xb000_0000 + u128::from(number)),
            Row::Form(number) => Uuid::from_u128(0xc000_0000 + u128::from(number)),
            Row::Beat => Uuid::nil(),
        }
    }
}

/// The whole database at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub people: Vec<PersonRow>,
    pub patients: BTreeMap<u32, PatientRow>,
    pub forms: BTreeMap<u32, FormRow>,
    pub beat: u64,
}

impl Snapshot {
    fn person(&self, user: User) -> Option<PersonRow> {
        self.people.get(user).copied().filter(|row| row.active)
    }

    pub fn sees_patient(&self, user: User, patient: u32) -> bool {
        match (self.person(user), self.patients.get(&patient)) {
            (Some(person), Some(row)) => {
                person.role != Role::Clinician || row.clinician == Some(user)
            }
            _ => false,
        }
    }

    pub fn sees_form(&self, user: User, form: u32) -> bool {
        self.forms
            .get(&form)
            .is_some_and(|row| self.sees_patient(user, row.patient))
    }

    pub fn version(&self, row: Row) -> Option<i64> {
        match row {
            Row::Person(user) => self.people.get(user).map(|row| row.version),
            Row::Patient(number) => self.patients.get(&number).map(|row| row.version),
            Row::Form(number) => self.forms.get(&number).map(|row| row.version),
            Row::Beat => None,
        }
    }

    pub fn sees(&self, user: User, row: Row) -> bool {
        match row {
            Row::Person(other) => {
                other < self.people.len() && (other == user || self.person(user).is_some())
            }
            Row::Patient(number) => self.sees_patient(user, number),
            Row::Form(number) => self.sees_form(user, number),
            Row::Beat => true,
        }
    }
}

/// One row's part of a commit.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub row: Row,
    pub kind: ChangeKind,
}

/// What one transaction did.
#[derive(Clone, Debug)]
pub struct Commit {
    pub at: u64,
    pub changes: Vec<Change>,
    /// Who lost sight of what: the triggers tell them.
    pub revoked: Vec<(User, Lost)>,
    pub after: Rc<Snapshot>,
}

/// All that ever was. A commit's number is its place.
pub struct Database {
    pub commits: Vec<Commit>,
    /// The names of saves that were had.
    pub saves: BTreeSet<Uuid>,
    /// Which database it is: another one after a restore.
    pub epoch: u32,
    next: u32,
}

/// Few, so that two people now and then mean the same one.
pub const WARDS_USED: u8 = 3;

pub const FORMS: [FormStatus; 4] = [
    FormStatus::Draft,
    FormStatus::Submitted,
    FormStatus::InReview,
    FormStatus::Approved,
];

impl Database {
    pub fn new(dice: &mut Dice) -> Self {
        let person = |role| PersonRow {
            role,
            active: true,
            version: 1,
        };
        let people = [Role::Admin, Role::Clinician, Role::Clinician, Role::Viewer]
            .map(person)
            .to_vec();
        let mut snapshot = Snapshot {
            people,
            patients: BTreeMap::new(),
            forms: BTreeMap::new(),
            beat: 1,
        };
        for number in 1..=4 {
            snapshot.patients.insert(
                number,
                PatientRow {
                    clinician: Some(1 + (number as usize % 2)),
                    status: *dice
                        .pick(PatientStatus::ALL)
                        .unwrap_or(&PatientStatus::Waiting),
                    ward: 0,
                    version: 1,
                },
            );
            snapshot.forms.insert(
                number,
                FormRow {
                    patient: number,
                    status: FormStatus::Draft,
                    answers: [0, 0],
                    version: 1,
                },
            );
        }
        let first = Commit {
            at: 0,
            changes: Vec::new(),
            revoked: Vec::new(),
            after: Rc::new(snapshot),
        };
        Self {
            commits: vec![first],
            saves: BTreeSet::new(),
            epoch: 1,
            next: 10,
        }
    }

    /// The number of the newest commit.
    pub fn newest(&self) -> usize {
        self.commits.len().saturating_sub(1)
    }

    /// The database as it is.
    pub fn now(&self) -> Rc<Snapshot> {
        match self.commits.last() {
            Some(commit) => Rc::clone(&commit.after),
            None => unreachable!("the first commit is never taken back"),
        }
    }

    /// What changed since a watermark, as far as it concerns this user. Commits are atomic and in order here, so a snapshot is the
    /// number of the newest commit that it sees.
    pub fn feed_since(
        &self,
        user: User,
        since: Option<&str>,
        now: u64,
        dice: &mut Dice,
    ) -> catch_up::Answer {
        let newest = self.newest();
        let watermark = |number: usize| format!("{}/{number}", self.epoch);
        let answer = |number, complete, changes| catch_up::Answer {
            watermark: watermark(number),
            complete,
            changes,
            interval_ms: Some(15_000),
        };
        let Some(since) = since else {
            let recent = |commit: &&Commit| commit.at + 30_000 >= now;
            let recent = self.commits.iter().rev().take_while(recent).count();
            return answer(newest.saturating_sub(recent), true, Vec::new());
        };
        let known = since.split_once('/').and_then(|(epoch, number)| {
            let number: usize = number.parse().ok()?;
            (epoch.parse() == Ok(self.epoch) && number <= newest).then_some(number)
        });
        let Some(since) = known else {
            return answer(newest, false, Vec::new());
        };
        let snapshot = self.now();
        let mut rows: BTreeMap<(Table, Uuid), bool> = BTreeMap::new();
        let mut lost_everything = false;
        for (before, commit) in self
            .commits
            .iter()
            .zip(self.commits.iter().skip(1))
            .skip(since)
        {
            for change in &commit.changes {
                let Some(table) = Table::named(change.row.table()) else {
                    continue;
                };
                let lost = rows.entry((table, change.row.id())).or_default();
                *lost |= change.kind == ChangeKind::Delete && before.after.sees(user, change.row);
            }
            for (_, lost) in commit.revoked.iter().filter(|(of, _)| *of == user) {
                match lost {
                    Lost::Everything => lost_everything = true,
                    Lost::Row(table, id) => {
                        if let Ok(id) = Uuid::parse_str(id) {
                            rows.insert((*table, id), true);
                        }
                    }
                }
            }
        }
        let logged = |((table, id), lost): ((Table, Uuid), bool)| {
            let row = Row::of(table, id)?;
            let version = snapshot.version(row).filter(|_| snapshot.sees(user, row));
            (version.is_some() || lost).then(|| catch_up::Logged {
                table: table.name().to_owned(),
                id: Some(id),
                version,
                lost: version.is_none(),
            })
        };
        let mut changes: Vec<catch_up::Logged> = rows.into_iter().filter_map(logged).collect();
        if lost_everything {
            changes.push(catch_up::Logged {
                table: "*".to_owned(),
                id: None,
                version: None,
                lost: true,
            });
        }
        // A transaction that is still open may hold the watermark back: then changes are named again.
        let held_back = if dice.percent(20) {
            dice.between(0, 3)
        } else {
            0
        };
        let held_back = usize::try_from(held_back).unwrap_or(0);
        answer(since.max(newest.saturating_sub(held_back)), true, changes)
    }

    /// The heartbeat.
    pub fn beat(&mut self, at: u64) {
        let mut after = Snapshot::clone(&self.now());
        after.beat += 1;
        self.commit(at, after, Row::Beat, ChangeKind::Update);
    }

    /// Somebody changes something.
    pub fn act(&mut self, at: u64, dice: &mut Dice) {
        let before = self.now();
        let mut after = Snapshot::clone(&before);
        let patients: Vec<u32> = after.patients.keys().copied().collect();
        let forms: Vec<u32> = after.forms.keys().copied().collect();
        let patient = dice.pick(&patients).copied();
        let form = dice.pick(&forms).copied();
        let (row, kind) = match dice.between(0, 99) {
            0..=29 => {
                let Some((number, row)) =
                    patient.and_then(|number| Some((number, after.patients.get_mut(&number)?)))
                else {
                    return;
                };
                if dice.percent(60) {
                    row.status = *dice.pick(PatientStatus::ALL).unwrap_or(&row.status);
                } else {
                    row.ward = dice.below(WARDS_USED);
                }
                row.version += 1;
                (Row::Patient(number), ChangeKind::Update)
            }
            30..=49 => {
                let Some((number, row)) =
                    patient.and_then(|number| Some((number, after.patients.get_mut(&number)?)))
                else {
                    return;
                };
                row.clinician = *dice
                    .pick(&[None, Some(1), Some(2), Some(0)])
                    .unwrap_or(&None);
                row.version += 1;
                (Row::Patient(number), ChangeKind::Update)
            }
            50..=69 => {
                let Some((number, row)) =
                    form.and_then(|number| Some((number, after.forms.get_mut(&number)?)))
                else {
                    return;
                };
                match dice.between(0, 3) {
                    0 => row.answers[0] = dice.below(3),
                    1 => row.answers[1] = dice.below(3),
                    _ => row.status = *dice.pick(&FORMS).unwrap_or(&row.status),
                }
                row.version += 1;
                (Row::Form(number), ChangeKind::Update)
            }
            70..=74 => {
                let Some((number, row)) =
                    form.and_then(|number| Some((number, after.forms.get_mut(&number)?)))
                else {
                    return;
                };
                row.patient = patient.unwrap_or(row.patient);
                row.version += 1;
                (Row::Form(number), ChangeKind::Update)
            }
            75..=79 => {
                let number = self.number();
                let clinician = *dice.pick(&[None, Some(1), Some(2)]).unwrap_or(&None);
                let status = PatientStatus::Waiting;
                let row = PatientRow {
                    clinician,
                    status,
                    ward: 0,
                    version: 1,
                };
                after.patients.insert(number, row);
                (Row::Patient(number), ChangeKind::Insert)
            }
            80..=85 => {
                let Some(patient) = patient else { return };
                let number = self.number();
                let status = FormStatus::Draft;
                let row = FormRow {
                    patient,
                    status,
                    answers: [0, 0],
                    version: 1,
                };
                after.forms.insert(number, row);
                (Row::Form(number), ChangeKind::Insert)
            }
            86..=89 => {
                let Some(number) = form else { return };
                after.forms.remove(&number);
                (Row::Form(number), ChangeKind::Delete)
            }
            90..=92 => {
                let bare =
                    |number: &&u32| !after.forms.values().any(|form| form.patient == **number);
                let Some(number) = patients.iter().find(bare).copied() else {
                    return;
                };
                after.patients.remove(&number);
                (Row::Patient(number), ChangeKind::Delete)
            }
            _ => {
                // The last admin stays one.
                let user = usize::try_from(dice.between(1, 3)).unwrap_or(1);
                let Some(row) = after.people.get_mut(user) else {
                    return;
                };
                match dice.between(0, 9) {
                    0..=2 => {}
                    3..=4 => row.active = !row.active,
                    _ => row.role = *dice.pick(Role::ALL).unwrap_or(&row.role),
                }
                row.version += 1;
                (Row::Person(user), ChangeKind::Update)
            }
        };
        self.commit(at, after, row, kind);
    }

    /// A number that no row has.
    pub fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn commit(&mut self, at: u64, after: Snapshot, row: Row, kind: ChangeKind) {
        let before = self.now();
        let people = 0..before.people.len();
        let told = |lost: fn(Uuid) -> Lost, hidden: &dyn Fn(User) -> bool| {
            let id = row.id();
            people
                .clone()
                .filter(|user| hidden(*user))
                .map(|user| (user, lost(id)))
                .collect::<Vec<_>>()
        };
        let revoked = match (row, kind) {
            (Row::Patient(number), ChangeKind::Update) => {
                told(|id| Lost::Row(Table::Patients, id.to_string()), &|user| {
                    before.sees_patient(user, number) && !after.sees_patient(user, number)
                })
            }
            (Row::Form(number), ChangeKind::Update) => told(
                |id| Lost::Row(Table::FormSubmissions, id.to_string()),
                &|user| before.sees_form(user, number) && !after.sees_form(user, number),
            ),
            (Row::Person(user), ChangeKind::Update) => {
                let (was, is) = (before.people.get(user), after.people.get(user));
                let rights = |row: Option<&PersonRow>| row.map(|row| (row.role, row.active));
                let raised = is.is_some_and(|row| row.role == Role::Admin && row.active);
                if rights(was) != rights(is) && !raised {
                    vec![(user, Lost::Everything)]
                } else {
                    Vec::new()
                }
            }
            _ => Vec::new(),
        };
        self.commits.push(Commit {
            at,
            changes: vec![Change { row, kind }],
            revoked,
            after: Rc::new(after),
        });
    }
}
