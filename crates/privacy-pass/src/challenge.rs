//! What tokens are made for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use sha2::{Digest, Sha256};

use crate::{Error, TOKEN_TYPE, TokenKey};

/// What tokens are made for: an issuer, and an origin that takes them (RFC 9577 §2.1.1).
///
/// Everybody gets the same one, without a redemption context: tokens are fetched ahead, and one that was made for a
/// challenge of its own would say whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Challenge {
    /// For tokens of the issuer of that name, to be spent at the origin of that name.
    ///
    /// # Errors
    /// [`Error::Name`] if one of them is empty, too long, or not printable ASCII.
    pub fn new(issuer: &str, origin: &str) -> Result<Self, Error> {
        Self::encoded(issuer, &[], origin)
    }

    /// With a redemption context, none or 32 bytes.
    pub(crate) fn encoded(issuer: &str, context: &[u8], origin: &str) -> Result<Self, Error> {
        let mut bytes = TOKEN_TYPE.to_be_bytes().to_vec();
        put_name(issuer, &mut bytes)?;
        bytes.push(if context.is_empty() { 0 } else { 32 });
        bytes.extend(context);
        put_name(origin, &mut bytes)?;
        Ok(Self::of(bytes))
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self { bytes, digest }
    }

    /// As it is encoded.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What names it in tokens: SHA-256 of [`Self::bytes`].
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The value of the header field `www-authenticate` (RFC 9577 §2.1.2).
    pub fn header(&self, key: &TokenKey) -> String {
        let challenge = URL_SAFE.encode(&self.bytes);
        let key = key.to_base64();
        format!("PrivateToken challenge=\"{challenge}\", token-key=\"{key}\"")
    }
}

/// A name behind its length.
fn put_name(name: &str, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let length = u16::try_from(name.len()).map_err(|_| Error::Name)?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Name);
    }
    bytes.extend(length.to_be_bytes());
    bytes.extend(name.as_bytes());
    Ok(())
}
