//! The keys that a gateway opens with. They rotate while it runs.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use oblivious_http::{Error, GatewayKeys, KEYS_TYPE, Request, Sealer};

use crate::Gateway;

/// The keys of a running gateway, and the signed list of them if there is one. Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<RwLock<Held>>);

#[derive(Debug)]
struct Held {
    keys: GatewayKeys,
    directory: Option<String>,
    expires: Option<u64>,
}

impl KeyRing {
    /// With a signed list of the keys (`oblivious_http::Directory`), to be served to whoever asks, and with the second
    /// since 1970-01-01 00:00 UTC after which pages use none of the keys, if there is one.
    pub fn new(keys: GatewayKeys, directory: Option<String>, expires: Option<u64>) -> Self {
        Self(Arc::new(RwLock::new(Held {
            keys,
            directory,
            expires,
        })))
    }

    /// From now on these. Answers that are on their way end with the keys that they began with.
    pub fn replace(&self, keys: GatewayKeys, directory: Option<String>, expires: Option<u64>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Held {
            keys,
            directory,
            expires,
        };
    }

    /// Whether a page may still seal to one of them.
    pub(crate) fn are_valid(&self, now: u64) -> bool {
        self.read(|held| held.expires.is_none_or(|expires| now <= expires))
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Result<(Request, Sealer), Error> {
        self.read(|held| held.keys.open(sealed))
    }

    pub(crate) fn config_list(&self) -> Result<Vec<u8>, Error> {
        self.read(|held| held.keys.config_list())
    }

    fn read<R>(&self, look: impl FnOnce(&Held) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<GatewayKeys> for KeyRing {
    fn from(keys: GatewayKeys) -> Self {
        Self::new(keys, None, None)
    }
}

/// Any page may compare what it gets here with what it pins and with what came by a relay.
const PUBLIC: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "cross-origin",
    ),
];

/// `GET /ohttp-keys`: the public key configs (RFC 9458 §3.2).
pub(crate) async fn configs(State(gateway): State<Gateway>) -> impl IntoResponse {
    match gateway.keys.config_list() {
        Ok(list) => (PUBLIC, [(header::CONTENT_TYPE, KEYS_TYPE)], list).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /key-directory`: the same with their times, signed.
pub(crate) async fn directory(State(gateway): State<Gateway>) -> impl IntoResponse {
    match gateway.keys.read(|held| held.directory.clone()) {
        Some(list) => (PUBLIC, [(header::CONTENT_TYPE, "application/json")], list).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_replaced_for_everybody_who_shares_them() {
        let keys = |seed| GatewayKeys::from_seed(&[seed; 32]).unwrap();
        let ring = KeyRing::from(keys(1));
        let shared = ring.clone();
        ring.replace(keys(2), Some("a list".to_owned()), Some(9));
        assert_eq!(
            shared.config_list().unwrap(),
            keys(2).config_list().unwrap()
        );
        let directory = shared.read(|held| held.directory.clone());
        assert_eq!(directory.as_deref(), Some("a list"));
        assert_eq!([9, 10].map(|now| shared.are_valid(now)), [true, false]);
        assert!(format!("{shared:?}").contains("GatewayKeys(<redacted>)"));
    }
}
