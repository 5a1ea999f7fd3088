//! Every message cut at every byte and with every bit changed; chunks that come out of order, twice or not at all.
//! Each is an error: nothing damaged is ever taken for whole.

use super::*;

/// A reply and what opens it: once, so that each damage takes an exchange of its own.
struct Exchange {
    opener: Opener,
    reply: Vec<u8>,
}

fn exchange(kem: Kem) -> Exchange {
    let (sealed, opener) = seal_text(&key(kem), BODY.into(), &TERMS).unwrap();
    let reply = reply(keys().open(sealed.bytes()).unwrap().1).concat();
    Exchange { opener, reply }
}

#[test]
fn a_reply_cut_anywhere_is_not_whole() {
    let len = exchange(Kem::X25519).reply.len();
    for cut in 0..len {
        let Exchange { mut opener, reply } = exchange(Kem::X25519);
        let result = opener.push(&reply[..cut]).and_then(|_| opener.finish());
        assert!(
            matches!(result, Err(Error::Truncated | Error::Broken)),
            "cut at {cut}: {result:?}"
        );
    }
}

#[test]
fn a_changed_bit_anywhere_in_a_reply_is_an_error() {
    let len = exchange(Kem::X25519).reply.len();
    for bit in 0..8 * len {
        let Exchange { opener, mut reply } = exchange(Kem::X25519);
        reply[bit / 8] ^= 1 << (bit % 8);
        assert!(open(opener, &reply, usize::MAX).is_err(), "bit {bit}");
    }
}

#[test]
fn a_changed_bit_anywhere_in_a_request_is_an_error() {
    let keys = keys();
    for kem in [Kem::X25519, Kem::XWing] {
        let (sealed, _) = seal_text(&key(kem), BODY.into(), &TERMS).unwrap();
        let mut bytes = sealed.bytes().to_vec();
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open(&bytes).is_err(), "{kem:?} bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(keys.open(&bytes).is_ok());
    }
}

#[test]
fn a_request_cut_anywhere_or_longer_is_an_error() {
    let keys = keys();
    for kem in [Kem::X25519, Kem::XWing] {
        let (sealed, _) = seal_text(&key(kem), BODY.into(), &TERMS).unwrap();
        let bytes = sealed.bytes();
        for cut in 0..bytes.len() {
            assert!(keys.open(&bytes[..cut]).is_err(), "{kem:?} cut at {cut}");
        }
        assert!(keys.open(&[bytes, &[0]].concat()).is_err(), "{kem:?}");
        assert!(keys.open(&[bytes, bytes].concat()).is_err(), "{kem:?}");
    }
}

#[test]
fn chunks_of_a_reply_reordered_repeated_or_left_out_are_errors() {
    for order in [
        [0, 2, 1, 3].as_slice(),
        &[0, 1, 1, 2, 3],
        &[0, 2, 3],
        &[0, 1, 2, 3, 3],
        &[0, 1, 2, 2],
        &[1, 2, 3],
        &[0, 1, 3],
        &[0, 3],
        &[3, 0, 1, 2],
        &[0, 1, 2, 3, 0, 1, 2, 3],
        &[],
    ] {
        let (sealed, opener) = seal_text(&key(Kem::X25519), BODY.into(), &TERMS).unwrap();
        let chunks = reply(keys().open(sealed.bytes()).unwrap().1);
        let bytes: Vec<u8> = order.iter().flat_map(|&i| chunks[i].clone()).collect();
        assert!(open(opener, &bytes, usize::MAX).is_err(), "{order:?}");
    }
}

#[test]
fn chunks_of_a_request_reordered_repeated_or_left_out_are_errors() {
    // 16,384 bytes of plaintext fill a chunk: this request has four and the final one.
    let long = format!("{{\"messages\":\"{}\"}}", "stork ".repeat(9_000));
    let (sealed, _) = seal_text(&key(Kem::X25519), long.clone(), &TERMS).unwrap();
    let (head, chunks) = sealed.bytes().split_at(7 + 32);
    const CHUNK: usize = 4 + (1 << 14) + 16;
    let chunks: Vec<&[u8]> = chunks.chunks(CHUNK).collect();
    assert_eq!((chunks.len(), chunks[4].len()), (5, 1 + 16));
    let joined = |order: &[usize]| {
        let chunks = order.iter().map(|&i| chunks[i]);
        [head]
            .into_iter()
            .chain(chunks)
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(
        keys().open(&joined(&[0, 1, 2, 3, 4])).unwrap().0.body,
        long.as_bytes()
    );
    for order in [
        [1, 0, 2, 3, 4].as_slice(),
        &[0, 0, 1, 2, 3, 4],
        &[0, 1, 2, 2, 3, 4],
        &[0, 1, 2, 4],
        &[1, 2, 3, 4],
        &[0, 1, 2, 3],
        &[0, 1, 2, 3, 4, 4],
        &[4],
        &[],
    ] {
        assert!(keys().open(&joined(order)).is_err(), "{order:?}");
    }
}
