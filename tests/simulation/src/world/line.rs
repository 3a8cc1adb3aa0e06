//! The page's socket: what is on its way in either direction, and what never arrives.

use std::time::Duration;

use bedside_realtime::engine::Input;
use bedside_realtime::{AccessToken, TokenError};

use super::reads::{Question, Rows};
use super::{Event, World};
use crate::page::Wish;
use crate::server::{Frame, Later, Line};

#[derive(Clone, Copy)]
pub(super) struct Socket {
    pub(super) line: Line,
    pub(super) hole: bool,
    /// Frames to the server keep their order.
    pub(super) floor: u64,
}

impl World {
    pub(super) fn give(&mut self, input: Input<'_>) {
        let mut wishes = Vec::new();
        self.page.give(input, &mut wishes);
        self.fulfil(wishes);
    }

    pub(super) fn later(&mut self, later: Later) {
        match later {
            Later::Frame { line, frame, part } => {
                let arrives = self
                    .socket
                    .is_some_and(|socket| socket.line == line && !socket.hole);
                if let Some(fate) = part.and_then(|part| self.server.fates.get_mut(part)) {
                    fate.outstanding = fate.outstanding.saturating_sub(1);
                    fate.lost |= !arrives;
                }
                if arrives {
                    match frame {
                        Frame::Text(text) => self.give(Input::Text(&text)),
                        Frame::Binary(bytes) => self.give(Input::Binary(&bytes)),
                    }
                }
            }
            Later::Close { line, code } => {
                self.server.gone(line);
                if self
                    .socket
                    .is_some_and(|socket| socket.line == line && !socket.hole)
                {
                    self.socket = None;
                    self.give(Input::Closed { code });
                }
            }
            Later::Listen { line, join_ref } => {
                let out = self
                    .server
                    .listen(line, &join_ref, self.now, &mut self.dice);
                self.plan(out);
            }
            Later::Expire {
                line,
                join_ref,
                serial,
            } => {
                let out = self
                    .server
                    .expire(line, &join_ref, serial, self.now, &mut self.dice);
                self.plan(out);
            }
            Later::Poll => {
                let out = self.server.poll(&self.database, self.now, &mut self.dice);
                self.plan(out);
                self.mark_unheard();
            }
        }
    }

    /// What the server looked at while it did not listen for this page was not told to it.
    pub(super) fn mark_unheard(&mut self) {
        let tables = ["profiles", "patients", "form_submissions"];
        let user = self.page.user;
        let listens =
            user.is_some_and(|user| tables.iter().all(|table| self.server.listens(user, table)));
        // That rights were lost is told in the room alone.
        let attends = user.is_some_and(|user| self.server.attends(user));
        let now = self.now;
        for (fate, commit) in self.server.fates.iter_mut().zip(&self.database.commits) {
            let hears =
                listens && (attends || commit.revoked.iter().all(|(of, _)| Some(*of) != user));
            if !hears && fate.polled && commit.at + 1_000 >= now && fate.outstanding == 0 {
                fate.lost = true;
            }
        }
    }

    pub(super) fn token(&mut self, request: u64) {
        let answer = if !self.still && self.dice.percent(5) {
            Err(TokenError::Unavailable)
        } else {
            Ok(self.page.user.map(|user| {
                let lifetime = self.dice.between(30_000, 200_000);
                let jwt = self.server.issue(user, self.now + lifetime);
                AccessToken::new(jwt).expires_in(Duration::from_millis(lifetime))
            }))
        };
        self.give(Input::Token { request, answer });
    }

    pub(super) fn fulfil(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Open => {
                    self.hang_up();
                    self.line += 1;
                    let line = self.line;
                    self.socket = Some(Socket {
                        line,
                        hole: false,
                        floor: 0,
                    });
                    let opens = self.now >= self.server.closed_until;
                    self.after(
                        1,
                        200,
                        if opens {
                            Event::Opened { line }
                        } else {
                            Event::OpenFailed { line }
                        },
                    );
                }
                Wish::Send(text) => {
                    let delay = self.dice.between(1, 60);
                    let now = self.now;
                    if let Some(socket) = &mut self.socket {
                        socket.floor = socket.floor.max(now + delay);
                        let (at, line) = (socket.floor, socket.line);
                        self.at(at, Event::Arrives { line, text });
                    }
                }
                Wish::Close => self.hang_up(),
                Wish::Token(request) => self.after(
                    1,
                    300,
                    Event::Token {
                        page: self.pages,
                        request,
                    },
                ),
                Wish::Ask { number, since } => {
                    let question = Question {
                        page: self.pages,
                        user: self.page.user,
                        number,
                        since,
                    };
                    self.slowly(Event::Ask(question));
                }
                Wish::Rows(fetch) => {
                    let rows = Rows {
                        page: self.pages,
                        user: self.page.user,
                        fetch,
                    };
                    self.slowly(Event::Rows(rows));
                }
            }
        }
    }

    pub(super) fn hang_up(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.server.gone(socket.line);
        }
    }
}
