//! What a gateway sends: what its hardware signed, and whatever of its maker's is needed to check that.

use serde::{Deserialize, Serialize};

use crate::Refused;

/// Evidence of one machine for one nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The nonce that it was made for, 32 bytes in hex.
    pub nonce: String,
    /// Whose hardware, and what it says.
    #[serde(flatten)]
    pub proof: Proof,
}

/// What the hardware signed, by maker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hardware", rename_all = "kebab-case")]
pub enum Proof {
    /// Intel TDX.
    Tdx(Box<TdxProof>),
    /// AMD SEV-SNP.
    SevSnp(SnpProof),
}

/// An Intel TDX quote, version 4 or 5.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TdxProof {
    /// The quote in base64.
    pub quote: String,
    /// Intel's word on the platform, as a PCCS hands it out (names in snake case, bytes in hex).
    pub collateral: dcap_qvl::QuoteCollateralV3,
}

/// An AMD SEV-SNP attestation report, version 2 to 5, signed by a chip's own key (VCEK).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnpProof {
    /// The report, 1184 bytes, in base64.
    pub report: String,
    /// The chip's certificate (VCEK), DER in base64.
    pub vcek: String,
    /// The certificate of the key that signed it (ASK), DER in base64.
    pub ask: String,
    /// The revocation list of AMD's root key, DER in base64: `https://kdsintf.amd.com/vcek/v1/{generation}/crl`.
    #[serde(default)]
    pub crl: Option<String>,
}

impl Evidence {
    /// From a gateway's JSON.
    ///
    /// # Errors
    /// [`Refused::Malformed`].
    pub fn from_json(text: &str) -> Result<Self, Refused> {
        serde_json::from_str(text).map_err(|error| Refused::malformed("evidence", error))
    }
}
