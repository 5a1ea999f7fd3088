//! Tokens, and whether they hold.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Challenge, Error, SIGNATURE, TOKEN_TYPE, TokenKey};

/// Length of what is signed of a token, in bytes: type, nonce, digest of the challenge, id of the key.
const SIGNED: usize = 2 + 3 * 32;

/// A token of type 2 as it came, 354 bytes (RFC 9577 §2.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    signed: [u8; SIGNED],
    signature: [u8; SIGNATURE],
}

/// What tells a token that holds from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Redeemed {
    /// The issuer's key that signed it ([`TokenKey::id`]).
    pub key_id: [u8; 32],
    /// What its page drew at random.
    pub nonce: [u8; 32],
}

impl Token {
    /// Reads the encoded token.
    ///
    /// # Errors
    /// [`Error::Token`] if it is of another length or type.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let length = Error::Token("its length is not that of type 2, 354 bytes");
        let (signed, signature) = bytes.split_first_chunk().ok_or(length)?;
        let token = Self {
            signed: *signed,
            signature: signature.try_into().map_err(|_| length)?,
        };
        if token.signed[..2] != TOKEN_TYPE.to_be_bytes() {
            return Err(Error::Token("its type is not 2"));
        }
        Ok(token)
    }

    /// Reads the header field `authorization` (RFC 9577 §2.2): `PrivateToken token="…"`. Other parameters are skipped.
    ///
    /// # Errors
    /// [`Error::Token`] if it is something else.
    pub fn from_header(value: &str) -> Result<Self, Error> {
        let malformed = Error::Token("expected PrivateToken token=\"…\" in base64 for URLs");
        let (scheme, parameters) = value.trim().split_once(' ').ok_or(malformed)?;
        if !scheme.eq_ignore_ascii_case("PrivateToken") {
            return Err(malformed);
        }
        let mut parameters = parameters.split(',').filter_map(|one| one.split_once('='));
        let token = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("token"));
        let (_, token) = token.ok_or(malformed)?;
        let token = token.trim();
        let quoted = token
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Self::parse(&from_base64(quoted.unwrap_or(token)).ok_or(malformed)?)
    }

    /// Whether it holds: made for this challenge, and signed with one of these keys. Whether it was spent before is for
    /// the caller to know.
    ///
    /// # Errors
    /// [`Error::OtherChallenge`], [`Error::UnknownKey`], [`Error::Signature`].
    pub fn redeem<'k>(
        &self,
        challenge: &Challenge,
        keys: impl IntoIterator<Item = &'k TokenKey>,
    ) -> Result<Redeemed, Error> {
        let [nonce, digest, key_id] = self.parts();
        if digest != challenge.digest() {
            return Err(Error::OtherChallenge);
        }
        let mut keys = keys.into_iter();
        let key = keys
            .find(|key| key.id() == key_id)
            .ok_or(Error::UnknownKey)?;
        key.verify(&self.signature, &self.signed)?;
        Ok(Redeemed { key_id, nonce })
    }

    /// Nonce, digest of the challenge, id of the key.
    fn parts(&self) -> [[u8; 32]; 3] {
        std::array::from_fn(|part| std::array::from_fn(|byte| self.signed[2 + 32 * part + byte]))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

/// Base64 for URLs, padded or not.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
