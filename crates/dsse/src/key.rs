//! Ed25519 keys.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};

use crate::Error;

/// A key that documents are checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// From 32 bytes in base64.
    ///
    /// # Errors
    /// [`Error::Key`] if they are no point, or one of small order, whose signatures anybody can make.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let wrong = Error::Key("public key");
        let bytes: [u8; 32] = BASE64
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(wrong.clone())?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| wrong.clone())?;
        if key.is_weak() {
            return Err(wrong);
        }
        Ok(Self(key))
    }

    /// As [`PublicKey::from_base64`] reads it.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.bytes())
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// How an envelope names it: the first 16 bytes of its SHA-256, in hex.
    pub fn id(&self) -> String {
        hex::encode(&Sha256::digest(self.bytes())[..16])
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.to_base64())
    }
}

/// A key that documents are signed with. Wiped when it goes.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that follows from 32 secret random bytes (RFC 8032 §5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// From the secret's 32 bytes in base64.
    ///
    /// # Errors
    /// [`Error::Key`] if it is anything else.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let bytes = BASE64.decode(text.trim()).ok();
        let seed = bytes.and_then(|bytes| bytes.try_into().ok());
        seed.map(Self::from_seed).ok_or(Error::Key("secret key"))
    }

    /// The secret, as [`SigningKey::from_base64`] reads it.
    pub fn to_base64(&self) -> String {
        BASE64.encode(self.0.to_bytes())
    }

    /// What its documents are checked with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(<redacted>)")
    }
}
