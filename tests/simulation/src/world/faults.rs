//! Everything that goes wrong, and how it comes right again.

use bedside_query::{Network, Page as Visibility};
use bedside_realtime::engine::{Environment, Input};

use super::saving::PAGE;
use super::{Event, World};
use crate::check::Divergence;
use crate::page::Page;
use crate::server::{DEAF, Later};

impl World {
    /// Something breaks.
    pub(super) fn fail(&mut self) {
        if self.still {
            return;
        }
        self.after(2_000, 25_000, Event::Break);
        let fault = self.dice.between(0, 17);
        // Before the first beat a page can't know that there are beats, and their absence tells it nothing.
        let silent = matches!(fault, 2 | 3) && !self.keeps_log && !self.page.knows_beats;
        // A loss that no beat falls into is known to nobody, unless there is a log.
        let shortest = if self.keeps_log { 50 } else { DEAF };
        if self.faults >> fault & 1 == 0 || silent {
            return;
        }
        let line = self.socket.map(|socket| socket.line);
        match (fault, line) {
            (0, Some(line)) => {
                let code = *self.dice.pick(&[1006, 1012, 1000, 1001]).unwrap_or(&1006);
                self.at(self.now, Event::Later(Later::Close { line, code }));
                if self.dice.percent(30) {
                    let until = self.now + self.dice.between(1_000, 20_000);
                    self.server.closed_until = self.server.closed_until.max(until);
                }
            }
            (1, Some(line)) => {
                if let Some(socket) = &mut self.socket {
                    socket.hole = true;
                }
                self.after(5_000, 60_000, Event::Leaks { line });
            }
            (2, _) => {
                // The way of changes is cut, and nobody knows.
                let until = self.now + self.dice.between(shortest, 45_000);
                self.server.deafen(self.now, until, shortest);
            }
            (3, _) => {
                // The database stops; once it is back, its changes take another while to be followed.
                let back = self.now + self.dice.between(10_000, 30_000);
                self.database_out_until = back;
                let until = back + self.dice.between(shortest, 20_000);
                self.server.deafen(back, until, shortest);
            }
            (4, _) => {
                // Subscriptions are built anew: what happened meanwhile is lost, but it is said.
                let lost = self.dice.between(100, 3_000);
                let out = self.server.resubscribe(self.now + lost, &mut self.dice);
                self.server.deafen(self.now, self.now + lost, DEAF);
                self.plan(out);
            }
            (5, _) => {
                let out = self.server.crash(self.now, &mut self.dice);
                self.plan(out);
            }
            (6, _) => {
                if !std::mem::replace(&mut self.frozen, true) {
                    self.frozen_since = self.now;
                }
                let long = if self.dice.percent(30) { 90_000 } else { 8_000 };
                self.after(500, long, Event::Thaw);
            }
            (7, _) => {
                self.page.cache.set_online(Network::Offline);
                self.give(Input::Environment(Environment::Offline));
                self.after(500, 20_000, Event::Online);
            }
            (8, _) => {
                self.page.cache.set_visible(Visibility::Hidden);
                self.page.set_hidden(true);
                self.hidden_since.get_or_insert(self.now);
                self.after(500, 30_000, Event::Visible);
            }
            (9, _) => self.rows_out_until = self.now + self.dice.between(500, 1_500),
            (10, _) => {
                // Many changes within a moment.
                for _ in 0..self.dice.between(20, 60) {
                    self.database.act(self.now, &mut self.dice);
                    self.committed();
                }
            }
            // A tab is closed, and opened again.
            (13, _) if !self.frozen => self.reopen_page(),
            (14, _) => self.reopen(1),
            (15, _) => {
                let out = self.dice.between(1_000, 30_000);
                self.disk_fails(out);
            }
            (16, _) => self.disk_garbles(),
            // A restored database, or another one: its log says nothing about what this page holds.
            (17, _) => self.database.epoch += 1,
            (12, Some(line)) => {
                // Realtime is gone for good; rows can still be asked for.
                self.server.closed_until = u64::MAX;
                self.at(self.now, Event::Later(Later::Close { line, code: 1006 }));
            }
            (11, Some(_)) => {
                let mut wishes = Vec::new();
                self.page.give(
                    Input::Command(bedside_realtime::engine::Command::Reconnect),
                    &mut wishes,
                );
                self.fulfil(wishes);
            }
            _ => {}
        }
    }

    pub(super) fn thaw(&mut self) -> Result<(), Divergence> {
        self.frozen = false;
        self.deadlines
            .update(&self.database, &self.server.fates, self.now);
        self.deadlines.forgive(self.frozen_since, self.now);
        let mut wishes = Vec::new();
        self.page.pass(self.now, &mut wishes);
        self.page
            .give(Input::Environment(Environment::Woken), &mut wishes);
        self.fulfil(wishes);
        for number in std::mem::take(&mut self.waiting) {
            self.happen(number)?;
        }
        self.follow_disk(PAGE);
        Ok(())
    }

    pub(super) fn online(&mut self) {
        self.page.cache.set_online(Network::Online);
        self.give(Input::Environment(Environment::Online));
    }

    pub(super) fn visible(&mut self) {
        self.page.cache.set_visible(Visibility::Visible);
        self.page.set_hidden(false);
        // Nobody saw what the page claimed meanwhile.
        if let Some(since) = self.hidden_since.take() {
            self.deadlines
                .update(&self.database, &self.server.fates, self.now);
            self.deadlines.forgive(since, self.now);
        }
        self.give(Input::Environment(Environment::Woken));
    }

    /// From here on nothing breaks and nothing changes but the heartbeat.
    pub(super) fn heal(&mut self) -> Result<(), Divergence> {
        self.still = true;
        if self.frozen {
            self.thaw()?;
        }
        // A way that was cut stays cut for as long as was said: cut for less than a beat, nobody could notice.
        if self.server.closed_until < u64::MAX {
            self.server.closed_until = 0;
        }
        self.database_out_until = 0;
        self.rows_out_until = 0;
        self.disk_works();
        self.online();
        self.visible();
        if let Some(socket) = self.socket.filter(|socket| socket.hole) {
            self.after(0, 5_000, Event::Leaks { line: socket.line });
        }
        Ok(())
    }

    /// The page is closed and opened again: a new cache, a new engine, the same person.
    fn reopen_page(&mut self) {
        self.hang_up();
        self.fetches.clear();
        self.pages += 1;
        let user = self.page.user;
        self.page = Page::new(self.dice.next(), self.bug, self.now);
        self.open_page(user);
        self.reopen(PAGE);
    }
}
