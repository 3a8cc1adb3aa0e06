//! A member of staff at work over HTTP and the websocket.

use std::time::Duration;

use bedside_backend::Running;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::backend::stage::answer;

/// Far above what it takes; only a message that never comes takes this long.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Session<'a> {
    backend: &'a Running,
    token: String,
}

impl<'a> Session<'a> {
    pub async fn sign_in(backend: &'a Running, email: &str) -> Self {
        let body = json!({ "email": email, "password": "bedside-demo" });
        let path = format!("{}/auth/v1/token?grant_type=password", backend.url());
        let request = Client::new()
            .post(path)
            .header("apikey", backend.keys().anon_key())
            .json(&body);
        let (status, session) = answer(request).await;
        assert_eq!(status, 200, "{session}");
        let token = session["access_token"].as_str().unwrap().to_owned();
        Self { backend, token }
    }

    pub fn rest(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new()
            .request(method, format!("{}/rest/v1/{path}", self.backend.url()))
            .header("apikey", self.backend.keys().anon_key())
            .header("prefer", "return=representation")
            .bearer_auth(&self.token)
    }

    /// The id of a patient that this person may edit.
    pub async fn patient(&self) -> String {
        let request = self.rest(Method::GET, "patients?select=id&order=mrn&limit=1");
        let (status, rows) = answer(request).await;
        assert_eq!(status, 200, "{rows}");
        rows[0]["id"].as_str().unwrap().to_owned()
    }

    pub async fn first_name(&self, patient: &str) -> Value {
        let path = format!("patients?select=first_name&id=eq.{patient}");
        answer(self.rest(Method::GET, &path)).await.1[0]["first_name"].clone()
    }

    /// Renames a patient over REST and waits for the change on the websocket.
    pub async fn rename(&self, patient: &str, first_name: &str) {
        let mut feed = self.follow_patients().await;
        let path = format!("patients?id=eq.{patient}");
        let request = self.rest(Method::PATCH, &path);
        let (status, rows) = answer(request.json(&json!({ "first_name": first_name }))).await;
        assert_eq!(status, 200, "{rows}");
        let change = await_event(&mut feed, "postgres_changes").await;
        let data = &change["payload"]["data"];
        assert_eq!(
            (
                &data["type"],
                &data["record"]["id"],
                &data["record"]["first_name"]
            ),
            (&json!("UPDATE"), &json!(patient), &json!(first_name)),
            "{change}"
        );
    }

    async fn follow_patients(&self) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let url = format!(
            "{}/realtime/v1/websocket?vsn=1.0.0&apikey={}",
            self.backend.url().replacen("http", "ws", 1),
            self.backend.keys().anon_key()
        );
        let mut socket = connect_async(url).await.unwrap().0;
        let binding = json!({ "event": "*", "schema": "public", "table": "patients" });
        let join = json!({
            "topic": "realtime:patients", "event": "phx_join", "ref": "1", "join_ref": "1",
            "payload": { "config": { "postgres_changes": [binding] }, "access_token": self.token },
        });
        socket.send(Message::text(join.to_string())).await.unwrap();
        let subscribed = await_event(&mut socket, "system").await;
        assert_eq!(subscribed["payload"]["status"], "ok", "{subscribed}");
        socket
    }
}

async fn await_event(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
    event: &str,
) -> Value {
    let found = async {
        loop {
            let Message::Text(text) = socket.next().await.expect("an open socket").unwrap() else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["event"] == event {
                return frame;
            }
        }
    };
    tokio::time::timeout(LIMIT, found)
        .await
        .unwrap_or_else(|_| panic!("no {event} within {LIMIT:?}"))
}
