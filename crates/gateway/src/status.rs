//! What a load balancer asks.

use std::time::Instant;

use axum::{extract::State, http::StatusCode};

use crate::Gateway;

/// `GET /healthz`: the process runs.
pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: whether questions should be sent here, and if not, why.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> (StatusCode, &'static str) {
    let why = if *gateway.settings.draining.borrow() {
        "draining"
    } else if !gateway.keys.are_valid(gateway.settings.now()) {
        "all keys have expired; use `tidegate keys rotate --lead-hours 0`"
    } else if gateway.upstream.is_down(Instant::now()) {
        "the cloud model's server failed again and again just now"
    } else {
        return (StatusCode::OK, "ready");
    };
    (StatusCode::SERVICE_UNAVAILABLE, why)
}
