//! From evidence to a key that may be sealed to, under test roots.

use super::{
    KEY, NONCE, allowed,
    made_snp::{self, ASK_SERIAL, Made},
    made_tdx,
    recorded::JUNE_2025 as NOW,
    signer,
};
use crate::{
    Allowed, Attested, Evidence, Expected, Measurement, Proof, Refused, Roots, SnpMeasurement,
    SnpTcb, Software, report_data, tdx, verify,
};

fn evidence(proof: Proof) -> Evidence {
    Evidence {
        nonce: hex::encode(NONCE),
        proof,
    }
}

fn snp_software() -> Software {
    Software {
        name: "gateway 1".to_owned(),
        measurement: Measurement::SevSnp(SnpMeasurement {
            measurement: [0x33; 48],
            host_data: [0; 32],
            tcb: SnpTcb {
                fmc: 0,
                bootloader: 3,
                tee: 0,
                snp: 8,
                microcode: 115,
            },
        }),
    }
}

fn roots(intel: Vec<u8>) -> Roots {
    let [ark, _] = made_snp::roots();
    Roots {
        intel,
        amd: vec![ark],
    }
}

fn good() -> Made {
    Made::at(NOW, report_data(&KEY, &NONCE))
}

fn check(made: &Made) -> Result<Attested, Refused> {
    check_with(&evidence(Proof::SevSnp(made.proof())), KEY, NONCE)
}

fn check_with(
    evidence: &Evidence,
    key_config: [u8; 32],
    nonce: [u8; 32],
) -> Result<Attested, Refused> {
    let expected = Expected {
        key_config,
        nonce,
        measurements: &allowed(&[snp_software()], NOW),
        roots: &roots(Vec::new()),
    };
    verify(evidence, &expected, NOW)
}

#[test]
fn snp_evidence_binds_a_key() {
    let attested = check(&good()).unwrap();
    assert_eq!(
        attested.statement(),
        query::Attestation {
            key: "11".repeat(32),
            nonce: "22".repeat(32),
            hardware: "sev-snp".to_owned(),
            software: "gateway 1".to_owned(),
            until_ms: (NOW + 3600) as f64 * 1000.0,
        }
    );
}

#[test]
fn tdx_evidence_binds_a_key() {
    let (proof, root) = made_tdx::made(report_data(&KEY, &NONCE));
    let measurement = tdx::verify(&proof, &root, NOW).unwrap().measurement;
    let software = Software {
        name: "gateway 2".to_owned(),
        measurement,
    };
    let measurements = &allowed(&[snp_software(), software], NOW);
    let mut expected = Expected {
        key_config: KEY,
        nonce: NONCE,
        measurements,
        roots: &roots(root),
    };
    let evidence = evidence(Proof::Tdx(Box::new(proof)));
    let attested = verify(&evidence, &expected, NOW).unwrap();
    assert_eq!(
        (attested.software(), attested.hardware().name()),
        ("gateway 2", "tdx")
    );
    // As it comes over the wire.
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(Evidence::from_json(&text).unwrap(), evidence);

    // Under Intel's own root the same evidence is nobody's.
    let makers = Roots::of_the_makers().unwrap();
    expected.roots = &makers;
    let refused = verify(&evidence, &expected, NOW);
    assert!(
        matches!(refused, Err(Refused::NotGenuine { .. })),
        "{refused:?}"
    );
}

#[test]
fn stale_evidence_is_refused() {
    let evidence = evidence(Proof::SevSnp(good().proof()));
    let fresh = [0x23; 32];
    assert_eq!(check_with(&evidence, KEY, fresh), Err(Refused::Stale));
    // The same evidence with the fresh nonce written over the old one.
    let relabelled = Evidence {
        nonce: hex::encode(fresh),
        ..evidence
    };
    assert_eq!(check_with(&relabelled, KEY, fresh), Err(Refused::OtherKey));
}

#[test]
fn evidence_for_another_key_is_refused() {
    let evidence = evidence(Proof::SevSnp(good().proof()));
    assert_eq!(
        check_with(&evidence, [0x12; 32], NONCE),
        Err(Refused::OtherKey)
    );
}

/// The dates of a certificate's signer and of the list, who signed the list, and what is in it.
#[test]
fn what_sev_leaves_out_is_checked() {
    let (early, late) = ((NOW + 10, NOW + 20), (NOW - 20, NOW - 10));
    let ask = "certificate of AMD's signing key (ASK)".to_owned();
    let list = "revocation list".to_owned();
    type Change = fn(&mut Made);
    let changes: [(Change, Refused); 9] = [
        (
            |made| made.certified_chip[63] ^= 1,
            Refused::OtherMachine { what: "chip" },
        ),
        (
            |made| made.certified_tcb[3] += 1,
            Refused::OtherMachine {
                what: "microcode version",
            },
        ),
        (
            |made| made.certified_tcb[0] -= 1,
            Refused::OtherMachine {
                what: "bootloader version",
            },
        ),
        (
            |made| made.vmpl = 1,
            Refused::Open {
                why: "the report was not asked for at the machine's highest privilege",
            },
        ),
        (
            |made| made.policy |= 1 << 18,
            Refused::Open {
                why: "its policy lets the host move it by a migration agent",
            },
        ),
        (
            |made| made.revoked = vec![3, ASK_SERIAL],
            Refused::Revoked {
                what: "signing key (ASK)".to_owned(),
            },
        ),
        (
            |made| (made.tcb, made.certified_tcb) = ([3, 0, 7, 115], [3, 0, 7, 115]),
            Refused::OutOfDate {
                what: "SNP firmware 7, at least 8 is needed".to_owned(),
            },
        ),
        (
            |made| made.measurement[0] = 0,
            Refused::UnknownSoftware {
                measurement: format!("00{}", "33".repeat(47)),
            },
        ),
        (|made| made.report_data[0] ^= 1, Refused::OtherKey),
    ];
    for (change, why) in changes {
        let mut made = good();
        change(&mut made);
        assert_eq!(check(&made), Err(why));
    }
    let dated = |ask_valid, crl_valid| Made {
        ask_valid,
        crl_valid,
        ..good()
    };
    let valid = good().ask_valid;
    assert_eq!(
        check(&dated(early, valid)),
        Err(Refused::NotYetValid { what: ask.clone() })
    );
    assert_eq!(
        check(&dated(late, valid)),
        Err(Refused::Expired { what: ask })
    );
    assert_eq!(
        check(&dated(valid, early)),
        Err(Refused::NotYetValid { what: list.clone() })
    );
    assert_eq!(
        check(&dated(valid, late)),
        Err(Refused::Expired { what: list })
    );

    let forged = check(&Made {
        crl_by_ask: true,
        ..good()
    });
    assert!(
        matches!(
            forged,
            Err(Refused::NotGenuine {
                what: "revocation list",
                ..
            })
        ),
        "{forged:?}"
    );
    let mut silent = good().proof();
    silent.crl = None;
    let silent = check_with(&evidence(Proof::SevSnp(silent)), KEY, NONCE);
    assert_eq!(silent, Err(Refused::NoRevocationList));
}

/// Evidence ends with what vouches for it first.
#[test]
fn evidence_lasts_no_longer_than_what_vouches_for_it() {
    let made = Made {
        crl_valid: (NOW - 5, NOW + 60),
        ..good()
    };
    assert_eq!(check(&made).map(|attested| attested.until()), Ok(NOW + 60));
}

#[test]
fn a_root_of_the_same_name_is_not_the_root() {
    let [_, other] = made_snp::roots();
    let roots = Roots {
        intel: Vec::new(),
        amd: vec![other],
    };
    let expected = Expected {
        key_config: KEY,
        nonce: NONCE,
        measurements: &allowed(&[snp_software()], NOW),
        roots: &roots,
    };
    let refused = verify(&evidence(Proof::SevSnp(good().proof())), &expected, NOW);
    assert!(
        matches!(refused, Err(Refused::NotGenuine { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_list_is_signed_and_has_its_time() {
    let list = Allowed::sign(&[snp_software()], NOW, NOW + 10, &signer());
    let stranger = dsse::SigningKey::from_seed([6; 32]).public();
    let refused = Allowed::open(&list, &[stranger]);
    assert!(
        matches!(
            refused,
            Err(Refused::List(dsse::Error::UnknownSigner { .. }))
        ),
        "{refused:?}"
    );

    let allowed = Allowed::open(&list, &[signer().public()]).unwrap();
    let measured = snp_software().measurement;
    assert_eq!(allowed.software(&measured, NOW), Ok("gateway 1"));
    let refused = |when| Err(Refused::ListNotValid { when });
    assert_eq!(allowed.software(&measured, NOW - 1), refused("yet"));
    assert_eq!(allowed.software(&measured, NOW + 11), refused("any more"));
}
