//! A server played by a test: takes the engine's outputs, gives it frames and time. No socket, no clock.
#![allow(dead_code)]

pub mod play;

use bedside_realtime::engine::{
    Command, Config, Engine, Environment, Event, HandleId, Input, Now, Output, PushId,
};
use bedside_realtime::wire::Outbound;
use bedside_realtime::{
    AccessToken, Binding, BindingEvent, Gap, PushError, Report, RoomEvent, Status, TokenError,
    TokenNeed,
};
use serde_json::{Value, json};

pub const URL: &str = "ws://peer.test/realtime/v1/websocket?apikey=key&vsn=2.0.0";
/// The wall clock when the monotonic one starts.
pub const EPOCH: u64 = 1_700_000_000_000;

/// A frame that the engine sent, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub join_ref: Option<String>,
    pub reference: String,
    pub topic: String,
    pub event: String,
    pub payload: Value,
}

pub struct Peer {
    pub engine: Engine,
    pub mono: u64,
    pub wall: u64,
    pub opens: Vec<u64>,
    pub closes: usize,
    pub asked: usize,
    pub sent: Vec<Sent>,
    pub needs: Vec<(u64, TokenNeed)>,
    pub heard: Vec<(Vec<HandleId>, BindingEvent)>,
    pub rooms: Vec<(Vec<HandleId>, RoomEvent)>,
    pub pushed: Vec<(PushId, Result<(), PushError>)>,
    pub posts: Vec<(PushId, String)>,
    pub binary: Vec<Vec<u8>>,
    pub statuses: Vec<Report>,
    pub finished: bool,
    next_handle: u64,
}

pub fn patients() -> Binding {
    Binding::table("public", "patients")
}

pub fn forms() -> Binding {
    Binding::table("public", "form_submissions")
}

/// An unsigned token with these claims; the engine reads claims, it checks no signature.
pub fn jwt(claims: &Value) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encode = |bytes: &[u8]| {
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let mut group = [0_u8; 3];
            group[..chunk.len()].copy_from_slice(chunk);
            let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
            for digit in 0..=chunk.len() {
                out.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
            }
        }
        out
    };
    format!(
        "{}.{}.c2ln",
        encode(b"{\"alg\":\"HS256\"}"),
        encode(claims.to_string().as_bytes())
    )
}

pub fn token_of(subject: &str, lifetime_s: u64, serial: u64) -> AccessToken {
    AccessToken::new(jwt(&json!({"sub": subject, "n": serial})))
        .expires_in(std::time::Duration::from_secs(lifetime_s))
}

impl Peer {
    pub fn new() -> Self {
        Self::with(Config::new(URL))
    }

    pub fn with(mut config: Config) -> Self {
        if config.seed == 0 {
            config.seed = 7;
        }
        Self {
            engine: Engine::new(config, Now::new(0, EPOCH)),
            mono: 0,
            wall: EPOCH,
            opens: Vec::new(),
            closes: 0,
            asked: 0,
            sent: Vec::new(),
            needs: Vec::new(),
            heard: Vec::new(),
            rooms: Vec::new(),
            pushed: Vec::new(),
            posts: Vec::new(),
            binary: Vec::new(),
            statuses: Vec::new(),
            finished: false,
            next_handle: 0,
        }
    }

    pub fn give(&mut self, input: Input<'_>) {
        self.engine.handle(Now::new(self.mono, self.wall), input);
        self.settle();
    }

    /// Lets the engine finish what is due at this very moment.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.collect();
            match self.engine.timer() {
                Some(due) if due <= self.mono => {
                    self.engine
                        .handle(Now::new(self.mono, self.wall), Input::Timer);
                }
                _ => return,
            }
        }
        panic!("the engine never comes to rest: {:?}", self.engine);
    }

    fn collect(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Open { .. } => self.opens.push(self.mono),
                Output::Send(Outbound::Text(text)) => self.sent.push(parse(&text)),
                Output::Send(Outbound::Binary(bytes)) => self.binary.push(bytes),
                Output::Ask { .. } => self.asked += 1,
                Output::Close { .. } => self.closes += 1,
                Output::NeedToken { request, need } => self.needs.push((request, need)),
                Output::Event(Event::Binding { handles, event }) => {
                    self.heard.push((handles, event))
                }
                Output::Event(Event::Status(report)) => self.statuses.push(report),
                Output::Finished => self.finished = true,
                Output::Event(Event::Room { handles, event }) => self.rooms.push((handles, event)),
                Output::Event(Event::Pushed { push, outcome }) => self.pushed.push((push, outcome)),
                Output::Post { push, body, .. } => self.posts.push((push, body)),
            }
        }
    }

    /// Lets time pass, firing timers when they are due, as a driver would.
    pub fn pass(&mut self, millis: u64) {
        let end = self.mono + millis;
        while let Some(due) = self.engine.timer().filter(|due| *due <= end) {
            let step = due.max(self.mono) - self.mono;
            (self.mono, self.wall) = (self.mono + step, self.wall + step);
            self.give(Input::Timer);
        }
        (self.mono, self.wall) = (end, self.wall + (end - self.mono));
    }

    /// Lets time pass while the server answers heartbeats.
    pub fn pass_alive(&mut self, millis: u64) {
        let end = self.mono + millis;
        while self.mono < end {
            let next = self.engine.timer().unwrap_or(end).clamp(self.mono + 1, end);
            self.pass(next - self.mono);
            self.answer_heartbeats();
        }
    }

    pub fn answer_heartbeats(&mut self) {
        let beats: Vec<Sent> = self
            .sent
            .extract_if(.., |sent| sent.event == "heartbeat")
            .collect();
        for beat in beats {
            self.text(&json!([null, beat.reference, "phoenix", "phx_reply", {"status": "ok", "response": {}}]));
        }
    }

    /// The page or device sleeps: no timer fires, and the monotonic clock may stand still.
    pub fn sleep(&mut self, wall: u64, mono: u64) {
        (self.mono, self.wall) = (self.mono + mono, self.wall + wall);
    }

    pub fn text(&mut self, frame: &Value) {
        self.give(Input::Text(&frame.to_string()));
    }

    pub fn command(&mut self, command: Command) {
        self.give(Input::Command(command));
    }

    pub fn environment(&mut self, environment: Environment) {
        self.give(Input::Environment(environment));
    }

    pub fn bind(&mut self, binding: Binding) -> HandleId {
        self.next_handle += 1;
        let handle = HandleId(self.next_handle);
        self.command(Command::Bind { handle, binding });
        handle
    }

    pub fn unbind(&mut self, handle: HandleId) {
        self.command(Command::Unbind { handle });
    }

    pub fn open(&mut self) {
        self.give(Input::Opened);
    }

    pub fn close(&mut self, code: u16) {
        self.give(Input::Closed { code });
    }

    pub fn answer_token(&mut self, answer: Result<Option<AccessToken>, TokenError>) -> TokenNeed {
        let (request, need) = self.needs.pop().expect("nobody asks for a token");
        self.give(Input::Token { request, answer });
        need
    }

    pub fn status(&self) -> &Status {
        &self.engine.report().status
    }

    /// Takes the frames of one event that were sent since the last look.
    pub fn take(&mut self, event: &str) -> Vec<Sent> {
        self.sent
            .extract_if(.., |sent| sent.event == event)
            .collect()
    }

    /// Takes the one join that is pending.
    pub fn join(&mut self) -> Sent {
        let mut joins = self.take("phx_join");
        assert_eq!(joins.len(), 1, "one join at a time: {joins:?}");
        joins.remove(0)
    }

    /// Answers a join with ok; bindings get ids by their text.
    pub fn accept(&mut self, join: &Sent) {
        let echoed: Vec<Value> = join.payload["config"]["postgres_changes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|binding| {
                let mut echoed = binding.clone();
                echoed["id"] = json!(id_of(binding));
                echoed
            })
            .collect();
        let response = json!({"postgres_changes": echoed});
        self.text(&json!([
            join.reference, join.reference, join.topic, "phx_reply", {"status": "ok", "response": response}
        ]));
    }

    pub fn refuse(&mut self, join: &Sent, reason: &str) {
        self.text(&json!([
            join.reference, join.reference, join.topic, "phx_reply",
            {"status": "error", "response": {"reason": reason}}
        ]));
    }

    pub fn listening(&mut self, join: &Sent) {
        self.system(join, "postgres_changes", "ok", "Subscribed to PostgreSQL");
    }

    pub fn system(&mut self, join: &Sent, extension: &str, status: &str, message: &str) {
        self.text(&json!([
            join.reference, null, join.topic, "system",
            {"extension": extension, "status": status, "message": message, "channel": join.topic}
        ]));
    }

    pub fn end(&mut self, join: &Sent, event: &str) {
        self.text(&json!([
            join.reference,
            join.reference,
            join.topic,
            event,
            {}
        ]));
    }

    /// Opens the socket and takes one binding all the way to ready.
    pub fn live(&mut self) -> (HandleId, Sent) {
        let handle = self.bind(patients());
        self.open();
        let join = self.join();
        self.accept(&join);
        self.listening(&join);
        assert_eq!(self.status().name(), "live");
        (handle, join)
    }

    /// Goes through a reconnect: waits for the attempt, opens, joins, listens.
    pub fn come_back(&mut self) -> Sent {
        let before = self.opens.len();
        for _ in 0..1_000 {
            if self.opens.len() > before {
                break;
            }
            self.pass(100);
        }
        assert!(
            self.opens.len() > before,
            "no new attempt: {:?}",
            self.status()
        );
        self.open();
        let join = self.join();
        self.accept(&join);
        self.listening(&join);
        join
    }

    /// Like [`Peer::come_back`], for a client that asks for a token on the way.
    pub fn come_back_with_token(&mut self) {
        let before = self.opens.len();
        while self.opens.len() == before {
            self.pass(100);
        }
        self.open();
        if !self.needs.is_empty() {
            self.answer_token(Ok(Some(token_of("secret-person", 600, 77))));
        }
        for _ in 0..5 {
            for join in self.take("phx_join") {
                self.accept(&join);
                self.listening(&join);
            }
        }
    }

    /// A change on a channel, for the bindings with these ids.
    pub fn change(&mut self, topic: &str, ids: &[u64], table: &str, id: u64) {
        self.text(&json!([null, null, topic, "postgres_changes", {
            "ids": ids,
            "data": {
                "schema": "public", "table": table, "type": "UPDATE",
                "commit_timestamp": "2026-11-22T12:39:12.812Z",
                "columns": [{"name": "id", "type": "int8"}],
                "record": {"id": id}, "old_record": {"id": id}, "errors": null
            }
        }]));
    }

    pub fn changes(&self, handle: HandleId) -> Vec<String> {
        self.heard
            .iter()
            .filter(|(handles, _)| handles.contains(&handle))
            .filter_map(|(_, event)| match event {
                BindingEvent::Change(change) => {
                    change.record().map(|record| record.json().to_owned())
                }
                _ => None,
            })
            .collect()
    }

    pub fn readies(&self, handle: HandleId) -> usize {
        self.heard
            .iter()
            .filter(|(handles, event)| {
                handles.contains(&handle) && matches!(event, BindingEvent::Ready(_))
            })
            .count()
    }

    pub fn gaps(&self) -> Vec<Gap> {
        self.engine.gaps()
    }

    pub fn seen(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = self
            .statuses
            .iter()
            .map(|report| report.status.name())
            .collect();
        names.dedup();
        names
    }
}

/// The id that the scripted server gives a binding: a hash of its text, the same on every channel.
pub fn id_of(binding: &Value) -> u64 {
    binding.to_string().bytes().fold(7, |hash: u64, byte| {
        (hash * 31 + u64::from(byte)) % 134_217_728
    })
}

pub fn ids_of(join: &Sent) -> Vec<u64> {
    join.payload["config"]["postgres_changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(id_of)
        .collect()
}

fn parse(text: &str) -> Sent {
    let frame: Value = serde_json::from_str(text).expect("the engine sent no JSON");
    let string = |value: &Value| value.as_str().map(ToOwned::to_owned);
    Sent {
        join_ref: string(&frame[0]),
        reference: string(&frame[1]).expect("every push has a reference"),
        topic: string(&frame[2]).expect("a topic"),
        event: string(&frame[3]).expect("an event"),
        payload: frame[4].clone(),
    }
}
