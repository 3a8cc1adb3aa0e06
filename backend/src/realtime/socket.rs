//! The task of one websocket: frames in, frames out, its timers, and the orders of a server that ends.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

use super::codec::Version;
use super::connection::{Connection, Live, Next};
use super::mailbox::{Letters, Mailbox};
use super::{Order, Realtime};
use crate::jwt::unix_seconds;

/// A client that takes nothing for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(30);

/// How a socket ends.
enum End {
    /// With a close frame.
    Close(u16),
    /// Without a word.
    Cut,
}

/// Serves a socket until either side ends it.
pub(crate) async fn serve(
    server: Arc<Realtime>,
    version: Version,
    apikey: String,
    socket: WebSocket,
) {
    // Who counts as open hears every order from then on.
    let orders = server.orders();
    let _counted = server.hub().socket_opened();
    let (mailbox, letters) = Mailbox::new(server.config().limits.queue_bytes);
    if server.has_stopped() {
        return;
    }
    let connection = Connection::new(Arc::clone(&server), version, apikey, mailbox);
    let mut task = Task {
        server,
        connection,
        letters,
        orders,
        socket,
    };
    match task.run().await {
        End::Close(code) => {
            let close = Frame::Close(Some(CloseFrame {
                code,
                reason: "".into(),
            }));
            let _ = tokio::time::timeout(SEND_LIMIT, task.socket.send(close)).await;
            // The client's answer ends the connection in order; one that doesn't answer is not waited for long.
            let answer = async { while let Some(Ok(_)) = task.socket.recv().await {} };
            let _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
        }
        End::Cut => {}
    }
}

struct Task {
    server: Arc<Realtime>,
    connection: Connection,
    letters: Letters,
    orders: broadcast::Receiver<Order>,
    socket: WebSocket,
}

impl Task {
    async fn run(&mut self) -> End {
        let idle = self.server.config().idle_timeout;
        let mut idle_at = Instant::now() + idle;
        loop {
            if self.flush().await.is_err() || self.letters.overflowed() {
                return End::Cut;
            }
            let expiry = self
                .connection
                .expires_in()
                .map(|left| Instant::now() + left);
            tokio::select! {
                frame = self.socket.next() => {
                    idle_at = Instant::now() + idle;
                    match frame {
                        Some(Ok(Frame::Close(_))) | None => return End::Cut,
                        Some(Ok(frame)) => {
                            if size(&frame) > self.server.config().limits.frame_bytes {
                                return End::Close(1009);
                            }
                            // What came before the frame is told before its answer.
                            self.deliver_ready();
                            if let Next::Close(code) = self.connection.receive(&frame).await {
                                let _ = self.flush().await;
                                return End::Close(code);
                            }
                        }
                        Some(Err(error)) => return on_error(&error),
                    }
                }
                Some(letter) = self.letters.next() => {
                    self.connection.deliver(letter);
                    self.deliver_ready();
                }
                order = self.orders.recv() => {
                    if let Some(end) = self.obey(order).await {
                        return end;
                    }
                }
                () = sleep_until(idle_at) => return End::Close(1000),
                () = sleep_until(expiry.unwrap_or(idle_at)), if expiry.is_some() => {
                    self.connection.expire(unix_seconds());
                }
            }
        }
    }

    /// Takes letters that are there already: a burst is written in one go.
    fn deliver_ready(&mut self) {
        for _ in 0..512 {
            let Some(letter) = self.letters.ready() else {
                break;
            };
            self.connection.deliver(letter);
        }
    }

    async fn obey(&mut self, order: Result<Order, broadcast::error::RecvError>) -> Option<End> {
        match order {
            Ok(Order::Stop) | Err(broadcast::error::RecvError::Closed) => {
                let live = self.connection.fail_tracked();
                let _ = self.flush().await;
                match live {
                    Live::Some => Some(End::Close(1012)),
                    Live::None => {
                        tokio::time::sleep(self.server.config().shutdown_grace).await;
                        Some(End::Cut)
                    }
                }
            }
            Ok(Order::Disconnect) => {
                self.connection.announce_disconnect();
                let _ = self.flush().await;
                Some(End::Close(1012))
            }
            Ok(Order::Cut) => Some(End::Cut),
            Err(broadcast::error::RecvError::Lagged(_)) => None,
        }
    }

    /// Writes what is to be sent.
    async fn flush(&mut self) -> Result<(), axum::Error> {
        let mut wrote = false;
        let writing = async {
            while let Some(frame) = self.connection.next_frame() {
                wrote = true;
                self.socket.feed(frame).await?;
            }
            if wrote {
                self.socket.flush().await
            } else {
                Ok(())
            }
        };
        tokio::time::timeout(SEND_LIMIT, writing)
            .await
            .unwrap_or_else(|late| Err(axum::Error::new(late)))
    }
}

fn size(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(bytes) => bytes.len(),
        Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) => 0,
    }
}

/// A frame far over the limit is refused while it is read; everything else means that the connection is gone.
fn on_error(error: &axum::Error) -> End {
    let too_large = std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("too long"));
    if too_large {
        End::Close(1009)
    } else {
        End::Cut
    }
}
