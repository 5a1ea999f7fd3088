//! What a page calls: this crate as a module of its own.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Allowed, Evidence, Expected, Refused, Roots, bytes, verify};

/// Verifies a gateway's evidence against the makers' own roots; returns the statement that the page's engine takes.
///
/// `evidence` and the list `measurements` are JSON, `signers` are Ed25519 keys in base64, `key_config` (its fingerprint)
/// and `nonce` are 32 bytes in hex, `now_ms` is `Date.now()`.
///
/// # Errors
/// A [`query::Error`] as JSON, which says why the evidence is refused.
#[wasm_bindgen(js_name = verifyEvidence)]
pub fn verify_evidence(
    evidence: &str,
    measurements: &str,
    signers: Vec<String>,
    key_config: &str,
    nonce: &str,
    now_ms: f64,
) -> Result<String, String> {
    let attested = || -> Result<_, Refused> {
        let signers: Result<Vec<_>, _> = signers
            .iter()
            .map(|signer| dsse::PublicKey::from_base64(signer))
            .collect();
        let expected = Expected {
            key_config: bytes::hex_array(key_config, "key config")?,
            nonce: bytes::hex_array(nonce, "nonce")?,
            measurements: &Allowed::open(measurements, &signers?)?,
            roots: &Roots::of_the_makers()?,
        };
        verify(
            &Evidence::from_json(evidence)?,
            &expected,
            (now_ms / 1000.0) as u64,
        )
    };
    let attested = attested().map_err(|refused| {
        let error = query::Error::new(refused.code(), refused.to_string());
        serde_json::json!(error).to_string()
    })?;
    Ok(serde_json::json!(attested.statement()).to_string())
}
