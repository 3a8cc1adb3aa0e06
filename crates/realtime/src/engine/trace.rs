//! The trace: what happened to the engine, bounded, without tokens or rows, good enough to play it again.
//!
//! Inputs are kept as values that hold nothing secret: a change keeps its table and the feed's number, a
//! broadcast keeps nothing but its size, a token keeps its lifetime. Played through a new engine with the same
//! numbers, they lead through the same states.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Command, Environment, Input, Now};
use crate::binding::Binding;
use crate::token::TokenError;
use crate::wire::{Body, ChangeFrame, Inbound};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry(pub u64, pub u64, pub What);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Opened {},
    OpenFailed {
        status: Option<u16>,
    },
    Asked {
        status: Option<u16>,
    },
    Frame {
        frame: Box<Shadow>,
    },
    /// Changes come by the thousand, so theirs is the cheapest shape.
    Change {
        route: Arc<Route>,
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
    Checked {
        missed: u64,
    },
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

/// Where a change went. Most go where another one went before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Route {
    pub topic: String,
    pub ids: Vec<u64>,
    pub schema: String,
    pub table: String,
    pub kind: String,
}

impl Route {
    fn of(topic: &str, change: &ChangeFrame<'_>) -> Self {
        Self {
            topic: topic.to_owned(),
            ids: change.ids().collect(),
            schema: change.schema().to_owned(),
            table: change.table().to_owned(),
            kind: change.kind().to_owned(),
        }
    }

    fn is_of(&self, topic: &str, change: &ChangeFrame<'_>) -> bool {
        self.table == change.table()
            && self.kind == change.kind()
            && self.topic == topic
            && self.schema == change.schema()
            && change.ids().eq(self.ids.iter().copied())
    }
}

/// A frame without what it carried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shadow {
    pub join_ref: Option<String>,
    pub reference: Option<String>,
    pub topic: String,
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payload: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenShadow {
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
    pub entries: VecDeque<Entry>,
    kept: usize,
    /// The last few that changes went by.
    routes: VecDeque<Arc<Route>>,
    /// Nothing fell out yet.
    pub complete: bool,
    pub start: Now,
}

/// Three kinds of change for a handful of tables.
const ROUTES: usize = 16;

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
            routes: VecDeque::new(),
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
            Input::Asked { http_status } => What::Asked {
                status: *http_status,
            },
            // Frames are recorded once they are read.
            Input::Text(_) | Input::Continued { .. } | Input::Far(_) | Input::Binary(_) => return,
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
                route: self.route(&frame.topic, change),
                beat: watched.and_then(|column| change.number(column)),
            },
            _ => What::Frame {
                frame: Box::new(shadow(frame)),
            },
        };
        self.push(now, what);
    }

    fn route(&mut self, topic: &str, change: &ChangeFrame<'_>) -> Arc<Route> {
        let known = self
            .routes
            .iter()
            .position(|route| route.is_of(topic, change));
        // Changes come in rows: where the last one went, the next one will go.
        let route = match known.and_then(|at| self.routes.swap_remove_front(at)) {
            Some(route) => route,
            None => Arc::new(Route::of(topic, change)),
        };
        self.routes.truncate(ROUTES - 1);
        self.routes.push_front(Arc::clone(&route));
        route
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
        Command::FeedChecked { missed } => What::Checked { missed: *missed },
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
