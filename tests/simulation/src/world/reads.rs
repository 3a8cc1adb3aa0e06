//! Fetches: when the database reads for one, when its answer arrives, and how both can fail.

use bedside::data::DataError;

use super::{Event, World};
use crate::page::Asked;
use crate::question::Answer;

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
