//! What the cloud's endpoint proves before anything restricted leaves to it.

use privacy::Challenge;
use query::{Attestation, ChatRequest, Error, ErrorCode, Mode, Policy, PrivacyClass};

use crate::{Clock, Consent, Engine, LocalModel, Signals, Transport, engine::Attested, ways::Way};

/// Evidence that holds for less than this is asked for again, in milliseconds: a question takes a while to be sealed.
const ENOUGH_MS: f64 = 60_000.0;

/// Evidence as the gateway gave it, which is still to be verified.
#[derive(Debug)]
pub struct Unverified {
    /// What it has to answer.
    pub challenge: Challenge,
    /// The gateway's JSON.
    pub evidence: String,
}

impl<L: LocalModel, T: Transport, C: Clock, S: Signals, K: Consent> Engine<L, T, C, S, K> {
    /// Whether the gateway should be asked for evidence before this request: it may go to the cloud only with it.
    pub fn needs_evidence(&self, request: &ChatRequest, policy: &Policy) -> bool {
        let class = || {
            let findings = self.find(request, policy, &self.detector());
            findings.strictest().class
        };
        self.cloud.is_some()
            && policy.mode != Mode::LocalOnly
            && class() == PrivacyClass::Restricted
    }

    /// Asks the gateway for evidence over the key that requests are sealed to now, by the first way that can be taken; with
    /// several gateways, that one alone is attested then. `nonce` are 32 random bytes in hex that
    /// were never used before. None if what was verified earlier is of that key and holds for another minute.
    ///
    /// # Errors
    /// As the gateway's key cannot be had, or as [`Transport::evidence`].
    pub async fn evidence(&self, nonce: String) -> Result<Option<Unverified>, Error> {
        let now = self.clock.now_ms();
        let mut ways: Vec<_> = self.ways().collect();
        ways.sort_by(|a, b| a.open_ms(now).total_cmp(&b.open_ms(now)));
        let mut why = Error::new(
            ErrorCode::NoRoute,
            "no cloud is set up; give its relays and keys",
        );
        for way in ways {
            match self.evidence_by(way, &nonce).await {
                Err(error) if is_of_the_relay(error.code) => why = error,
                evidence => return evidence,
            }
        }
        Err(why)
    }

    async fn evidence_by(&self, way: &Way<T>, nonce: &str) -> Result<Option<Unverified>, Error> {
        let key = way.keys.now(&way.transport, &self.clock).await?;
        let key = key.verified.fingerprint();
        if let Attested::Yes(endpoint) = &*self.attested.borrow()
            && endpoint.key() == key
            && endpoint.is_fresh(self.clock.now_ms() + ENOUGH_MS)
        {
            return Ok(None);
        }
        let evidence = way.transport.evidence(key, nonce).await?;
        Ok(Some(Unverified {
            challenge: Challenge::new(key, nonce),
            evidence,
        }))
    }

    /// Takes what was verified of the evidence. From now on, and for as long as it holds, what is restricted may leave to
    /// this endpoint. `wall_ms` is the time of day, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`ErrorCode::EvidenceStale`] if it answers another challenge, or has expired, [`ErrorCode::EvidenceUnbound`] if it
    /// is about another key; nothing restricted leaves then.
    pub fn attest(
        &self,
        challenge: Challenge,
        attestation: &Attestation,
        wall_ms: f64,
    ) -> Result<(), Error> {
        use privacy::NotAttested as N;
        match challenge.accept(attestation, wall_ms, self.clock.now_ms()) {
            Ok(endpoint) => {
                self.attested.replace(Attested::Yes(endpoint));
                Ok(())
            }
            Err(why) => {
                let code = match why {
                    N::OtherNonce | N::Expired => ErrorCode::EvidenceStale,
                    N::OtherKey => ErrorCode::EvidenceUnbound,
                };
                let error = Error::new(code, why.to_string());
                self.set_not_attested(error.clone());
                Err(error)
            }
        }
    }

    /// There is no evidence that holds: `why` is what a request ends with that is restricted and that only the cloud could
    /// answer.
    pub fn set_not_attested(&self, why: Error) {
        self.attested.replace(Attested::Refused(why));
    }
}

/// Another relay may do better.
fn is_of_the_relay(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RelayUnavailable | ErrorCode::RelayRateLimited
    )
}
