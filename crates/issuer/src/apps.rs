//! Who may have tokens signed, and how many a day.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Seconds.
const DAY: u64 = 86_400;

/// The file of apps, JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppsFile {
    /// Each with a key of its own.
    pub apps: Vec<App>,
}

/// An app whose back end may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// What it is called in logs.
    pub name: String,
    /// SHA-256 of its bearer key, hexadecimal: whoever reads the file cannot ask with it.
    pub key_sha256: String,
    /// How many tokens it may have in a day (UTC).
    pub daily_tokens: u32,
}

impl App {
    /// With the bearer key in the clear.
    pub fn new(name: impl Into<String>, key: &str, daily_tokens: u32) -> Self {
        Self {
            name: name.into(),
            key_sha256: hex::encode(Sha256::digest(key)),
            daily_tokens,
        }
    }
}

/// The apps of a running issuer, and what each has taken today. Clones share them.
///
/// What was taken is kept in memory: an issuer that starts again begins the day anew.
#[derive(Clone, Debug, Default)]
pub struct Apps {
    apps: Arc<RwLock<HashMap<String, App>>>,
    taken: Arc<Mutex<Taken>>,
}

/// Tokens by the hash of the app's key, on one day.
#[derive(Debug, Default)]
struct Taken {
    day: u64,
    tokens: HashMap<String, u32>,
}

impl From<AppsFile> for Apps {
    fn from(file: AppsFile) -> Self {
        let apps = Self::default();
        apps.replace(file);
        apps
    }
}

impl Apps {
    /// From now on these. What they have taken today counts on.
    pub fn replace(&self, file: AppsFile) {
        let apps = file.apps.into_iter();
        let by_key = apps.map(|app| (app.key_sha256.to_ascii_lowercase(), app));
        *self.apps.write().unwrap_or_else(PoisonError::into_inner) = by_key.collect();
    }

    /// The app whose bearer key a request brings (RFC 6750 §2.1). It is looked up by its hash, so that how long it
    /// takes says nothing of the keys.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Result<App, Problem> {
        let given = headers.get(header::AUTHORIZATION);
        let given = given.and_then(|value| value.to_str().ok());
        let key = given.and_then(|value| value.strip_prefix("Bearer "));
        let hash = key.map(|key| hex::encode(Sha256::digest(key)));
        let apps = self.apps.read().unwrap_or_else(PoisonError::into_inner);
        let app = hash.and_then(|hash| apps.get(&hash).cloned());
        app.ok_or_else(|| {
            let title = "expected authorization: Bearer with the app's key";
            Problem::new(StatusCode::UNAUTHORIZED, title)
        })
    }

    /// Takes so many tokens of the app's for today.
    pub(crate) fn take(&self, app: &App, tokens: usize, now: u64) -> Result<(), Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.day != now / DAY {
            *taken = Taken {
                day: now / DAY,
                tokens: HashMap::new(),
            };
        }
        let so_far = taken.tokens.entry(app.key_sha256.clone()).or_default();
        let wanted = u32::try_from(tokens).unwrap_or(u32::MAX);
        match so_far.checked_add(wanted) {
            Some(sum) if sum <= app.daily_tokens => {
                *so_far = sum;
                Ok(())
            }
            _ => Err(Problem {
                retry_after: Some(DAY - now % DAY),
                ..Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "the app has had its tokens of this day; ask again tomorrow (UTC)",
                )
            }),
        }
    }
}
