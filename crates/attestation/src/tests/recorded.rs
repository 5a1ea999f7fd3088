//! Real quotes and reports.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{KEY, NONCE, allowed};
use crate::{
    Evidence, Expected, Genuine, Measurement, Proof, Refused, Roots, SnpProof, TdxProof, snp, tdx,
    verify,
};

/// Days on which the recorded collateral was valid.
pub(super) const JUNE_2025: u64 = 1_750_377_600;
const MARCH_2026: u64 = 1_772_323_200;
const OCTOBER_2026: u64 = 1_791_590_400;
const DAY: u64 = 86_400;

macro_rules! recorded {
    ($name:literal) => {
        TdxProof {
            quote: BASE64.encode(include_bytes!(concat!("../../recorded/tdx/", $name))),
            collateral: serde_json::from_str(include_str!(concat!(
                "../../recorded/tdx/",
                $name,
                "_collateral.json"
            )))
            .unwrap(),
        }
    };
}

pub(super) fn quote() -> TdxProof {
    recorded!("tdx_quote")
}

fn check_tdx(proof: &TdxProof, now: u64) -> Result<Genuine, Refused> {
    tdx::verify(proof, tdx::INTEL_ROOT, now)
}

fn milan() -> SnpProof {
    let report = include_str!("../../recorded/snp/report_milan.hex").trim();
    snp_proof(
        &hex::decode(report).unwrap(),
        include_bytes!("../../recorded/snp/vcek_milan.der"),
    )
}

fn snp_proof(report: &[u8], vcek: &[u8]) -> SnpProof {
    let ask = sev::certs::snp::builtin::milan::ask().unwrap();
    SnpProof {
        report: BASE64.encode(report),
        vcek: BASE64.encode(vcek),
        ask: BASE64.encode(ask.to_der().unwrap()),
        crl: None,
    }
}

fn check_snp(proof: &SnpProof, now: u64) -> Result<Genuine, Refused> {
    snp::verify(proof, &snp::amd_roots().unwrap(), now)
}

/// The first bytes of MRTD, the report data and the day of expiry.
#[test]
fn real_tdx_quotes_are_genuine() {
    let of = |proof: &TdxProof, now| {
        let genuine = check_tdx(proof, now).unwrap();
        let Measurement::Tdx(measured) = &genuine.measurement else {
            panic!("{genuine:?}");
        };
        let [td, data] = [&measured.mr_td[..], &genuine.report_data].map(|b| hex::encode(&b[..4]));
        (td, data, (genuine.until - now) / DAY)
    };
    let text = str::to_owned;
    assert_eq!(
        of(&quote(), JUNE_2025),
        (text("91eb2b44"), text("9a9d48e7"), 29)
    );
    assert_eq!(
        of(&recorded!("tdx_quote_td15ex"), OCTOBER_2026),
        (text("2a674327"), text("2945321c"), 27)
    );
}

#[test]
fn a_real_quote_of_another_key_binds_nothing() {
    let roots = Roots::of_the_makers().unwrap();
    let evidence = Evidence {
        nonce: hex::encode(NONCE),
        proof: Proof::Tdx(Box::new(quote())),
    };
    let expected = Expected {
        key_config: KEY,
        nonce: NONCE,
        measurements: &allowed(&[], JUNE_2025),
        roots: &roots,
    };
    let refused = verify(&evidence, &expected, JUNE_2025);
    assert_eq!(refused, Err(Refused::OtherKey));
}

#[test]
fn collateral_has_its_time() {
    let expired = check_tdx(&quote(), JUNE_2025 + 40 * DAY);
    assert!(
        matches!(expired, Err(Refused::Expired { .. })),
        "{expired:?}"
    );
    let early = check_tdx(&quote(), JUNE_2025 - 40 * DAY);
    assert!(
        matches!(early, Err(Refused::NotYetValid { .. })),
        "{early:?}"
    );
}

#[test]
fn an_outdated_platform_and_an_enclave_are_refused() {
    let outdated = check_tdx(&recorded!("tdx_quote_outdated"), MARCH_2026);
    assert!(
        matches!(outdated, Err(Refused::OutOfDate { .. })),
        "{outdated:?}"
    );
    let enclave = check_tdx(&recorded!("sgx_quote"), JUNE_2025);
    let what = "an SGX enclave's quote".to_owned();
    assert_eq!(enclave, Err(Refused::Unsupported { what }));
}

/// Everything about the real report holds; what was not recorded with it is AMD's revocation list.
#[test]
fn a_real_snp_report_is_genuine() {
    assert_eq!(
        check_snp(&milan(), JUNE_2025),
        Err(Refused::NoRevocationList)
    );
}

#[test]
fn certificates_of_chips_have_their_time() {
    let what = "certificate of the chip (VCEK)".to_owned();
    // 2023-04-03 to 2030-04-03, and 2022-09-24 to 2029-09-24.
    let expired = check_snp(&milan(), 1_901_923_200);
    assert_eq!(expired, Err(Refused::Expired { what: what.clone() }));
    let early = check_snp(&milan(), 1_672_531_200);
    assert_eq!(early, Err(Refused::NotYetValid { what }));
}

#[test]
fn a_machine_that_its_host_may_debug_is_refused() {
    let proof = snp_proof(
        include_bytes!("../../recorded/snp/report_milan_debug.bin"),
        include_bytes!("../../recorded/snp/vcek_milan_debug.der"),
    );
    let why = "its policy lets the host debug it";
    assert_eq!(check_snp(&proof, JUNE_2025), Err(Refused::Open { why }));
}

#[test]
fn another_chips_certificate_does_not_do() {
    for vcek in [
        &include_bytes!("../../recorded/snp/vcek_milan_debug.der")[..],
        include_bytes!("../../recorded/snp/vcek_turin.der"),
    ] {
        let proof = SnpProof {
            vcek: BASE64.encode(vcek),
            ..milan()
        };
        let refused = check_snp(&proof, JUNE_2025);
        assert!(
            matches!(refused, Err(Refused::NotGenuine { .. })),
            "{refused:?}"
        );
    }
}

/// Every eighth byte of what is signed, and every byte of the report's head.
#[test]
fn a_changed_byte_is_refused() {
    const SIGNED: usize = 0x2a0;
    let report = hex::decode(include_str!("../../recorded/snp/report_milan.hex").trim()).unwrap();
    for at in (0..0x50).chain((0x50..SIGNED).step_by(8)) {
        let mut changed = report.clone();
        changed[at] ^= 1;
        let proof = SnpProof {
            report: BASE64.encode(changed),
            ..milan()
        };
        let refused = check_snp(&proof, JUNE_2025).unwrap_err();
        assert_ne!(refused, Refused::NoRevocationList, "byte {at}");
    }
    let bytes = BASE64.decode(quote().quote).unwrap();
    for at in (0..632).step_by(8).chain(636..640).chain(700..704) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let proof = TdxProof {
            quote: BASE64.encode(changed),
            ..quote()
        };
        assert!(check_tdx(&proof, JUNE_2025).is_err(), "byte {at}");
    }
}

/// Whatever is cut off, nothing panics and nothing passes.
#[test]
fn cut_evidence_is_refused() {
    let bytes = BASE64.decode(quote().quote).unwrap();
    for len in (0..700).step_by(7).chain([1000, 2000, 4000]) {
        let proof = TdxProof {
            quote: BASE64.encode(&bytes[..len]),
            ..quote()
        };
        assert!(check_tdx(&proof, JUNE_2025).is_err(), "{len} bytes");
    }
    let report = BASE64.decode(milan().report).unwrap();
    for len in (0..1184).step_by(7) {
        let proof = SnpProof {
            report: BASE64.encode(&report[..len]),
            ..milan()
        };
        let refused = check_snp(&proof, JUNE_2025);
        assert!(
            matches!(refused, Err(Refused::Malformed { .. })),
            "{len} bytes"
        );
    }
}
