//! A small client in the second serializer, for what the recordings don't show.

use std::time::Duration;

use bedside_backend::Running;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_secs(15);

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    token: String,
    last_ref: u32,
}

/// Who the client is.
pub fn token(backend: &Running, role: &str, sub: &str) -> String {
    let exp = bedside_backend::jwt::unix_seconds() + 3_600;
    backend
        .keys()
        .sign(&json!({ "role": role, "sub": sub, "exp": exp }))
}

impl Client {
    pub async fn connect(backend: &Running, token: String) -> Self {
        let url = format!(
            "{}/realtime/v1/websocket?vsn=2.0.0&apikey={}",
            backend.url().replace("http://", "ws://"),
            backend.keys().anon_key()
        );
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self {
            socket,
            token,
            last_ref: 0,
        }
    }

    /// Sends a push; its ref.
    pub async fn push(
        &mut self,
        join_ref: &str,
        topic: &str,
        event: &str,
        payload: Value,
    ) -> String {
        self.last_ref += 1;
        let reference = self.last_ref.to_string();
        let join_ref = if event == "phx_join" {
            reference.as_str()
        } else {
            join_ref
        };
        let frame = json!([join_ref, reference, topic, event, payload]);
        self.socket
            .send(Message::Text(frame.to_string().into()))
            .await
            .unwrap();
        reference
    }

    /// Asks to join; the join's ref.
    pub async fn send_join(&mut self, topic: &str, config: Value) -> String {
        let payload = json!({ "config": config, "access_token": self.token });
        self.push("", topic, "phx_join", payload).await
    }

    /// Joins and waits for the reply; with bindings, until they are in force.
    pub async fn join(&mut self, topic: &str, config: Value) -> String {
        let has_bindings = config["postgres_changes"]
            .as_array()
            .is_some_and(|bindings| !bindings.is_empty());
        let join_ref = self.send_join(topic, config).await;
        let reply = self.next_of("phx_reply").await;
        assert_eq!(reply["status"], "ok", "{reply}");
        if has_bindings {
            let system = self.next_of("system").await;
            assert_eq!(system["message"], "Subscribed to PostgreSQL", "{system}");
        }
        join_ref
    }

    /// The next frame's event and payload; the close code, if that came instead.
    pub async fn next(&mut self) -> Result<(String, Value), u16> {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("no frame came")
            {
                Some(Ok(Message::Text(text))) => {
                    let mut frame: Value = serde_json::from_str(&text).unwrap();
                    return Ok((frame[3].as_str().unwrap().to_owned(), frame[4].take()));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| u16::from(frame.code)));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The payload of the next frame with this event; others are passed over.
    pub async fn next_of(&mut self, event: &str) -> Value {
        loop {
            let (name, payload) = self.next().await.expect("the socket was closed");
            if name == event {
                return payload;
            }
        }
    }

    /// The next binary broadcast: its event and its JSON payload.
    pub async fn next_binary(&mut self) -> (String, Value) {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("no frame came")
                .unwrap()
                .unwrap();
            if let Message::Binary(bytes) = message {
                let [topic, event, metadata] = [1, 2, 3].map(|at| usize::from(bytes[at]));
                let event_at = 5 + topic;
                let payload_at = event_at + event + metadata;
                let event = String::from_utf8(bytes[event_at..event_at + event].to_vec()).unwrap();
                return (event, serde_json::from_slice(&bytes[payload_at..]).unwrap());
            }
        }
    }

    /// What has come so far: a heartbeat's answer is behind it.
    pub async fn so_far(&mut self) -> Vec<(String, Value)> {
        self.push("", "phoenix", "heartbeat", json!({})).await;
        let mut came = Vec::new();
        loop {
            let (event, payload) = self.next().await.expect("the socket was closed");
            if event == "phx_reply" && payload["response"] == json!({}) {
                return came;
            }
            came.push((event, payload));
        }
    }
}

/// A binding of all events of a table.
pub fn on(table: &str) -> Value {
    json!({ "postgres_changes": [{ "event": "*", "schema": "public", "table": table }] })
}
