//! The built app on the backend's own port: its files, its settings, and a page for when it is not built.
//!
//! Everything here is public and the same for everybody. Paths of the APIs never fall back to the app.

mod assets;
mod policy;

use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::json;

use crate::error::StartError;
use assets::{Asset, Assets, Encoding};

/// Nothing under these is ever the app's.
const API_PREFIXES: [&str; 7] = [
    "/rest/",
    "/auth/",
    "/realtime/",
    "/storage/",
    "/functions/",
    "/graphql/",
    "/dev/",
];

const UNBUILT: &str = include_str!("unbuilt.html");

/// How a proxy in front says what the browser asked for.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers that every page and file carries.
static FIXED_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    ),
    (
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ),
];

/// The site, loaded.
pub(crate) struct Site {
    assets: Arc<Assets>,
    anon_key: String,
    /// The app's waits, as `config.json` carries them.
    pace: serde_json::Value,
    /// For requests that name no host.
    own_host: String,
}

impl Site {
    /// Reads the built app into memory; a folder without `index.html` counts as not built. Files are compressed
    /// meanwhile, on a thread of its own: until then they are served as they are.
    pub(crate) fn load(
        dist: Option<&Path>,
        anon_key: &str,
        pace: serde_json::Value,
        own_host: &str,
    ) -> Result<Self, StartError> {
        let assets = match dist {
            Some(folder) => Arc::new(Assets::load(folder)?),
            None => Arc::default(),
        };
        let compressing = assets.clone();
        // Not on the runtime's threads, which a shutdown waits for.
        std::thread::spawn(move || compressing.compress());
        Ok(Self {
            assets,
            anon_key: anon_key.to_owned(),
            pace,
            own_host: own_host.to_owned(),
        })
    }

    /// Answers every path that no API took.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .fallback(any(serve))
            .with_state(Arc::new(self))
    }
}

async fn serve(State(site): State<Arc<Site>>, request: Request) -> Response {
    let path = request.uri().path();
    if API_PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "message": "no Route matched with those values" })),
        )
            .into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(host) = host(request.headers(), &site.own_host) else {
        return (StatusCode::BAD_REQUEST, "the Host header is not a host\n").into_response();
    };
    let mut response = match path {
        "/config.json" => config(&site, scheme(request.headers()), &host),
        _ => page(&site, path, request.headers()),
    };
    let headers = response.headers_mut();
    for (name, value) in &FIXED_HEADERS {
        headers.insert(name, value.clone());
    }
    if let Ok(policy) = HeaderValue::from_str(&policy::text(&host, site.assets.inline())) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What the app asks first: where the APIs are, as seen from where it was loaded.
fn config(site: &Site, scheme: &str, host: &str) -> Response {
    let body = json!({
        "supabase_url": format!("{scheme}://{host}"), "anon_key": site.anon_key, "demo": true, "pace": site.pace,
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn page(site: &Arc<Site>, path: &str, headers: &HeaderMap) -> Response {
    let wants_page = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    let name = path.trim_start_matches('/');
    let found = match name {
        "" => site.assets.index(),
        name => site.assets.get(name),
    };
    match found {
        Some(asset) => file(&asset, headers),
        None if is_file => (StatusCode::NOT_FOUND, "no such file\n").into_response(),
        None if !wants_page && !name.is_empty() => {
            (StatusCode::NOT_FOUND, "no such page\n").into_response()
        }
        None => match site.assets.index() {
            Some(index) => file(&index, headers),
            None => unbuilt(headers),
        },
    }
}

/// Says how to build the app, to a person or to a program.
fn unbuilt(headers: &HeaderMap) -> Response {
    let person = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match person {
        true => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(CACHE_CONTROL, "no-store")],
            Html(UNBUILT),
        )
            .into_response(),
        false => {
            let body = json!({ "message": "the app is not built: run `cargo xtask dev`" });
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [(CACHE_CONTROL, "no-store")],
                Json(body),
            )
                .into_response()
        }
    }
}

fn file(asset: &Asset, headers: &HeaderMap) -> Response {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (encoding, bytes) = asset.choose(accepted);
    let etag = asset.etag(encoding);
    let unchanged = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim().trim_start_matches("W/") == etag)
        });
    let mut response = match unchanged {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => bytes.into_response(),
    };
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, asset.content_type.clone());
    out.insert(CACHE_CONTROL, asset.caching.header());
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(ETAG, etag);
    }
    if let Some(name) = encoding.name() {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    if encoding == Encoding::Identity && unchanged {
        out.remove(CONTENT_TYPE);
    }
    response
}

/// The host by which the browser called, also through proxies, of which the first is the browser's. It ends up in `config.json` and in the policy, so it must be a plain
/// host with perhaps a port; `None` when it is anything else.
fn host(headers: &HeaderMap, own: &str) -> Option<String> {
    let Some(value) = headers.get(FORWARDED_HOST).or_else(|| headers.get(HOST)) else {
        return Some(own.to_owned());
    };
    let text = value.to_str().ok()?.split(',').next()?.trim();
    let authority: Authority = text.parse().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!authority.host().is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}

/// Whether the browser came over TLS, which only a proxy in front ends.
fn scheme(headers: &HeaderMap) -> &'static str {
    match headers.get(FORWARDED_PROTO) {
        Some(proto) if proto == "https" => "https",
        _ => "http",
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    fn called_by(host_header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host_header).unwrap());
        host(&headers, "own")
    }

    #[test]
    fn a_host_is_a_name_or_number_with_perhaps_a_port() {
        for good in [
            "localhost:8787",
            "127.0.0.1:1",
            "[::1]:8787",
            "ward-3.example",
        ] {
            assert_eq!(called_by(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "a b",
            "user@host",
            "x;script-src *",
            "a/b",
            "a\"b",
            ":80",
        ] {
            assert_eq!(called_by(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_a_host_the_listening_address_stands_in() {
        assert_eq!(host(&HeaderMap::new(), "own").as_deref(), Some("own"));
    }
}
