//! What verified hardware evidence says, on its way from the module that verifies it to the one that seals.

use serde::{Deserialize, Serialize};

/// Evidence was verified: this software holds this key, in a machine that its host cannot look into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attestation {
    /// The key config that the evidence covers: its fingerprint, SHA-256 in hex.
    pub key: String,
    /// The nonce that it was made for, 32 bytes in hex.
    pub nonce: String,
    /// Whose hardware vouches: `tdx` or `sev-snp`.
    pub hardware: String,
    /// Which release of the gateway it measured.
    pub software: String,
    /// Until when it holds, in milliseconds since 1970.
    pub until_ms: f64,
}
