//! The client over a real socket, against a small server that says what the recordings say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bedside_realtime::{Binding, BindingEvent, RealtimeClient, Status};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::scenarios::{self, Stage};

async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), task)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

fn client(url: &str) -> RealtimeClient {
    RealtimeClient::builder(url, "key")
        // Real time passes here: short windows, so that no test waits for the jitter.
        .tune(|config| {
            config.backoff_base = 50;
            config.restart_spread = 50;
        })
        .build()
        .unwrap()
}

struct Server(TcpListener);

impl Server {
    async fn start() -> (Self, RealtimeClient) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), client(&url))
    }

    async fn accept(&self) -> Peer {
        let (stream, _) = within("a connection", self.0.accept()).await.unwrap();
        Peer(tokio_tungstenite::accept_async(stream).await.unwrap())
    }
}

struct Peer<S = TcpStream>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
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
        self.accept(&join).await
    }

    async fn accept(&mut self, join: &Value) -> String {
        let mut bindings = join[4]["config"]["postgres_changes"].clone();
        for (id, binding) in bindings.as_array_mut().unwrap().iter_mut().enumerate() {
            binding["id"] = json!(id);
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
}

/// What a scenario tells its server.
enum Cue {
    Say(String),
    End(u16),
}

/// The server on a task of its own.
struct Played {
    url: String,
    cues: UnboundedSender<Cue>,
    opened: Arc<AtomicU32>,
}

impl Played {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (cues, mut told) = futures::channel::mpsc::unbounded();
        let opened = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = tokio_tungstenite::accept_async(stream).await.unwrap();
                counting.fetch_add(1, Ordering::Relaxed);
                serve(Peer(stream), &mut told).await;
            }
        });
        Self { url, cues, opened }
    }
}

/// Answers until the socket ends.
async fn serve(mut peer: Peer, told: &mut UnboundedReceiver<Cue>) {
    let mut topic = String::new();
    loop {
        tokio::select! {
            message = peer.0.next() => {
                let Some(Ok(Message::Text(text))) = message else { return };
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame[3] == "phx_join" {
                    topic = peer.accept(&frame).await;
                } else if frame[3] == "heartbeat" {
                    peer.say(json!([null, frame[1], "phoenix", "phx_reply", {"status": "ok", "response": {}}])).await;
                }
            }
            cue = told.next() => match cue {
                Some(Cue::Say(text)) => peer.0.send(Message::text(text.replace("TOPIC", &topic))).await.unwrap(),
                Some(Cue::End(code)) => {
                    let frame = CloseFrame { code: code.into(), reason: "".into() };
                    peer.0.close(Some(frame)).await.unwrap();
                }
                None => return,
            },
        }
    }
}

impl Stage for Played {
    fn client(&self) -> RealtimeClient {
        client(&self.url)
    }

    fn say(&self, frame: &str) {
        self.cues
            .unbounded_send(Cue::Say(frame.to_owned()))
            .unwrap();
    }

    fn end(&self, code: u16) {
        self.cues.unbounded_send(Cue::End(code)).unwrap();
    }

    fn opened(&self) -> u32 {
        self.opened.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_change_keeps_its_digits_from_the_socket_to_the_stream() {
    let stage = Played::start().await;
    within("the scenario", scenarios::a_change_keeps_its_digits(&stage)).await;
}

#[tokio::test]
async fn a_large_row_reads_like_a_small_one() {
    let stage = Played::start().await;
    within(
        "the scenario",
        scenarios::a_large_row_reads_like_a_small_one(&stage),
    )
    .await;
}

#[tokio::test]
async fn after_a_restart_of_the_server_the_client_comes_back_with_one_gap() {
    let stage = Played::start().await;
    let scenario = scenarios::a_restart_of_the_server_is_one_gap_and_then_ready(&stage);
    within("the scenario", scenario).await;
}

#[tokio::test]
async fn garbage_is_counted_and_the_feed_goes_on() {
    let stage = Played::start().await;
    within(
        "the scenario",
        scenarios::garbage_is_counted_and_the_feed_goes_on(&stage),
    )
    .await;
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

/// A server behind TLS that signs for itself, and its certificate.
struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    certificate: Vec<u8>,
}

impl Secure {
    async fn start() -> Self {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = signed.cert.der().clone();
        let key = signed.key_pair.serialize_der().try_into().unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: certificate.to_vec(),
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.listener.local_addr().unwrap())
    }

    async fn shake_hands(&self) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
        let (stream, _) = within("a connection", self.listener.accept()).await?;
        within("the handshake", self.acceptor.accept(stream)).await
    }
}

#[tokio::test]
async fn a_server_behind_tls_is_listened_to_when_its_certificate_is_trusted() {
    let server = Secure::start().await;
    let client = RealtimeClient::builder(server.url(), "key")
        .trust(server.certificate.clone())
        .build()
        .unwrap();
    let items = client.bind(Binding::table("public", "items"));
    let stream = server.shake_hands().await.unwrap();
    let mut peer = Peer(tokio_tungstenite::accept_async(stream).await.unwrap());
    let topic = peer.join().await;
    let mut events = items.events();
    let ready = within("ready", events.next()).await;
    assert!(matches!(ready, Some(BindingEvent::Ready(_))), "{ready:?}");
    let change =
        json!({"schema": "public", "table": "items", "type": "INSERT", "record": {"id": 7}});
    peer.say(json!([null, null, topic, "postgres_changes", {"data": change, "ids": [0]}]))
        .await;
    let change = within("the change", events.next()).await;
    assert!(
        matches!(change, Some(BindingEvent::Change(_))),
        "{change:?}"
    );
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let server = Secure::start().await;
    let client = client(&server.url());
    let _items = client.bind(Binding::table("public", "items"));
    // Nor at the second attempt.
    for _ in 0..2 {
        let refused = server.shake_hands().await.unwrap_err();
        assert!(refused.to_string().contains("UnknownCA"), "{refused}");
    }
    assert_ne!(client.status().get().status, Status::Live);
}
