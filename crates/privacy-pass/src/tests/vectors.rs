//! RFC 9474, RFC 9577, RFC 9578 and the draft for batches: their own values.

use blind_rsa_signatures::{
    MessageRandomizer, SecretKeySha384PSSDeterministic, Signature,
    reexports::{crypto_bigint::BoxedUint, rsa::RsaPrivateKey},
};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
pub struct Issuance {
    #[serde(rename = "skS")]
    secret: String,
    #[serde(rename = "pkS", default)]
    public: String,
    token_challenge: String,
    nonce: String,
    #[serde(default)]
    token_request: String,
    #[serde(default)]
    token_response: String,
    token: String,
}

impl Issuance {
    pub fn key(&self) -> IssuerKey {
        IssuerKey::from_pkcs8(&bytes(&self.secret)).unwrap()
    }
}

#[derive(Deserialize)]
struct Batched {
    issuance: Vec<Issuance>,
    token_request: String,
    token_response: String,
}

fn batched() -> Batched {
    serde_json::from_str(include_str!("../../recorded/batched.json")).unwrap()
}

/// RFC 9578, B.2.
pub fn issuance() -> Vec<Issuance> {
    serde_json::from_str(include_str!("../../recorded/rfc9578.json")).unwrap()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal).unwrap()
}

/// Issuer, redemption context and origin of an encoded challenge.
fn challenge_of(encoded: &[u8]) -> Challenge {
    let (issuer_length, rest) = encoded[2..].split_first_chunk::<2>().unwrap();
    let (issuer, rest) = rest.split_at(u16::from_be_bytes(*issuer_length).into());
    let (&context_length, rest) = rest.split_first().unwrap();
    let (context, origin) = rest.split_at(context_length.into());
    let [issuer, origin] =
        [issuer, &origin[2..]].map(|name| String::from_utf8(name.to_vec()).unwrap());
    Challenge::encoded(&issuer, context, &origin).unwrap()
}

#[test]
fn rfc_9578_b_2_token_type_2() {
    let vectors = issuance();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let key = vector.key();
        assert_eq!(
            TokenKey::from_spki(&bytes(&vector.public)).unwrap(),
            *key.public()
        );
        let request = TokenRequest::parse(&bytes(&vector.token_request)).unwrap();
        assert_eq!(request.bytes(), bytes(&vector.token_request));
        let response = request.sign([&key]).unwrap();
        assert_eq!(hex::encode(response), vector.token_response);

        let encoded = bytes(&vector.token_challenge);
        // Ours name one origin; two of the vectors name none.
        let challenge = if encoded.ends_with(&[0, 0]) {
            Challenge::of(encoded.clone())
        } else {
            challenge_of(&encoded)
        };
        assert_eq!(challenge.bytes(), encoded);
        let token = Token::parse(&bytes(&vector.token)).unwrap();
        let expected = Redeemed {
            key_id: key.public().id(),
            nonce: bytes(&vector.nonce).try_into().unwrap(),
        };
        assert_eq!(token.redeem(&challenge, [key.public()]), Ok(expected));
    }
}

#[test]
fn a_batch_is_signed_as_in_the_draft() {
    let vector = batched();
    let keys: Vec<IssuerKey> = vector.issuance.iter().map(Issuance::key).collect();
    let batch = Batch::parse(&bytes(&vector.token_request), 2).unwrap();
    assert_eq!(hex::encode(batch.bytes()), vector.token_request);
    assert_eq!(
        hex::encode(batch.sign(&keys).unwrap()),
        vector.token_response
    );
    for (one, key) in vector.issuance.iter().zip(&keys) {
        let challenge = challenge_of(&bytes(&one.token_challenge));
        let token = Token::parse(&bytes(&one.token)).unwrap();
        assert!(token.redeem(&challenge, [key.public()]).is_ok());
    }
}

/// RFC 9577, appendix A: the challenge and the key of its first header.
#[test]
fn a_challenge_is_written_as_in_rfc_9577() {
    let context = "8a3e83a33d98005d2f30bef419fa6bf4cd5c6005e36b1285bbb4ccd40fa4b383";
    let challenge =
        Challenge::encoded("issuer.example", &bytes(context), "origin.example").unwrap();
    let header = challenge.header(KEY.public());
    let expected = "PrivateToken challenge=\"AAIADmlzc3Vlci5leGFtcGxlIIo-g6M9mABdLzC-9Bn6a_TNXGAF42sShbu0zNQPpLODAA5vcmlnaW4uZXhhbXBsZQ==\", token-key=\"MIIBUjA9BgkqhkiG9w0BAQow";
    assert!(header.starts_with(expected), "{header}");
    let key = header.rsplit('"').nth(1).unwrap();
    assert_eq!(TokenKey::from_base64(key).unwrap(), *KEY.public());
}

/// RFC 9577, appendix A: what is signed of a token, in hexadecimal, but for its key.
#[test]
fn a_challenge_has_the_digest_of_rfc_9577() {
    let digest = |challenge: Challenge| hex::encode(challenge.digest());
    let context = bytes("476ac2c935f458e9b2d7af32dacfbd22dd6023ef5887a789f1abe004e79bb5bb");
    let with = |context: &[u8], origin| {
        digest(Challenge::encoded("issuer.example", context, origin).unwrap())
    };
    assert_eq!(
        with(&context, "origin.example"),
        "8e1d5518ec82964255526efd8f9db88205a8ddd3ffb1db298fcc3ad36c42388f"
    );
    assert_eq!(
        with(&[], "origin.example"),
        "11e15c91a7c2ad02abd66645802373db1d823bea80f08d452541fb2b62b5898b"
    );
    assert_eq!(
        with(&context, "foo.example,bar.example"),
        "a2a775866b6ae0f98944910c8f48728d8a2735b9157762ddbf803f70e2e8ba3e"
    );
}

/// The scheme, with 4096 bits.
#[test]
fn rfc_9474_a_3_pss_deterministic() {
    #[derive(Deserialize)]
    struct Vector {
        p: String,
        q: String,
        n: String,
        e: String,
        d: String,
        msg: String,
        blinded_msg: String,
        blind_sig: String,
        sig: String,
    }
    let vector: Vector = serde_json::from_str(include_str!("../../recorded/rfc9474.json")).unwrap();
    let number =
        |hexadecimal: &str, bits| BoxedUint::from_be_slice(&bytes(hexadecimal), bits).unwrap();
    let [p, q] = [&vector.p, &vector.q].map(|prime| number(prime, 2048));
    let [n, d] = [&vector.n, &vector.d].map(|long| number(long, 4096));
    let e = number(&vector.e, 32);
    let secret = RsaPrivateKey::from_components(n, e, d, vec![p, q]).unwrap();
    let secret = SecretKeySha384PSSDeterministic::new(secret);
    let signed = secret.blind_sign(bytes(&vector.blinded_msg)).unwrap();
    assert_eq!(hex::encode(&signed.0), vector.blind_sig);
    let signature = Signature(bytes(&vector.sig));
    let public = secret.public_key().unwrap();
    let verified = public.verify(&signature, None::<MessageRandomizer>, bytes(&vector.msg));
    assert_eq!(verified, Ok(()));
}

/// Another implementation, by other authors: the npm package's wallet over Cloudflare's library.
#[test]
fn the_pages_wallet_and_this_crate_agree() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wallet {
        private_key: String,
        request: String,
        response: String,
        tokens: Vec<String>,
    }
    let wallet: Wallet = serde_json::from_str(include_str!("../../recorded/wallet.json")).unwrap();
    let key = IssuerKey::from_pkcs8(&bytes(&wallet.private_key)).unwrap();
    let batch = Batch::parse(&bytes(&wallet.request), 2).unwrap();
    assert_eq!(hex::encode(batch.sign([&key]).unwrap()), wallet.response);
    assert_eq!(wallet.tokens.len(), 2);
    for token in wallet.tokens {
        let token = Token::from_header(&format!("PrivateToken token=\"{token}\"")).unwrap();
        assert!(token.redeem(&challenge(), [key.public()]).is_ok());
    }
}
