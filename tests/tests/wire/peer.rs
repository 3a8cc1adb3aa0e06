//! One recorded client's socket: it reads all the time, sends what it is told to, and hands over what came.

use std::collections::VecDeque;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::compare::{self, Chosen, Frame};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A socket's sending half and what came to it.
pub struct Conn {
    pub commands: mpsc::UnboundedSender<Command>,
    frames: mpsc::UnboundedReceiver<Frame>,
    pub came: VecDeque<Frame>,
}

pub enum Command {
    Send(Message),
    Close(u16),
    Drop,
}

impl Conn {
    /// Reads all the time, like a client, and sends what it is told to.
    pub fn start(mut socket: Socket) -> Self {
        let (commands, mut orders) = mpsc::unbounded_channel();
        let (came, frames) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut closed = None;
            let mut leaving = false;
            loop {
                tokio::select! {
                    order = orders.recv() => match order {
                        Some(Command::Send(message)) => {
                            let _ = socket.send(message).await;
                        }
                        Some(Command::Close(code)) => {
                            let frame = CloseFrame { code: code.into(), reason: "".into() };
                            let _ = socket.close(Some(frame)).await;
                            leaving = true;
                        }
                        Some(Command::Drop) => return,
                        // The scenario is over.
                        None => return,
                    },
                    message = socket.next() => {
                        let frame = match message {
                            Some(Ok(Message::Text(text))) => text_frame(&text),
                            Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes.to_vec()),
                            Some(Ok(Message::Close(frame))) => {
                                closed = Some(frame.map_or(1005, |frame| u16::from(frame.code)));
                                continue;
                            }
                            Some(Ok(_)) => continue,
                            Some(Err(_)) | None => {
                                let _ = came.send(Frame::Closed(closed.unwrap_or(1006)));
                                return;
                            }
                        };
                        // The recorded client had stopped listening by then.
                        if !leaving {
                            let _ = came.send(frame);
                        }
                    }
                }
            }
        });
        Self {
            commands,
            frames,
            came: VecDeque::new(),
        }
    }

    pub fn drain(&mut self) {
        while let Ok(frame) = self.frames.try_recv() {
            self.came.push_back(frame);
        }
    }

    /// Takes a frame like `recorded` out of those that came, waiting for it until `deadline`.
    pub async fn take(&mut self, recorded: &Frame, chosen: &mut Chosen, deadline: Instant) -> bool {
        loop {
            self.drain();
            let topic = compare::changed_topic(recorded);
            let at = match topic {
                Some(_) => self
                    .came
                    .iter()
                    .position(|frame| compare::changed_topic(frame) == topic),
                None => self
                    .came
                    .iter()
                    .position(|frame| compare::matches(recorded, frame, &mut chosen.clone())),
            };
            if let Some(at) = at {
                let same = self
                    .came
                    .get(at)
                    .is_some_and(|frame| compare::matches(recorded, frame, chosen));
                if same {
                    self.came.remove(at);
                }
                return same;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.frames.recv()).await {
                Ok(Some(frame)) => self.came.push_back(frame),
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

pub fn text_frame(text: &str) -> Frame {
    if text.len() > 2_000_000 {
        return Frame::Large(text.len());
    }
    match serde_json::from_str(&compare::shortened(text)) {
        Ok(value) => Frame::Text(value),
        Err(_) => Frame::Raw(text.to_owned()),
    }
}

pub fn shown(frame: &Frame) -> String {
    match frame {
        Frame::Text(value) => value.to_string(),
        Frame::Raw(text) => text.clone(),
        Frame::Binary(bytes) => format!("binary {}", String::from_utf8_lossy(bytes)),
        Frame::Large(bytes) => format!("{bytes} bytes"),
        Frame::Closed(code) => format!("closed with {code}"),
    }
}
