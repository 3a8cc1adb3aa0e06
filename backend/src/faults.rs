//! Faults on purpose, so that tests can see what the app does when the backend is slow or failing.
//!
//! Off by default, set at start by flags that `--help` does not show. One of them lets a test lose row changes of the
//! running backend, at `/dev/faults`. It touches the API paths only: the app itself always loads.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use rand::Rng as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::realtime::{LossWindow, Realtime};

/// Which faults, and how much of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// Every REST and auth request waits this long first.
    pub latency: Duration,
    /// The share of REST requests, 0 to 1, answered 503 without being run.
    pub error_rate: f64,
    /// Whether tests change faults while the backend runs.
    pub control: Control,
}

/// Who may change faults of a running backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Control {
    /// No client: `/dev/faults` is 404.
    #[default]
    Closed,
    /// Every client that reaches the backend.
    Open,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    drop_changes: Option<LossWindow>,
}

/// `POST /dev/faults` with `{"drop_changes": {"table": .., "count": .., "for_ms": ..}}` opens a window in which row
/// changes are lost, in place of an open one. The answer says how many were lost so far; `{}` only asks.
pub(crate) fn router(control: Control, realtime: &Arc<Realtime>) -> Router {
    match control {
        Control::Closed => Router::new(),
        Control::Open => Router::new()
            .route("/dev/faults", post(change))
            .with_state(Arc::clone(realtime)),
    }
}

async fn change(State(realtime): State<Arc<Realtime>>, Json(order): Json<Order>) -> Json<Value> {
    if let Some(window) = order.drop_changes {
        realtime.lose_changes(window);
    }
    Json(json!({ "dropped": realtime.lost_changes() }))
}

/// Delays or refuses an API request as the faults say.
pub async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    if !faults.latency.is_zero() {
        tokio::time::sleep(faults.latency).await;
    }
    if faults.error_rate > 0.0 && rand::rng().random::<f64>() < faults.error_rate {
        let body = json!({
            "code": "PGRST000",
            "message": "fault injected",
            "details": null,
            "hint": null,
        });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    next.run(request).await
}
