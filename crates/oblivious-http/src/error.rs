//! What can go wrong in sealing and opening.

/// An error of the envelope. No variant holds plaintext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list of key configs ends early or has bytes too many.
    #[error(
        "key config {index}: {problem}; expected the format application/ohttp-keys of RFC 9458 section 3"
    )]
    KeyConfig {
        /// Which config of the list, from 0.
        index: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No config of a list can be used.
    #[error(
        "no usable key config; offered: {offered}; supported: X-Wing (0x647a) or X25519 (0x0020) \
         with HKDF-SHA256 (0x0001) and AES-128-GCM (0x0001)"
    )]
    Unsupported {
        /// The suites that the list offers, by name.
        offered: String,
    },
    /// The gateway has no key of this id, or not of this KEM.
    #[error(
        "the gateway has no key with id {key_id} and KEM {kem:#06x}; fetch its key configs again"
    )]
    UnknownKey {
        /// As the request names it.
        key_id: u8,
        /// As the request names it.
        kem: u16,
    },
    /// The request names a KDF or AEAD that was not offered.
    #[error(
        "KDF {kdf:#06x} with AEAD {aead:#06x} was not offered; offered: HKDF-SHA256 with AES-128-GCM"
    )]
    NotOffered {
        /// As the request names it.
        kdf: u16,
        /// As the request names it.
        aead: u16,
    },
    /// A sealed message was changed, reordered, or sealed to another key.
    #[error(
        "a sealed chunk did not open: it was changed, is out of order, or belongs to another key"
    )]
    Broken,
    /// A sealed message ended before its final chunk.
    #[error("the sealed message ended before its final chunk: it was cut off on the way")]
    Truncated,
    /// The plaintext is no binary HTTP message that is accepted here.
    #[error("the sealed message is no valid binary HTTP (RFC 9292): {0}")]
    Message(&'static str),
    /// Used after an earlier error.
    #[error("this message failed earlier and cannot be read on")]
    Failed,
    /// What is restricted may be sealed to the key that was attested, and to no other.
    #[error(
        "the request holds something that leaves only to the attested key {attested}, and this is {key}; ask this \
         gateway for evidence, or seal to the attested one"
    )]
    NotAttested {
        /// Fingerprint of the key that was attested.
        attested: String,
        /// Fingerprint of the key that it was to be sealed to.
        key: String,
    },
    /// Generations of keys that a gateway cannot have.
    #[error(
        "the gateway's generations of keys need numbers from 0 to 126, each once, and at least one"
    )]
    Generations,
    /// No randomness, or a defect of the envelope's library.
    #[error("the sealing library failed: {0}")]
    Library(String),
}

impl From<ohttp::Error> for Error {
    fn from(error: ohttp::Error) -> Self {
        use ohttp::Error as E;
        match error {
            E::Aead(_) | E::Hpke(_) | E::ChunkTooLarge | E::ExtraData => Self::Broken,
            E::Truncated => Self::Truncated,
            // The streams wrap their own errors in `io::Error`.
            E::Io(io) => io.into(),
            other => Self::Library(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        match error.downcast::<ohttp::Error>() {
            Ok(inner) => inner.into(),
            Err(other) => Self::Library(other.to_string()),
        }
    }
}
