//! What a client does whatever carries it: the same scenarios over TCP natively and in a page of a real browser.

/// Against a running backend; natively `bedside-tests` plays these.
#[cfg(target_arch = "wasm32")]
pub mod backend;

use bedside_realtime::{Binding, BindingEvent, GapCause, RealtimeClient, Status};
use futures::StreamExt;

/// A server that answers joins and heartbeats by itself, and does the rest when told.
pub trait Stage {
    /// A client of this server.
    fn client(&self) -> RealtimeClient;

    /// Sends a frame on the newest socket; `TOPIC` in it stands for the channel that was joined last.
    fn say(&self, frame: &str);

    /// Closes the newest socket.
    fn end(&self, code: u16);

    /// How many sockets were opened so far.
    fn opened(&self) -> u32;
}

fn insert(record: &str) -> String {
    let data = format!(
        r#"{{"columns":[{{"name": "id", "type": "int8"}}],"commit_timestamp":null,"errors":null,"record":{record},"schema":"public","table":"items","type":"INSERT"}}"#
    );
    format!(r#"[null,null,"TOPIC","postgres_changes",{{"data":{data},"ids":[0]}}]"#)
}

pub async fn a_change_keeps_its_digits(stage: &impl Stage) {
    let client = stage.client();
    let items = client.bind(Binding::table("public", "items"));
    let mut events = items.events();
    assert!(matches!(events.next().await, Some(BindingEvent::Ready(_))));
    stage.say(&insert(r#"{"id":9007199254740993}"#));
    let Some(BindingEvent::Change(change)) = events.next().await else {
        panic!("no change")
    };
    let record = change.record().unwrap();
    assert_eq!(record.text("id").as_deref(), Some("9007199254740993"));
    assert_eq!(client.status().get().status, Status::Live);
    let mut late = items.events();
    assert!(
        matches!(late.next().await, Some(BindingEvent::Ready(_))),
        "who comes late is told at once"
    );
}

/// In a page such a row stays outside until it is read; nobody may notice.
pub async fn a_large_row_reads_like_a_small_one(stage: &impl Stage) {
    let client = stage.client();
    let items = client.bind(Binding::table("public", "items"));
    let mut events = items.events();
    events.next().await;
    let notes = "Grüße 🏥 \\\"quoted\\\"\\n".repeat(4_000);
    for place in [
        format!(r#"{{"id":7,"notes":"{notes}","version":3}}"#),
        format!(r#"{{"a_note":"{notes}","id":7,"version":3}}"#),
    ] {
        stage.say(&insert(&place));
        let Some(BindingEvent::Change(change)) = events.next().await else {
            panic!("no change")
        };
        let record = change.record().unwrap();
        assert_eq!(
            (change.table(), record.text("id").as_deref()),
            ("items", Some("7"))
        );
        assert_eq!(record.text("version").as_deref(), Some("3"));
        assert_eq!(record.json(), place);
        assert_eq!(record.fields().count(), 3);
    }
}

pub async fn a_restart_of_the_server_is_one_gap_and_then_ready(stage: &impl Stage) {
    let client = stage.client();
    let items = client.bind(Binding::table("public", "items"));
    let mut events = items.events();
    events.next().await;
    stage.end(1012);
    let Some(BindingEvent::Gap(gap)) = events.next().await else {
        panic!("no gap")
    };
    assert_eq!(gap.cause, GapCause::ServerRestart);
    let Some(BindingEvent::Ready(ready)) = events.next().await else {
        panic!("no ready")
    };
    assert_eq!(ready.gap.map(|gap| gap.id), Some(gap.id));
    assert_eq!(client.gaps().len(), 1, "{:?}", client.gaps());
    assert_eq!(stage.opened(), 2);
}

pub async fn garbage_is_counted_and_the_feed_goes_on(stage: &impl Stage) {
    let client = stage.client();
    let items = client.bind(Binding::table("public", "items"));
    let mut events = items.events();
    events.next().await;
    let long = "[".repeat(20_000);
    for garbage in [
        "",
        "{}",
        "[1,2",
        "null",
        r#"[null,null,"TOPIC","postgres_changes",7]"#,
        &long,
    ] {
        stage.say(garbage);
    }
    stage.say(&insert(r#"{"id":1}"#));
    assert!(matches!(events.next().await, Some(BindingEvent::Change(_))));
    assert_eq!(client.gaps(), []);
    assert!(client.trace_json().contains("undecodable"));
}
