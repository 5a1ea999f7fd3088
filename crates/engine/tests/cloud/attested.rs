//! What is restricted leaves to an endpoint whose evidence was verified, while that is fresh, and to no other.

use query::{Attestation, PrivacyClass, PrivacyRules, Topic};

use super::*;

fn health_is_restricted() -> Policy {
    Policy {
        privacy: PrivacyRules {
            topics: [(Topic::Health, PrivacyClass::Restricted)].into(),
            ..PrivacyRules::default()
        },
        ..CLOUD_ONLY.clone()
    }
}

/// What a verified piece of evidence for this nonce says; it holds for this long, in milliseconds.
fn statement(nonce: &str, holds_ms: f64) -> Attestation {
    let list = GatewayKeys::from_seed(&SEED).unwrap().config_list();
    let key = VerifiedKey::pinned(&list.unwrap()).unwrap();
    Attestation {
        key: key.fingerprint().to_owned(),
        nonce: nonce.to_owned(),
        hardware: "tdx".to_owned(),
        software: "gateway 1".to_owned(),
        until_ms: WALL_MS + holds_ms,
    }
}

const WALL_MS: f64 = 1.75e12;

#[test]
fn what_is_restricted_leaves_to_an_attested_endpoint_while_its_evidence_is_fresh() {
    let seen = Rc::default();
    let relay = |sealed: &[u8]| {
        Ok(whole(gateway(
            200,
            &[data("Yes."), END.to_owned()],
            &seen,
            sealed,
        )))
    };
    let engine = engine(relay);
    let policy = health_is_restricted();
    let question = ask("My biopsy came back. Help me understand it.");
    let answer = || block_on(engine.answer(question.clone(), &policy, &mut |_| ()));
    assert_eq!(answer().unwrap_err().code, ErrorCode::PrivacyBlocked);

    let challenge = engine.challenge("a").unwrap();
    let accepted = engine.attest(challenge, &statement("a", 1e6), WALL_MS);
    assert_eq!(accepted, Ok(()));
    assert_eq!(answer(), Ok(()));
    assert_eq!(seen.borrow().len(), 1);

    // Evidence that holds for less than the engine's clock takes to be read once more.
    let challenge = engine.challenge("b").unwrap();
    let accepted = engine.attest(challenge, &statement("b", 5.0), WALL_MS);
    assert_eq!(accepted, Ok(()));
    assert_eq!(answer().unwrap_err().code, ErrorCode::PrivacyBlocked);

    // What answers another challenge takes away what was there.
    let challenge = engine.challenge("c").unwrap();
    engine
        .attest(challenge, &statement("c", 1e6), WALL_MS)
        .unwrap();
    let challenge = engine.challenge("d").unwrap();
    let stale = engine.attest(challenge, &statement("c", 1e6), WALL_MS);
    assert_eq!(stale.unwrap_err().code, ErrorCode::KeyMismatch);
    assert_eq!(answer().unwrap_err().code, ErrorCode::PrivacyBlocked);
    assert_eq!(seen.borrow().len(), 1);
}
