//! The worked examples of RFC 9458 and of its chunked draft, and both of our halves against what passes them.
//!
//! `ohttp` takes neither a given private key nor a given ephemeral one, so the examples cannot go through it
//! directly. Instead a second implementation, right here over `hpke` alone and written from the text, has to
//! reproduce them, and then has to understand our client and our gateway, and be understood by them.

use aes_gcm::{
    Aes128Gcm, KeyInit,
    aead::{Aead, Payload},
};
use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::{AeadCtxR, AesGcm128},
    kdf::HkdfSha256,
    kem::{Kem as KemTrait, X25519HkdfSha256},
};

use super::*;

/// RFC 9458, Appendix A.
mod rfc_9458 {
    pub const SECRET_KEY: &str = "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a";
    pub const BHTTP_REQUEST: &str = "00034745540568747470730b6578616d706c652e636f6d012f";
    pub const REQUEST: &str = "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525";
    pub const EXPORTED: &str = "62d87a6ba569ee81014c2641f52bea36";
    pub const REPLY_KEY: &str = "5d0172a080e428b16d298c4ea0db620d";
    pub const REPLY_NONCE: &str = "f6bf1aeb88d6df87007fa263";
    pub const BHTTP_REPLY: &str = "0140c8";
    pub const REPLY: &str =
        "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd";
}

/// draft-ietf-ohai-chunked-ohttp-06, Appendix A; requests and replies are made as in -08.
mod chunked_draft {
    pub const SECRET_KEY: &str = "1c190d72acdbe4dbc69e680503bb781a932c70a12c8f3754434c67d8640d8698";
    pub const KEY_CONFIG: &str = "010020668eb21aace159803974a4c67f08b4152d29bed10735fd08f98ccdd6fe09570800080001000100010003";
    pub const REQUEST: &str = "010020000100018811eb457e100811c40a0aa71340a1b81d804bb986f736f2f566a7199761a0321c2ad24942d4d692563012f2980c8fef437a336b9b2fc938ef77a5834f1d2e33d8fd25577afe31bd1c79d094f76b6250ae6549b473ecd950501311001c6c1395d0ef7c1022297966307b8a7f";
    pub const REQUEST_CHUNKS: [usize; 3] = [12, 13, 0];
    pub const EXPORTED: &str = "1d4484834ae36102a6ac42a5523454d9";
    pub const REPLY_KEY: &str = "8209f78f2a1610d80c7125009b00aff0";
    pub const REPLY_NONCE: &str = "fead854635d2d5527d64f546";
    pub const REPLY: &str = "bcce7f4cb921309ba5d62edf1769ef091179bf1cc87fa0e2c02de4546945aa3d1e4812b348b5bd4c594c16b6170b07b475845d1f3200ed9d8a796617a5b27265f4d73247f639";
    pub const REPLY_CHUNKS: [usize; 3] = [1, 2, 0];
}

const CHUNKED: [&str; 2] = [
    "message/bhttp chunked request",
    "message/bhttp chunked response",
];
const WHOLE: [&str; 2] = ["message/bhttp request", "message/bhttp response"];

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn read(message: &[u8]) -> bhttp::Message {
    bhttp::Message::read_bhttp(&mut std::io::Cursor::new(message)).unwrap()
}

/// `info` of RFC 9458 §4.3 for a request's header.
fn info(label: &str, header: &[u8]) -> Vec<u8> {
    [label.as_bytes(), &[0], header].concat()
}

/// The receiver's context of a request to an X25519 key.
fn receive(
    secret_key: &str,
    label: &str,
    request: &[u8],
) -> AeadCtxR<AesGcm128, HkdfSha256, X25519HkdfSha256> {
    let key = <X25519HkdfSha256 as KemTrait>::PrivateKey::from_bytes(&bytes(secret_key)).unwrap();
    let (header, rest) = request.split_at(7);
    let encapsulated =
        <X25519HkdfSha256 as KemTrait>::EncappedKey::from_bytes(&rest[..32]).unwrap();
    let info = info(label, header);
    hpke::setup_receiver(&OpModeR::Base, &key, &encapsulated, &info).unwrap()
}

/// Key and nonce of a reply: RFC 9458 §4.4.
fn reply_secrets(exported: &[u8], encapsulated: &[u8], reply_nonce: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let salt = [encapsulated, reply_nonce].concat();
    let (_, prk) = hkdf::Hkdf::<sha2_11::Sha256>::extract(Some(&salt), exported);
    let (mut key, mut nonce) = (vec![0; 16], vec![0; 12]);
    prk.expand(b"key", &mut key).unwrap();
    prk.expand(b"nonce", &mut nonce).unwrap();
    (key, nonce)
}

fn varint(bytes: &mut &[u8]) -> usize {
    let len = 1 << (bytes[0] >> 6);
    let (varint, rest) = bytes.split_at(len);
    *bytes = rest;
    let value = varint
        .iter()
        .fold(0, |value, &byte| value << 8 | usize::from(byte));
    value & (usize::MAX >> (66 - 8 * len))
}

/// Sealed chunks, and whether each is the final one.
fn split(mut sealed: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let mut chunks = Vec::new();
    loop {
        let len = varint(&mut sealed);
        let is_final = len == 0;
        let (chunk, rest) = sealed.split_at(if is_final { sealed.len() } else { len });
        chunks.push((chunk.to_vec(), is_final));
        if is_final {
            return chunks;
        }
        sealed = rest;
    }
}

fn aad(is_final: bool) -> &'static [u8] {
    if is_final { b"final" } else { b"" }
}

fn open_reply(reply: &[u8], key: &[u8], nonce: &[u8]) -> Vec<Vec<u8>> {
    let cipher = Aes128Gcm::new_from_slice(key).unwrap();
    let chunks = split(&reply[16..]);
    let open = |(counter, (sealed, is_final)): (usize, &(Vec<u8>, bool))| {
        let payload = Payload {
            msg: sealed,
            aad: aad(*is_final),
        };
        cipher.decrypt(&counted(nonce, counter), payload).unwrap()
    };
    chunks.iter().enumerate().map(open).collect()
}

/// A reply of one piece of content and an empty final chunk.
fn seal_reply(nonce: &[u8], (key, base): &(Vec<u8>, Vec<u8>), plaintext: &[u8]) -> Vec<u8> {
    let cipher = Aes128Gcm::new_from_slice(key).unwrap();
    let seal = |counter, msg, is_final| {
        let aad = aad(is_final);
        let payload = Payload { msg, aad };
        cipher.encrypt(&counted(base, counter), payload).unwrap()
    };
    let first = seal(0, plaintext, false);
    assert!(first.len() < 64, "a length of one byte");
    [
        nonce,
        &[first.len() as u8],
        &first,
        &[0],
        &seal(1, b"", true),
    ]
    .concat()
}

fn counted(nonce: &[u8], counter: usize) -> aes_gcm::Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = nonce.to_vec();
    nonce[11] ^= counter as u8;
    nonce.as_slice().try_into().unwrap()
}

#[test]
fn the_whole_exchange_of_rfc_9458_appendix_a() {
    use rfc_9458::*;
    let request = bytes(REQUEST);
    let mut context = receive(SECRET_KEY, WHOLE[0], &request);
    assert_eq!(
        hex::encode(context.open(&request[39..], b"").unwrap()),
        BHTTP_REQUEST
    );
    let mut exported = [0; 16];
    context.export(WHOLE[1].as_bytes(), &mut exported).unwrap();
    assert_eq!(hex::encode(exported), EXPORTED);
    let reply = bytes(REPLY);
    let (key, nonce) = reply_secrets(&exported, &request[7..39], &reply[..16]);
    assert_eq!(
        (hex::encode(&key).as_str(), hex::encode(&nonce).as_str()),
        (REPLY_KEY, REPLY_NONCE)
    );
    let cipher = Aes128Gcm::new_from_slice(&key).unwrap();
    let opened = cipher.decrypt(&counted(&nonce, 0), &reply[16..]).unwrap();
    assert_eq!(hex::encode(opened), BHTTP_REPLY);
}

#[test]
fn the_chunked_exchange_of_the_drafts_appendix_a() {
    use chunked_draft::*;
    let request = bytes(REQUEST);
    let mut context = receive(SECRET_KEY, CHUNKED[0], &request);
    let opened: Vec<Vec<u8>> = split(&request[39..])
        .iter()
        .map(|(sealed, is_final)| context.open(sealed, aad(*is_final)).unwrap())
        .collect();
    assert_eq!(hex::encode(opened.concat()), rfc_9458::BHTTP_REQUEST);
    assert!(opened.iter().map(Vec::len).eq(REQUEST_CHUNKS));

    let mut exported = [0; 16];
    context
        .export(CHUNKED[1].as_bytes(), &mut exported)
        .unwrap();
    assert_eq!(hex::encode(exported), EXPORTED);
    let reply = bytes(REPLY);
    let (key, nonce) = reply_secrets(&exported, &request[7..39], &reply[..16]);
    assert_eq!(
        (hex::encode(&key).as_str(), hex::encode(&nonce).as_str()),
        (REPLY_KEY, REPLY_NONCE)
    );
    let opened = open_reply(&reply, &key, &nonce);
    assert_eq!(hex::encode(opened.concat()), rfc_9458::BHTTP_REPLY);
    assert!(opened.iter().map(Vec::len).eq(REPLY_CHUNKS));
}

/// What the second implementation's gateway makes of our client's request to the draft's key: the request, and the
/// secrets of a reply with this nonce.
fn gateway_of_the_draft(label: &str, nonce: &[u8]) -> (Opener, Vec<u8>, (Vec<u8>, Vec<u8>)) {
    use chunked_draft::*;
    let key = VerifiedKey::pinned(&list(&[bytes(KEY_CONFIG)])).unwrap();
    let (sealed, opener) = seal_text(&key, BODY.into(), &TERMS).unwrap();
    let request = sealed.bytes();
    let mut context = receive(SECRET_KEY, CHUNKED[0], request);
    let mut plaintext = Vec::new();
    for (sealed, is_final) in split(&request[39..]) {
        plaintext.extend(context.open(&sealed, aad(is_final)).unwrap());
    }
    let mut exported = [0; 16];
    context.export(label.as_bytes(), &mut exported).unwrap();
    let secrets = reply_secrets(&exported, &request[7..39], nonce);
    (opener, plaintext, secrets)
}

#[test]
fn what_passes_the_examples_understands_our_client_and_is_understood() {
    let nonce = [5; 16];
    let (opener, plaintext, secrets) = gateway_of_the_draft(CHUNKED[1], &nonce);
    let request = read(&plaintext);
    assert_eq!(request.content(), BODY.as_bytes());
    let reply = seal_reply(&nonce, &secrets, &bytes(rfc_9458::BHTTP_REPLY));
    let head = Event::Head {
        status: 200,
        headers: vec![],
    };
    assert_eq!(open(opener, &reply, 7).unwrap(), (vec![head], vec![]));
}

#[test]
fn our_client_takes_no_reply_that_is_not_chunked() {
    let nonce = [5; 16];
    // Sealed as one piece, as RFC 9458 alone says: with the other label, and without chunks.
    for label in [WHOLE[1], CHUNKED[1]] {
        let (opener, _, (key, base)) = gateway_of_the_draft(label, &nonce);
        let cipher = Aes128Gcm::new_from_slice(&key).unwrap();
        let whole = cipher.encrypt(&counted(&base, 0), &bytes(rfc_9458::BHTTP_REPLY)[..]);
        let reply = [&nonce[..], &whole.unwrap()].concat();
        assert!(open(opener, &reply, usize::MAX).is_err(), "{label}");
    }
    // In chunks, with the label of what is not chunked.
    let (opener, _, secrets) = gateway_of_the_draft(WHOLE[1], &nonce);
    let reply = seal_reply(&nonce, &secrets, &bytes(rfc_9458::BHTTP_REPLY));
    let error = open(opener, &reply, usize::MAX).unwrap_err();
    assert!(matches!(error, Error::Broken), "{error}");
}

/// A request to our gateway's X25519 key by the second implementation: sealed, and the context for the reply.
fn client_of_the_draft(
    label: &str,
    chunks: &[&[u8]],
) -> (
    Vec<u8>,
    hpke::aead::AeadCtxS<AesGcm128, HkdfSha256, X25519HkdfSha256>,
) {
    let configs = keys().config_list().unwrap();
    let config = &configs[configs.len() - 41..];
    let header = [&config[..3], &config[37..41]].concat();
    let key = <X25519HkdfSha256 as KemTrait>::PublicKey::from_bytes(&config[3..35]).unwrap();
    let info = info(label, &header);
    let (encapsulated, mut context) =
        hpke::setup_sender::<AesGcm128, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, &key, &info)
            .unwrap();
    let mut wire = [header.as_slice(), &encapsulated.to_bytes()].concat();
    for (index, chunk) in chunks.iter().enumerate() {
        let is_final = index + 1 == chunks.len();
        let sealed = context.seal(chunk, aad(is_final)).unwrap();
        assert!(sealed.len() < 64, "a length of one byte");
        wire.push(if is_final { 0 } else { sealed.len() as u8 });
        wire.extend(sealed);
    }
    (wire, context)
}

#[test]
fn what_passes_the_examples_understands_our_gateway_and_is_understood() {
    let request = bytes(rfc_9458::BHTTP_REQUEST);
    let (wire, context) = client_of_the_draft(CHUNKED[0], &[&request[..12], &request[12..], b""]);
    let (opened, sealer) = keys().open(&wire).unwrap();
    assert_eq!((opened.method.as_str(), opened.path.as_str()), ("GET", "/"));

    let reply = reply(sealer).concat();
    let mut exported = [0; 16];
    context
        .export(CHUNKED[1].as_bytes(), &mut exported)
        .unwrap();
    let (key, nonce) = reply_secrets(&exported, &wire[7..39], &reply[..16]);
    let plaintext = open_reply(&reply, &key, &nonce).concat();
    let message = read(&plaintext);
    assert_eq!(message.content(), b"in nests");
}

#[test]
fn our_gateway_takes_no_request_that_is_not_chunked() {
    let request = bytes(rfc_9458::BHTTP_REQUEST);
    // In chunks, with the label of what is not chunked; and as one piece, with either.
    let (wire, _) = client_of_the_draft(WHOLE[0], &[&request, b""]);
    assert!(matches!(keys().open(&wire), Err(Error::Broken)));
    for label in [WHOLE[0], CHUNKED[0]] {
        let (mut wire, mut context) = client_of_the_draft(label, &[]);
        wire.extend(context.seal(&request, b"").unwrap());
        assert!(keys().open(&wire).is_err(), "{label}");
    }
}
