//! The trace: what happened to the engine, bounded, without tokens or rows, good enough to play it again.
//!
//! Inputs are kept as values that hold nothing secret: a change keeps its table and the feed's number, a
//! broadcast keeps nothing but its size, a token keeps its lifetime. Played through a new engine with the same
//! numbers, they lead through the same states.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Command, Config, Engine, Environment, Event, HandleId, Input, Now, Output, TokenPolicy,
};
use crate::binding::Binding;
use crate::liveness::Liveness;
use crate::room::Room;
use crate::token::{AccessToken, TokenError};
use crate::wire::{Body, Inbound, Vsn};

/// Why a trace cannot be played.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// Not a trace, or one of another version.
    #[error("not a trace: {0}")]
    Json(#[from] serde_json::Error),
    /// The beginning fell out of the bounded buffer: the states would differ.
    #[error("the trace does not reach back to the beginning")]
    Incomplete,
}

/// A state that the engine went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Monotonic milliseconds.
    pub at: u64,
    /// The state's name.
    pub status: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry(u64, u64, What);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Opened {},
    OpenFailed {
        status: Option<u16>,
    },
    Frame {
        frame: Box<Shadow>,
    },
    /// Changes come by the thousand, so theirs is the cheapest shape.
    Change {
        topic: String,
        ids: Vec<u64>,
        schema: String,
        table: String,
        kind: String,
        beat: Option<u64>,
    },
    Undecodable {
        bytes: usize,
    },
    Closed {
        code: u16,
    },
    Timer {},
    Bind {
        handle: u64,
        binding: Box<Binding>,
    },
    Unbind {
        handle: u64,
    },
    Watch {
        handle: u64,
        binding: Box<Binding>,
        column: String,
        every: u64,
    },
    Enter {
        handle: u64,
        name: String,
        private: bool,
        presence: bool,
        own: bool,
        acknowledged: bool,
    },
    Leave {
        handle: u64,
    },
    Reconnect {},
    TokenChanged {},
    Identity {},
    Shutdown {},
    /// A command that moves no state: an own broadcast, a presence.
    Other {},
    Online {},
    Offline {},
    Woken {},
    Token {
        request: u64,
        answer: TokenShadow,
    },
    Sent {
        event: String,
        topic: String,
        reference: String,
    },
    Status {
        status: String,
    },
}

/// A frame without what it carried.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shadow {
    join_ref: Option<String>,
    reference: Option<String>,
    topic: String,
    event: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    payload: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenShadow {
    Held {
        left: Option<u64>,
        subject: Option<u64>,
        token: u64,
    },
    Anonymous,
    Unavailable,
    Ended,
}

/// The bounded record of one engine.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    entries: VecDeque<Entry>,
    kept: usize,
    complete: bool,
    start: Now,
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // JSON numbers beyond 53 bits lose digits in some readers.
    hasher.finish() >> 12
}

impl Trace {
    pub fn new(kept: usize, start: Now) -> Self {
        Self {
            entries: VecDeque::new(),
            kept,
            complete: true,
            start,
        }
    }

    fn push(&mut self, now: Now, what: What) {
        if self.kept == 0 {
            self.complete = false;
            return;
        }
        if self.entries.len() >= self.kept {
            self.entries.pop_front();
            self.complete = false;
        }
        self.entries.push_back(Entry(now.mono, now.wall, what));
    }

    pub fn input(&mut self, now: Now, input: &Input<'_>) {
        let what = match input {
            Input::Opened => What::Opened {},
            Input::OpenFailed { http_status } => What::OpenFailed {
                status: *http_status,
            },
            // Frames are recorded once they are read.
            Input::Text(_) | Input::Binary(_) => return,
            Input::Closed { code } => What::Closed { code: *code },
            Input::Timer => What::Timer {},
            Input::Environment(Environment::Online) => What::Online {},
            Input::Environment(Environment::Offline) => What::Offline {},
            Input::Environment(Environment::Woken) => What::Woken {},
            Input::Token { request, answer } => What::Token {
                request: *request,
                answer: match answer {
                    Ok(Some(token)) => TokenShadow::Held {
                        left: token.left_ms(now.wall),
                        subject: token.subject().as_deref().map(hash),
                        token: hash(token.jwt()),
                    },
                    Ok(None) => TokenShadow::Anonymous,
                    Err(TokenError::Unavailable) => TokenShadow::Unavailable,
                    Err(TokenError::SessionEnded) => TokenShadow::Ended,
                },
            },
            Input::Command(command) => shadow_command(command),
        };
        self.push(now, what);
    }

    pub fn frame(&mut self, now: Now, frame: &Inbound<'_>, watched: Option<&str>) {
        if self.kept == 0 {
            return;
        }
        let what = match &frame.body {
            Body::Change(change) => What::Change {
                topic: frame.topic.clone().into_owned(),
                ids: change.ids(),
                schema: change.schema().to_owned(),
                table: change.table().to_owned(),
                kind: change.kind().to_owned(),
                beat: watched.and_then(|column| change.number(column)),
            },
            _ => What::Frame {
                frame: Box::new(shadow(frame)),
            },
        };
        self.push(now, what);
    }

    pub fn undecodable(&mut self, now: Now, bytes: usize) {
        self.push(now, What::Undecodable { bytes });
    }

    pub fn sent(&mut self, now: Now, event: &str, topic: &str, reference: &str) {
        let (event, topic, reference) = (event.to_owned(), topic.to_owned(), reference.to_owned());
        self.push(
            now,
            What::Sent {
                event,
                topic,
                reference,
            },
        );
    }

    pub fn status(&mut self, now: Now, status: &str) {
        self.push(
            now,
            What::Status {
                status: status.to_owned(),
            },
        );
    }
}

fn shadow_command(command: &Command) -> What {
    match command {
        Command::Bind { handle, binding } => What::Bind {
            handle: handle.0,
            binding: Box::new(binding.veiled()),
        },
        Command::Unbind { handle } => What::Unbind { handle: handle.0 },
        Command::Watch { handle, liveness } => What::Watch {
            handle: handle.0,
            binding: Box::new(liveness.binding.veiled()),
            column: liveness.column.clone(),
            every: liveness.every,
        },
        Command::EnterRoom { handle, room } => What::Enter {
            handle: handle.0,
            name: room.name.clone(),
            private: room.access == crate::room::Access::Private,
            presence: room.presence.is_some(),
            own: room.own,
            acknowledged: room.acknowledged,
        },
        Command::LeaveRoom { handle } => What::Leave { handle: handle.0 },
        Command::Reconnect => What::Reconnect {},
        Command::TokenChanged => What::TokenChanged {},
        Command::Identity => What::Identity {},
        Command::Shutdown => What::Shutdown {},
        Command::ExpectEcho { .. }
        | Command::Track { .. }
        | Command::Say { .. }
        | Command::Posted { .. } => What::Other {},
    }
}

/// What of a frame may be kept: what decides, never what it carries.
fn shadow(frame: &Inbound<'_>) -> Shadow {
    use serde_json::json;
    let (event, payload) = match &frame.body {
        Body::Reply(reply) => {
            let response = reply
                .response
                .and_then(|raw| serde_json::from_str(raw.get()).ok())
                .map(veil_reply);
            (
                "phx_reply",
                Some(
                    json!({"status": if reply.ok { "ok" } else { "error" }, "response": response}),
                ),
            )
        }
        Body::System(system) => {
            // The parameters in it hold filters, and filters hold keys.
            let message = system.message.split("filters:").next().unwrap_or_default();
            (
                "system",
                Some(
                    json!({"extension": system.extension, "status": system.status, "message": message}),
                ),
            )
        }
        Body::Change(_) => ("postgres_changes", None),
        Body::PresenceState(_) => ("presence_state", None),
        Body::PresenceDiff(_) => ("presence_diff", None),
        Body::Broadcast(_) => ("broadcast", None),
        Body::Close => ("phx_close", None),
        Body::Error => ("phx_error", None),
        Body::Unknown { .. } => ("unknown", None),
    };
    Shadow {
        join_ref: frame.join_ref.as_deref().map(ToOwned::to_owned),
        reference: frame.reference.as_deref().map(ToOwned::to_owned),
        topic: frame.topic.clone().into_owned(),
        event: event.to_owned(),
        payload,
    }
}

fn veil_reply(mut response: serde_json::Value) -> serde_json::Value {
    let bindings = response
        .get_mut("postgres_changes")
        .and_then(serde_json::Value::as_array_mut);
    for binding in bindings.into_iter().flatten() {
        if let Some(filter) = binding.get_mut("filter")
            && let Some(text) = filter.as_str()
        {
            *filter = Binding::veil(text).into();
        }
    }
    response
}

#[derive(Serialize, Deserialize)]
struct Export {
    version: u32,
    complete: bool,
    start: (u64, u64),
    numbers: Numbers,
    entries: Vec<Entry>,
}

/// The engine's configuration without its address.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Numbers {
    vsn: String,
    tokens: bool,
    seed: u64,
    event_rate: Option<u32>,
    times: [u64; 14],
}

impl Numbers {
    fn of(config: &Config) -> Self {
        Self {
            vsn: config.vsn.as_str().to_owned(),
            tokens: config.tokens == TokenPolicy::Source,
            seed: config.seed,
            event_rate: config.event_rate,
            times: [
                config.backoff_base,
                config.backoff_cap,
                config.restart_spread,
                config.stable_after,
                config.quiet,
                config.keepalive,
                config.open_timeout,
                config.join_timeout,
                config.ready_timeout,
                config.probe_timeout,
                config.linger,
                config.settle,
                config.idle,
                config.stale_after,
            ],
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new("ws://replay.invalid/");
        config.vsn = if self.vsn == "1.0.0" {
            Vsn::V1
        } else {
            Vsn::V2
        };
        config.tokens = if self.tokens {
            TokenPolicy::Source
        } else {
            TokenPolicy::ApiKey
        };
        config.seed = self.seed;
        config.event_rate = self.event_rate;
        [
            config.backoff_base,
            config.backoff_cap,
            config.restart_spread,
            config.stable_after,
            config.quiet,
            config.keepalive,
            config.open_timeout,
            config.join_timeout,
            config.ready_timeout,
            config.probe_timeout,
            config.linger,
            config.settle,
            config.idle,
            config.stale_after,
        ] = self.times;
        config
    }
}

impl Engine {
    /// The trace as JSON, without tokens, rows, messages or filters.
    #[must_use]
    pub fn trace_json(&self) -> String {
        let export = Export {
            version: 1,
            complete: self.trace.complete,
            start: (self.trace.start.mono, self.trace.start.wall),
            numbers: Numbers::of(&self.config),
            entries: self.trace.entries.iter().cloned().collect(),
        };
        // Strings and numbers only: nothing in it can fail to be written.
        serde_json::to_string(&export).unwrap_or_default()
    }
}

/// The states that a trace recorded.
///
/// # Errors
/// [`ReplayError::Json`] when it is no trace.
pub fn recorded(trace: &str) -> Result<Vec<Transition>, ReplayError> {
    let export: Export = serde_json::from_str(trace)?;
    Ok(export
        .entries
        .into_iter()
        .filter_map(|Entry(at, _, what)| match what {
            What::Status { status } => Some(Transition { at, status }),
            _ => None,
        })
        .collect())
}

/// Plays a trace through a new engine and gives the states it goes through: the same as [`recorded`].
///
/// # Errors
/// [`ReplayError`] when it is no trace, or not from the beginning.
pub fn replay(trace: &str) -> Result<Vec<Transition>, ReplayError> {
    let export: Export = serde_json::from_str(trace)?;
    if !export.complete {
        return Err(ReplayError::Incomplete);
    }
    let mut engine = Engine::new(
        export.numbers.config(),
        Now::new(export.start.0, export.start.1),
    );
    let mut states = Vec::new();
    for Entry(mono, wall, what) in export.entries {
        play(&mut engine, Now::new(mono, wall), &what);
        while let Some(output) = engine.poll() {
            if let Output::Event(Event::Status(report)) = output {
                let status = report.status.name().to_owned();
                if states
                    .last()
                    .is_none_or(|last: &Transition| last.status != status)
                {
                    states.push(Transition { at: mono, status });
                }
            }
        }
    }
    Ok(states)
}

fn play(engine: &mut Engine, now: Now, what: &What) {
    let handle = HandleId;
    let command = match what {
        What::Opened {} => return engine.handle(now, Input::Opened),
        What::OpenFailed { status } => {
            return engine.handle(
                now,
                Input::OpenFailed {
                    http_status: *status,
                },
            );
        }
        What::Closed { code } => return engine.handle(now, Input::Closed { code: *code }),
        What::Timer {} => return engine.handle(now, Input::Timer),
        What::Online {} => return engine.handle(now, Input::Environment(Environment::Online)),
        What::Offline {} => return engine.handle(now, Input::Environment(Environment::Offline)),
        What::Woken {} => return engine.handle(now, Input::Environment(Environment::Woken)),
        What::Undecodable { .. } => return engine.handle(now, Input::Text("")),
        What::Change { .. } => {
            let text = change_text(what, engine.config.vsn, engine.feed.watched());
            return engine.handle(now, Input::Text(&text));
        }
        What::Frame { frame } => {
            return engine.handle(now, Input::Text(&text(frame, engine.config.vsn)));
        }
        What::Token { request, answer } => {
            let answer = match answer {
                TokenShadow::Held {
                    left,
                    subject,
                    token,
                } => {
                    let subject = subject.map(|subject| subject.to_string());
                    Ok(Some(AccessToken::replayed(
                        token.to_string(),
                        *left,
                        subject,
                    )))
                }
                TokenShadow::Anonymous => Ok(None),
                TokenShadow::Unavailable => Err(TokenError::Unavailable),
                TokenShadow::Ended => Err(TokenError::SessionEnded),
            };
            return engine.handle(
                now,
                Input::Token {
                    request: *request,
                    answer,
                },
            );
        }
        What::Sent { .. } | What::Status { .. } | What::Other {} => return,
        What::Bind {
            handle: id,
            binding,
        } => Command::Bind {
            handle: handle(*id),
            binding: (**binding).clone(),
        },
        What::Unbind { handle: id } => Command::Unbind {
            handle: handle(*id),
        },
        What::Watch {
            handle: id,
            binding,
            column,
            every,
        } => Command::Watch {
            handle: handle(*id),
            liveness: Liveness {
                binding: (**binding).clone(),
                column: column.clone(),
                every: *every,
            },
        },
        What::Enter {
            handle: id,
            name,
            private,
            presence,
            own,
            acknowledged,
        } => {
            let mut room = Room::named(name.clone());
            if *private {
                room = room.access(crate::room::Access::Private);
            }
            if *presence {
                room = room.presence("");
            }
            (room.own, room.acknowledged) = (*own, *acknowledged);
            Command::EnterRoom {
                handle: handle(*id),
                room,
            }
        }
        What::Leave { handle: id } => Command::LeaveRoom {
            handle: handle(*id),
        },
        What::Reconnect {} => Command::Reconnect,
        What::TokenChanged {} => Command::TokenChanged,
        What::Identity {} => Command::Identity,
        What::Shutdown {} => Command::Shutdown,
    };
    engine.handle(now, Input::Command(command));
}

fn change_text(what: &What, vsn: Vsn, watched: Option<&str>) -> String {
    use serde_json::json;
    let What::Change {
        topic,
        ids,
        schema,
        table,
        kind,
        beat,
    } = what
    else {
        return String::new();
    };
    let record = watched
        .zip(*beat)
        .map(|(column, beat)| json!({ column: beat }));
    let data = json!({"schema": schema, "table": table, "type": kind, "record": record});
    let payload = json!({"ids": ids, "data": data});
    let (topic, event) = (topic.clone(), "postgres_changes".to_owned());
    text(
        &Shadow {
            join_ref: None,
            reference: None,
            topic,
            event,
            payload: Some(payload),
        },
        vsn,
    )
}

fn text(frame: &Shadow, vsn: Vsn) -> String {
    use serde_json::json;
    let payload = frame.payload.clone().unwrap_or_else(|| json!({}));
    match vsn {
        Vsn::V1 => json!({"topic": frame.topic, "event": frame.event, "payload": payload, "ref": frame.reference}),
        Vsn::V2 => json!([frame.join_ref, frame.reference, frame.topic, frame.event, payload]),
    }
    .to_string()
}
