//! The standards' own values, and what must not pass.

mod hostile;
mod vectors;

use std::sync::LazyLock;

use blind_rsa_signatures::{BlindSignature, DefaultRng};

use super::*;

/// The secret key of the first vector of RFC 9578, B.2: making one takes seconds.
pub static KEY: LazyLock<IssuerKey> = LazyLock::new(|| vectors::issuance()[0].key());

/// Another key, made now.
pub static FRESH: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::generate().unwrap());

pub fn challenge() -> Challenge {
    Challenge::new("issuer.example", "gateway.example").unwrap()
}

/// A token of this key, and the request and response that it was made with.
pub fn token(key: &IssuerKey, challenge: &Challenge, nonce: [u8; 32]) -> Vec<u8> {
    let mut signed = TOKEN_TYPE.to_be_bytes().to_vec();
    signed.extend(nonce);
    signed.extend(challenge.digest());
    signed.extend(key.public().id());
    let public = key.public().for_blinding();
    let blinding = public.blind(&mut DefaultRng, &signed).unwrap();
    let request = TokenRequest {
        truncated_key_id: key.public().truncated_id(),
        blinded: blinding.blind_message.0.clone().try_into().unwrap(),
    };
    let response = request.sign([key]).unwrap();
    let signature = public.finalize(&BlindSignature(response.to_vec()), &blinding, &signed);
    signed.extend(signature.unwrap().0);
    signed
}

#[test]
fn what_is_issued_is_redeemed() {
    let bytes = token(&KEY, &challenge(), [7; 32]);
    let redeemed = Token::parse(&bytes)
        .unwrap()
        .redeem(&challenge(), [KEY.public()]);
    let expected = Redeemed {
        key_id: KEY.public().id(),
        nonce: [7; 32],
    };
    assert_eq!(redeemed, Ok(expected));
}

#[test]
fn a_new_key_has_2048_bits_and_is_read_back() {
    let key = &*FRESH;
    let read = IssuerKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(read.public(), key.public());
    let public = TokenKey::from_base64(&key.public().to_base64()).unwrap();
    assert_eq!(&public, key.public());
    let bytes = token(&read, &challenge(), [1; 32]);
    let token = Token::parse(&bytes).unwrap();
    assert!(token.redeem(&challenge(), [&public]).is_ok());
    assert!(format!("{key:?}").starts_with("IssuerKey(<redacted>, TokenKey("));
}

#[test]
fn a_directory_is_read_as_it_was_written_and_skips_other_types() {
    let directory = Directory {
        issuer_request_uri: "/token-request".to_owned(),
        token_keys: vec![DirectoryKey::new(KEY.public(), 5, 9)],
    };
    let json = serde_json::to_string(&directory).unwrap();
    let start = r#"{"issuer-request-uri":"/token-request","token-keys":[{"token-type":2,"token-key":"MIIBUj"#;
    assert!(json.starts_with(start), "{json}");
    assert_eq!(serde_json::from_str::<Directory>(&json).unwrap(), directory);
    // As RFC 9578 has it, of another issuer.
    let key = KEY.public().to_base64();
    let json = format!(
        r#"{{"issuer-request-uri":"r","token-keys":[{{"token-type":1,"token-key":"AA"}},{{"token-type":2,"token-key":"{key}","x":0}}]}}"#
    );
    let read: Directory = serde_json::from_str(&json).unwrap();
    let keys = read.keys().unwrap();
    assert_eq!(keys, [(KEY.public().clone(), u64::MAX)]);
}
