//! The client over a real socket, against a small server that says what the recordings say.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::time::Duration;

use bedside_realtime::{Binding, BindingEvent, GapCause, RealtimeClient, Status};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), task)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

struct Server(TcpListener);

impl Server {
    async fn start() -> (Self, RealtimeClient) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = RealtimeClient::builder(url, "key")
            .tune(|config| config.restart_spread = 500)
            .build()
            .unwrap();
        (Self(listener), client)
    }

    async fn accept(&self) -> Peer {
        let (stream, _) = within("a connection", self.0.accept()).await.unwrap();
        Peer(tokio_tungstenite::accept_async(stream).await.unwrap())
    }
}

struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn next(&mut self) -> Value {
        let message = within("a frame", self.0.next()).await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Takes a join all the way to listening; gives its topic.
    async fn join(&mut self) -> String {
        let join = self.next().await;
        assert_eq!(join[3], "phx_join");
        let mut bindings = join[4]["config"]["postgres_changes"].clone();
        for (id, binding) in bindings.as_array_mut().unwrap().iter_mut().enumerate() {
            binding["id"] = json!(id + 1);
        }
        let response = json!({"postgres_changes": bindings});
        self.say(
            json!([join[0], join[1], join[2], "phx_reply", {"status": "ok", "response": response}]),
        )
        .await;
        let word = json!({"extension": "postgres_changes", "status": "ok", "message": "Subscribed to PostgreSQL"});
        self.say(json!([join[0], null, join[2], "system", word]))
            .await;
        join[2].as_str().unwrap().to_owned()
    }

    async fn insert(&mut self, topic: &str, id: u64) {
        let data = json!({"schema": "public", "table": "patients", "type": "INSERT", "columns": [], "errors": null,
            "commit_timestamp": "2026-11-22T12:39:12.812Z", "record": {"id": id}});
        self.say(json!([null, null, topic, "postgres_changes", {"ids": [1], "data": data}]))
            .await;
    }
}

async fn next(events: &mut bedside_realtime::Events) -> BindingEvent {
    within("an event", events.next()).await.unwrap()
}

#[tokio::test]
async fn a_change_travels_from_the_socket_to_the_stream() {
    let (server, client) = Server::start().await;
    let patients = client.bind(Binding::table("public", "patients"));
    let mut events = patients.events();
    let mut peer = server.accept().await;
    let topic = peer.join().await;
    assert!(matches!(next(&mut events).await, BindingEvent::Ready(_)));
    assert!(patients.is_ready());
    assert_eq!(client.status().get().status, Status::Live);
    peer.insert(&topic, 9_007_199_254_740_993).await;
    let BindingEvent::Change(change) = next(&mut events).await else {
        panic!("no change")
    };
    assert_eq!(
        change.record().unwrap().text("id").as_deref(),
        Some("9007199254740993")
    );
    let mut late = patients.events();
    assert!(
        matches!(next(&mut late).await, BindingEvent::Ready(_)),
        "who comes late is told at once"
    );
}

#[tokio::test]
async fn after_a_restart_of_the_server_the_client_comes_back_with_one_gap() {
    let (server, client) = Server::start().await;
    let patients = client.bind(Binding::table("public", "patients"));
    let mut events = patients.events();
    let mut peer = server.accept().await;
    peer.join().await;
    next(&mut events).await;
    peer.0
        .close(Some(CloseFrame {
            code: 1012.into(),
            reason: "".into(),
        }))
        .await
        .unwrap();
    let BindingEvent::Gap(gap) = next(&mut events).await else {
        panic!("no gap")
    };
    assert_eq!(gap.cause, GapCause::ServerRestart);
    let mut returned = server.accept().await;
    returned.join().await;
    let BindingEvent::Ready(ready) = next(&mut events).await else {
        panic!("no ready")
    };
    assert_eq!(ready.gap.map(|gap| gap.id), Some(gap.id));
    assert_eq!(client.gaps().len(), 1, "{:?}", client.gaps());
}

#[tokio::test]
async fn dropping_the_last_handle_and_client_closes_the_socket() {
    let (server, client) = Server::start().await;
    let patients = client.bind(Binding::table("public", "patients"));
    let mut peer = server.accept().await;
    peer.join().await;
    drop(client);
    drop(patients);
    let leave = peer.next().await;
    assert_eq!(leave[3], "phx_leave");
    let end = within("the close", peer.0.next()).await;
    assert!(matches!(end, Some(Ok(Message::Close(_)))), "{end:?}");
}

#[tokio::test]
async fn callbacks_may_bind_and_drop_without_deadlock() {
    let (server, client) = Server::start().await;
    let inner = client.clone();
    let (tell, mut told) = futures::channel::mpsc::unbounded();
    let _patients = client.bind_with(Binding::table("public", "patients"), move |event| {
        if let BindingEvent::Ready(_) = event {
            let forms = inner.bind(Binding::table("public", "form_submissions"));
            drop(forms);
            tell.unbounded_send(inner.status().get().status).unwrap();
        }
    });
    let mut peer = server.accept().await;
    peer.join().await;
    within("the callback", told.next()).await.unwrap();
}
