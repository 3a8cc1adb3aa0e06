//! Row changes that are lost on purpose, so that clients can be tested for noticing it.

use std::time::Duration;

use bedside_backend::{Backend, Control, Faults, Options, Running};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::backend::program::{Program, command};
use crate::backend::stage::{PASSWORD, Project, answer};

/// Far above what it takes; only a message that never comes takes this long.
const LIMIT: Duration = Duration::from_secs(20);

async fn start(control: Control) -> Running {
    let project = Project::new();
    let options = Options {
        faults: Faults {
            control,
            ..Faults::default()
        },
        ..Options::in_memory(project.path())
    };
    Backend::start(options).await.unwrap()
}

fn faults(url: &str, body: &Value) -> RequestBuilder {
    Client::new().post(format!("{url}/dev/faults")).json(body)
}

/// A client subscribed to its own notes.
struct Author<'a> {
    backend: &'a Running,
    token: String,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl<'a> Author<'a> {
    async fn new(backend: &'a Running) -> Self {
        let key = backend.keys().anon_key();
        let sign_up = Client::new()
            .post(format!("{}/auth/v1/signup", backend.url()))
            .header("apikey", key)
            .json(&json!({ "email": "author@ward.test", "password": PASSWORD }));
        let (status, session) = answer(sign_up).await;
        assert_eq!(status, 200, "{session}");
        let url = format!(
            "{}/realtime/v1/websocket?vsn=1.0.0&apikey={key}",
            backend.url().replacen("http", "ws", 1),
        );
        let mut author = Self {
            backend,
            token: session["access_token"].as_str().unwrap().to_owned(),
            socket: connect_async(url).await.unwrap().0,
        };
        let binding = json!({ "event": "*", "schema": "public", "table": "notes" });
        let config = json!({ "postgres_changes": [binding], "broadcast": { "self": true } });
        author
            .send(
                "phx_join",
                json!({ "config": config, "access_token": author.token }),
            )
            .await;
        while author.next().await["event"] != "system" {}
        author
    }

    async fn send(&mut self, event: &str, payload: Value) {
        let topic = match event {
            "heartbeat" => "phoenix",
            _ => "realtime:notes",
        };
        let frame = json!({ "topic": topic, "event": event, "payload": payload, "ref": "1", "join_ref": "1" });
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(LIMIT, self.socket.next()).await;
        let message = message.expect("a frame").expect("an open socket").unwrap();
        serde_json::from_str(message.into_text().unwrap().as_str()).unwrap()
    }

    /// Events until one with this name, which is the last.
    async fn events_until(&mut self, last: &str) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            let frame = self.next().await;
            let event = frame["event"].as_str().unwrap().to_owned();
            let ends = event == last;
            events.push(event);
            if ends {
                return events;
            }
        }
    }

    async fn write(&self, title: &str) {
        let request = Client::new()
            .post(format!("{}/rest/v1/notes", self.backend.url()))
            .header("apikey", self.backend.keys().anon_key())
            .bearer_auth(&self.token)
            .json(&json!({ "title": title }));
        let (status, body) = answer(request).await;
        assert_eq!(status, 201, "{body}");
        self.backend.realtime().catch_up().await;
    }

    /// The title of the note in the next frame, which must be a row change.
    async fn next_note(&mut self) -> String {
        let frame = self.next().await;
        assert_eq!(frame["event"], "postgres_changes", "{frame}");
        let title = &frame["payload"]["data"]["record"]["title"];
        title.as_str().unwrap().to_owned()
    }

    /// Opens a window and says how many changes were lost before.
    async fn lose(&self, window: Value) -> u64 {
        self.lost(json!({ "drop_changes": window })).await
    }

    async fn lost(&self, body: Value) -> u64 {
        let (status, body) = answer(faults(&self.backend.url(), &body)).await;
        assert_eq!(status, 200, "{body}");
        body["dropped"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn changes_in_a_window_reach_nobody_and_later_ones_do() {
    let backend = start(Control::Open).await;
    let mut author = Author::new(&backend).await;
    author.write("before").await;
    assert_eq!(author.next_note().await, "before");

    author.lose(json!({ "table": "notes", "count": 2 })).await;
    for title in ["lost", "lost too", "after"] {
        author.write(title).await;
    }
    assert_eq!(author.next_note().await, "after");
    assert_eq!(author.lost(json!({})).await, 2);

    author.lose(json!({ "table": "others" })).await;
    author.write("of another table").await;
    assert_eq!(author.next_note().await, "of another table");
    backend.shutdown().await;
}

#[tokio::test]
async fn nobody_is_told_of_a_window_and_everything_else_goes_on() {
    let backend = start(Control::Open).await;
    let mut author = Author::new(&backend).await;
    author
        .lose(json!({ "table": null, "count": null, "for_ms": null }))
        .await;
    author.write("lost").await;
    let broadcast = json!({ "type": "broadcast", "event": "typing", "payload": {} });
    author.send("broadcast", broadcast).await;
    assert_eq!(author.events_until("broadcast").await, ["broadcast"]);
    author.send("heartbeat", json!({})).await;
    assert_eq!(author.events_until("phx_reply").await, ["phx_reply"]);

    assert_eq!(author.lose(json!({ "count": 0 })).await, 1);
    author.write("after").await;
    assert_eq!(author.next_note().await, "after");
    backend.shutdown().await;
}

#[tokio::test]
async fn a_window_that_makes_no_sense_is_refused() {
    let backend = start(Control::Open).await;
    for body in [
        json!({ "drop_changes": { "tables": "notes" } }),
        json!({ "drop_changes": { "count": -1 } }),
        json!({ "drop": {} }),
    ] {
        let sent = faults(&backend.url(), &body).send().await.unwrap();
        assert!(sent.status().is_client_error(), "{body}: {}", sent.status());
    }
    backend.shutdown().await;
}

#[tokio::test]
async fn only_a_hidden_flag_opens_the_control() {
    let project = Project::new();
    for (flag, status) in [(None, 404), (Some("--fault-control"), 200)] {
        let mut command = command(&project);
        let program = Program::run(command.args(["--port", "0", "--in-memory"]).args(flag));
        let sent = faults(program.url(), &json!({})).send().await.unwrap();
        assert_eq!(sent.status(), status);
    }
    let help = command(&project).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(
        help.contains("--port") && !help.contains("--fault"),
        "{help}"
    );
}
