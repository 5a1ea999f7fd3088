//! Opens sealed queries, asks an OpenAI-compatible server, and seals the reply piece by piece. Keeps nothing.
//!
//! A gateway sees what is asked (pseudonymised) and not by whom: requests come from the relay's address and
//! carry nothing of the page's browser. Logged are statuses, byte counts and times.

mod answer;
mod error;
mod sse;
mod upstream;

use axum::{
    Router,
    extract::State,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use oblivious_http::{GatewayKeys, KEYS_TYPE};

pub use upstream::Upstream;

/// What every request needs.
#[derive(Clone)]
struct Gateway {
    keys: GatewayKeys,
    /// `application/ohttp-keys`
    configs: Vec<u8>,
    upstream: Upstream,
}

/// A gateway with these keys in front of this upstream.
///
/// Listen with TCP_NODELAY: without it each chunk may wait 40 ms for an acknowledgement.
///
/// # Errors
/// If the keys cannot be encoded.
pub fn app(keys: GatewayKeys, upstream: Upstream) -> Result<Router, oblivious_http::Error> {
    let configs = keys.config_list()?;
    Ok(Router::new()
        .route("/gateway", post(answer::answer))
        .route("/ohttp-keys", get(key_configs))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(Gateway {
            keys,
            configs,
            upstream,
        }))
}

/// The public key configs, readable from any origin: a page may compare them with those that it pins.
async fn key_configs(State(gateway): State<Gateway>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, KEYS_TYPE),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    (headers, gateway.configs)
}
