//! Verifies what hardware says of a gateway: that this very key belongs to this very software, inside a virtual machine
//! that its host cannot look into.
//!
//! Intel TDX quotes are checked by `dcap-qvl`, AMD SEV-SNP reports by `sev`; what that one leaves out (dates, revocation,
//! and whether chip and firmware are those that the certificate is for) is checked here. Nothing here does I/O: evidence
//! and time come in as arguments. It runs natively and in a page, there as a module of its own, so that only apps that
//! send [`query::PrivacyClass::Restricted`] texts away download it.
//!
//! ```text
//! page     nonce = 32 random bytes                            never used twice
//! gateway  evidence over report_data(key config, nonce)       made by the hardware, for this nonce
//! page     verify(evidence, expected, now) -> Attested        or Refused, which says why
//!          privacy::Challenge::accept(attested.statement())   -> AttestedEndpoint: what is restricted may leave to it
//! ```

mod allowed;
mod bytes;
mod evidence;
mod refused;
mod snp;
mod tdx;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod wasm;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha512};

pub use allowed::{
    ALLOWED_TYPE, Allowed, Hardware, Measurement, SnpMeasurement, SnpTcb, Software, TdxMeasurement,
};
pub use evidence::{Evidence, Proof, SnpProof, TdxProof};
pub use refused::Refused;

/// For how long evidence is good at most, in seconds: a machine that is taken over later is not trusted for longer.
pub const GOOD_FOR_S: u64 = 3600;

/// What evidence has to fit.
#[derive(Debug)]
pub struct Expected<'a> {
    /// SHA-256 of the key config that requests are to be sealed to: its fingerprint.
    pub key_config: [u8; 32],
    /// What the gateway was asked to put into its evidence: random, and never used before.
    pub nonce: [u8; 32],
    /// The software that may hold the key.
    pub measurements: &'a Allowed,
    /// The makers of hardware that are believed.
    pub roots: &'a Roots,
}

/// Certificates of the makers of hardware, in DER.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Intel's SGX root CA.
    pub intel: Vec<u8>,
    /// AMD's root keys (ARK), one for each generation of processors.
    pub amd: Vec<Vec<u8>>,
}

impl Roots {
    /// Those of the real makers, as `sev` and this crate carry them: Intel's SGX root CA, AMD's ARK for Milan, Genoa and Turin.
    ///
    /// # Errors
    /// [`Refused::Malformed`] if one of them cannot be read, which a test excludes.
    pub fn of_the_makers() -> Result<Self, Refused> {
        Ok(Self {
            intel: tdx::INTEL_ROOT.to_vec(),
            amd: snp::amd_roots()?,
        })
    }
}

/// Evidence that was verified. Only [`verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    key_config: [u8; 32],
    nonce: [u8; 32],
    hardware: Hardware,
    software: String,
    until: u64,
}

impl Attested {
    /// Whose hardware vouches.
    pub fn hardware(&self) -> Hardware {
        self.hardware
    }

    /// The name that the list of measurements gives to the software.
    pub fn software(&self) -> &str {
        &self.software
    }

    /// Until when it holds, in seconds since 1970.
    pub fn until(&self) -> u64 {
        self.until
    }

    /// What the page's privacy layer is told.
    pub fn statement(&self) -> query::Attestation {
        query::Attestation {
            key: hex::encode(self.key_config),
            nonce: hex::encode(self.nonce),
            hardware: self.hardware.name().to_owned(),
            software: self.software.clone(),
            until_ms: self.until as f64 * 1000.0,
        }
    }
}

/// What the hardware has verified of a machine, before it is asked which key it holds and which software it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Genuine {
    pub(crate) report_data: [u8; 64],
    pub(crate) measurement: Measurement,
    /// The first of the dates on which something of the evidence expires, in seconds since 1970.
    pub(crate) until: u64,
}

/// Verifies evidence. `now` is in seconds since 1970.
///
/// # Errors
/// [`Refused`] says what does not fit, and what can be done.
pub fn verify(evidence: &Evidence, expected: &Expected<'_>, now: u64) -> Result<Attested, Refused> {
    if bytes::hex_array(&evidence.nonce, "nonce")? != expected.nonce {
        return Err(Refused::Stale);
    }
    let genuine = match &evidence.proof {
        Proof::Tdx(proof) => tdx::verify(proof, &expected.roots.intel, now)?,
        Proof::SevSnp(proof) => snp::verify(proof, &expected.roots.amd, now)?,
    };
    if genuine.report_data != report_data(&expected.key_config, &expected.nonce) {
        return Err(Refused::OtherKey);
    }
    let software = expected.measurements.software(&genuine.measurement, now)?;
    let until = genuine.until.min(expected.measurements.expires());
    Ok(Attested {
        key_config: expected.key_config,
        nonce: expected.nonce,
        hardware: genuine.measurement.hardware(),
        software: software.to_owned(),
        until: until.min(now.saturating_add(GOOD_FOR_S)),
    })
}

/// What a gateway has its hardware sign: SHA-512 of a label, the page's nonce, and the SHA-256 of the key config.
pub fn report_data(key_config: &[u8; 32], nonce: &[u8; 32]) -> [u8; 64] {
    let hash = Sha512::new()
        .chain_update(b"tidegate attestation of a key config, version 1\0")
        .chain_update(nonce)
        .chain_update(key_config);
    hash.finalize().into()
}
