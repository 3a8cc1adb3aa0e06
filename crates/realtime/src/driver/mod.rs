//! The driver: moves bytes, time and answers between the engine and the world. It decides nothing.
//!
//! One loop for browser and native; what differs is in `platform`.

#[cfg(target_arch = "wasm32")]
mod browser_text;
#[cfg(not(target_arch = "wasm32"))]
mod native_trust;
#[cfg_attr(target_arch = "wasm32", path = "browser.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "native.rs")]
pub(crate) mod platform;
#[cfg_attr(target_arch = "wasm32", path = "browser_socket.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "native_socket.rs")]
mod socket;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::channel::mpsc::UnboundedReceiver;
use futures::{Future, Stream};

use crate::client::{PostRequest, Shared, StatusSnapshot, lock};
use crate::engine::{Command, Engine, Environment, Event, Input, Now, Output, PushId};
use crate::room::PushError;
use crate::token::{AccessToken, TokenError, TokenNeed};
use platform::Sleep;
use socket::Socket;

/// What reaches the driver from outside.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// The engine has outputs.
    Wake,
    /// The token source answered.
    Token {
        request: u64,
        answer: Result<Option<AccessToken>, TokenError>,
    },
    /// A broadcast was posted over HTTP.
    Posted {
        push: PushId,
        outcome: Result<(), PushError>,
    },
    /// The server was asked by plain HTTP.
    // Natively the handshake's own answer has a status: nobody need ask.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Asked { http_status: Option<u16> },
    /// The surroundings changed.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    Environment(Environment),
}

/// What a socket says. Never anything about one that was closed or replaced.
enum SocketNews {
    Opened,
    /// With the HTTP status, where the platform shows it.
    OpenFailed(Option<u16>),
    Text(String),
    Binary(Vec<u8>),
    /// It closed by itself, with this code.
    Closed(u16),
}

enum Step {
    Incoming(Incoming),
    Socket(SocketNews),
    Timer,
    /// Nobody can reach the driver any more.
    Alone,
}

/// Runs a client until it is shut down.
pub(crate) async fn run(shared: Arc<Shared>, mut incoming: UnboundedReceiver<Incoming>) {
    let _surroundings = platform::listen(&shared.wake);
    let mut socket = Socket::new(&shared);
    let mut alarm: Option<(u64, Sleep)> = None;
    loop {
        if drain(&shared, &mut socket) == Drained::Finished {
            return;
        }
        let due = lock(&shared.engine).timer();
        if alarm.as_ref().map(|(at, _)| *at) != due {
            let now = shared.clock.now().mono;
            alarm = due.map(|at| (at, platform::sleep(at.saturating_sub(now))));
        }
        let step =
            poll_fn(|context| poll_step(context, &mut incoming, &mut socket, &mut alarm)).await;
        let now = shared.clock.now();
        let mut engine = lock(&shared.engine);
        match step {
            Step::Incoming(Incoming::Wake) => {}
            Step::Incoming(Incoming::Token { request, answer }) => {
                engine.handle(now, Input::Token { request, answer })
            }
            Step::Incoming(Incoming::Environment(environment)) => {
                engine.handle(now, Input::Environment(environment))
            }
            Step::Incoming(Incoming::Asked { http_status }) => {
                engine.handle(now, Input::Asked { http_status })
            }
            Step::Incoming(Incoming::Posted { push, outcome }) => {
                engine.handle(now, Input::Command(Command::Posted { push, outcome }))
            }
            Step::Socket(SocketNews::Opened) => engine.handle(now, Input::Opened),
            Step::Socket(SocketNews::OpenFailed(http_status)) => {
                engine.handle(now, Input::OpenFailed { http_status })
            }
            Step::Socket(SocketNews::Text(text)) => engine.handle(now, Input::Text(&text)),
            Step::Socket(SocketNews::Binary(bytes)) => engine.handle(now, Input::Binary(&bytes)),
            Step::Socket(SocketNews::Closed(code)) => engine.handle(now, Input::Closed { code }),
            Step::Timer => {
                alarm = None;
                engine.handle(now, Input::Timer);
            }
            Step::Alone => return,
        }
    }
}

fn poll_step(
    context: &mut Context<'_>,
    incoming: &mut UnboundedReceiver<Incoming>,
    socket: &mut Socket,
    alarm: &mut Option<(u64, Sleep)>,
) -> Poll<Step> {
    // The timer first: a flood of frames must not starve the heartbeat.
    if let Some((_, sleep)) = alarm
        && Pin::new(sleep).poll(context).is_ready()
    {
        return Poll::Ready(Step::Timer);
    }
    match Pin::new(incoming).poll_next(context) {
        Poll::Ready(Some(news)) => return Poll::Ready(Step::Incoming(news)),
        Poll::Ready(None) => return Poll::Ready(Step::Alone),
        Poll::Pending => {}
    }
    socket.poll(context).map(Step::Socket)
}

#[derive(PartialEq, Eq)]
enum Drained {
    Waiting,
    Finished,
}

/// Carries out what the engine wants. The lock is released before anybody is called.
fn drain(shared: &Arc<Shared>, socket: &mut Socket) -> Drained {
    loop {
        let Some(output) = lock(&shared.engine).poll() else {
            return Drained::Waiting;
        };
        match output {
            Output::Open { url } => socket.open(url),
            Output::Ask { url } => platform::ask(&shared.wake, &url),
            Output::Send(frame) => socket.send(frame),
            Output::Close { code } => socket.close(code),
            Output::NeedToken { request, need } => ask(shared, request, need),
            Output::Post { push, body, token } => post(shared, push, body, token),
            Output::Event(event) => tell(shared, event),
            Output::Finished => return Drained::Finished,
        }
    }
}

/// Gives the engine something in the midst of the platform's own call, and tells what follows from it. Whatever else
/// follows is carried out by the driver.
// Only a page's socket calls; the native one is awaited.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
fn at_once(shared: &Shared, give: impl FnOnce(&mut Engine, Now)) {
    let mut engine = lock(&shared.engine);
    let due = engine.timer();
    give(&mut engine, shared.clock.now());
    while let Some(event) = engine.poll_event() {
        drop(engine);
        tell(shared, event);
        engine = lock(&shared.engine);
    }
    if engine.is_waiting() || engine.timer() != due {
        // The driver is gone after a shutdown.
        let _ = shared.wake.unbounded_send(Incoming::Wake);
    }
}

fn ask(shared: &Arc<Shared>, request: u64, need: TokenNeed) {
    let Some(source) = &shared.tokens else { return };
    let answer = source(need);
    let wake = shared.wake.clone();
    platform::spawn(async move {
        let answer = answer.await;
        // Nobody waits for it after a shutdown.
        let _ = wake.unbounded_send(Incoming::Token { request, answer });
    });
}

/// Posts a broadcast over HTTP, if there is somebody who can.
fn post(shared: &Arc<Shared>, push: PushId, body: String, token: Option<String>) {
    let Some(post) = &shared.post else {
        let outcome = Err(PushError::NotJoined);
        return lock(&shared.engine).handle(
            shared.clock.now(),
            Input::Command(Command::Posted { push, outcome }),
        );
    };
    let answer = post(PostRequest {
        url: shared.rest_url.clone(),
        api_key: shared.api_key.clone(),
        token,
        body,
    });
    let wake = shared.wake.clone();
    platform::spawn(async move {
        let outcome = match answer.await {
            Some(200..=299) => Ok(()),
            Some(status) => Err(PushError::Refused(format!("HTTP {status}"))),
            None => Err(PushError::Unconfirmed),
        };
        // Nobody waits for it after a shutdown.
        let _ = wake.unbounded_send(Incoming::Posted { push, outcome });
    });
}

fn tell(shared: &Shared, event: Event) {
    match event {
        Event::Binding { handles, event } => {
            let calls = lock(&shared.listeners).hear(&handles, &event);
            for call in calls {
                call(&event);
            }
        }
        Event::Room { handles, event } => {
            let calls = lock(&shared.listeners).hear_room(&handles, &event);
            for call in calls {
                call(&event);
            }
        }
        Event::Pushed { push, outcome } => {
            if let Some(waiting) = lock(&shared.listeners).awaited(push) {
                // Nobody has to wait for an outcome.
                let _ = waiting.send(outcome);
            }
        }
        Event::Status(_) => {
            let calls = lock(&shared.listeners).watchers();
            let snapshot = StatusSnapshot::read(shared);
            for call in calls {
                call(&snapshot);
            }
        }
    }
}
