//! What stands before the APIs, as Kong stands before Supabase's: the API key, cross-origin rules, limits, logs.
//!
//! It looks at headers, and takes in the body so that nothing behind it waits for a client. A request is logged by method, path below the API and status: never its query, which may
//! carry row values, and never a header.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware};
use bytes::BytesMut;
use futures::StreamExt as _;
use serde_json::json;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::faults::{self, Faults};
use crate::jwt::JwtKeys;
use crate::origin::{self, Origin};
use crate::realtime::Realtime;

static API_KEY: HeaderName = HeaderName::from_static("apikey");

/// Longer than any request here takes; a client that waited this long has given up.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// What one request may carry.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// How much of a refused body is read before the line is cut, and for how long.
const DRAIN_LIMIT: usize = 4 * BODY_LIMIT;
const DRAIN_TIME: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Gate {
    keys: Arc<JwtKeys>,
    realtime: Arc<Realtime>,
    body_within: Duration,
}

/// Puts the gateway before REST and auth.
pub(crate) fn guard(
    api: Router,
    keys: Arc<JwtKeys>,
    realtime: Arc<Realtime>,
    faults: Faults,
    body_within: Duration,
) -> Router {
    let gate = Gate {
        keys,
        realtime,
        body_within,
    };
    api.layer(middleware::from_fn_with_state(faults, faults::inject))
        .layer(middleware::from_fn_with_state(gate, pass))
}

/// Takes in the bodies of requests, for routes that are not behind [`guard`].
pub(crate) fn take_bodies(router: Router, within: Duration) -> Router {
    router.layer(middleware::from_fn_with_state(within, take_body))
}

/// Refuses requests that call the backend by a name that is not its own.
pub(crate) fn known_hosts(router: Router, allowed: Arc<[Origin]>) -> Router {
    router.layer(middleware::from_fn_with_state(allowed, check_host))
}

async fn check_host(
    State(allowed): State<Arc<[Origin]>>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(HOST);
    let known = host.is_none_or(|host| {
        host.to_str()
            .is_ok_and(|host| origin::may_be_called(host, &allowed))
    });
    match known {
        true => next.run(request).await,
        false => Refusal::UnknownHost.into_response(),
    }
}

/// Unlike a Supabase project, which any origin may call: this backend is on a computer on which other pages are open.
pub(crate) fn cors(allowed: Arc<[Origin]>) -> CorsLayer {
    let may_call = move |origin: &HeaderValue, _: &Parts| {
        origin
            .to_str()
            .is_ok_and(|origin| origin::may_call(origin, &allowed))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may_call))
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(
            [
                "content-encoding",
                "content-location",
                "content-range",
                "content-type",
                "date",
                "link",
                "location",
                "preference-applied",
                "range-unit",
                "x-sb-error-code",
                "x-supabase-api-version",
                "x-total-count",
            ]
            .map(HeaderName::from_static),
        )
        .max_age(Duration::from_secs(3600))
}

async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = match check(&gate, &mut request) {
        Ok(()) => match received(request, gate.body_within).await {
            Ok(request) => run(&gate, request, next).await,
            Err(refusal) => refusal.into_response(),
        },
        Err(refusal) => {
            drain(request.into_body().into_data_stream()).await;
            refusal.into_response()
        }
    };
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = response.status().as_u16();
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match response.status().is_server_error() {
        true => tracing::warn!(%method, path, status, ms, "request failed"),
        false => tracing::debug!(%method, path, status, ms, "request"),
    }
    response
}

/// Why a request gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NoApiKey,
    WrongApiKey,
    UnknownHost,
    TooLarge,
    TooSlow,
    BrokenOff,
    TookTooLong,
    Crashed,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::NoApiKey => (
                StatusCode::UNAUTHORIZED,
                json!({
                    "message": "No API key found in request",
                    "hint": "No `apikey` request header or url param was found.",
                }),
            ),
            Self::WrongApiKey => (
                StatusCode::UNAUTHORIZED,
                json!({
                    "message": "Invalid API key",
                    "hint": "Double check your Supabase `anon` or `service_role` API key.",
                }),
            ),
            Self::UnknownHost => (
                StatusCode::MISDIRECTED_REQUEST,
                json!({
                    "message": "The backend is not called by this name",
                    "hint": "Use its address or localhost, or start it with --allow-origin.",
                }),
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                json!({ "message": "The request body took too long" }),
            ),
            Self::BrokenOff => (
                StatusCode::BAD_REQUEST,
                json!({ "message": "The request body is broken off" }),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                json!({ "message": "Request size limit exceeded" }),
            ),
            Self::TookTooLong => (
                StatusCode::GATEWAY_TIMEOUT,
                json!({ "message": "The upstream server is timing out" }),
            ),
            Self::Crashed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                json!({ "message": "An unexpected error occurred" }),
            ),
        };
        let mut response = (status, Json(body)).into_response();
        if self == Self::TooSlow {
            // The rest of the body would be taken for the next request.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

fn check(gate: &Gate, request: &mut Request) -> Result<(), Refusal> {
    let key = api_key(request).ok_or(Refusal::NoApiKey)?;
    let known = gate
        .keys
        .verify(&key)
        .is_ok_and(|claims| matches!(claims.role.as_str(), "anon" | "service_role"));
    if !known {
        return Err(Refusal::WrongApiKey);
    }
    let headers = request.headers_mut();
    if content_length(headers).is_some_and(|length| length > BODY_LIMIT) {
        return Err(Refusal::TooLarge);
    }
    // Without a token of its own the caller is whom the key names.
    if !headers.contains_key(AUTHORIZATION)
        && let Ok(value) = HeaderValue::from_str(&format!("Bearer {key}"))
    {
        headers.insert(AUTHORIZATION, value);
    }
    Ok(())
}

/// Reads a refused body to its end, or as far as patience goes: a browser that is cut off while it sends never looks at
/// the answer.
async fn drain(mut stream: BodyDataStream) {
    let mut left = DRAIN_LIMIT;
    let reading = async {
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

async fn take_body(State(within): State<Duration>, request: Request, next: Next) -> Response {
    match received(request, within).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The request with its body read to the end, as a proxy that buffers hands it on.
async fn received(request: Request, within: Duration) -> Result<Request, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    let reading = async {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Refusal::BrokenOff)?;
            if whole.len().saturating_add(chunk.len()) > BODY_LIMIT {
                return Err(Refusal::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let read = tokio::time::timeout(within, reading).await;
    match read.unwrap_or(Err(Refusal::TooSlow)) {
        Ok(()) => Ok(Request::from_parts(parts, Body::from(whole.freeze()))),
        Err(refusal) => {
            if refusal == Refusal::TooLarge {
                drain(stream).await;
            }
            Err(refusal)
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The key from its header or, as the gateway also takes it, from the query. There it is removed: to PostgREST every
/// parameter is a column.
fn api_key(request: &mut Request) -> Option<String> {
    let in_query = take_query_key(request);
    let in_header = request
        .headers()
        .get(&API_KEY)
        .and_then(|value| value.to_str().ok());
    in_header.map(str::to_owned).or(in_query)
}

fn take_query_key(request: &mut Request) -> Option<String> {
    let query = request.uri().query()?;
    let key = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("apikey="))?
        .to_owned();
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("apikey="))
        .collect();
    let path = request.uri().path();
    let target = match rest.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", rest.join("&")),
    };
    if let Ok(uri) = target.parse() {
        *request.uri_mut() = uri;
    }
    Some(key)
}

/// Runs a request on a task of its own: a client that hangs up must not stop a write between its commit and the
/// moment realtime hears of it.
async fn run(gate: &Gate, request: Request, next: Next) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let realtime = gate.realtime.clone();
    let task = tokio::spawn(async move {
        let response = tokio::time::timeout(TIME_LIMIT, next.run(request)).await;
        if !reads {
            realtime.wake();
        }
        response
    });
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Refusal::TookTooLong.into_response(),
        Err(_) => {
            tracing::error!("a request crashed");
            Refusal::Crashed.into_response()
        }
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

    fn request(uri: &str) -> Request {
        Request::builder().uri(uri).body(Body::empty()).unwrap()
    }

    #[test]
    fn a_key_in_the_query_is_taken_out_of_it() {
        let mut asked = request("/rest/v1/t?a=eq.1&apikey=k&b=eq.2");
        assert_eq!(api_key(&mut asked).as_deref(), Some("k"));
        assert_eq!(asked.uri(), "/rest/v1/t?a=eq.1&b=eq.2");
        let mut alone = request("/rest/v1/t?apikey=k");
        assert_eq!(api_key(&mut alone).as_deref(), Some("k"));
        assert_eq!(alone.uri(), "/rest/v1/t");
    }

    #[test]
    fn a_key_in_the_header_wins() {
        let mut asked = request("/rest/v1/t?apikey=q");
        asked
            .headers_mut()
            .insert(&API_KEY, HeaderValue::from_static("h"));
        assert_eq!(api_key(&mut asked).as_deref(), Some("h"));
        assert_eq!(api_key(&mut request("/rest/v1/t")), None);
    }
}
