//! Why evidence is not believed.

use query::ErrorCode;

/// What does not fit, and the way out. Nothing that is restricted leaves to an endpoint whose evidence is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Something cannot be read.
    #[error(
        "the gateway's evidence cannot be read ({what}: {why}); ask it again, or use another gateway"
    )]
    Malformed {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It was made for another nonce.
    #[error(
        "the gateway's evidence answers another question than this page's: it may be old; ask it again with a fresh nonce"
    )]
    Stale,
    /// The hardware vouches for another key.
    #[error(
        "the gateway's hardware vouches for another key than the one that requests would be sealed to; use the key that \
         it vouches for, or another gateway"
    )]
    OtherKey,
    /// A signature or a chain of certificates does not hold.
    #[error("the gateway's evidence is not genuine ({what}: {why}); use another gateway")]
    NotGenuine {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Something is not valid yet.
    #[error(
        "the {what} of the gateway's evidence is not valid yet: check this device's clock, or use another gateway"
    )]
    NotYetValid {
        /// Which part.
        what: String,
    },
    /// Something was valid once.
    #[error(
        "the {what} of the gateway's evidence has expired: its operator has to fetch it anew from the maker of the hardware"
    )]
    Expired {
        /// Which part.
        what: String,
    },
    /// The maker has revoked a certificate or a platform.
    #[error("the maker of the gateway's hardware has revoked its {what}; use another gateway")]
    Revoked {
        /// Which part.
        what: String,
    },
    /// The maker's word on what is revoked is missing.
    #[error(
        "the gateway's evidence brings no list of revoked certificates; its operator has to add the maker's"
    )]
    NoRevocationList,
    /// The certificate is for another chip, or for other firmware, than the report.
    #[error(
        "the certificate in the gateway's evidence is for another {what} than its report; use another gateway"
    )]
    OtherMachine {
        /// `chip` or the part of the firmware.
        what: &'static str,
    },
    /// Firmware or microcode with known holes.
    #[error("the gateway's hardware is not up to date ({what}); its operator has to update it")]
    OutOfDate {
        /// What is behind.
        what: String,
    },
    /// Its host can look into the machine, or move it.
    #[error("the gateway's virtual machine is not closed to its host ({why}); use another gateway")]
    Open {
        /// How it is open.
        why: &'static str,
    },
    /// A kind of evidence that is not checked here.
    #[error(
        "the gateway's evidence is of a kind that is not supported ({what}); supported: TDX quotes of version 4 and 5, SEV-SNP reports signed by a VCEK"
    )]
    Unsupported {
        /// Which.
        what: String,
    },
    /// The software is not in the list.
    #[error(
        "the gateway runs software that this app does not know (measurement {measurement}); its operator has to go back \
         to a release that the app allows, or the app has to allow this one"
    )]
    UnknownSoftware {
        /// The measurement, in hex.
        measurement: String,
    },
    /// The list of software is not to be used any more, or not yet.
    #[error(
        "the app's list of gateway software is not valid {when}; the app has to publish a newer one, or check this device's clock"
    )]
    ListNotValid {
        /// `yet` or `any more`.
        when: &'static str,
    },
    /// The list of software is not signed by whom the app trusts.
    #[error("the app's list of gateway software is not believed: {0}")]
    List(#[from] dsse::Error),
}

impl Refused {
    /// What a page tells a person of it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Stale => ErrorCode::EvidenceStale,
            Self::OtherKey => ErrorCode::EvidenceUnbound,
            Self::UnknownSoftware { .. } => ErrorCode::SoftwareUnknown,
            Self::OutOfDate { .. } => ErrorCode::PlatformOutdated,
            _ => ErrorCode::EvidenceRefused,
        }
    }

    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> Self {
        Self::Malformed {
            what,
            why: why.to_string(),
        }
    }

    pub(crate) fn not_genuine(what: &'static str, why: impl ToString) -> Self {
        Self::NotGenuine {
            what,
            why: why.to_string(),
        }
    }
}
