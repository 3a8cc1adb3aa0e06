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
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if server.has_stopped() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let version = match query.get("vsn").map(String::as_str) {
        None | Some("1.0.0") => Version::V1,
        Some("2.0.0") => Version::V2,
        Some(_) => return StatusCode::FORBIDDEN.into_response(),
    };
    let header = || {
        headers
            .get("x-api-key")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let Some(apikey) = query.get("apikey").cloned().or_else(header) else {
        return refuse(&server, "API key is missing").await;
    };
    if let Err(error) = server.keys().verify(&apikey) {
        return refuse(&server, identity::refused_connection(&error)).await;
    }
    let largest = server.config().limits.frame_bytes.saturating_mul(SLACK);
    upgrade
        .max_message_size(largest)
        .max_frame_size(largest)
        .on_upgrade(move |socket| socket::serve(server, version, apikey, socket))
}

async fn refuse(server: &Realtime, error: &str) -> Response {
    server.pause(server.config().connect_error_delay).await;
    (StatusCode::UNAUTHORIZED, Json(json!({ "error": error }))).into_response()
}
