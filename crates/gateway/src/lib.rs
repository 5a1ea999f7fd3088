//! Opens sealed queries, asks an OpenAI-compatible server or Anthropic's Messages API, and seals the reply piece by piece. Keeps nothing.
//!
//! A gateway sees what is asked (pseudonymised) and not by whom: requests come from the relay's address and
//! carry nothing of the page's browser. Logged are statuses, byte counts and times.

mod admission;
mod answer;
mod answering;
pub mod anthropic;
mod error;
mod health;
mod keys;
mod metrics;
mod record;
mod refusal;
mod reply;
mod spent;
mod sse;
mod status;
mod tokens;
mod traffic;
mod upstream;

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    routing::{get, post},
};
use query::Traffic;
use tokio::sync::{Semaphore, watch};

use admission::Admission;

pub use admission::WINDOW_S;
pub use keys::KeyRing;
pub use metrics::Metrics;
pub use reply::{Interrupted, Reply};
pub use tokens::{KEPT_S, Tokens};
pub use traffic::Shape;
pub use upstream::{Kind, SILENCE, Upstream};

/// What every request needs.
#[derive(Clone)]
struct Gateway {
    keys: KeyRing,
    upstream: Upstream,
    settings: Settings,
    /// Held for no longer than a look into it takes.
    admission: Arc<Mutex<Admission>>,
    /// As many as there may be answers at once.
    places: Arc<Semaphore>,
}

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How answers may travel: what a page wants beyond it becomes the nearest.
    pub traffic: RangeInclusive<Traffic>,
    /// The tokens of which each request has to bring one; without them, anybody may ask.
    pub tokens: Option<Tokens>,
    /// How many answers may be on their way at once: what comes above it is refused, unread.
    pub max_answers: usize,
    /// How long an answer may take, from the question to the upstream's last word.
    pub answer_limit: Duration,
    /// Turns true when the process is about to end: nothing new is taken, what is on its way goes on.
    pub draining: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Metrics,
    /// Tells the time.
    pub clock: fn() -> SystemTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            traffic: Traffic::Off..=Traffic::Strict,
            tokens: None,
            max_answers: 4096,
            answer_limit: Duration::from_secs(600),
            draining: watch::channel(false).1,
            metrics: Metrics::default(),
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
    let places = Arc::new(Semaphore::new(settings.max_answers));
    Ok(Router::new()
        .route("/gateway", post(answer::answer))
        .route("/ohttp-keys", get(keys::configs))
        .route("/key-directory", get(keys::directory))
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .with_state(Gateway {
            keys,
            upstream,
            settings,
            admission,
            places,
        }))
}
