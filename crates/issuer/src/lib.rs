//! Signs tokens for whoever an app's back end vouches for (RFC 9578, token type 2).
//!
//! A back end knows its users and forwards what their pages blinded, with the app's own key. The issuer sees neither the
//! pages' addresses nor the tokens; it counts how many each app takes. Logged are statuses, counts and names of apps.

mod apps;
mod issue;
mod keys;
mod problem;

use std::{sync::Arc, thread::available_parallelism, time::SystemTime};

use axum::{
    Router,
    routing::{get, post},
};
use tokio::sync::Semaphore;

pub use apps::{App, Apps, AppsFile};
pub use issue::MOST;
pub use keys::{KeyRing, Lifetime};

/// What every request needs.
#[derive(Clone)]
struct Issuer {
    keys: KeyRing,
    apps: Apps,
    clock: fn() -> SystemTime,
    /// As many batches are signed at a time as there are processors.
    signing: Arc<Semaphore>,
}

impl Issuer {
    /// Seconds since 1970-01-01 00:00 UTC.
    fn now(&self) -> u64 {
        let now = (self.clock)().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |since| since.as_secs())
    }
}

/// An issuer with these keys, for these apps. `clock` tells the time.
pub fn app(keys: KeyRing, apps: Apps, clock: fn() -> SystemTime) -> Router {
    let processors = available_parallelism().map_or(1, usize::from);
    Router::new()
        .route("/token-request", post(issue::issue))
        // RFC 9578 §4.
        .route(
            "/.well-known/private-token-issuer-directory",
            get(keys::directory),
        )
        .route("/healthz", get(|| async { "ok" }))
        .with_state(Issuer {
            keys,
            apps,
            clock,
            signing: Arc::new(Semaphore::new(processors)),
        })
}

#[cfg(test)]
mod tests;
