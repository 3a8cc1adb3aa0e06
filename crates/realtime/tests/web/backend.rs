//! The client in a page of a real browser against a running backend, over the page's own WebSocket and its own fetch.
//! `cargo xtask test` starts the backend and names it; natively the same scenarios run in `bedside-tests`.

use crate::scenarios::backend::{self as scenarios, Place, Request};
use bedside_realtime::{Builder, RealtimeClient};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

/// A page has no environment: the address and the public key are built in.
const BACKEND: Option<&str> = option_env!("BEDSIDE_TEST_BACKEND");
const KEY: Option<&str> = option_env!("BEDSIDE_TEST_KEY");

struct Page;

impl Place for Page {
    fn url(&self) -> String {
        BACKEND
            .expect("`cargo xtask test` sets BEDSIDE_TEST_BACKEND to a backend of its own")
            .to_owned()
    }

    fn key(&self) -> String {
        KEY.expect("`cargo xtask test` sets BEDSIDE_TEST_KEY")
            .to_owned()
    }

    fn builder(&self, key: &str) -> Builder {
        // The tests in `browser` replace the page's WebSocket.
        super::browser::restore();
        RealtimeClient::builder(self.url(), key)
    }

    async fn request(&self, request: Request) -> String {
        let options = web_sys::RequestInit::new();
        options.set_method(request.method);
        if !request.body.is_empty() {
            options.set_body(&request.body.into());
        }
        let headers = web_sys::Headers::new().unwrap();
        for (name, value) in request.headers {
            headers.append(name, &value).unwrap();
        }
        options.set_headers(&headers);
        let window = web_sys::window().unwrap();
        let answer = JsFuture::from(window.fetch_with_str_and_init(&request.url, &options)).await;
        let answer: web_sys::Response = answer.unwrap().dyn_into().unwrap();
        let text = JsFuture::from(answer.text().unwrap()).await.unwrap();
        text.as_string().unwrap()
    }
}

#[wasm_bindgen_test]
async fn a_row_that_is_written_after_ready_is_heard_and_again_after_a_reconnect() {
    scenarios::a_row_that_is_written_after_ready_is_heard_and_again_after_a_reconnect(&Page).await;
}

#[wasm_bindgen_test]
async fn a_wrong_binding_is_refused_and_the_other_lives() {
    scenarios::a_wrong_binding_is_refused_and_the_other_lives(&Page).await;
}

#[wasm_bindgen_test]
async fn two_people_meet_in_a_room_and_talk_text_and_bytes() {
    scenarios::two_people_meet_in_a_room_and_talk_text_and_bytes(&Page).await;
}

#[wasm_bindgen_test]
async fn what_is_said_before_the_room_is_joined_goes_by_http() {
    scenarios::what_is_said_before_the_room_is_joined_goes_by_http(&Page).await;
}

#[wasm_bindgen_test]
async fn after_three_handshakes_without_a_word_a_page_asks_why_and_names_the_key() {
    scenarios::a_key_that_the_server_does_not_take_is_named(&Page).await;
}

#[wasm_bindgen_test]
async fn a_room_that_a_person_has_no_right_to_is_refused() {
    scenarios::a_room_that_a_person_has_no_right_to_is_refused(&Page).await;
}
