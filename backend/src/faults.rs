//! Faults on purpose, so that tests can see what the app does when the backend is slow or failing.
//!
//! Off by default, set only at start by flags that `--help` does not show. It touches the API paths only: the app
//! itself always loads.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::Rng as _;
use serde_json::json;

/// Which faults, and how much of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// Every REST and auth request waits this long first.
    pub latency: Duration,
    /// The share of REST requests, 0 to 1, answered 503 without being run.
    pub error_rate: f64,
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
