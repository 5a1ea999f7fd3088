//! The keys that an issuer signs with. They rotate while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use privacy_pass::{DIRECTORY_TYPE, Directory, DirectoryKey, IssuerKey};

use crate::Issuer;

/// Where requests go, relative to the directory's place.
const REQUEST_URI: &str = "/token-request";

/// Seconds since 1970-01-01 00:00 UTC, the last one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// From when on the key signs.
    pub not_before: u64,
    /// Until when it signs, and its tokens are taken.
    pub not_after: u64,
}

/// The keys of a running issuer. Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<RwLock<Keys>>);

type Keys = Vec<(Arc<IssuerKey>, Lifetime)>;

impl KeyRing {
    /// These keys, in any order.
    pub fn new(keys: Vec<(IssuerKey, Lifetime)>) -> Self {
        let ring = Self(Arc::default());
        ring.replace(keys);
        ring
    }

    /// From now on these.
    pub fn replace(&self, keys: Vec<(IssuerKey, Lifetime)>) {
        let shared = keys.into_iter().map(|(key, life)| (Arc::new(key), life));
        let mut keys: Keys = shared.collect();
        keys.sort_by_key(|(_, life)| std::cmp::Reverse(life.not_before));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Those that sign now, the newest first.
    pub(crate) fn signing(&self, now: u64) -> Vec<Arc<IssuerKey>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let signing = keys
            .iter()
            .filter(|(_, life)| (life.not_before..=life.not_after).contains(&now));
        signing.map(|(key, _)| key.clone()).collect()
    }

    /// What everybody may know: the newest that signs first, then those that do not yet, then those that have expired,
    /// so that gateways see that they have.
    pub fn directory(&self, now: u64) -> Directory {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (valid, expired): (Vec<_>, Vec<_>) =
            keys.iter().partition(|(_, life)| life.not_after >= now);
        let (signing, coming): (Vec<_>, Vec<_>) = valid
            .into_iter()
            .partition(|(_, life)| life.not_before <= now);
        let listed = signing.into_iter().chain(coming).chain(expired);
        let listed = listed
            .map(|(key, life)| DirectoryKey::new(key.public(), life.not_before, life.not_after));
        Directory {
            issuer_request_uri: REQUEST_URI.to_owned(),
            token_keys: listed.collect(),
        }
    }
}

/// `GET /.well-known/private-token-issuer-directory` (RFC 9578 §4).
pub(crate) async fn directory(State(issuer): State<Issuer>) -> Response {
    match serde_json::to_string(&issuer.keys.directory(issuer.now())) {
        Ok(json) => {
            let headers = [
                (header::CONTENT_TYPE, DIRECTORY_TYPE),
                (header::CACHE_CONTROL, "max-age=300"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, json).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
