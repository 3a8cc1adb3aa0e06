//! A trace as JSON, and played again: the same inputs at the same moments lead through the same states.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::trace::{Entry, Route, Shadow, TokenShadow, What};
use super::{
    Command, Config, Engine, Environment, Event, HandleId, Input, Now, Output, TokenPolicy,
};
use crate::liveness::Liveness;
use crate::room::{Access, Room};
use crate::token::{AccessToken, TokenError};
use crate::wire::Vsn;

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
    times: [u64; 15],
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
                config.loss_spread,
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
            config.loss_spread,
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
        What::Asked { status } => {
            return engine.handle(
                now,
                Input::Asked {
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
        What::Change { route, beat } => {
            let text = change_text(route, *beat, engine.config.vsn, engine.feed.watched());
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
                room = room.access(Access::Private);
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
        What::Checked { missed } => Command::FeedChecked { missed: *missed },
        What::TokenChanged {} => Command::TokenChanged,
        What::Identity {} => Command::Identity,
        What::Shutdown {} => Command::Shutdown,
    };
    engine.handle(now, Input::Command(command));
}

fn change_text(route: &Route, beat: Option<u64>, vsn: Vsn, watched: Option<&str>) -> String {
    use serde_json::json;
    let Route {
        topic,
        ids,
        schema,
        table,
        kind,
    } = route;
    let record = watched
        .zip(beat)
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
