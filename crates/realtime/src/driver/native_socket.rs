//! One native WebSocket, from handshake to close, as something that can be polled.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::{Future, Sink, SinkExt, Stream as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::{SocketNews, platform};
use crate::client::Shared;
use crate::wire::Outbound;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// There was no close frame.
const VANISHED: u16 = 1006;
/// How long the last frames of a socket that is being closed may take.
const FAREWELL_MS: u64 = 2_000;

pub(super) struct Socket {
    shared: Arc<Shared>,
    state: State,
    outgoing: VecDeque<Message>,
}

#[derive(Default)]
enum State {
    #[default]
    None,
    Opening(oneshot::Receiver<Result<Stream, Option<u16>>>),
    Open(Box<Stream>),
}

impl Socket {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            state: State::None,
            outgoing: VecDeque::new(),
        }
    }

    /// Opens a socket in a task of its own: one that is no longer wanted is closed there when it opens.
    pub fn open(&mut self, url: String) {
        let (tell, told) = oneshot::channel();
        self.outgoing.clear();
        self.state = State::Opening(told);
        let shared = Arc::clone(&self.shared);
        platform::spawn(async move {
            let opened = connect(&url, shared).await;
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
                let frame = CloseFrame {
                    code: code.into(),
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
                            if let Some(news) = self.received(message) {
                                return Poll::Ready(news);
                            }
                        }
                        Poll::Ready(Some(Err(_)) | None) => return self.ended(VANISHED),
                        Poll::Pending if sent.is_err() => return self.ended(VANISHED),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }

    fn received(&mut self, message: Message) -> Option<SocketNews> {
        match message {
            Message::Text(text) => Some(SocketNews::Text(text.as_str().to_owned())),
            Message::Binary(bytes) => Some(SocketNews::Binary(bytes.to_vec())),
            Message::Close(frame) => {
                self.state = State::None;
                // 1005 is what platforms say for a close frame without a code.
                Some(SocketNews::Closed(
                    frame.map_or(1005, |frame| u16::from(frame.code)),
                ))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
        }
    }

    fn ended(&mut self, code: u16) -> Poll<SocketNews> {
        self.state = State::None;
        self.outgoing.clear();
        Poll::Ready(SocketNews::Closed(code))
    }
}

async fn connect(url: &str, shared: Arc<Shared>) -> Result<Stream, Option<u16>> {
    let connector = if url.starts_with("wss:") {
        let read = tokio::task::spawn_blocking(move || shared.trust.config());
        Connector::Rustls(read.await.ok().flatten().ok_or(None)?)
    } else {
        Connector::Plain
    };
    let opened = connect_async_tls_with_config(url, None, false, Some(connector)).await;
    opened
        .map(|(stream, _)| stream)
        .map_err(|error| http_status(&error))
}

fn send_waiting(
    stream: &mut Stream,
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
