//! Documents that somebody signed: DSSE envelopes (Dead Simple Signing Envelope, version 1.0.2) with Ed25519 (RFC 8032).
//!
//! The type of the document is part of what is signed, so that a list of one kind never passes for another. Signatures
//! are checked strictly: no small-order keys, no other encodings of the same signature.
//!
//! ```text
//! { "payloadType": "application/vnd.…+json", "payload": "<base64>", "signatures": [{ "keyid": "<hex>", "sig": "<base64>" }] }
//! ```

mod key;

pub use key::{PublicKey, SigningKey};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

/// Why a signed document is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no envelope.
    #[error(
        "the signed document is no DSSE envelope: {0}; expected JSON with payloadType, payload and signatures"
    )]
    Malformed(String),
    /// It is signed for another purpose.
    #[error("the signed document is of type {found}; expected {expected}")]
    OtherType {
        /// As the envelope says.
        found: String,
        /// As was asked for.
        expected: &'static str,
    },
    /// None of its signatures names a key that is trusted here.
    #[error(
        "the signed document is signed by a key that this app does not trust ({found}); pin that key in the app, or have \
         the document signed by one of: {trusted}"
    )]
    UnknownSigner {
        /// Key ids that the envelope names.
        found: String,
        /// Key ids that are trusted.
        trusted: String,
    },
    /// A key that is trusted did not sign this.
    #[error(
        "the signature of {key_id} does not fit the signed document: it was changed after it was signed; fetch it again"
    )]
    BadSignature {
        /// Whose.
        key_id: String,
    },
    /// A public or secret key is not one.
    #[error("no Ed25519 {0}: expected 32 bytes in base64")]
    Key(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// The payload of an envelope that at least one of these keys signed.
///
/// # Errors
/// As the variants of [`Error`] say. A signature of a key that is not trusted is left out; one of a key that is has to fit.
pub fn open(
    envelope: &str,
    payload_type: &'static str,
    signers: &[PublicKey],
) -> Result<Vec<u8>, Error> {
    let malformed = |why: String| Error::Malformed(why);
    let envelope: Envelope =
        serde_json::from_str(envelope).map_err(|error| malformed(error.to_string()))?;
    if envelope.payload_type != payload_type {
        return Err(Error::OtherType {
            found: envelope.payload_type,
            expected: payload_type,
        });
    }
    let payload = BASE64
        .decode(&envelope.payload)
        .map_err(|error| malformed(format!("payload: {error}")))?;
    let message = signed_bytes(payload_type, &payload);
    let mut vouched = false;
    for signature in &envelope.signatures {
        let Some(signer) = signers.iter().find(|key| key.id() == signature.keyid) else {
            continue;
        };
        let bytes = BASE64.decode(&signature.sig).unwrap_or_default();
        if !signer.verifies(&message, &bytes) {
            return Err(Error::BadSignature {
                key_id: signer.id(),
            });
        }
        vouched = true;
    }
    if vouched {
        return Ok(payload);
    }
    let found: Vec<&str> = envelope
        .signatures
        .iter()
        .map(|signature| signature.keyid.as_str())
        .collect();
    let trusted: Vec<String> = signers.iter().map(PublicKey::id).collect();
    Err(Error::UnknownSigner {
        found: found.join(", "),
        trusted: trusted.join(", "),
    })
}

/// An envelope with one signature for each key.
pub fn sign(payload: &[u8], payload_type: &str, signers: &[&SigningKey]) -> String {
    let message = signed_bytes(payload_type, payload);
    let envelope = Envelope {
        payload_type: payload_type.to_owned(),
        payload: BASE64.encode(payload),
        signatures: signers
            .iter()
            .map(|signer| Signature {
                keyid: signer.public().id(),
                sig: BASE64.encode(signer.sign(&message)),
            })
            .collect(),
    };
    serde_json::json!(envelope).to_string()
}

/// Pre-authentication encoding (DSSE v1, "PAE"): type and payload with their lengths, so that neither runs into the other.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "application/vnd.tidegate.test+json";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    #[test]
    fn what_was_signed_opens() {
        let envelope = sign(b"{}", TYPE, &[&key(1), &key(2)]);
        for trusted in [1, 2] {
            assert_eq!(
                open(&envelope, TYPE, &[key(9).public(), key(trusted).public()]),
                Ok(b"{}".to_vec())
            );
        }
    }

    /// The example of the DSSE specification, section "Pre-Authentication Encoding".
    #[test]
    fn the_signed_bytes_are_those_of_the_specification() {
        assert_eq!(
            signed_bytes("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn no_other_key_type_or_text_passes() {
        let envelope = sign(b"{\"a\":1}", TYPE, &[&key(1)]);
        let public = [key(1).public()];
        assert!(matches!(
            open(&envelope, TYPE, &[key(2).public()]),
            Err(Error::UnknownSigner { .. })
        ));
        assert!(matches!(
            open(&envelope, "application/other", &public),
            Err(Error::OtherType { .. })
        ));
        // The same signature under another type's name.
        let renamed = envelope.replace(TYPE, "application/other");
        assert!(matches!(
            open(&renamed, "application/other", &public),
            Err(Error::BadSignature { .. })
        ));
        let other = BASE64.encode(b"{\"a\":2}");
        let changed = envelope.replace(&BASE64.encode(b"{\"a\":1}"), &other);
        assert_ne!(changed, envelope);
        assert!(matches!(
            open(&changed, TYPE, &public),
            Err(Error::BadSignature { .. })
        ));
        // Somebody else's signature under a trusted key's name.
        let forged =
            sign(b"{}", TYPE, &[&key(2)]).replace(&key(2).public().id(), &key(1).public().id());
        assert!(matches!(
            open(&forged, TYPE, &public),
            Err(Error::BadSignature { .. })
        ));
        assert!(matches!(
            open("{}", TYPE, &public),
            Err(Error::Malformed(_))
        ));
        assert!(matches!(
            open(&sign(b"{}", TYPE, &[]), TYPE, &public),
            Err(Error::UnknownSigner { .. })
        ));
    }

    /// Every bit of an envelope: what opens is what was signed.
    #[test]
    fn a_changed_bit_opens_nothing_else() {
        let envelope = sign(b"{\"a\":1}", TYPE, &[&key(1)]);
        let public = [key(1).public()];
        for at in 0..envelope.len() {
            for bit in 0..8 {
                let mut changed = envelope.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                if let Ok(payload) = open(&changed, TYPE, &public) {
                    assert_eq!(payload, b"{\"a\":1}", "byte {at}, bit {bit}");
                }
            }
        }
        for len in 0..envelope.len() {
            assert!(
                open(&envelope[..len], TYPE, &public).is_err(),
                "{len} bytes"
            );
        }
    }

    /// RFC 8032 section 7.1, test 1: the key and its signature of nothing.
    #[test]
    fn keys_are_those_of_rfc_8032() {
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        let key = SigningKey::from_seed(hex::decode(secret).unwrap().try_into().unwrap());
        assert_eq!(hex::encode(key.public().bytes()), public);
        assert_eq!(hex::encode(key.sign(b"")), signature);
        assert!(key.public().verifies(b"", &hex::decode(signature).unwrap()));
        assert!(
            !key.public()
                .verifies(b"a", &hex::decode(signature).unwrap())
        );
    }

    /// A key of small order signs everything: any message has a signature that fits it without strictness.
    #[test]
    fn keys_of_small_order_are_no_keys() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(
            PublicKey::from_base64(&BASE64.encode(identity)),
            Err(Error::Key("public key"))
        );
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", key(1)), "SigningKey(<redacted>)");
        let text = key(7).to_base64();
        let again = SigningKey::from_base64(&text).unwrap();
        assert_eq!(again.public(), key(7).public());
    }
}
