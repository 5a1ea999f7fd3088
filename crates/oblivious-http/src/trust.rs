//! Which key of a gateway a page may seal to: one that everybody gets.
//!
//! A gateway that hands each person a key of their own recognizes them by it, through any relay (RFC 9458 §6.4, "key
//! consistency" of draft-ietf-privacypass-key-consistency). So the list of keys is signed by a key that the app pins, is
//! fetched by two paths of which one hides who asks, and only what both show is used, once it has been public for a while.

use dsse::PublicKey;

use crate::{Directory, DirectoryKey, Kem, KeyConfig, VerifiedKey};

/// What came by one path.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The path's name, for the error: a relay's URL, or `directly`.
    pub path: &'a str,
    /// The signed list.
    pub directory: &'a str,
}

/// What a page asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// By how many paths it has to be seen.
    pub paths: usize,
    /// For how long it has to have been public, in seconds.
    pub least_age_s: u64,
}

impl Default for KeyPolicy {
    /// Two paths, an hour.
    fn default() -> Self {
        Self {
            paths: 2,
            least_age_s: 3600,
        }
    }
}

/// A key that may be sealed to, and what was passed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Trusted {
    /// X-Wing before X25519, then the newest.
    pub key: VerifiedKey,
    /// Until when it may be sealed to, seconds since 1970: until then the lists hold, and the key is valid.
    pub until: u64,
    /// Why others were not taken. [`Untrusted::OnePathOnly`] is worth telling a person.
    pub passed_over: Vec<Untrusted>,
}

/// Why a key, or a whole list of keys, is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// Its signature does not hold, or it cannot be read.
    #[error("the gateway's list of keys that came by {path} is not believed: {why}")]
    List {
        /// By which path.
        path: String,
        /// Why.
        why: dsse::Error,
    },
    /// The list's time is over.
    #[error(
        "the gateway's list of keys that came by {path} has expired; its operator has to sign a new one, or check this \
         device's clock"
    )]
    ListExpired {
        /// By which path.
        path: String,
    },
    /// The list is of the future.
    #[error(
        "the gateway's list of keys that came by {path} is not valid yet; check this device's clock"
    )]
    ListNotYetValid {
        /// By which path.
        path: String,
    },
    /// Too few paths to compare.
    #[error(
        "the gateway's list of keys came by {seen} of the {needed} paths that it has to be compared over; name another \
         relay, or try again"
    )]
    TooFewPaths {
        /// How many were seen.
        seen: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Not everybody gets it.
    #[error(
        "the gateway's key {key} came by {path} and not by {missing}: it may have been made to recognize you; nothing was \
         sealed to it"
    )]
    OnePathOnly {
        /// Its fingerprint's beginning.
        key: String,
        /// Where it was seen.
        path: String,
        /// Where it was not.
        missing: String,
    },
    /// It has not been public for long enough.
    #[error(
        "the gateway's key {key} has been public for {age_s} s only, at least {least_age_s} s are asked for; try again later"
    )]
    TooYoung {
        /// Its fingerprint's beginning.
        key: String,
        /// Since it was published.
        age_s: u64,
        /// What the policy asks for.
        least_age_s: u64,
    },
    /// It will be used later.
    #[error("the gateway's key {key} is not valid yet; check this device's clock")]
    NotYetValid {
        /// Its fingerprint's beginning.
        key: String,
    },
    /// It was used earlier.
    #[error(
        "the gateway's key {key} has expired; its operator has to publish a newer one, or check this device's clock"
    )]
    Expired {
        /// Its fingerprint's beginning.
        key: String,
    },
    /// It cannot be sealed to.
    #[error("the gateway's list has a key that cannot be used: {0}")]
    Unusable(String),
    /// The list has no key at all.
    #[error("the gateway's list of keys is empty; its operator has to publish one")]
    Empty,
}

/// The best key that every path shows, that is valid and that has been public for long enough. `now` is in seconds since
/// 1970.
///
/// # Errors
/// [`Untrusted`]: what is wrong with a list, or else the gravest thing that is wrong with a key.
pub fn trusted_key(
    seen: &[Seen<'_>],
    signers: &[PublicKey],
    policy: &KeyPolicy,
    now: u64,
) -> Result<Trusted, Untrusted> {
    let mut lists: Vec<(&str, Directory)> = Vec::new();
    for seen in seen {
        // The same path twice shows nothing.
        if lists.iter().all(|(path, _)| *path != seen.path) {
            lists.push((seen.path, in_force(seen, signers, now)?));
        }
    }
    if lists.len() < policy.paths.max(1) {
        return Err(Untrusted::TooFewPaths {
            seen: lists.len(),
            needed: policy.paths.max(1),
        });
    }
    let (mut best, mut passed_over) = (None::<(&DirectoryKey, KeyConfig)>, Vec::new());
    let mut looked_at: Vec<&DirectoryKey> = Vec::new();
    for (path, list) in &lists {
        for key in &list.keys {
            if looked_at.contains(&key) {
                continue;
            }
            looked_at.push(key);
            match usable(key, path, &lists, policy, now) {
                Ok(config) => {
                    let rank = |from, config: &KeyConfig| (config.kem() == Kem::XWing, from);
                    let better = best.as_ref().is_none_or(|(other, than)| {
                        rank(key.not_before, &config) > rank(other.not_before, than)
                    });
                    if better {
                        best = Some((key, config));
                    }
                }
                Err(why) => passed_over.push(why),
            }
        }
    }
    match best {
        Some((key, config)) => {
            let lists = lists.iter().map(|(_, list)| list.expires);
            Ok(Trusted {
                key: VerifiedKey::listed(config),
                until: lists.fold(key.not_after, u64::min),
                passed_over,
            })
        }
        None => Err(gravest(passed_over)),
    }
}

/// A list whose signature and time hold.
fn in_force(seen: &Seen<'_>, signers: &[PublicKey], now: u64) -> Result<Directory, Untrusted> {
    let path = || seen.path.to_owned();
    let list = Directory::open(seen.directory, signers)
        .map_err(|why| Untrusted::List { path: path(), why })?;
    if now > list.expires {
        return Err(Untrusted::ListExpired { path: path() });
    }
    if now < list.issued {
        return Err(Untrusted::ListNotYetValid { path: path() });
    }
    Ok(list)
}

/// The config, if everybody gets it, for long enough, and now.
fn usable(
    key: &DirectoryKey,
    path: &str,
    lists: &[(&str, Directory)],
    policy: &KeyPolicy,
    now: u64,
) -> Result<KeyConfig, Untrusted> {
    let config = key
        .key_config()
        .map_err(|error| Untrusted::Unusable(error.to_string()))?;
    let name = || config.fingerprint().chars().take(16).collect::<String>();
    // With the same times too: a key that is valid for one person alone tells them apart as well.
    let missing = lists.iter().find(|(_, list)| !list.keys.contains(key));
    if let Some((missing, _)) = missing {
        return Err(Untrusted::OnePathOnly {
            key: name(),
            path: path.to_owned(),
            missing: (*missing).to_owned(),
        });
    }
    if now > key.not_after {
        return Err(Untrusted::Expired { key: name() });
    }
    if now < key.not_before {
        return Err(Untrusted::NotYetValid { key: name() });
    }
    let age_s = now.saturating_sub(key.published);
    if age_s < policy.least_age_s {
        return Err(Untrusted::TooYoung {
            key: name(),
            age_s,
            least_age_s: policy.least_age_s,
        });
    }
    Ok(config)
}

/// What a person should hear of first.
fn gravest(mut why: Vec<Untrusted>) -> Untrusted {
    why.sort_by_key(|why| match why {
        Untrusted::OnePathOnly { .. } => 0,
        Untrusted::TooYoung { .. } => 1,
        Untrusted::NotYetValid { .. } => 2,
        Untrusted::Expired { .. } => 3,
        _ => 4,
    });
    why.into_iter().next().unwrap_or(Untrusted::Empty)
}
