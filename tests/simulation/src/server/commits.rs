//! From a commit to frames: rooms are told at once, changes when the server looks, with the rights of that moment.

use std::rc::Rc;

use bedside_realtime::ChangeKind;
use serde_json::json;

use super::frames::broadcast;
use super::{Channel, Fate, Frame, Later, Server, binding_id, room_of};
use crate::database::{Change, Commit, Database, Row, Snapshot};
use crate::dice::Dice;
use crate::question::record;

impl Server {
    /// Something was committed: rooms are told at once, changes are looked for soon.
    pub fn committed(
        &mut self,
        database: &Database,
        now: u64,
        dice: &mut Dice,
    ) -> Vec<(u64, Later)> {
        let number = database.newest();
        self.fates.resize(number + 1, Fate::default());
        let mut out = Vec::new();
        let Some(commit) = database.commits.get(number) else {
            return out;
        };
        for (user, lost) in &commit.revoked {
            let room = room_of(*user);
            let joined = self.each(|channel| channel.topic == room);
            for (line, _, topic) in joined {
                let frame = Frame::Binary(broadcast(&topic, lost, number));
                let later = self.send(line, frame, Some(number), now + dice.between(0, 150), dice);
                self.sent(number, &later);
                out.extend(later);
            }
        }
        if !std::mem::replace(&mut self.polling, true) {
            out.push((now + dice.between(0, 500), Later::Poll));
        }
        out
    }

    fn sent(&mut self, number: usize, later: &Option<(u64, Later)>) {
        if let (Some(_), Some(fate)) = (later, self.fates.get_mut(number)) {
            fate.told += 1;
            fate.outstanding += 1;
        }
    }

    /// Looks at what was committed, with the rights that are in force by now.
    pub fn poll(&mut self, database: &Database, now: u64, dice: &mut Dice) -> Vec<(u64, Later)> {
        self.polling = false;
        let rights = database.now();
        let mut out = Vec::new();
        let from = self.seen + 1;
        self.seen = database.newest();
        for (number, commit) in database.commits.iter().enumerate().skip(from) {
            if now < self.deaf_until {
                if let Some(fate) = self.fates.get_mut(number) {
                    fate.lost = true;
                }
                continue;
            }
            if let Some(fate) = self.fates.get_mut(number) {
                fate.polled = true;
                fate.with = self.seen;
            }
            for change in &commit.changes {
                self.publish(number, commit, change, &rights, now, dice, &mut out);
            }
        }
        out
    }

    // Each is a part of the world that only the caller holds; a type around them would serve this one call.
    #[allow(clippy::too_many_arguments)]
    fn publish(
        &mut self,
        number: usize,
        commit: &Commit,
        change: &Change,
        rights: &Rc<Snapshot>,
        now: u64,
        dice: &mut Dice,
        out: &mut Vec<(u64, Later)>,
    ) {
        let table = change.row.table();
        let id = binding_id(table);
        let hears = |channel: &Channel| {
            let sees = change.kind == ChangeKind::Delete
                || channel
                    .user
                    .is_some_and(|user| rights.sees(user, change.row));
            channel.listening && sees && channel.bindings.iter().any(|(_, own)| own == table)
        };
        for (line, user, topic) in self.readers(hears) {
            let key = json!({"id": change.row.id()});
            let record = match (change.row, user) {
                (Row::Beat, _) => json!({"id": 1, "beat": commit.after.beat}),
                (row, Some(user)) => record(&commit.after, user, row).unwrap_or(key.clone()),
                (_, None) => key.clone(),
            };
            let mut data = json!({
                "schema": "public",
                "table": table,
                "type": change.kind.as_str(),
                "commit_timestamp": format!("2026-11-22T00:00:00.{:03}Z", commit.at % 1_000),
                "columns": [],
                "errors": null,
            });
            if let Some(data) = data.as_object_mut() {
                if change.kind != ChangeKind::Delete {
                    data.insert("record".to_owned(), record);
                }
                if change.kind != ChangeKind::Insert {
                    data.insert("old_record".to_owned(), key);
                }
            }
            let frame = json!([null, null, topic, "postgres_changes", {"ids": [id], "data": data}]);
            let later = self.send(
                line,
                Frame::Text(frame.to_string()),
                Some(number),
                now,
                dice,
            );
            self.sent(number, &later);
            out.extend(later);
        }
    }
}
