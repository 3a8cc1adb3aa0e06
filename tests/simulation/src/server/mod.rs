//! The model of the Realtime server, as recordings show the real one: a join is answered before the server listens; changes
//! are matched with rights when it polls, not when they are committed; deletes reach everybody, with the key only; what it
//! loses it loses without a word.
//!
//! It speaks frames of protocol 2.0.0. Time comes in with every call; what is to happen later is given back as [`Later`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::database::{Row, User};
use crate::dice::Dice;

mod commits;
mod frames;
mod joining;

use frames::subscribed;

/// What is lost without a word is lost for at least so long: longer than from beat to beat.
pub const DEAF: u64 = 12_000;

/// One connection, by number.
pub type Line = u64;

/// A frame on its way to the client.
#[derive(Clone, Debug)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

/// Something that the server will do, or that will reach the client.
#[derive(Clone, Debug)]
pub enum Later {
    /// A frame arrives. `part` names the commit that it tells of.
    Frame {
        line: Line,
        frame: Frame,
        part: Option<usize>,
    },
    /// The socket closes.
    Close { line: Line, code: u16 },
    /// The server begins to listen for a channel, and says so.
    Listen { line: Line, join_ref: String },
    /// A channel's token ends.
    Expire {
        line: Line,
        join_ref: String,
        serial: u64,
    },
    /// The server looks for changes.
    Poll,
}

/// A token, as the server knows it.
#[derive(Clone, Debug)]
pub struct Pass {
    pub user: User,
    pub expires: u64,
}

struct Channel {
    topic: String,
    join_ref: String,
    user: Option<User>,
    serial: u64,
    bindings: Vec<(u64, String)>,
    listening: bool,
}

#[derive(Default)]
struct Connection {
    channels: Vec<Channel>,
    /// Frames keep their order: none arrives before this.
    floor: u64,
    /// A refused join freezes everything behind it.
    frozen_until: u64,
}

/// What became of a commit, as far as the client is concerned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fate {
    /// Frames that tell of it.
    pub told: u32,
    /// Those that have not arrived yet.
    pub outstanding: u32,
    /// The newest commit that was looked at together with it. Rights are those after all of them: what one of them showed
    /// and a later one hid is told by the later one alone.
    pub with: usize,
    /// The server has looked at it while it listened for everything.
    pub polled: bool,
    /// Something that tells of it was not sent.
    pub lost: bool,
}

#[derive(Default)]
pub struct Server {
    lines: BTreeMap<Line, Connection>,
    passes: BTreeMap<String, Pass>,
    serial: u64,
    /// The newest commit that it has looked at.
    seen: usize,
    polling: bool,
    pub fates: Vec<Fate>,
    /// Changes are lost until then, unless somebody subscribes anew before.
    deaf_until: u64,
    /// Whoever subscribes anew beside an older channel finds the way again from here on: a loss that no beat falls into cannot be
    /// known to anybody.
    deaf_at_least_until: u64,
    /// Sockets are refused until then.
    pub closed_until: u64,
    /// It says that it listens when it answers the join: a mistake made on purpose.
    hasty: bool,
}

/// Channels of a table's binding; ids only have to differ.
fn binding_id(table: &str) -> u64 {
    table
        .bytes()
        .fold(7, |id, byte| (id * 31 + u64::from(byte)) % 100_000_007)
}

impl Server {
    pub fn new(hasty: bool) -> Self {
        Self {
            hasty,
            ..Self::default()
        }
    }

    /// Changes are lost without a word, at the latest until then.
    pub fn deafen(&mut self, from: u64, until: u64, at_least: u64) {
        (self.deaf_until, self.deaf_at_least_until) = (until, until.min(from + at_least));
    }

    /// A token for a person.
    pub fn issue(&mut self, user: User, expires: u64) -> String {
        use base64::Engine;
        self.serial += 1;
        let claims = json!({"sub": Row::Person(user).id(), "n": self.serial}).to_string();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
        let jwt = format!("e30.{claims}.c2ln");
        self.passes.insert(jwt.clone(), Pass { user, expires });
        jwt
    }

    pub fn opened(&mut self, line: Line) {
        self.lines.insert(line, Connection::default());
    }

    pub fn gone(&mut self, line: Line) {
        self.lines.remove(&line);
    }

    fn send(
        &mut self,
        line: Line,
        frame: Frame,
        part: Option<usize>,
        now: u64,
        dice: &mut Dice,
    ) -> Option<(u64, Later)> {
        let connection = self.lines.get_mut(&line)?;
        let at = now.max(connection.frozen_until) + dice.between(1, 40);
        connection.floor = connection.floor.max(at);
        Some((connection.floor, Later::Frame { line, frame, part }))
    }

    fn say(
        &mut self,
        line: Line,
        frame: &Value,
        now: u64,
        dice: &mut Dice,
        out: &mut Vec<(u64, Later)>,
    ) {
        out.extend(self.send(line, Frame::Text(frame.to_string()), None, now, dice));
    }

    /// A frame of the client arrives.
    pub fn take(&mut self, line: Line, text: &str, now: u64, dice: &mut Dice) -> Vec<(u64, Later)> {
        let mut out = Vec::new();
        type Push = (Option<String>, String, String, String, Value);
        let Ok((join_ref, reference, topic, event, payload)) = serde_json::from_str::<Push>(text)
        else {
            return out;
        };
        let ok = json!([join_ref, reference, topic, "phx_reply", {"status": "ok", "response": {}}]);
        match event.as_str() {
            "heartbeat" => self.say(line, &ok, now, dice, &mut out),
            "phx_join" => self.join(line, &reference, topic, &payload, now, dice, &mut out),
            "phx_leave" => {
                let left = self.lines.get_mut(&line).is_some_and(|connection| {
                    let before = connection.channels.len();
                    connection
                        .channels
                        .retain(|channel| Some(&channel.join_ref) != join_ref.as_ref());
                    before != connection.channels.len()
                });
                if left {
                    self.say(line, &ok, now, dice, &mut out);
                    let close = json!([join_ref, join_ref, topic, "phx_close", {}]);
                    self.say(line, &close, now, dice, &mut out);
                }
            }
            "access_token" => {
                let pass = payload
                    .get("access_token")
                    .and_then(Value::as_str)
                    .and_then(|jwt| self.passes.get(jwt))
                    .cloned();
                let (Some(pass), Some(join_ref)) = (pass, join_ref) else {
                    return out;
                };
                self.serial += 1;
                let serial = self.serial;
                let Some(channel) = self.channel(line, &join_ref) else {
                    return out;
                };
                channel.user = Some(pass.user);
                channel.serial = serial;
                let subscribes = !channel.bindings.is_empty();
                out.push((
                    pass.expires,
                    Later::Expire {
                        line,
                        join_ref: join_ref.clone(),
                        serial,
                    },
                ));
                if subscribes {
                    out.push((
                        now + dice.between(1_000, 3_000),
                        Later::Listen { line, join_ref },
                    ));
                }
            }
            _ => {}
        }
        out
    }

    fn channel(&mut self, line: Line, join_ref: &str) -> Option<&mut Channel> {
        let channels = &mut self.lines.get_mut(&line)?.channels;
        channels
            .iter_mut()
            .find(|channel| channel.join_ref == join_ref)
    }

    /// The server listens for a channel from here on, and says so.
    pub fn listen(
        &mut self,
        line: Line,
        join_ref: &str,
        now: u64,
        dice: &mut Dice,
    ) -> Vec<(u64, Later)> {
        let alone = self.each(|channel| channel.listening).is_empty();
        let Some(channel) = self.channel(line, join_ref) else {
            return Vec::new();
        };
        let first = !std::mem::replace(&mut channel.listening, true);
        let word = subscribed(join_ref, &channel.topic.clone());
        if first {
            // A new channel finds the way that the old one had lost. One with a new token stays on its own.
            let found = if alone {
                now
            } else {
                now.max(self.deaf_at_least_until)
            };
            self.deaf_until = self.deaf_until.min(found);
        }
        let mut out = Vec::new();
        if !(first && self.hasty) {
            self.say(line, &word, now, dice, &mut out);
        }
        out
    }

    /// The server subscribes anew on its own account, and says so on every channel.
    pub fn resubscribe(&mut self, now: u64, dice: &mut Dice) -> Vec<(u64, Later)> {
        self.deaf_until = self.deaf_until.min(now);
        let mut out = Vec::new();
        let listening: Vec<(Line, String, String)> = self.each(|channel| channel.listening);
        for (line, join_ref, topic) in listening {
            self.say(line, &subscribed(&join_ref, &topic), now, dice, &mut out);
        }
        out
    }

    /// The channels of a kind: who reads each, and where it is.
    fn readers(&self, which: impl Fn(&Channel) -> bool) -> Vec<(Line, Option<User>, String)> {
        let lines = self.lines.iter();
        lines
            .flat_map(|(line, connection)| {
                connection
                    .channels
                    .iter()
                    .map(move |channel| (*line, channel))
            })
            .filter(|(_, channel)| which(channel))
            .map(|(line, channel)| (line, channel.user, channel.topic.clone()))
            .collect()
    }

    fn each(&self, which: impl Fn(&Channel) -> bool) -> Vec<(Line, String, String)> {
        let channels = self.lines.iter().flat_map(|(line, connection)| {
            connection
                .channels
                .iter()
                .map(move |channel| (*line, channel))
        });
        channels
            .filter(|(_, channel)| which(channel))
            .map(|(line, channel)| (line, channel.join_ref.clone(), channel.topic.clone()))
            .collect()
    }

    /// A channel crashes.
    pub fn crash(&mut self, now: u64, dice: &mut Dice) -> Vec<(u64, Later)> {
        let all = self.each(|_| true);
        let mut out = Vec::new();
        if let Some((line, join_ref, topic)) = dice.pick(&all).cloned() {
            self.forget(line, &join_ref);
            self.say(
                line,
                &json!([join_ref, join_ref, topic, "phx_error", {}]),
                now,
                dice,
                &mut out,
            );
        }
        out
    }

    fn forget(&mut self, line: Line, join_ref: &str) {
        if let Some(connection) = self.lines.get_mut(&line) {
            connection
                .channels
                .retain(|channel| channel.join_ref != join_ref);
        }
    }

    pub fn expire(
        &mut self,
        line: Line,
        join_ref: &str,
        serial: u64,
        now: u64,
        dice: &mut Dice,
    ) -> Vec<(u64, Later)> {
        let mut out = Vec::new();
        let Some(channel) = self.channel(line, join_ref) else {
            return out;
        };
        if channel.serial != serial {
            return out;
        }
        let topic = channel.topic.clone();
        self.forget(line, join_ref);
        let message = "Token has expired 0 seconds ago";
        let word = json!([join_ref, null, topic, "system", {"extension": "system", "status": "error", "message": message, "channel": topic}]);
        self.say(line, &word, now, dice, &mut out);
        self.say(
            line,
            &json!([join_ref, join_ref, topic, "phx_close", {}]),
            now,
            dice,
            &mut out,
        );
        out
    }
    /// Whether the server listens for this table on some channel of this person's.
    pub fn listens(&self, user: User, table: &str) -> bool {
        let hears = |channel: &Channel| {
            channel.listening
                && channel.user == Some(user)
                && channel.bindings.iter().any(|(_, own)| own == table)
        };
        !self.each(hears).is_empty()
    }

    /// Whether this person is in their room.
    pub fn attends(&self, user: User) -> bool {
        let room = room_of(user);
        !self.each(|channel| channel.topic == room).is_empty()
    }
}

fn room_of(user: User) -> String {
    format!("realtime:user:{}", Row::Person(user).id())
}
