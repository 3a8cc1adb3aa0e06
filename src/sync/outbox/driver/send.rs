//! Sending: one tab at a time, one save after the other, and one timer for the next attempt. Knows no disk format and no cache.

use std::sync::Arc;
use std::time::Duration;

use futures::future::abortable;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::disk::{Disk, Reached};
use super::{NAME, Outbox, lock};
use crate::data::clock::{Moment, sleep_until};
use crate::data::request;
use crate::data::tab_turn::TabTurn;
use crate::data::written::Written;
use crate::sync::outbox::change::Columns;
use crate::sync::outbox::queue::{Reply, Request, Send};

/// How long the turn is waited for. Who has it longer is frozen, and the database still takes each save once.
const WAITS: Duration = Duration::from_secs(30);
/// How long the turn is held; then it goes to the next tab, if one waits.
const HOLDS: Duration = Duration::from_secs(20);

impl Outbox {
    /// Sends what may be sent, unless that is being done.
    pub(super) fn send(&self) {
        let outbox = self.clone();
        let (sending, abort) = abortable(async move { outbox.send_all().await });
        {
            let mut state = lock(&self.0.state);
            let now = Moment::now();
            let nothing = state.queue.due(now).is_none_or(|due| due > now);
            if state.user.is_none() || state.sending.is_some() {
                return;
            }
            if nothing {
                drop(state);
                return self.set_alarm();
            }
            state.sending = Some(abort);
        }
        spawn_local(async move {
            // Aborted: the person is another, and the outbox has been told so.
            let _ = sending.await;
        });
    }

    async fn send_all(&self) {
        // The disk before the turn: a tab that waits for its disk keeps no other tab waiting. Without a disk no other tab knows of
        // these saves, and there is nothing to take turns about.
        let mut turn = None;
        if self.follow_disk().await == Reached::Yes {
            turn = TabTurn::take_within(NAME, WAITS).await;
            // What another tab sent meanwhile is not sent again.
            if self.follow_disk().await == Reached::No {
                turn = None;
            }
        }
        let begun = Moment::now();
        // A save that is on its way is seen to its end.
        while (self.is_sending() || Moment::now().since(begun) < HOLDS)
            && let Some(send) = self.next(turn.as_ref())
        {
            let id = send.entry.id;
            if let Some(disk) = &lock(&self.0.state).disk {
                // Before it goes out, the disk knows that it may have gone out.
                let _ = disk.unbounded_send(Disk::Keep(Box::new(send.entry)));
            }
            if turn.is_some() && self.flushed().await == Reached::No {
                turn = None;
            }
            let reply = self.exchange(send.request).await;
            self.decide(|state| ((), state.queue.answered(id, reply, Moment::now())));
        }
        if turn.is_some() {
            // The disk is up to date before the next tab looks at it.
            self.flushed().await;
        }
        drop(turn);
        lock(&self.0.state).sending = None;
        // Something may have come in between the last look and now.
        self.send();
    }

    fn is_sending(&self) -> bool {
        lock(&self.0.state).queue.is_sending()
    }

    fn next(&self, turn: Option<&TabTurn>) -> Option<Send> {
        if turn.is_some() {
            self.decide(|state| ((), state.queue.fold(Uuid::new_v4)));
        }
        let send = lock(&self.0.state).queue.next(Moment::now());
        self.refresh();
        send
    }

    pub(super) async fn exchange(&self, request: Request) -> Reply {
        let rest = &self.0.rest;
        let body = |columns: Columns| serde_json::Value::Object(columns).to_string();
        let writes = match &request {
            Request::Insert { table, .. } | Request::Update { table, .. } => Some(table.name()),
            Request::Read { .. } => None,
        };
        let request = match request {
            Request::Insert { table, columns } => request::Request::table(table.name())
                .insert(body(columns))
                .select("*"),
            Request::Update {
                table,
                row,
                version,
                columns,
            } => request::Request::table(table.name())
                .update(body(columns))
                .eq(table.primary_key(), row.to_string())
                .eq("version", version.to_string())
                .select("*"),
            Request::Read { table, row } => request::Request::table(table.name())
                .select("*")
                .eq(table.primary_key(), row.to_string()),
        };
        match rest.rows::<Columns>(request).await {
            Ok(rows) => {
                let row = rows.into_iter().next();
                // The echo of an own write is then known for what it is.
                let written = writes
                    .zip(row.as_ref())
                    .and_then(|(table, row)| written(table, row));
                if let Some(written) = written {
                    rest.writes().tell(written);
                }
                row.map_or(Reply::NoRow, Reply::Row)
            }
            Err(error) => Reply::Trouble(error),
        }
    }

    /// One timer for the next attempt.
    fn set_alarm(&self) {
        let due = {
            let mut state = lock(&self.0.state);
            let due = state.queue.due(Moment::now());
            if state.alarm == due {
                return;
            }
            state.alarm = due;
            due
        };
        let Some(due) = due else { return };
        let outbox = Arc::downgrade(&self.0);
        spawn_local(async move {
            sleep_until(due).await;
            let Some(outbox) = outbox.upgrade().map(Self) else {
                return;
            };
            // Another time was set meanwhile: that one's task comes.
            let mine = {
                let mut state = lock(&outbox.0.state);
                let mine = state.alarm == Some(due);
                if mine {
                    state.alarm = None;
                }
                mine
            };
            if mine {
                outbox.send();
            }
        });
    }
}

fn written(table: &'static str, row: &Columns) -> Option<Written> {
    let id = row.get("id")?.as_str()?;
    Some(Written {
        table,
        id: Uuid::parse_str(id).ok()?,
        version: row.get("version")?.as_i64()?,
    })
}
