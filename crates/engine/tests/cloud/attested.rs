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
    Attestation {
        key: pinned().fingerprint().to_owned(),
        nonce: nonce.to_owned(),
        hardware: "tdx".to_owned(),
        software: "gateway 1".to_owned(),
        until_ms: WALL_MS + holds_ms,
    }
}

const WALL_MS: f64 = 1.75e12;

/// Asks a gateway that answers, and whose evidence is `{NONCE}`.
fn engine_with_evidence(
    seen: &Rc<RefCell<Vec<String>>>,
) -> InProcess<impl Fn(&[u8]) -> Result<Wire, Error> + use<>, Always> {
    let seen = seen.clone();
    let relay = move |sealed: &[u8]| {
        Ok(whole(gateway(
            200,
            &[data("Yes."), END.to_owned()],
            &seen,
            sealed,
        )))
    };
    let relay = InMemory::new(relay).with(|what| {
        let nonce = what.rsplit(' ').next().unwrap();
        Ok(format!("{{{nonce}}}"))
    });
    let engine = engine_at(NoModel, relay, pinned(), 10.0, Always(true));
    engine.set_detector(Detector::default());
    engine
}

#[test]
fn what_is_restricted_leaves_to_an_attested_endpoint_while_its_evidence_is_fresh() {
    let seen = Rc::default();
    let engine = engine_with_evidence(&seen);
    let policy = health_is_restricted();
    let question = ask("My biopsy came back. Help me understand it.");
    let answer = || block_on(engine.answer(question.clone(), &policy, &mut |_| ()));
    let evidence = |nonce: &str| block_on(engine.evidence(nonce.to_owned())).unwrap();
    let attest = |nonce: &str, said: &Attestation| {
        let given = evidence(nonce).unwrap();
        assert_eq!(given.evidence, format!("{{{nonce}}}"));
        engine.attest(given.challenge, said, WALL_MS)
    };
    assert_eq!(answer().unwrap_err().code, ErrorCode::PrivacyBlocked);

    // Evidence that holds for less than the engine's clock takes to be read once more.
    assert_eq!(attest("a", &statement("a", 5.0)), Ok(()));
    assert_eq!(answer().unwrap_err().code, ErrorCode::PrivacyBlocked);

    // What answers another challenge, and what is about another key: each says why nothing left.
    let other_key = Attestation {
        key: "k".to_owned(),
        ..statement("c", 1e6)
    };
    for (nonce, said, code) in [
        ("b", statement("a", 1e6), ErrorCode::EvidenceStale),
        ("c", other_key, ErrorCode::EvidenceUnbound),
        ("d", statement("d", -1.0), ErrorCode::EvidenceStale),
    ] {
        let refused = attest(nonce, &said).unwrap_err();
        assert_eq!(refused.code, code);
        let unanswered = answer().unwrap_err();
        assert_eq!(unanswered.code, code);
        assert!(unanswered.message.starts_with(&refused.message));
    }
    assert_eq!(seen.borrow().len(), 0);

    assert_eq!(attest("e", &statement("e", 1e6)), Ok(()));
    assert_eq!(answer(), Ok(()));
    assert_eq!(seen.borrow().len(), 1);
    assert!(evidence("f").is_none(), "it still holds");
    // Which takes away what was there.
    engine.set_not_attested(Error::new(ErrorCode::SoftwareUnknown, "unknown"));
    assert_eq!(answer().unwrap_err().code, ErrorCode::SoftwareUnknown);
}

#[test]
fn evidence_is_needed_for_what_is_restricted_and_may_leave() {
    let engine = engine_with_evidence(&Rc::default());
    let local_only = Policy {
        mode: Mode::LocalOnly,
        ..health_is_restricted()
    };
    for (text, policy, needed) in [
        ("My biopsy came back.", health_is_restricted(), true),
        ("My biopsy came back.", local_only, false),
        ("My biopsy came back.", CLOUD_ONLY.clone(), false),
        ("My bicycle came back.", health_is_restricted(), false),
    ] {
        assert_eq!(engine.needs_evidence(&ask(text), &policy), needed, "{text}");
    }
}

#[test]
fn evidence_that_is_about_to_expire_is_asked_for_again() {
    let engine = engine_with_evidence(&Rc::default());
    let evidence = |nonce: &str| block_on(engine.evidence(nonce.to_owned())).unwrap();
    for (holds_ms, asked_again) in [(59_000.0, true), (120_000.0, false)] {
        let given = evidence("a").unwrap();
        engine
            .attest(given.challenge, &statement("a", holds_ms), WALL_MS)
            .unwrap();
        assert_eq!(evidence("a").is_some(), asked_again);
    }
}
