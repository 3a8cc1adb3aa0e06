//! One WebSocket, from handshake to close, as something that can be polled.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::{Future, Sink, SinkExt, Stream};
use tokio_tungstenite_wasm::{CloseCode, Error, Message, WebSocketStream};

use super::platform::{self, Sleep};
use crate::wire::Outbound;

/// What the socket says.
pub(super) enum SocketNews {
    Opened,
    OpenFailed(Option<u16>),
    Text(String),
    Binary(Vec<u8>),
    Closed(u16),
}

/// There was no close frame.
const VANISHED: u16 = 1006;
/// How long a browser may take from "closing" to the close event that carries the code.
const CODE_PATIENCE: [u64; 4] = [10, 50, 150, 500];
/// How long the last frames of a socket that is being closed may take.
const FAREWELL_MS: u64 = 2_000;

#[derive(Default)]
pub(super) struct Socket {
    state: State,
    outgoing: VecDeque<Message>,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    Opening(oneshot::Receiver<Result<WebSocketStream, Option<u16>>>),
    Open(Box<WebSocketStream>),
    /// The stream ended without saying why; the reason may still come.
    Ending {
        stream: Box<WebSocketStream>,
        waits: usize,
        sleep: Sleep,
    },
}

impl Socket {
    /// Opens a socket in a task of its own: a handshake that is no longer wanted is finished and closed there,
    /// since a browser's socket cannot be forgotten half-way.
    pub fn open(&mut self, url: String) {
        let (tell, told) = oneshot::channel();
        self.outgoing.clear();
        self.state = State::Opening(told);
        platform::spawn(async move {
            let opened = tokio_tungstenite_wasm::connect(&url)
                .await
                .map_err(|error| http_status(&error));
            // Not wanted any more: dropping the stream closes it.
            let _ = tell.send(opened);
        });
    }

    pub fn send(&mut self, frame: Outbound) {
        self.outgoing.push_back(match frame {
            Outbound::Text(text) => Message::Text(text.into()),
            Outbound::Binary(bytes) => Message::Binary(bytes.into()),
        });
    }

    /// Closes in a task of its own, after the frames that are still to go.
    pub fn close(&mut self, code: u16) {
        let frames = std::mem::take(&mut self.outgoing);
        let State::Open(mut stream) = std::mem::take(&mut self.state) else {
            return;
        };
        platform::spawn(async move {
            let farewell = async {
                for frame in frames {
                    if stream.send(frame).await.is_err() {
                        return;
                    }
                }
                let frame = tokio_tungstenite_wasm::CloseFrame {
                    code: CloseCode::from(code),
                    reason: "".into(),
                };
                if stream.send(Message::Close(Some(frame))).await.is_ok() {
                    let _ = stream.flush().await;
                }
            };
            platform::at_most(Duration::from_millis(FAREWELL_MS), farewell).await;
        });
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<SocketNews> {
        loop {
            match &mut self.state {
                State::None => return Poll::Pending,
                State::Opening(told) => {
                    let Poll::Ready(opened) = Pin::new(told).poll(context) else {
                        return Poll::Pending;
                    };
                    match opened.unwrap_or(Err(None)) {
                        Ok(stream) => {
                            self.state = State::Open(Box::new(stream));
                            return Poll::Ready(SocketNews::Opened);
                        }
                        Err(status) => {
                            self.state = State::None;
                            return Poll::Ready(SocketNews::OpenFailed(status));
                        }
                    }
                }
                State::Open(stream) => {
                    let sent = send_waiting(stream, &mut self.outgoing, context);
                    match Pin::new(stream.as_mut()).poll_next(context) {
                        Poll::Ready(Some(Ok(message))) => {
                            return Poll::Ready(self.received(message));
                        }
                        // A browser's error event tells nothing; its close event follows.
                        Poll::Ready(Some(Err(_))) if cfg!(target_arch = "wasm32") => {}
                        Poll::Ready(Some(Err(_))) => return self.ended(VANISHED),
                        Poll::Ready(None) => match std::mem::take(&mut self.state) {
                            State::Open(stream) if cfg!(target_arch = "wasm32") => {
                                self.state = State::Ending {
                                    stream,
                                    waits: 0,
                                    sleep: platform::sleep(0),
                                };
                            }
                            _ => return self.ended(VANISHED),
                        },
                        Poll::Pending if sent.is_err() => return self.ended(VANISHED),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                State::Ending {
                    stream,
                    waits,
                    sleep,
                } => {
                    if Pin::new(&mut *sleep).poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    match Pin::new(stream.as_mut()).poll_next(context) {
                        Poll::Ready(Some(Ok(message))) => {
                            return Poll::Ready(self.received(message));
                        }
                        Poll::Ready(Some(Err(_))) => {}
                        Poll::Ready(None) | Poll::Pending => {
                            let Some(wait) = CODE_PATIENCE.get(*waits) else {
                                return self.ended(VANISHED);
                            };
                            *waits += 1;
                            *sleep = platform::sleep(*wait);
                        }
                    }
                }
            }
        }
    }

    fn received(&mut self, message: Message) -> SocketNews {
        match message {
            Message::Text(text) => SocketNews::Text(text.as_str().to_owned()),
            Message::Binary(bytes) => SocketNews::Binary(bytes.to_vec()),
            Message::Close(frame) => {
                self.state = State::None;
                // 1005 is what platforms say for a close frame without a code.
                SocketNews::Closed(frame.map_or(1005, |frame| u16::from(frame.code)))
            }
        }
    }

    fn ended(&mut self, code: u16) -> Poll<SocketNews> {
        self.state = State::None;
        self.outgoing.clear();
        Poll::Ready(SocketNews::Closed(code))
    }
}

fn send_waiting(
    stream: &mut WebSocketStream,
    outgoing: &mut VecDeque<Message>,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let mut stream = Pin::new(stream);
    while !outgoing.is_empty() {
        if stream.as_mut().poll_ready(context)?.is_pending() {
            return Ok(());
        }
        if let Some(message) = outgoing.pop_front() {
            stream.as_mut().start_send(message)?;
        }
    }
    match stream.poll_flush(context) {
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
    }
}

fn http_status(error: &Error) -> Option<u16> {
    match error {
        Error::Http(response) => Some(response.status().as_u16()),
        _ => None,
    }
}
