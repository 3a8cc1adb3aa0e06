//! The built app: its files, how long they keep, what a page may do, and where it finds the APIs.

use std::sync::LazyLock;
use std::time::Duration;

use bedside_backend::{Backend, Options, Running};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::backend::stage::{Project, answer, bare};

const INDEX: &str =
    "<!doctype html><script>boot()</script><link rel=stylesheet href=/app-0123456789abcdef.css>";

struct Built {
    backend: Running,
    _project: Project,
    _runtime: Runtime,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let starting = std::thread::spawn(|| {
        let runtime = Runtime::new().unwrap();
        let project = Project::new();
        project.write("dist/index.html", INDEX);
        project.write(
            "dist/app-0123456789abcdef.css",
            &"body { margin: 0 }\n".repeat(200),
        );
        project.write("dist/app-0123456789abcdef_bg.wasm", "\0asm");
        project.write(
            "dist/favicon.svg",
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
        );
        project.write("dist/made.js", &"plain();".repeat(300));
        project.write("dist/made.js.br", "already compressed");
        let options = Options {
            dist: Some(project.beside("dist")),
            allowed_origins: vec!["http://ward.test".parse().unwrap()],
            ..Options::in_memory(project.path())
        };
        let backend = runtime.block_on(Backend::start(options)).unwrap();
        Built {
            backend,
            _project: project,
            _runtime: runtime,
        }
    });
    starting.join().unwrap()
});

fn get(path: &str) -> RequestBuilder {
    Client::new().get(format!("{}{path}", BUILT.backend.url()))
}

async fn text(request: RequestBuilder) -> (u16, HeaderMap, String) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    (
        status,
        headers,
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

#[tokio::test]
async fn the_settings_name_the_host_that_was_asked() {
    let key = BUILT.backend.keys().anon_key();
    let port = BUILT.backend.url().rsplit(':').next().unwrap().to_owned();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "ward.test".to_owned(),
    ] {
        let (status, settings) = answer(get("/config.json").header("host", &host)).await;
        let expected = json!({ "supabase_url": format!("http://{host}"), "anon_key": key, "demo": true,
                "pace": { "heartbeat_ms": 10_000, "linger_ms": 30_000 } });
        assert_eq!((status, settings), (200, expected));
    }
}

#[tokio::test]
async fn behind_a_proxy_the_settings_name_the_host_that_the_browser_asked() {
    let request = get("/config.json")
        .header("host", "127.0.0.1")
        .header("x-forwarded-host", "bedside.ward.test:8443")
        .header("x-forwarded-proto", "https");
    let (status, settings) = answer(request).await;
    assert_eq!(status, 200);
    assert_eq!(settings["supabase_url"], "https://bedside.ward.test:8443");
}

#[tokio::test]
async fn a_host_that_is_none_is_refused_instead_of_quoted() {
    for (header, refusal) in [("host", 421), ("x-forwarded-host", 400)] {
        let request = get("/config.json").header(header, "x;script-src *");
        let (status, _, body) = text(request).await;
        assert_eq!(status, refusal);
        assert!(!body.contains("script-src"));
    }
}

#[tokio::test]
async fn a_navigation_gets_the_app_and_an_unknown_file_is_404() {
    for path in ["/", "/patients/7d9f", "/sign-in"] {
        let (status, headers, body) = text(get(path).header("accept", "text/html,*/*")).await;
        assert_eq!((status, body.as_str()), (200, INDEX), "{path}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-cache");
    }
    assert_eq!(
        text(get("/gone-0123.js").header("accept", "*/*")).await.0,
        404
    );
    assert_eq!(
        text(get("/gone.js").header("accept", "text/html")).await.0,
        404
    );
    assert_eq!(
        text(get("/patients/7d9f").header("accept", "application/json"))
            .await
            .0,
        404
    );
    assert_eq!(
        text(get("/../Cargo.toml").header("accept", "*/*")).await.0,
        404
    );
    assert_eq!(
        text(get("/%2e%2e/secret.txt").header("accept", "*/*"))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_hashed_file_keeps_forever_and_the_rest_is_asked_for_again() {
    let (_, headers, _) = text(get("/app-0123456789abcdef_bg.wasm")).await;
    assert_eq!(
        headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(headers["content-type"], "application/wasm");
    let (_, headers, _) = text(get("/favicon.svg")).await;
    assert_eq!(headers["cache-control"], "no-cache");
    let tag = headers["etag"].clone();
    let (status, headers, body) =
        text(get("/favicon.svg").header("if-none-match", tag.clone())).await;
    assert_eq!((status, body.as_str(), &headers["etag"]), (304, "", &tag));
}

/// The file once its compressed form is made, which happens while the backend already serves.
async fn compressed(path: &str, accepted: &str) -> (HeaderMap, String) {
    for _ in 0..600 {
        let (_, headers, body) = text(get(path).header("accept-encoding", accepted)).await;
        if headers.contains_key("content-encoding") {
            return (headers, body);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} never came compressed");
}

#[tokio::test]
async fn a_large_text_goes_compressed_to_those_who_can_read_it() {
    let path = "/app-0123456789abcdef.css";
    let (_, plain, whole) = text(get(path)).await;
    assert_eq!(plain.get("content-encoding"), None);
    let mut tags = vec![plain["etag"].clone()];
    for (accepted, used) in [("gzip, deflate, br", "br"), ("gzip", "gzip")] {
        let (headers, body) = compressed(path, accepted).await;
        assert_eq!(headers["content-encoding"], used);
        assert_eq!(headers["vary"], "accept-encoding");
        assert!(body.len() * 10 < whole.len());
        tags.push(headers["etag"].clone());
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "each form has a tag of its own");
}

#[tokio::test]
async fn a_form_that_the_build_compressed_is_served_as_it_is() {
    let (_, headers, body) = text(get("/made.js").header("accept-encoding", "br")).await;
    assert_eq!(
        (&headers["content-encoding"], body.as_str()),
        (&"br".parse().unwrap(), "already compressed")
    );
    assert_eq!(text(get("/made.js.br")).await.0, 404);
}

#[tokio::test]
async fn a_page_may_run_only_what_was_built_into_it() {
    let (_, headers, _) = text(get("/").header("accept", "text/html")).await;
    let policy = headers["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    // printf 'boot()' | openssl dgst -sha256 -binary | base64
    let directives: Vec<&str> = policy.split("; ").collect();
    assert!(directives.contains(&"default-src 'self'"), "{policy}");
    assert!(directives.contains(&"script-src 'self' 'wasm-unsafe-eval' 'sha256-MeZS89WlF0u+o0hCvHTBt4q1WHU+U+sJKgbdRUc36mY='"), "{policy}");
    assert!(directives.contains(&"frame-ancestors 'none'"), "{policy}");
    assert!(
        !policy.contains("unsafe-inline")
            && !policy.contains("'unsafe-eval'")
            && !policy.contains('*'),
        "{policy}"
    );
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value);
    }
    assert!(
        headers["permissions-policy"]
            .to_str()
            .unwrap()
            .contains("camera=()")
    );
}

#[tokio::test]
async fn the_app_is_read_and_never_written() {
    let url = BUILT.backend.url();
    let status = Client::new()
        .post(format!("{url}/patients"))
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(status, 405);
    let head = Client::new()
        .head(format!("{url}/favicon.svg"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            head.status().as_u16(),
            head.headers()["content-length"].to_str().unwrap()
        ),
        (200, "41")
    );
}

#[tokio::test]
async fn without_a_built_app_the_page_says_how_to_build_it() {
    let (status, _, body) = text(bare(Method::GET, "/").header("accept", "text/html")).await;
    assert_eq!(status, 503);
    assert!(body.contains("cargo xtask dev"));
    let (status, body): (u16, Value) = answer(bare(Method::GET, "/")).await;
    assert_eq!(status, 503);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("cargo xtask dev")
    );
}
