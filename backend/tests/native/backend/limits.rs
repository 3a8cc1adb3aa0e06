//! One client can't take the backend from the others: slow requests, many connections, patterns that take minutes.

use std::time::{Duration, Instant};

use bedside_backend::{Backend, Limits, Options, Running};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::backend::stage::{Person, Project, answer, backend, call};

/// Far more than a limit of these tests, far less than no limit.
const SOON: Duration = Duration::from_secs(20);

async fn start(limits: Limits) -> Running {
    let project = Project::new();
    let options = Options {
        limits,
        ..Options::in_memory(project.path())
    };
    Backend::start(options).await.unwrap()
}

async fn connect(backend: &Running) -> TcpStream {
    let address = backend.url().replace("http://", "");
    TcpStream::connect(address).await.unwrap()
}

/// What the backend says until it closes the connection, which it has to do soon.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let closed = tokio::time::timeout(SOON, stream.read_to_end(&mut said)).await;
    // A reset is an end too.
    let _ = closed.expect("the connection is held");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_request_whose_headers_never_end_is_closed() {
    let backend = start(Limits {
        headers: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut half = connect(&backend).await;
    half.write_all(b"GET / HTTP/1.1\r\nHost: 127")
        .await
        .unwrap();
    let mut silent = connect(&backend).await;
    let mut idle = connect(&backend).await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await
        .unwrap();
    for stream in [&mut half, &mut silent, &mut idle] {
        until_closed(stream).await;
    }
    backend.shutdown().await;
}

#[tokio::test]
async fn a_request_whose_body_never_ends_is_answered_and_closed() {
    let backend = start(Limits {
        body: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let key = backend.keys().anon_key().to_owned();
    for path in [
        "/rest/v1/notes",
        "/auth/v1/token?grant_type=password",
        "/realtime/v1/api/broadcast",
    ] {
        let mut stream = connect(&backend).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\napikey: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let said = until_closed(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 408"), "{path}: {said}");
    }
    backend.shutdown().await;
}

#[tokio::test]
async fn a_client_has_a_limited_number_of_connections() {
    let backend = start(Limits {
        connections: 3,
        ..Limits::default()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&backend).await;
        // Answered, so that it is counted.
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            .await
            .unwrap();
        assert!(stream.read(&mut [0; 16]).await.unwrap() > 0);
        held.push(stream);
    }
    let mut further = connect(&backend).await;
    assert_eq!(until_closed(&mut further).await, "");
    held.pop();
    let again = async {
        loop {
            let asked = reqwest::get(format!("{}/config.json", backend.url())).await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, again).await.unwrap();
    drop(held);
    backend.shutdown().await;
}

#[tokio::test]
async fn a_pattern_that_would_take_minutes_is_refused_before_the_database_sees_it() {
    let person = Person::new().await;
    let title = format!("{}c", "ab".repeat(400));
    let (status, error) = answer(person.post("/rest/v1/notes", json!({ "title": title }))).await;
    assert_eq!(status, 201, "{error}");
    let began = Instant::now();
    for filter in [
        // ^(a|b|ab)*(a|b|ab)*(.*)\1\2\3x$
        "title=match.%5E(a%7Cb%7Cab)*(a%7Cb%7Cab)*(.*)%5C1%5C2%5C3x%24",
        "or=(title.imatch.(.*)(.*)%5C1%5C2x)",
        "title=match(any).%7B%22(.*)(.*)%5C%5C1x%22%7D",
    ] {
        let (status, error) = answer(person.get(&format!("/rest/v1/notes?{filter}"))).await;
        assert_eq!((status, &error["code"]), (400, &json!("2201B")), "{filter}");
    }
    assert!(began.elapsed() < SOON);
    let plain = person.get("/rest/v1/notes?title=match.%5E(ab)%2Bc%24&select=version");
    assert_eq!(answer(plain).await, (200, json!([{ "version": 1 }])));
}

/// What the server says of a binding with this filter.
async fn subscribed(person: &Person, filter: &str) -> Value {
    let url = format!(
        "{}/realtime/v1/websocket?vsn=1.0.0&apikey={}",
        backend().url().replacen("http", "ws", 1),
        backend().keys().anon_key()
    );
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let binding = json!({ "event": "*", "schema": "public", "table": "notes", "filter": filter });
    let join = json!({
        "topic": "realtime:patterns", "event": "phx_join", "ref": "1", "join_ref": "1",
        "payload": { "config": { "postgres_changes": [binding] }, "access_token": person.access },
    });
    socket.send(Message::text(join.to_string())).await.unwrap();
    let said = async {
        loop {
            let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["event"] == "system" {
                return frame["payload"].clone();
            }
        }
    };
    tokio::time::timeout(SOON, said).await.unwrap()
}

#[tokio::test]
async fn a_pattern_that_would_stop_the_feed_of_everybody_is_refused_when_it_is_subscribed() {
    let person = Person::new().await;
    for pattern in [r"(a*)*b\1", "(unfinished"] {
        let said = subscribed(&person, &format!("title=match.{pattern}")).await;
        assert_eq!(said["status"], "error", "{said}");
        let message = said["message"].as_str().unwrap();
        assert!(message.contains("invalid regular expression"), "{message}");
    }
    let said = subscribed(&person, "title=imatch.^ward").await;
    assert_eq!(said["status"], "ok", "{said}");
}

#[tokio::test]
async fn statements_of_requests_have_a_time_limit() {
    let key = backend().keys().anon_key();
    let request = call(Method::POST, "/rest/v1/rpc/time_limit").header("apikey", key);
    assert_eq!(answer(request.json(&json!({}))).await, (200, json!("8s")));
}
