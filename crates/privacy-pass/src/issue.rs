//! Requests for tokens, and the signatures that answer them.

use crate::{Error, IssuerKey, SIGNATURE, TOKEN_TYPE, varint};

/// Media type of a [`Batch`].
pub const BATCH_REQUEST_TYPE: &str = "application/private-token-generic-batch-request";
/// Media type of what answers a [`Batch`].
pub const BATCH_RESPONSE_TYPE: &str = "application/private-token-generic-batch-response";

/// A request for one token (RFC 9578 §6.1), 259 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The last byte of the key's id.
    pub truncated_key_id: u8,
    /// What is to be signed. It says nothing of the token.
    pub blinded: [u8; SIGNATURE],
}

impl TokenRequest {
    /// Length in bytes.
    const LENGTH: usize = 2 + 1 + SIGNATURE;

    /// Reads a request.
    ///
    /// # Errors
    /// [`Error::Request`] if it is of another length or type.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let length = Error::Request("a request of type 2 has 259 bytes");
        let ([high, low, truncated_key_id], blinded) = bytes.split_first_chunk().ok_or(length)?;
        if [*high, *low] != TOKEN_TYPE.to_be_bytes() {
            return Err(Error::Request("its type is not 2"));
        }
        Ok(Self {
            truncated_key_id: *truncated_key_id,
            blinded: blinded.try_into().map_err(|_| length)?,
        })
    }

    /// As it is encoded.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = TOKEN_TYPE.to_be_bytes().to_vec();
        bytes.push(self.truncated_key_id);
        bytes.extend(self.blinded);
        bytes
    }

    /// Whether it names this key.
    pub fn is_for(&self, key: &IssuerKey) -> bool {
        key.public().truncated_id() == self.truncated_key_id
    }

    /// Signs with the one of these keys that it names (RFC 9578 §6.2).
    ///
    /// # Errors
    /// [`Error::OtherKey`] if it names none of them, [`Error::Request`] if what is to be signed is too large a number,
    /// [`Error::Library`] if signing fails.
    pub fn sign<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k IssuerKey>,
    ) -> Result<[u8; SIGNATURE], Error> {
        let mut keys = keys.into_iter();
        let key = keys.find(|key| self.is_for(key));
        key.ok_or(Error::OtherKey)?.sign(&self.blinded)
    }
}

/// Requests for several tokens at once (draft-ietf-privacypass-batched-tokens §6, generic).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch(pub Vec<TokenRequest>);

impl Batch {
    /// Reads a batch of at most so many requests, of type 2 all of them.
    ///
    /// # Errors
    /// [`Error::Request`] if it is empty, too large or something else.
    pub fn parse(mut bytes: &[u8], most: usize) -> Result<Self, Error> {
        let length = varint::take(&mut bytes);
        if length != Some(bytes.len()) {
            return Err(Error::Request("its length is not what it says"));
        }
        if bytes.is_empty() || bytes.len() > most * TokenRequest::LENGTH {
            return Err(Error::Request(
                "it is empty, or asks for too many tokens at once",
            ));
        }
        let requests = bytes.chunks(TokenRequest::LENGTH).map(TokenRequest::parse);
        Ok(Self(requests.collect::<Result<_, _>>()?))
    }

    /// As it is encoded.
    pub fn bytes(&self) -> Vec<u8> {
        let requests: Vec<u8> = self.0.iter().flat_map(TokenRequest::bytes).collect();
        let mut bytes = Vec::new();
        varint::put(requests.len(), &mut bytes);
        bytes.extend(requests);
        bytes
    }

    /// Signs all of it; the answer as it is encoded, in the requests' order.
    ///
    /// # Errors
    /// As [`TokenRequest::sign`], if any of the requests cannot be signed: nothing is issued then.
    pub fn sign<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k IssuerKey> + Clone,
    ) -> Result<Vec<u8>, Error> {
        let mut responses = Vec::new();
        for request in &self.0 {
            responses.push(1); // it is there
            responses.extend(TOKEN_TYPE.to_be_bytes());
            responses.extend(request.sign(keys.clone())?);
        }
        let mut bytes = Vec::new();
        varint::put(responses.len(), &mut bytes);
        bytes.extend(responses);
        Ok(bytes)
    }
}
