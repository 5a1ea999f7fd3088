//! Bytes as they would not be sent.

use oorandom::Rand64;

use super::text::below;

/// Numbers that say too much: lengths of one, two, four and eight bytes (RFC 9000 §16).
const LENGTHS: [&[u8]; 8] = [
    &[0],
    &[0x3f],
    &[0x40, 0],
    &[0x7f, 0xff],
    &[0x80, 0, 0x40, 0x10],
    &[0xbf, 0xff, 0xff, 0xff],
    &[0xc0, 0, 0, 0, 0, 0, 0, 0],
    &[0xff; 8],
];

/// Mostly one change, seldom some; now and then none.
pub(super) fn damaged(bytes: &[u8], random: &mut Rand64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let changes = [0, 1, 1, 1, 1, 1, 2, 2, 3, 8][below(random, 10)];
    for _ in 0..changes {
        change(&mut bytes, random);
    }
    bytes
}

/// Any bytes, up to 200.
pub(super) fn arbitrary(random: &mut Rand64) -> Vec<u8> {
    let length = below(random, 200);
    (0..length).map(|_| byte(random)).collect()
}

fn change(bytes: &mut Vec<u8>, random: &mut Rand64) {
    let a = below(random, bytes.len() + 1);
    let b = below(random, bytes.len() + 1);
    let (start, end) = (a.min(b), a.max(b));
    match below(random, 8) {
        0 | 1 if start < bytes.len() => bytes[start] ^= 1 << below(random, 8),
        2 if start < bytes.len() => bytes[start] = byte(random),
        3 => bytes.truncate(end),
        4 => {
            bytes.drain(start..end.min(start + 20));
        }
        5 => {
            let piece = bytes[start..end].to_vec();
            bytes.splice(end..end, piece);
        }
        6 => {
            let length = LENGTHS[below(random, LENGTHS.len())];
            let end = (start + below(random, 3)).min(bytes.len());
            bytes.splice(start..end, length.iter().copied());
        }
        _ => bytes.insert(start, byte(random)),
    }
}

fn byte(random: &mut Rand64) -> u8 {
    below(random, 256) as u8 // less than 256
}
