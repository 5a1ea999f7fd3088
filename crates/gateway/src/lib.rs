//! Opens sealed queries, asks an OpenAI-compatible server, and seals the reply piece by piece. Keeps nothing.
//!
//! A gateway sees what is asked (pseudonymised) and not by whom: requests come from the relay's address and
//! carry nothing of the page's browser. Logged are statuses, byte counts and times.

mod admission;
mod answer;
mod error;
mod keys;
mod reply;
mod spent;
mod sse;
mod tokens;
mod traffic;
mod upstream;

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    Router,
    routing::{get, post},
};
use query::Traffic;

use admission::Admission;

pub use admission::WINDOW_S;
pub use keys::KeyRing;
pub use reply::{Interrupted, Reply};
pub use tokens::{KEPT_S, Tokens};
pub use traffic::Shape;
pub use upstream::Upstream;

/// What every request needs.
#[derive(Clone)]
struct Gateway {
    keys: KeyRing,
    upstream: Upstream,
    settings: Settings,
    /// Held for no longer than a look into it takes.
    admission: Arc<Mutex<Admission>>,
}

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How answers may travel: what a page wants beyond it becomes the nearest.
    pub traffic: RangeInclusive<Traffic>,
    /// The tokens of which each request has to bring one; without them, anybody may ask.
    pub tokens: Option<Tokens>,
    /// Tells the time.
    pub clock: fn() -> SystemTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            traffic: Traffic::Off..=Traffic::Strict,
            tokens: None,
            clock: SystemTime::now,
        }
    }
}

impl Settings {
    /// Seconds since 1970-01-01 00:00 UTC.
    fn now(&self) -> u64 {
        let now = (self.clock)().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |since| since.as_secs())
    }
}

/// A gateway with these keys in front of this upstream.
///
/// Listen with TCP_NODELAY: without it each chunk may wait 40 ms for an acknowledgement.
///
/// # Errors
/// If the keys cannot be encoded.
pub fn app(
    keys: impl Into<KeyRing>,
    upstream: Upstream,
    settings: Settings,
) -> Result<Router, oblivious_http::Error> {
    let keys = keys.into();
    keys.config_list()?;
    let admission = Arc::new(Mutex::new(Admission::starting(settings.now())));
    Ok(Router::new()
        .route("/gateway", post(answer::answer))
        .route("/ohttp-keys", get(keys::configs))
        .route("/key-directory", get(keys::directory))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(Gateway {
            keys,
            upstream,
            settings,
            admission,
        }))
}
