//! The client in a real browser, with the page's WebSocket replaced by one that plays the server.

use crate::scenarios::{self, Stage};
use bedside_realtime::{Binding, BindingEvent, GapCause, RealtimeClient};
use futures::StreamExt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen(inline_js = r#"
const real = globalThis.WebSocket;
const sockets = [];
class Peer extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.readyState = 0;
    sockets.push(this);
    setTimeout(() => { if (this.readyState === 0) { this.readyState = 1; this.onopen?.(new Event("open")); } }, 0);
  }
  send(text) {
    const [join_ref, ref, topic, event, payload] = JSON.parse(text);
    if (event === "phx_join") {
      this.topic = topic;
      const bindings = payload.config.postgres_changes.map((binding, id) => ({ ...binding, id }));
      this.say([join_ref, ref, topic, "phx_reply", { status: "ok", response: { postgres_changes: bindings } }]);
      this.say([join_ref, null, topic, "system", { extension: "postgres_changes", status: "ok", message: "Subscribed to PostgreSQL" }]);
    } else if (event === "heartbeat") {
      this.beats = (this.beats ?? 0) + 1;
      if (!this.mute) this.say([null, ref, topic, "phx_reply", { status: "ok", response: {} }]);
    }
  }
  say(frame) { this.text(JSON.stringify(frame)); }
  text(text) { setTimeout(() => this.onmessage?.(new MessageEvent("message", { data: text })), 0); }
  close(code = 1000) { this.end(code); }
  end(code) {
    if (this.readyState === 3) return;
    this.readyState = 2;
    // Browsers say "closing" a while before they say why.
    setTimeout(() => { this.readyState = 3; this.onclose?.(new CloseEvent("close", { code })); }, 40);
  }
}
export function install() { globalThis.WebSocket = Peer; sockets.length = 0; }
export function restore() { globalThis.WebSocket = real; }
export function opened() { return sockets.length; }
export function last_url() { return sockets.at(-1).url; }
export function end(code) { sockets.at(-1).end(code); }
export function mute() { sockets.at(-1).mute = true; }
export function change(text) { const socket = sockets.at(-1); socket.text(text.replace("TOPIC", socket.topic)); }
export function beats() { return sockets.at(-1).beats ?? 0; }
"#)]
extern "C" {
    fn install();
    /// Gives the page its own WebSocket back.
    pub(crate) fn restore();
    fn opened() -> u32;
    fn last_url() -> String;
    fn end(code: u16);
    fn mute();
    fn change(text: &str);
    fn beats() -> u32;
}

fn client() -> RealtimeClient {
    install();
    RealtimeClient::builder("http://127.0.0.1:1", "key")
        .tune(|config| config.restart_spread = 100)
        .build()
        .unwrap()
}

/// The page's socket as a server that can be told.
struct Page;

impl Stage for Page {
    fn client(&self) -> RealtimeClient {
        client()
    }

    fn say(&self, frame: &str) {
        change(frame);
    }

    fn end(&self, code: u16) {
        end(code);
    }

    fn opened(&self) -> u32 {
        opened()
    }
}

#[wasm_bindgen_test]
async fn a_change_keeps_its_digits_on_the_way_into_the_browser() {
    scenarios::a_change_keeps_its_digits(&Page).await;
    assert_eq!(
        last_url(),
        "ws://127.0.0.1:1/realtime/v1/websocket?apikey=key&vsn=2.0.0"
    );
}

#[wasm_bindgen_test]
async fn a_large_row_that_stays_with_the_page_reads_like_a_small_one() {
    scenarios::a_large_row_reads_like_a_small_one(&Page).await;
}

#[wasm_bindgen_test]
async fn the_close_code_survives_the_time_in_which_the_socket_is_only_closing() {
    scenarios::a_restart_of_the_server_is_one_gap_and_then_ready(&Page).await;
}

#[wasm_bindgen_test]
async fn garbage_from_the_page_is_counted_and_the_feed_goes_on() {
    scenarios::garbage_is_counted_and_the_feed_goes_on(&Page).await;
}

#[wasm_bindgen_test]
async fn the_pages_own_events_test_the_socket_at_once() {
    let client = client();
    let mut events = client.bind(Binding::table("public", "items")).keep_events();
    events.next().await;
    let window = web_sys::window().unwrap();
    for event in ["online", "focus", "pageshow"] {
        let before = beats();
        window
            .dispatch_event(&web_sys::Event::new(event).unwrap())
            .unwrap();
        gloo_timers::future::TimeoutFuture::new(30).await;
        assert_eq!(beats(), before + 1, "{event}");
    }
    client.shutdown();
    let before = beats();
    gloo_timers::future::TimeoutFuture::new(30).await;
    window
        .dispatch_event(&web_sys::Event::new("online").unwrap())
        .unwrap();
    gloo_timers::future::TimeoutFuture::new(30).await;
    assert_eq!(beats(), before, "nothing listens after a shutdown");
}

#[wasm_bindgen_test]
async fn a_mute_socket_is_replaced_three_seconds_after_the_page_is_looked_at() {
    let client = client();
    let mut events = client.bind(Binding::table("public", "items")).keep_events();
    events.next().await;
    mute();
    web_sys::window()
        .unwrap()
        .dispatch_event(&web_sys::Event::new("focus").unwrap())
        .unwrap();
    let Some(BindingEvent::Gap(gap)) = events.next().await else {
        panic!("no gap")
    };
    assert_eq!(gap.cause, GapCause::Frozen);
    assert!(matches!(events.next().await, Some(BindingEvent::Ready(_))));
}

/// A binding that is held for as long as its events are.
struct Held {
    events: bedside_realtime::Events,
    _handle: bedside_realtime::BindingHandle,
}

trait KeepEvents {
    fn keep_events(self) -> Held;
}

impl KeepEvents for bedside_realtime::BindingHandle {
    fn keep_events(self) -> Held {
        Held {
            events: self.events(),
            _handle: self,
        }
    }
}

impl Held {
    async fn next(&mut self) -> Option<BindingEvent> {
        self.events.next().await
    }
}
