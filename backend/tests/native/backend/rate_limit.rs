//! Auth on terms of its own: how often it may be asked, and how soon a used refresh token counts as stolen.

use std::time::Duration;

use bedside_backend::{Backend, Options, Running};
use reqwest::Client;
use serde_json::{Value, json};

use crate::backend::stage::{PASSWORD, Project, whole};

async fn start(terms: impl FnOnce(&mut Options)) -> Running {
    let project = Project::new();
    let mut options = Options::in_memory(project.path());
    terms(&mut options);
    Backend::start(options).await.unwrap()
}

async fn post(backend: &Running, path: &str, body: Value) -> (u16, Value) {
    let request = Client::new()
        .post(format!("{}/auth/v1/{path}", backend.url()))
        .header("apikey", backend.keys().anon_key())
        .json(&body);
    let (status, _, body) = whole(request.send().await.unwrap()).await;
    (status, body)
}

async fn sign_up(backend: &Running) -> Value {
    let body = json!({ "email": "ana@ward.test", "password": PASSWORD });
    let (status, session) = post(backend, "signup", body).await;
    assert_eq!(status, 200, "{session}");
    session
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_in_gotrues_words() {
    let backend = start(|options| options.auth_rate = Some(3)).await;
    sign_up(&backend).await;
    let body = json!({ "email": "ana@ward.test", "password": "wrong" });
    for _ in 0..2 {
        let (status, _) = post(&backend, "token?grant_type=password", body.clone()).await;
        assert_eq!(status, 400);
    }
    let (status, error) = post(&backend, "token?grant_type=password", body).await;
    assert_eq!(
        (status, &error["error_code"], &error["msg"]),
        (
            429,
            &json!("over_request_rate_limit"),
            &json!("Request rate limit reached")
        )
    );
    backend.shutdown().await;
}

#[tokio::test]
async fn without_an_interval_a_used_token_is_a_stolen_one_at_once() {
    let backend = start(|options| options.refresh_reuse = Duration::ZERO).await;
    let refresh = |session: Value| {
        let token = session["refresh_token"].clone();
        post(
            &backend,
            "token?grant_type=refresh_token",
            json!({ "refresh_token": token }),
        )
    };
    let first = sign_up(&backend).await;
    let (_, second) = refresh(first.clone()).await;
    let (_, third) = refresh(second).await;
    let (status, error) = refresh(first).await;
    assert_eq!(
        (status, &error["error_code"]),
        (400, &json!("refresh_token_already_used"))
    );
    assert_eq!(refresh(third).await.0, 400, "and its chain with it");
    backend.shutdown().await;
}
