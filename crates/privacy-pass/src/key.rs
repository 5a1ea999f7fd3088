//! An issuer's keys.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use blind_rsa_signatures::{
    DefaultRng, KeyPairSha384PSSDeterministic as KeyPair,
    PublicKeySha384PSSDeterministic as PublicKey, SecretKeySha384PSSDeterministic as SecretKey,
    Signature,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, SIGNATURE};

/// Length of the modulus, in bits.
const MODULUS_BITS: usize = 8 * SIGNATURE;

/// A public key: tells tokens from made-up ones.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey {
    key: PublicKey,
    spki: Vec<u8>,
    id: [u8; 32],
}

impl TokenKey {
    /// Reads a SubjectPublicKeyInfo with the object id of RSASSA-PSS and its parameters (RFC 9578 §6.5), DER.
    ///
    /// # Errors
    /// [`Error::TokenKey`] if it is something else, or the same in another encoding: a key has one name.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let key = PublicKey::from_spki(spki).map_err(|_| Error::TokenKey)?;
        let read = Self::new(key).ok_or(Error::TokenKey)?;
        if read.spki == spki {
            Ok(read)
        } else {
            Err(Error::TokenKey)
        }
    }

    /// The same in base64 for URLs, padded or not, as RFC 9577 and directories have it.
    ///
    /// # Errors
    /// [`Error::TokenKey`] as [`Self::from_spki`].
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        Self::from_spki(&crate::token::from_base64(text).ok_or(Error::TokenKey)?)
    }

    /// In base64 for URLs, padded.
    pub fn to_base64(&self) -> String {
        URL_SAFE.encode(&self.spki)
    }

    /// What names it in tokens: SHA-256 of the encoded key.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// What names it in requests: the last byte of [`Self::id`].
    pub fn truncated_id(&self) -> u8 {
        self.id[31]
    }

    #[cfg(test)]
    pub(crate) fn for_blinding(&self) -> &PublicKey {
        &self.key
    }

    /// None unless it has 2048 bits.
    fn new(key: PublicKey) -> Option<Self> {
        let modulus = key.components().n();
        let whole = modulus.len() == SIGNATURE && modulus.first().is_some_and(|&top| top >= 0x80);
        let spki = key.to_spki().ok().filter(|_| whole)?;
        let id = Sha256::digest(&spki).into();
        Some(Self { key, spki, id })
    }

    /// Whether `signature` is the issuer's, of `message`.
    pub(crate) fn verify(&self, signature: &[u8], message: &[u8]) -> Result<(), Error> {
        let signature = Signature(signature.to_vec());
        let verified = self.key.verify(&signature, None, message);
        verified.map_err(|_| Error::Signature)
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({:02x}{:02x}…)", self.id[0], self.id[1])
    }
}

/// A secret key: signs what it cannot read.
#[derive(Clone)]
pub struct IssuerKey {
    secret: SecretKey,
    public: TokenKey,
}

impl IssuerKey {
    /// A fresh key. It takes a second or so.
    ///
    /// # Errors
    /// [`Error::Library`] if none could be made.
    pub fn generate() -> Result<Self, Error> {
        let pair = KeyPair::generate(&mut DefaultRng, MODULUS_BITS).map_err(|_| Error::Library)?;
        Self::new(pair.sk)
    }

    /// Reads PKCS #8, DER.
    ///
    /// # Errors
    /// [`Error::IssuerKey`] if it is something else, or a key of another length.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        Self::new(SecretKey::from_der(der).map_err(|_| Error::IssuerKey)?)
    }

    /// As it is kept, in the clear.
    ///
    /// # Errors
    /// [`Error::Library`] if it cannot be encoded.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let der = self.secret.to_der().map_err(|_| Error::Library)?;
        Ok(Zeroizing::new(der))
    }

    /// Its public half.
    pub fn public(&self) -> &TokenKey {
        &self.public
    }

    fn new(secret: SecretKey) -> Result<Self, Error> {
        let public = secret.public_key().map_err(|_| Error::IssuerKey)?;
        let public = TokenKey::new(public).ok_or(Error::IssuerKey)?;
        Ok(Self { secret, public })
    }

    /// Signs a blinded message (RFC 9474 §4.3). The library blinds once more against whoever measures the time, and
    /// checks the signature before it hands it out.
    pub(crate) fn sign(&self, blinded: &[u8; SIGNATURE]) -> Result<[u8; SIGNATURE], Error> {
        let signature = self.secret.blind_sign(blinded).map_err(|_| {
            Error::Request("what is to be signed is no number below the key's modulus")
        })?;
        signature.0.try_into().map_err(|_| Error::Library)
    }
}

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerKey(<redacted>, {:?})", self.public)
    }
}
