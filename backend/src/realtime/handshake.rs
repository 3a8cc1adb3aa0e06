//! Opening a socket: who may, in which serializer, and how the others are refused.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::codec::Version;
use super::{Realtime, identity, socket};

/// Room above the frame limit, so that a frame a little over it is answered with 1009 rather than cut off.
const SLACK: usize = 4;

/// `GET /realtime/v1/websocket`.
pub(crate) async fn upgrade(
    State(server): State<Arc<Realtime>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if server.has_stopped() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let version = match query.get("vsn").map(String::as_str) {
        None | Some("1.0.0") => Version::V1,
        Some("2.0.0") => Version::V2,
        Some(_) => return StatusCode::FORBIDDEN.into_response(),
    };
    if !server.is_tenant(&headers) {
        return refuse(&server, StatusCode::NOT_FOUND, "Tenant not found").await;
    }
    let header = || {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let Some(apikey) = query.get("apikey").cloned().or_else(header) else {
        return refuse(&server, StatusCode::UNAUTHORIZED, "API key is missing").await;
    };
    if let Err(error) = server.keys().verify(&apikey) {
        let reason = identity::refused_connection(&error);
        return refuse(&server, StatusCode::UNAUTHORIZED, reason).await;
    }
    if let Some(reason) = server.is_crowded() {
        return refuse(&server, StatusCode::TOO_MANY_REQUESTS, reason).await;
    }
    // Last: who asks for a page learns what would be wrong with a socket.
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let largest = server.config().limits.frame_bytes.saturating_mul(SLACK);
    upgrade
        .max_message_size(largest)
        .max_frame_size(largest)
        .on_upgrade(move |socket| socket::serve(server, version, apikey, socket))
}

async fn refuse(server: &Realtime, status: StatusCode, error: &str) -> Response {
    server.pause(server.config().connect_error_delay).await;
    (status, Json(json!({ "error": error }))).into_response()
}
