//! Proof that whoever opens a request runs what they say.

use query::Attestation;

/// For how long evidence is believed at most, in milliseconds.
const LONGEST_MS: f64 = 3_600_000.0;

/// What an endpoint was asked to prove: that its hardware vouches for this key, now.
///
/// It is used up by the answer, so that no evidence counts twice.
#[derive(Debug)]
pub struct Challenge {
    key: String,
    nonce: String,
}

/// Why a statement about evidence makes no [`AttestedEndpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAttested {
    /// It answers another challenge.
    #[error(
        "the gateway's evidence answers another question than this page's; ask it again with a fresh nonce"
    )]
    OtherNonce,
    /// It is about another key.
    #[error(
        "the gateway's evidence is for another key than the one that requests are sealed to; pin that key, or use another gateway"
    )]
    OtherKey,
    /// Its time is over.
    #[error("the gateway's evidence has expired; ask it again with a fresh nonce")]
    Expired,
}

impl Challenge {
    /// Asks for evidence over the key config with this fingerprint (SHA-256 in hex), with a nonce of 32 random bytes in
    /// hex that was never used before.
    pub fn new(key: impl Into<String>, nonce: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            nonce: nonce.into(),
        }
    }

    /// The fingerprint of the key that it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the endpoint's hardware has to sign.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Takes the statement of whatever verified the evidence (the crate `attestation`, which a page loads as a module of
    /// its own). `wall_ms` is the time of day in milliseconds since 1970, `now_ms` the same moment on the clock that
    /// [`crate::Findings::for_attested`] is later asked with, which nobody sets back.
    ///
    /// # Errors
    /// [`NotAttested`] if it is about something else, or too old.
    pub fn accept(
        self,
        attestation: &Attestation,
        wall_ms: f64,
        now_ms: f64,
    ) -> Result<AttestedEndpoint, NotAttested> {
        if attestation.nonce != self.nonce {
            return Err(NotAttested::OtherNonce);
        }
        if attestation.key != self.key {
            return Err(NotAttested::OtherKey);
        }
        let left = attestation.until_ms - wall_ms;
        // Written so that what is no number has expired too.
        if left > 0.0 {
            Ok(AttestedEndpoint {
                key: self.key,
                until_ms: now_ms + left.min(LONGEST_MS),
            })
        } else {
            Err(NotAttested::Expired)
        }
    }
}

/// Proof that the endpoint that a request would be sealed to was attested: its hardware vouches, with evidence that
/// was verified and is fresh, for the software that holds the key.
///
/// Only with one may [`query::PrivacyClass::Restricted`] leave, and only sealed to that key. Only [`Challenge::accept`]
/// makes one: a key that an app pins says who the gateway is, not what it runs.
#[derive(Debug)]
pub struct AttestedEndpoint {
    key: String,
    until_ms: f64,
}

impl AttestedEndpoint {
    /// The fingerprint of the key that it holds.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the evidence still counts.
    pub fn is_fresh(&self, now_ms: f64) -> bool {
        now_ms < self.until_ms
    }
}

#[cfg(test)]
mod tests {
    use query::{ChatRequest, EntityKind, Message, PrivacyClass, PrivacyRules, Role, Topic};

    use super::*;
    use crate::{Detector, Vault, find_with, preview, pseudonymize};

    /// Evidence for the key `k` that holds for a minute, accepted at this time of day.
    fn accept(wall_ms: f64) -> Result<AttestedEndpoint, NotAttested> {
        Challenge::new("k", "n").accept(&statement("k", "n"), wall_ms, 0.0)
    }

    fn statement(key: &str, nonce: &str) -> Attestation {
        Attestation {
            key: key.to_owned(),
            nonce: nonce.to_owned(),
            hardware: "tdx".to_owned(),
            software: "gateway 1".to_owned(),
            until_ms: 60_000.0,
        }
    }

    #[test]
    fn evidence_is_for_one_challenge_one_key_and_a_while() {
        let ask = |key, nonce| {
            let accepted = Challenge::new("k", "n").accept(&statement(key, nonce), 0.0, 5.0);
            accepted.map(|endpoint| endpoint.until_ms)
        };
        assert_eq!(ask("k", "n"), Ok(60_005.0));
        assert_eq!(ask("k", "m"), Err(NotAttested::OtherNonce));
        assert_eq!(ask("l", "n"), Err(NotAttested::OtherKey));
        let late = accept(60_000.0).map(|endpoint| endpoint.until_ms);
        assert_eq!(late, Err(NotAttested::Expired));
        let never = accept(f64::NAN).map(|endpoint| endpoint.until_ms);
        assert_eq!(never, Err(NotAttested::Expired));
        // However long it claims to hold.
        let long = accept(-1e12).map(|endpoint| endpoint.until_ms);
        assert_eq!(long, Ok(LONGEST_MS));
    }

    #[test]
    fn what_is_restricted_stays_when_the_evidence_is_old() {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, "My biopsy came back.")],
            ..ChatRequest::default()
        };
        let rules = PrivacyRules {
            topics: [(Topic::Health, PrivacyClass::Restricted)].into(),
            ..PrivacyRules::default()
        };
        let endpoint = accept(0.0).unwrap();
        for (now_ms, blocked) in [(59_999.0, false), (60_000.0, true)] {
            let findings = find_with(&Detector::default(), &request, &rules, &Vault::new());
            assert_eq!(findings.for_attested(&endpoint, now_ms).blocked(), blocked);
        }
    }

    /// What leaves of a text, once for an endpoint that is only pinned, and once for one that is attested.
    fn leaves(text: &str, class: PrivacyClass) -> [Option<String>; 2] {
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, text)],
            ..ChatRequest::default()
        };
        let rules = PrivacyRules {
            kinds: [(EntityKind::Email, class)].into(),
            topics: [(Topic::Health, class)].into(),
            ..PrivacyRules::default()
        };
        let find = || find_with(&Detector::default(), &request, &rules, &Vault::new());
        let endpoint = accept(0.0).unwrap();
        [find(), find().for_attested(&endpoint, 0.0)].map(|findings| {
            let mut vault = Vault::new();
            let left = pseudonymize(&findings, &mut vault).ok().map(|releasable| {
                assert_eq!(releasable.class(), class);
                let restricted = class == PrivacyClass::Restricted;
                assert_eq!(releasable.only_to(), restricted.then_some("k"));
                releasable.request().messages[0].content.clone()
            });
            assert_eq!(left.is_none(), findings.blocked());
            assert_eq!(left.is_none(), preview(&findings, &Vault::new()).blocked);
            left
        })
    }

    #[test]
    fn only_what_is_attested_gets_what_is_restricted() {
        for (text, masked) in [
            ("to ada@example.com", "to [EMAIL_1]"),
            ("My biopsy came back.", "My biopsy came back."),
        ] {
            let masked = || Some(masked.to_owned());
            assert_eq!(leaves(text, PrivacyClass::PreferNot), [masked(), masked()]);
            assert_eq!(leaves(text, PrivacyClass::Restricted), [None, masked()]);
            assert_eq!(leaves(text, PrivacyClass::NeverLeaves), [None, None]);
        }
    }
}
