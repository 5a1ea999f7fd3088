//! Evidence as an attacker on the way, or a gateway, could write it: nothing panics, and what passes says what was signed.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{KEY, NONCE, allowed, made_snp, made_tdx, recorded::JUNE_2025 as NOW};
use crate::{
    Allowed, Attested, Evidence, Expected, Proof, Refused, Roots, Software, report_data, snp, tdx,
    verify,
};

/// Good evidence of both makers as JSON, with all that it has to fit.
struct Good {
    texts: [String; 2],
    roots: Roots,
    measurements: Allowed,
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let data = report_data(&KEY, &NONCE);
    let (tdx_proof, intel) = made_tdx::made(data);
    let [ark, _] = made_snp::roots();
    let snp_proof = made_snp::Made::at(NOW, data).proof();
    let measured = [
        tdx::verify(&tdx_proof, &intel, NOW).unwrap(),
        snp::verify(&snp_proof, std::slice::from_ref(&ark), NOW).unwrap(),
    ];
    let software = measured.map(|genuine| Software {
        name: "gateway".to_owned(),
        measurement: genuine.measurement,
    });
    let proofs = [Proof::Tdx(Box::new(tdx_proof)), Proof::SevSnp(snp_proof)];
    Good {
        texts: proofs.map(|proof| {
            let nonce = hex::encode(NONCE);
            serde_json::to_string(&Evidence { nonce, proof }).unwrap()
        }),
        roots: Roots {
            intel,
            amd: vec![ark],
        },
        measurements: allowed(&software, NOW),
    }
});

fn check(text: &str) -> Result<Attested, Refused> {
    let expected = Expected {
        key_config: KEY,
        nonce: NONCE,
        measurements: &GOOD.measurements,
        roots: &GOOD.roots,
    };
    verify(&Evidence::from_json(text)?, &expected, NOW)
}

/// A byte of some field's bytes behind their base64, changed.
fn changed_within(text: &str, field: Index, at: Index, bits: u8) -> String {
    let parts: Vec<&str> = text.split('"').collect();
    let is_base64 = |part: &&&str| part.len() > 100 && BASE64.decode(part).is_ok();
    let fields: Vec<&&str> = parts.iter().filter(is_base64).collect();
    let field = fields[field.index(fields.len())];
    let mut bytes = BASE64.decode(field).unwrap();
    let at = at.index(bytes.len());
    bytes[at] ^= bits;
    text.replace(*field, &BASE64.encode(bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(
        std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
    ) })]

    #[test]
    fn changed_evidence_is_refused_or_says_the_same(
        maker in 0..2_usize,
        changes in vec((any::<Index>(), 0x20..0x7f_u8), 0..3),
        within in proptest::option::of((any::<Index>(), any::<Index>(), 1..=255_u8)),
        keep in proptest::option::weighted(0.1, any::<Index>()),
    ) {
        let mut text = GOOD.texts[maker].clone();
        if let Some((field, at, bits)) = within {
            text = changed_within(&text, field, at, bits);
        }
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(bytes.len()));
        }
        // All of it is ASCII.
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(attested) = check(&text) {
            let good = check(&GOOD.texts[maker]).unwrap();
            prop_assert_eq!(attested.statement(), good.statement());
        }
    }
}
