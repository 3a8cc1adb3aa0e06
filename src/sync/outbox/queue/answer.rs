//! What the server's answer means for a save and for those behind it. Knows the queue, and no way to send anything.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::{Effect, Outcome, Pause, Queue, Reply, Step};
use crate::data::DataError;
use crate::data::clock::Moment;
use crate::model::Version;
use crate::sync::outbox::change::{Columns, Write};
use crate::sync::outbox::entry::{Clash, Standing};
use crate::sync::outbox::merge::merge;

/// The pause after the first failure; each further one doubles it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What the database calls the rule that no save counts twice.
const ONCE: &str = "saves_pkey";

impl Queue {
    /// The answer to what [`Queue::next`] gave.
    pub fn answered(&mut self, id: Uuid, reply: Reply, now: Moment) -> Vec<Effect> {
        let step = match self.flight.take() {
            Some((flying, step)) if flying == id => step,
            // Somebody else's answer: the entry was taken back, or the person is another.
            other => {
                self.flight = other;
                return Vec::new();
            }
        };
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Vec::new();
        };
        if !matches!(reply, Reply::Trouble(_)) {
            self.pause = Pause::default();
            self.pauses.remove(&id);
        }
        let creates = entry.change.write == Write::Create;
        match (step, reply) {
            (Step::Write, Reply::Row(row)) => self.stored(id, row),
            (Step::Write, Reply::NoRow) if creates => {
                self.flight = Some((id, Step::ReadMade(DataError::Forbidden(String::new()))));
                Vec::new()
            }
            (Step::Write, Reply::NoRow) => {
                self.flight = Some((id, Step::ReadMoved));
                Vec::new()
            }
            (Step::Write, Reply::Trouble(error)) if is_had(&error) => {
                self.flight = Some((id, Step::ReadStored));
                Vec::new()
            }
            (Step::Write, Reply::Trouble(error)) if creates && is_taken(&error) => {
                self.flight = Some((id, Step::ReadMade(error)));
                Vec::new()
            }
            (_, Reply::Trouble(error)) if may_pass(&error) => self.again(id, &error, now),
            (_, Reply::Trouble(error)) => self.failed(id, error),
            (Step::ReadStored, Reply::NoRow) => self.stored(id, Columns::new()),
            (Step::ReadStored | Step::ReadMade(_), Reply::Row(row)) => self.stored(id, row),
            (Step::ReadMade(error), Reply::NoRow) => self.failed(id, error),
            (Step::ReadMoved, Reply::NoRow) => self.failed(id, DataError::NotFound),
            (Step::ReadMoved, Reply::Row(row)) => self.moved(id, row),
        }
    }

    /// It could not be sent now, or nobody knows whether it was.
    fn again(&mut self, id: Uuid, error: &DataError, now: Moment) -> Vec<Effect> {
        // Where nothing arrives, nothing else would either; where the server fails, it may be because of this one.
        let pause = match error {
            DataError::Server { .. } | DataError::Unreadable => self.pauses.entry(id).or_default(),
            _ => &mut self.pause,
        };
        pause.until = Some(now.after(backoff(id, pause.failures)));
        pause.failures = pause.failures.saturating_add(1);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.standing = Standing::Queued;
        }
        // Those behind it wait as well, and nobody need wonder for how long.
        let waiting = self.entries.iter().filter(|entry| entry.is_waiting());
        waiting
            .map(|entry| Effect::Tell(Box::new(entry.clone()), Outcome::Waiting))
            .collect()
    }

    fn failed(&mut self, id: Uuid, error: DataError) -> Vec<Effect> {
        self.stop(id, Standing::Failed(error.clone()), Outcome::Failed(error))
    }

    /// It goes on only when a person says so.
    fn stop(&mut self, id: Uuid, standing: Standing, outcome: Outcome) -> Vec<Effect> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Vec::new();
        };
        entry.standing = standing;
        let told = Effect::Tell(Box::new(entry.clone()), outcome);
        let mut effects = self.keep(id);
        effects.push(told);
        effects
    }

    /// The server has it: what waits behind it is carried over to the row as it is now.
    pub(super) fn stored(&mut self, id: Uuid, row: Columns) -> Vec<Effect> {
        let Some(entry) = self.take(id) else {
            return Vec::new();
        };
        let key = entry.change.row;
        let mut effects = entry.dropped();
        effects.push(Effect::Tell(Box::new(entry), Outcome::Stored(row.clone())));
        let behind: Vec<Uuid> = self
            .entries
            .iter()
            .filter(|held| held.change.row == key && held.standing == Standing::Queued)
            .map(|held| held.id)
            .collect();
        // Each of them was made over the one before: the first is carried over, the others follow when it is stored.
        if let Some(next) = behind.first().filter(|_| !row.is_empty()) {
            effects.extend(self.carry_over(*next, row));
        }
        effects
    }

    /// The row is not in the version that the save was made for.
    fn moved(&mut self, id: Uuid, row: Columns) -> Vec<Effect> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        let version = entry.map(|entry| &entry.change.write);
        match version {
            // The version is right and still nothing was changed: this person may read the row and no more.
            Some(Write::Update { version, .. }) if version_of(&row) == Some(*version) => {
                self.failed(id, DataError::Forbidden(String::new()))
            }
            _ => self.carry_over(id, row),
        }
    }

    fn carry_over(&mut self, id: Uuid, row: Columns) -> Vec<Effect> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else {
            return Vec::new();
        };
        let Write::Update { version, base } = &mut entry.change.write else {
            return Vec::new();
        };
        let Some(now) = version_of(&row) else {
            return self.failed(id, DataError::Unreadable);
        };
        let merged = merge(base, &entry.change.columns, &row);
        if !merged.conflicts.is_empty() {
            let clash = Clash {
                version: now,
                fields: merged.conflicts,
                row,
            };
            return self.stop(
                id,
                Standing::Conflict(clash.clone()),
                Outcome::Conflict(clash),
            );
        }
        if merged.columns.is_empty() {
            // All of it is in place: our own change whose reply was lost, or the same one by somebody else.
            return self.stored(id, row);
        }
        *version = now;
        *base = merged.base;
        entry.change.columns = merged.columns;
        entry.standing = Standing::Queued;
        self.keep(id)
    }
}

fn version_of(row: &Columns) -> Option<Version> {
    row.get("version").and_then(Value::as_i64)
}

/// Whether the server has had this very save.
fn is_had(error: &DataError) -> bool {
    matches!(error, DataError::Refused { code, message } if code == "23505" && message.contains(ONCE))
}

fn is_taken(error: &DataError) -> bool {
    matches!(error, DataError::Refused { code, .. } if code == "23505")
}

/// Whether the same save may succeed later. A session that ended may be followed by another one of the same person; an answer
/// that can't be read says nothing about what it answers.
fn may_pass(error: &DataError) -> bool {
    error.is_passing() || matches!(error, DataError::SignedOut | DataError::Unreadable)
}

/// The wait after so many failures: doubled each time, and spread, so that not all come back at one moment. The spread is
/// taken from the name, which is as good as dice.
fn backoff(id: Uuid, failures: u32) -> Duration {
    let whole = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failures.min(16)))
        .min(LONGEST_PAUSE);
    let spread = u32::try_from((id.as_u128() >> (failures % 64)) % 500).unwrap_or(0);
    whole.saturating_mul(1_000 - spread) / 1_000
}
