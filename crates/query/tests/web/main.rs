//! The hooks in a real page: what the DOM shows, with the browser's own clock, timers and microtasks.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{
    QueryClient, QueryOptions, Retry, RetryDelay, provide_query_client, query_key, use_query,
};
use leptos::mount::mount_to;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// An element of its own for each test.
fn stage() -> web_sys::HtmlElement {
    let stage = document().create_element("div").unwrap();
    document().body().unwrap().append_child(&stage).unwrap();
    stage.unchecked_into()
}

/// Waits, frame by frame, until the element says so.
async fn shows(stage: &web_sys::HtmlElement, text: &str) {
    for _ in 0..200 {
        if stage.text_content().as_deref() == Some(text) {
            return;
        }
        gloo_timers::future::TimeoutFuture::new(5).await;
    }
    panic!("shows {:?}, not {text:?}", stage.text_content());
}

#[wasm_bindgen_test]
async fn a_hit_renders_at_once_without_a_flash_of_the_fallback() {
    let client = QueryClient::default();
    client.set_query_data(query_key!["beds"], 24).unwrap();
    let stage = stage();
    let _mounted = mount_to(stage.clone(), move || {
        provide_query_client(client);
        let beds = use_query(|| {
            QueryOptions::<i32, String>::without_fetcher(query_key!["beds"]).enabled(false)
        });
        view! { <Suspense fallback=|| "waiting">{move || beds.suspend().map(|beds| *beds)}</Suspense> }
    });
    assert_eq!(stage.text_content().as_deref(), Some("24"));
}

#[wasm_bindgen_test]
async fn suspense_waits_for_the_first_answer_and_transition_keeps_the_last_one() {
    let (ask, answers) = (RwSignal::new(1), Rc::new(Cell::new(0)));
    let stage = stage();
    let _mounted = mount_to(stage.clone(), move || {
        provide_query_client(QueryClient::default());
        let query = use_query(move || {
            let (id, answers) = (ask.get(), Rc::clone(&answers));
            QueryOptions::new(query_key!["item", id], move |_| {
                let answers = Rc::clone(&answers);
                async move {
                    gloo_timers::future::TimeoutFuture::new(20).await;
                    answers.set(answers.get() + 1);
                    Ok::<_, String>(id * 10)
                }
            })
        });
        view! { <Transition fallback=|| "waiting">{move || query.suspend().map(|item| *item)}</Transition> }
    });
    shows(&stage, "waiting").await;
    shows(&stage, "10").await;
    ask.set(2);
    gloo_timers::future::TimeoutFuture::new(0).await;
    assert_ne!(
        stage.text_content().as_deref(),
        Some("waiting"),
        "no fallback after the first answer"
    );
    shows(&stage, "20").await;
}

#[wasm_bindgen_test]
async fn retries_and_collection_run_on_the_pages_one_timer() {
    let client = QueryClient::default();
    let tries = Rc::new(Cell::new(0));
    let counted = Rc::clone(&tries);
    let failing_once = QueryOptions::new(query_key!["a"], move |_| {
        counted.set(counted.get() + 1);
        let result = if counted.get() == 1 { Err("no") } else { Ok(7) };
        async move { result }
    });
    let answer = client.fetch_query(
        failing_once
            .retry(Retry::Times(1))
            .retry_delay(RetryDelay::Fixed(Duration::from_millis(10)))
            .gc_time(Duration::from_millis(20)),
    );
    assert_eq!((answer.await.as_deref(), tries.get()), (Ok(&7), 2));
    for _ in 0..200 {
        if client.counts().queries == 0 {
            return;
        }
        gloo_timers::future::TimeoutFuture::new(5).await;
    }
    panic!("the query was not collected");
}

#[wasm_bindgen_test]
async fn unmounting_the_page_leaves_no_observer() {
    let client = QueryClient::default();
    let held = client.clone();
    let mounted = mount_to(stage(), move || {
        provide_query_client(held);
        let query =
            use_query(|| QueryOptions::new(query_key!["a"], |_| async { Ok::<_, String>(1) }));
        view! { <p>{move || query.data().get().map(|data| *data)}</p> }
    });
    assert_eq!(client.counts().observers, 1);
    drop(mounted);
    assert_eq!(client.counts().observers, 0);
}
