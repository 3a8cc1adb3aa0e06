//! What stands before the APIs: keys, other origins, limits, faults.

use std::time::{Duration, Instant};

use bedside_backend::{Backend, Faults, Options};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::backend::stage::{Person, Project, answer, backend, bare, call, whole};

#[tokio::test]
async fn without_an_api_key_nothing_is_answered() {
    for path in ["/rest/v1/notes", "/auth/v1/settings"] {
        let (status, error) = answer(bare(Method::GET, path)).await;
        assert_eq!(
            (status, &error["message"]),
            (401, &json!("No API key found in request"))
        );
        let wrong = bare(Method::GET, path).header("apikey", "guess");
        let (status, error) = answer(wrong).await;
        assert_eq!(
            (status, &error["message"]),
            (401, &json!("Invalid API key"))
        );
    }
}

#[tokio::test]
async fn a_persons_token_is_no_api_key() {
    let person = Person::new().await;
    let request = bare(Method::GET, "/rest/v1/notes").header("apikey", &person.access);
    assert_eq!(answer(request).await.0, 401);
}

#[tokio::test]
async fn a_key_may_come_in_the_query_and_names_the_caller_who_sends_no_token() {
    let key = backend().keys().service_role_key();
    let (status, _) = answer(bare(
        Method::GET,
        &format!("/rest/v1/secrets?apikey={key}&limit=1"),
    ))
    .await;
    assert_eq!(status, 200);
}

const ELSEWHERE: &str = "https://elsewhere.test";
const LOOPBACK: &str = "http://127.0.0.1:3000";

fn preflight(origin: &str) -> RequestBuilder {
    bare(Method::OPTIONS, "/rest/v1/notes")
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header(
            "access-control-request-headers",
            "apikey,authorization,prefer,x-client-info",
        )
}

#[tokio::test]
async fn a_page_of_another_origin_may_neither_call_nor_read() {
    let asked = preflight(ELSEWHERE).send().await.unwrap();
    assert_eq!(asked.headers().get("access-control-allow-origin"), None);
    for path in [
        "/rest/v1/notes",
        "/auth/v1/settings",
        "/realtime/v1/api/broadcast",
    ] {
        let request = call(Method::GET, path).header("origin", ELSEWHERE);
        let response = request.send().await.unwrap();
        assert_eq!(
            response.headers().get("access-control-allow-origin"),
            None,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_on_this_computer_is_told_that_it_may_call_and_what_it_may_read() {
    let response = preflight(LOOPBACK).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], LOOPBACK);
    assert!(
        headers["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PATCH")
    );
    assert_eq!(
        headers["access-control-allow-headers"],
        "apikey,authorization,prefer,x-client-info"
    );

    let request = call(Method::GET, "/rest/v1/notes").header("origin", LOOPBACK);
    let (_, headers, _) = whole(request.send().await.unwrap()).await;
    assert_eq!(headers["access-control-allow-origin"], LOOPBACK);
    let exposed = headers["access-control-expose-headers"].to_str().unwrap();
    for name in ["content-range", "x-supabase-api-version", "x-total-count"] {
        assert!(exposed.contains(name), "{exposed} lacks {name}");
    }
}

#[tokio::test]
async fn a_refusal_is_readable_from_an_allowed_origin_too() {
    let request = bare(Method::GET, "/rest/v1/notes").header("origin", LOOPBACK);
    let (status, headers, _) = whole(request.send().await.unwrap()).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (401, &LOOPBACK.parse().unwrap())
    );
}

#[tokio::test]
async fn a_name_that_somebody_pointed_here_is_not_answered() {
    for path in ["/config.json", "/", "/rest/v1/notes"] {
        let request = call(Method::GET, path).header("host", "rebound.elsewhere.test:8787");
        assert_eq!(request.send().await.unwrap().status(), 421, "{path}");
    }
}

#[tokio::test]
async fn the_app_itself_is_for_its_own_origin() {
    let request = bare(Method::GET, "/config.json").header("origin", "https://elsewhere.test");
    let (_, headers, _) = whole(request.send().await.unwrap()).await;
    assert_eq!(headers.get("access-control-allow-origin"), None);
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_unread() {
    let person = Person::new().await;
    let request = person.post(
        "/rest/v1/notes",
        json!({ "title": "x".repeat(5 * 1024 * 1024) }),
    );
    assert_eq!(answer(request).await.0, 413);
}

#[tokio::test]
async fn a_path_of_no_api_is_not_the_app() {
    for path in ["/rest/v2/notes", "/storage/v1/object", "/auth/v1/magic"] {
        let request = call(Method::GET, path).header("accept", "text/html");
        assert_eq!(request.send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn faults_delay_and_fail_requests_when_asked_for() {
    let project = Project::new();
    let options = Options {
        faults: Faults {
            latency: Duration::from_millis(80),
            error_rate: 1.0,
            ..Faults::default()
        },
        ..Options::in_memory(project.path())
    };
    let backend = Backend::start(options).await.unwrap();
    let began = Instant::now();
    let request = reqwest::Client::new()
        .get(format!("{}/rest/v1/notes", backend.url()))
        .header("apikey", backend.keys().anon_key());
    assert_eq!(answer(request).await.0, 503);
    assert!(began.elapsed() >= Duration::from_millis(80));
    backend.shutdown().await;
}
