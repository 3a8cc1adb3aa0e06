//! What goes into the engine and what comes out: plain values, the whole of its interface with the world.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::talk::{PushId, Said};
use crate::binding::Binding;
use crate::event::BindingEvent;
use crate::liveness::{Echo, Liveness};
use crate::room::{PushError, Room, RoomEvent};
use crate::status::Report;
use crate::token::{AccessToken, TokenError, TokenNeed};
use crate::wire::{FarText, Opening, Outbound};

/// The number of a handle, given by whoever makes the handle; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u64);

/// What happens to the engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open.
    Opened,
    /// The handshake failed; browsers don't say why.
    OpenFailed {
        /// The HTTP status, where the platform shows it.
        http_status: Option<u16>,
    },
    /// The answer to [`Output::Ask`].
    Asked {
        /// `None` when the server was not reached, or the platform keeps the answer to itself.
        http_status: Option<u16>,
    },
    /// A text frame came.
    Text(&'a str),
    /// A text frame of version 2.0.0 came that begins as one did that was read before.
    Continued {
        /// How it begins.
        opening: &'a Arc<Opening>,
        /// How it goes on.
        rest: &'a str,
    },
    /// A large text frame came, which is cheaper to leave where it is.
    Far(Arc<dyn FarText>),
    /// A binary frame came.
    Binary(&'a [u8]),
    /// The socket closed by itself. Never reported for a close that the engine asked for.
    Closed {
        /// 1006 when there was no close frame.
        code: u16,
    },
    /// The moment that [`Engine::timer`](super::Engine::timer) named has come.
    Timer,
    /// Somebody wants something.
    Command(Command),
    /// The surroundings changed.
    Environment(Environment),
    /// The token source answered.
    Token {
        /// The number from [`Output::NeedToken`].
        request: u64,
        /// Its answer; `Ok(None)` when nobody is signed in.
        answer: Result<Option<AccessToken>, TokenError>,
    },
}

/// What the application wants.
#[derive(Debug)]
pub enum Command {
    /// Listen.
    Bind {
        /// Who wants it.
        handle: HandleId,
        /// What.
        binding: Binding,
    },
    /// Stop listening, as far as this handle is concerned.
    Unbind {
        /// Whose.
        handle: HandleId,
    },
    /// Listen to a row that proves that changes come.
    Watch {
        /// Who wants it.
        handle: HandleId,
        /// The row.
        liveness: Liveness,
    },
    /// An own write was made; its change should come.
    ExpectEcho {
        /// Which row.
        echo: Echo,
        /// Within how many milliseconds.
        within: u64,
    },
    /// The changes were compared with a source that loses none.
    FeedChecked {
        /// How many changes should have come and didn't.
        missed: u64,
    },
    /// Enter a room.
    EnterRoom {
        /// Who wants it.
        handle: HandleId,
        /// Which, and how.
        room: Room,
    },
    /// Leave a room, as far as this handle is concerned.
    LeaveRoom {
        /// Whose.
        handle: HandleId,
    },
    /// Show up in a room's presence with a JSON object, or not any more.
    Track {
        /// Who.
        handle: HandleId,
        /// What to show.
        payload: Option<Box<RawValue>>,
    },
    /// Say something in a room.
    Say {
        /// Who.
        handle: HandleId,
        /// To be given back with the outcome.
        push: PushId,
        /// Its name.
        event: String,
        /// What.
        said: Said,
    },
    /// The driver's answer to [`Output::Post`].
    Posted {
        /// Which push.
        push: PushId,
        /// How it went.
        outcome: Result<(), PushError>,
    },
    /// Now, without backoff; ends a fatal state too.
    Reconnect,
    /// The token source has something new.
    TokenChanged,
    /// Another person, or nobody: nothing of the old one may reach the new one.
    Identity,
    /// The end.
    Shutdown,
}

/// What the surroundings say. Hints: they wake the engine, they never replace proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// The device has a network again.
    Online,
    /// The device says that it has none.
    Offline,
    /// Somebody looks at the page, or it came back from a cache or a freeze.
    Woken,
}

/// What the engine wants of its driver.
#[derive(Debug)]
pub enum Output {
    /// Open a socket; an older one is gone.
    Open {
        /// The address.
        url: String,
    },
    /// Ask by plain HTTP why the socket is refused, where the platform doesn't tell.
    Ask {
        /// The socket's address.
        url: String,
    },
    /// Send a frame on the open socket.
    Send(Outbound),
    /// Close the socket, or give up opening it; no [`Input::Closed`] may follow.
    Close {
        /// The close code.
        code: u16,
    },
    /// Ask the token source.
    NeedToken {
        /// To be given back with the answer.
        request: u64,
        /// Why.
        need: TokenNeed,
    },
    /// Post a broadcast over HTTP, for lack of a channel.
    Post {
        /// To be given back with [`Command::Posted`].
        push: PushId,
        /// The JSON body.
        body: String,
        /// Whose rights; without one, the API key's.
        token: Option<String>,
    },
    /// Tell holders.
    Event(Event),
    /// The driver may end.
    Finished,
}

/// News for holders.
#[derive(Clone, Debug)]
pub enum Event {
    /// News of a binding, for these handles.
    Binding {
        /// Who holds it.
        handles: Vec<HandleId>,
        /// What happened.
        event: BindingEvent,
    },
    /// News of a room, for these handles.
    Room {
        /// Who holds it.
        handles: Vec<HandleId>,
        /// What happened.
        event: RoomEvent,
    },
    /// The outcome of a push.
    Pushed {
        /// Which.
        push: PushId,
        /// How it went.
        outcome: Result<(), PushError>,
    },
    /// The status or its numbers changed.
    Status(Report),
}
