//! Which key requests are sealed to: one that the app pins, or the one that signed lists show alike over several paths.

use std::rc::Rc;

use dsse::PublicKey;
use futures::{future, lock::Mutex};
use oblivious_http::{KeyPolicy, Seen, Trusted, Untrusted, VerifiedKey, trusted_key};
use query::{Error, ErrorCode};

use crate::{Clock, Consent, Engine, LocalModel, Signals, Transport};

/// When lists are fetched again, in milliseconds: a key that rotates is noticed, and a list that is taken back.
#[derive(Clone, Copy)]
struct Again {
    /// After so long.
    after_ms: f64,
    /// And so long before what was fetched expires.
    ahead_ms: f64,
}

/// Where a question waits for it.
const FOR_A_QUESTION: Again = Again {
    after_ms: 3.0 * 3_600_000.0,
    ahead_ms: 60_000.0,
};
/// Where nobody does: earlier, so that questions rarely have to.
const AHEAD: Again = Again {
    after_ms: 3_600_000.0,
    ahead_ms: 1_800_000.0,
};

/// Where a gateway's key comes from. Clones share what was fetched.
#[derive(Clone)]
pub struct Keys(Rc<KeySource>);

enum KeySource {
    /// The app has it.
    Pinned(VerifiedKey),
    /// Signed lists name it. A call that needs it while another one fetches it waits for that one.
    Listed(SignedLists, Mutex<Option<Held>>),
}

impl From<VerifiedKey> for Keys {
    fn from(key: VerifiedKey) -> Self {
        Self(Rc::new(KeySource::Pinned(key)))
    }
}

impl From<SignedLists> for Keys {
    fn from(lists: SignedLists) -> Self {
        Self(Rc::new(KeySource::Listed(lists, Mutex::default())))
    }
}

/// Whether they are of one gateway.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        match (&*self.0, &*other.0) {
            (KeySource::Pinned(one), KeySource::Pinned(two)) => one == two,
            _ => Rc::ptr_eq(&self.0, &other.0),
        }
    }
}

/// Lists of keys that the app trusts if the right key signed them and all paths show the same.
#[derive(Clone, Debug)]
pub struct SignedLists {
    signers: Vec<PublicKey>,
    paths: Vec<String>,
    policy: KeyPolicy,
}

impl SignedLists {
    /// `signed_by` are Ed25519 keys as `tidegate keys` prints them, `paths` the URLs by which lists come, `least_age_s` for
    /// how long a key has to have been public, in seconds.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] if a key is none, or if there are fewer than two paths.
    pub fn new(signed_by: &[String], paths: Vec<String>, least_age_s: u64) -> Result<Self, Error> {
        let invalid = |why: String| Error::new(ErrorCode::InvalidRequest, why);
        let signers = signed_by.iter().map(|key| PublicKey::from_base64(key));
        let signers: Vec<_> = signers
            .collect::<Result<_, _>>()
            .map_err(|error| invalid(format!("options.cloud.keys.signedBy: {error}")))?;
        let mut distinct = paths.clone();
        distinct.sort();
        distinct.dedup();
        if signers.is_empty() {
            return Err(invalid(
                "options.cloud.keys.signedBy: expected at least one key, as `tidegate keys` prints it".to_owned(),
            ));
        }
        if distinct.len() < 2 {
            return Err(invalid(
                "options.cloud.keys.paths: expected two or more different URLs, so that lists can be compared".to_owned(),
            ));
        }
        Ok(Self {
            signers,
            policy: KeyPolicy {
                paths: distinct.len(),
                least_age_s,
            },
            paths,
        })
    }
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Has the gateways' keys at hand, so that no question has to wait for them, and none can be told by when lists are
    /// fetched. Does nothing while what is at hand is new.
    ///
    /// # Errors
    /// As a question would end that needs the key.
    pub async fn refresh_keys(&self) -> Result<(), Error> {
        for way in self.ways() {
            let key = way.keys.not_older_than(AHEAD, &way.transport, &self.clock);
            key.await?;
        }
        Ok(())
    }
}

/// A key and what was seen beside it.
#[derive(Debug)]
pub(crate) struct GatewayKey {
    pub(crate) verified: VerifiedKey,
    /// Another one that one path alone showed, as a sentence.
    pub(crate) targeted: Option<String>,
}

/// What lists have said, for as long as they hold.
struct Held {
    key: Rc<GatewayKey>,
    fetched_ms: f64,
    /// By the clock that nobody sets back, and by the time of day, which goes on while a device sleeps.
    until_ms: f64,
    until_s: u64,
}

impl Keys {
    /// The key to seal to now. Lists are fetched if there are none, or if it is time to look again.
    ///
    /// # Errors
    /// As the lists deserve it, or as [`Transport::key_list`]; what was compared earlier and still holds then does, but
    /// never against lists that say otherwise.
    pub(crate) async fn now(
        &self,
        transport: &impl Transport,
        clock: &impl Clock,
    ) -> Result<Rc<GatewayKey>, Error> {
        self.not_older_than(FOR_A_QUESTION, transport, clock).await
    }

    async fn not_older_than(
        &self,
        again: Again,
        transport: &impl Transport,
        clock: &impl Clock,
    ) -> Result<Rc<GatewayKey>, Error> {
        let (lists, held) = match &*self.0 {
            KeySource::Pinned(key) => return Ok(pinned(key)),
            KeySource::Listed(lists, held) => (lists, held),
        };
        let mut held = held.lock().await;
        let now_ms = clock.now_ms();
        held.take_if(|held| now_ms >= held.until_ms || clock.unix_s() > held.until_s);
        if let Some(held) = &*held
            && now_ms < held.fetched_ms + again.after_ms
            && now_ms < held.until_ms - again.ahead_ms
        {
            return Ok(held.key.clone());
        }
        match (lists.fetch(transport, clock).await, &*held) {
            (Ok(fetched), _) => Ok(held.insert(fetched).key.clone()),
            (Err(error), Some(held)) if cannot_be_reached(error.code) => Ok(held.key.clone()),
            (Err(error), _) => {
                *held = None;
                Err(error)
            }
        }
    }

    /// The gateway does not know this key: another one, if lists now name one.
    ///
    /// # Errors
    /// As [`Keys::now`].
    pub(crate) async fn instead_of(
        &self,
        refused: &GatewayKey,
        transport: &impl Transport,
        clock: &impl Clock,
    ) -> Result<Option<Rc<GatewayKey>>, Error> {
        let is_refused = |key: &GatewayKey| key.verified == refused.verified;
        if let KeySource::Listed(_, held) = &*self.0 {
            held.lock().await.take_if(|held| is_refused(&held.key));
        }
        let key = self.now(transport, clock).await?;
        Ok((!is_refused(&key)).then_some(key))
    }
}

fn pinned(key: &VerifiedKey) -> Rc<GatewayKey> {
    Rc::new(GatewayKey {
        verified: key.clone(),
        targeted: None,
    })
}

impl SignedLists {
    async fn fetch(&self, transport: &impl Transport, clock: &impl Clock) -> Result<Held, Error> {
        let lists = self.paths.iter().map(|path| transport.key_list(path));
        let lists = future::try_join_all(lists).await?;
        let seen = self.paths.iter().zip(&lists);
        let seen: Vec<_> = seen
            .map(|(path, directory)| Seen { path, directory })
            .collect();
        let (now_s, now_ms) = (clock.unix_s(), clock.now_ms());
        let Trusted {
            key,
            until,
            passed_over,
        } = trusted_key(&seen, &self.signers, &self.policy, now_s)
            .map_err(|why| Error::new(code(&why), why.to_string()))?;
        let targeted = passed_over
            .iter()
            .find(|why| matches!(why, Untrusted::OnePathOnly { .. }));
        let until_ms = now_ms + until.saturating_sub(now_s) as f64 * 1000.0;
        Ok(Held {
            key: Rc::new(GatewayKey {
                verified: key,
                targeted: targeted.map(Untrusted::to_string),
            }),
            fetched_ms: now_ms,
            until_ms,
            until_s: until,
        })
    }
}

/// What a page tells a person of it.
fn code(why: &Untrusted) -> ErrorCode {
    match why {
        Untrusted::ListExpired { .. } | Untrusted::Expired { .. } => ErrorCode::KeyListExpired,
        Untrusted::ListNotYetValid { .. } | Untrusted::NotYetValid { .. } => ErrorCode::ClockSkewed,
        Untrusted::OnePathOnly { .. } => ErrorCode::KeyTargeted,
        Untrusted::TooYoung { .. } => ErrorCode::KeyTooYoung,
        _ => ErrorCode::KeyListRefused,
    }
}

/// Nothing was heard, so nothing speaks against what was compared earlier.
fn cannot_be_reached(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Offline
            | ErrorCode::RelayUnavailable
            | ErrorCode::RelayRateLimited
            | ErrorCode::GatewayUnavailable
    )
}
