//! Fetches: when the database reads for one, when its answer arrives, and how both can fail.

use bedside::data::DataError;
use bedside::sync::catch_up::{self, Failure};
use bedside_query::RowChange;

use super::{Event, World};
use crate::database::Row;
use crate::page::Asked;
use crate::question::{Answer, record};

/// A question about the database's log of changes, on its way.
pub(super) struct Question {
    pub(super) page: u64,
    pub(super) user: Option<usize>,
    pub(super) number: u64,
    pub(super) since: Option<String>,
}

/// A request for rows by key.
pub(super) struct Rows {
    pub(super) page: u64,
    pub(super) user: Option<usize>,
    pub(super) fetch: catch_up::Fetch,
}

impl World {
    /// A request on its way to the database, or an answer on its way back.
    pub(super) fn slowly(&mut self, event: Event) {
        let slow = if self.dice.percent(10) { 5_000 } else { 150 };
        self.after(1, slow, event);
    }

    /// Whether a request fails.
    fn fails(&mut self) -> bool {
        let down = self.now < self.rows_out_until || self.now < self.database_out_until;
        let unlucky = !self.still && self.failures < 2 && self.dice.percent(8);
        self.failures = if unlucky { self.failures + 1 } else { 0 };
        down || unlucky
    }

    /// The database reads its log.
    pub(super) fn read_log(&mut self, question: Question) {
        let fails = self.fails();
        let since = question.since.as_deref();
        let answer = match question.user {
            _ if fails => Err(Failure::Transient),
            _ if !self.keeps_log => Err(Failure::Absent),
            Some(user) => Ok(self
                .database
                .feed_since(user, since, self.now, &mut self.dice)),
            None => Err(Failure::Transient),
        };
        let (page, number) = (question.page, question.number);
        self.slowly(Event::Answer {
            page,
            number,
            answer,
        });
    }

    /// The database reads rows by key.
    pub(super) fn read_rows(&mut self, rows: Rows) {
        let fails = self.fails();
        let snapshot = self.database.now();
        let Rows { page, user, fetch } = rows;
        let found = match user {
            Some(user) if !fails => {
                let row = |id: &uuid::Uuid| {
                    let row = Row::of(fetch.table, *id)?;
                    let seen = snapshot.sees(user, row);
                    let columns = seen.then(|| record(&snapshot, user, row)).flatten()?;
                    Some(RowChange::update(fetch.table.name(), *id, columns))
                };
                Ok(fetch.ids.iter().filter_map(row).collect())
            }
            _ => Err(Failure::Transient),
        };
        self.slowly(Event::Found { page, fetch, found });
    }
}

pub(super) struct Fetch {
    pub(super) asked: Option<Asked>,
    pub(super) user: Option<usize>,
    pub(super) answer: Result<Answer, DataError>,
}

impl World {
    pub(super) fn begin_fetches(&mut self) {
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

    pub(super) fn read(&mut self, number: u64) {
        let fails = self.fails();
        let snapshot = self.database.now();
        if let Some(fetch) = self.fetches.get_mut(&number)
            && let Some(asked) = &fetch.asked
        {
            fetch.answer = match fetch.user {
                _ if fails => Err(DataError::Server { status: 503 }),
                Some(user) => asked.question.answer(&snapshot, user),
                None => Err(DataError::SignedOut),
            };
        }
        let slow = if self.dice.percent(10) { 4_000 } else { 150 };
        self.after(1, slow, Event::Done { fetch: number });
    }

    pub(super) fn done(&mut self, number: u64) {
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
}
