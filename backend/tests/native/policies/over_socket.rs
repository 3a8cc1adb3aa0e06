//! Lost access as an open screen meets it: a message on the person's own topic, within a moment of the commit.

use std::time::Duration;

use bedside_backend::Running;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::policies::over_http::{rest, rows, token};
use crate::policies::ward::{Person, over_http};

/// Far above what it takes; only a message that never comes takes this long.
const LIMIT: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(backend: &Running) -> Socket {
    let url = format!(
        "{}/realtime/v1/websocket?vsn=1.0.0&apikey={}",
        backend.url().replacen("http", "ws", 1),
        backend.keys().anon_key()
    );
    connect_async(url).await.unwrap().0
}

/// Joins the private topic of `whose` with `token` and gives the status of the reply.
async fn join(socket: &mut Socket, whose: Person, token: &str) -> String {
    join_room(socket, &format!("user:{}", whose.id()), token).await
}

/// Joins a private room with `token` and gives the status of the reply.
async fn join_room(socket: &mut Socket, room: &str, token: &str) -> String {
    let join = json!({
        "topic": format!("realtime:{room}"), "event": "phx_join", "ref": "1", "join_ref": "1",
        "payload": { "config": { "private": true, "presence": { "key": "me", "enabled": true } }, "access_token": token },
    });
    socket.send(Message::text(join.to_string())).await.unwrap();
    let reply = await_event(socket, "phx_reply").await;
    reply["payload"]["status"].as_str().unwrap().to_owned()
}

async fn await_event(socket: &mut Socket, event: &str) -> Value {
    tokio::time::timeout(LIMIT, async {
        loop {
            let message = socket.next().await.expect("an open socket").unwrap();
            let Message::Text(text) = message else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["event"] == event {
                return frame;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("no {event} within {LIMIT:?}"))
}

/// The payload of the next broadcast, which must be about lost access.
async fn next_loss(socket: &mut Socket) -> Value {
    let frame = await_event(socket, "broadcast").await;
    assert_eq!(frame["payload"]["event"], "access_revoked");
    frame["payload"]["payload"].clone()
}

#[test]
fn a_reassigned_patient_is_announced_to_the_former_clinicians_open_screen() {
    over_http(|backend| async move {
        let two = token(backend, "clinician.two@bedside.test").await;
        let admin = token(backend, "admin@bedside.test").await;
        let id = "dddddddd-0000-4000-a000-000000000002";
        let new = json!({ "id": id, "mrn": "SOCKET-1", "first_name": "Ada", "last_name": "Moves", "date_of_birth": "1980-01-01", "ward": "Surgery" });
        rows(rest(backend, &two, Method::POST, "patients").json(&new)).await;

        let mut socket = open(backend).await;
        assert_eq!(join(&mut socket, Person::ClinicianTwo, &two).await, "ok");
        let path = format!("patients?id=eq.{id}");
        let moved = json!({ "clinician_id": Person::ClinicianOne.id() });
        rows(rest(backend, &admin, Method::PATCH, &path).json(&moved)).await;

        assert_eq!(
            next_loss(&mut socket).await,
            json!({ "table": "patients", "id": id })
        );
        let seen = rows(rest(backend, &two, Method::GET, &path)).await;
        assert!(seen.is_empty());
    });
}

#[test]
fn the_room_of_a_record_is_open_to_whoever_sees_the_record() {
    over_http(|backend| async move {
        let one = token(backend, "clinician.one@bedside.test").await;
        let two = token(backend, "clinician.two@bedside.test").await;
        let viewer = token(backend, "viewer@bedside.test").await;
        let forms = "form_submissions?select=id,patient_id&limit=1";
        let form = rows(rest(backend, &two, Method::GET, forms))
            .await
            .remove(0);
        let id = |column: &str| form[column].as_str().unwrap().to_owned();
        let (patient, form) = (
            format!("patient:{}", id("patient_id")),
            format!("form:{}", id("id")),
        );
        for (room, token, status) in [
            (&patient, &two, "ok"),
            (&patient, &viewer, "ok"),
            (&patient, &one, "error"),
            (&form, &two, "ok"),
            (&form, &one, "error"),
            (&"patient:not-an-id".to_owned(), &viewer, "error"),
            (&format!("{patient}0"), &viewer, "error"),
        ] {
            let mut socket = open(backend).await;
            assert_eq!(join_room(&mut socket, room, token).await, status, "{room}");
        }
    });
}

#[test]
fn the_room_of_all_forms_is_open_to_all_staff_and_only_those_who_edit_show_up() {
    over_http(|backend| async move {
        let one = token(backend, "clinician.one@bedside.test").await;
        let viewer = token(backend, "viewer@bedside.test").await;
        let (mut looks, mut edits) = (open(backend).await, open(backend).await);
        for (socket, token) in [(&mut looks, &viewer), (&mut edits, &one)] {
            assert_eq!(join_room(socket, "ward:forms", token).await, "ok");
        }
        let track = |form: &str| {
            let shown =
                json!({ "type": "presence", "event": "track", "payload": { "form": form } });
            let frame = json!({ "topic": "realtime:ward:forms", "event": "presence", "ref": "2", "join_ref": "1", "payload": shown });
            Message::text(frame.to_string())
        };
        // What a viewer says of themselves goes nowhere; what a clinician says arrives, and is the first that does.
        looks.send(track("by a viewer")).await.unwrap();
        edits.send(track("by a clinician")).await.unwrap();
        for socket in [&mut looks, &mut edits] {
            let seen = await_event(socket, "presence_diff").await;
            assert_eq!(
                seen["payload"]["joins"]["me"]["metas"][0]["form"],
                "by a clinician"
            );
        }
        let anon = backend.keys().anon_key().to_owned();
        let mut stranger = open(backend).await;
        assert_eq!(join_room(&mut stranger, "ward:forms", &anon).await, "error");
    });
}

#[test]
fn in_the_room_of_a_record_only_those_who_edit_show_up_or_say_anything() {
    over_http(|backend| async move {
        let two = token(backend, "clinician.two@bedside.test").await;
        let viewer = token(backend, "viewer@bedside.test").await;
        let patients = "patients?select=id&limit=1";
        let patient = rows(rest(backend, &two, Method::GET, patients)).await;
        let room = format!("patient:{}", patient[0]["id"].as_str().unwrap());
        let (mut reads, mut edits) = (open(backend).await, open(backend).await);
        for (socket, token) in [(&mut reads, &viewer), (&mut edits, &two)] {
            assert_eq!(join_room(socket, &room, token).await, "ok");
        }
        let frame = |event: &str, payload: Value| {
            let frame = json!({
                "topic": format!("realtime:{room}"), "event": event, "ref": "2", "join_ref": "1", "payload": payload,
            });
            Message::text(frame.to_string())
        };
        let track = |by: &str| {
            frame(
                "presence",
                json!({ "type": "presence", "event": "track", "payload": { "by": by } }),
            )
        };
        let say = |by: &str| {
            frame(
                "broadcast",
                json!({ "type": "broadcast", "event": "whereabouts", "payload": { "by": by } }),
            )
        };
        // What a viewer shows and says goes nowhere; what a clinician does arrives, and is the first that does.
        for message in [track("a viewer"), say("a viewer")] {
            reads.send(message).await.unwrap();
        }
        // A reply to something else: by now the viewer's frames have been read.
        reads
            .send(Message::text(
                json!({ "topic": "phoenix", "event": "heartbeat", "ref": "3", "payload": {} })
                    .to_string(),
            ))
            .await
            .unwrap();
        await_event(&mut reads, "phx_reply").await;
        for message in [track("a clinician"), say("a clinician")] {
            edits.send(message).await.unwrap();
        }
        let seen = await_event(&mut reads, "presence_diff").await;
        assert_eq!(
            seen["payload"]["joins"]["me"]["metas"][0]["by"],
            "a clinician"
        );
        let heard = await_event(&mut reads, "broadcast").await;
        assert_eq!(heard["payload"]["payload"]["by"], "a clinician");
        let seen = await_event(&mut edits, "presence_diff").await;
        assert_eq!(
            seen["payload"]["joins"]["me"]["metas"][0]["by"],
            "a clinician"
        );
    });
}

#[test]
fn a_lowered_role_is_announced_and_holds_for_the_token_in_hand() {
    over_http(|backend| async move {
        let admin = token(backend, "admin@bedside.test").await;
        let email = "matteo.quispe@bedside.test";
        let matteo = token(backend, email).await;
        let mut socket = open(backend).await;
        let person = Person::OtherViewer;
        assert_eq!(join(&mut socket, person, &matteo).await, "ok");

        let path = format!("profiles?id=eq.{}", person.id());
        let patients = "patients?select=id&limit=5";
        assert_eq!(
            rows(rest(backend, &matteo, Method::GET, patients))
                .await
                .len(),
            5
        );
        for (set, left) in [
            (json!({ "active": false }), 0),
            (json!({ "active": true }), 5),
        ] {
            rows(rest(backend, &admin, Method::PATCH, &path).json(&set)).await;
            assert_eq!(
                rows(rest(backend, &matteo, Method::GET, patients))
                    .await
                    .len(),
                left
            );
        }
        assert_eq!(next_loss(&mut socket).await["table"], "*");
    });
}

#[test]
fn nobody_joins_the_topic_of_somebody_else() {
    over_http(|backend| async move {
        let admin = token(backend, "admin@bedside.test").await;
        let mut socket = open(backend).await;
        assert_eq!(
            join(&mut socket, Person::ClinicianOne, &admin).await,
            "error"
        );
    });
}
