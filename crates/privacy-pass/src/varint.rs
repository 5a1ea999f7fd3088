//! Lengths as QUIC writes them (RFC 9000 §16).

/// Reads a length, and moves on behind it.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<usize> {
    let size = 1 << (*bytes.first()? >> 6);
    let (length, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    let value = length
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    usize::try_from(value & (u64::MAX >> (66 - 8 * size))).ok()
}

/// Writes a length.
pub(crate) fn put(length: usize, bytes: &mut Vec<u8>) {
    let length = length as u64;
    match length {
        0..=0x3f => bytes.push(length as u8),
        0x40..=0x3fff => bytes.extend((length as u16 | 0x4000).to_be_bytes()),
        0x4000..=0x3fff_ffff => bytes.extend((length as u32 | 0x8000_0000).to_be_bytes()),
        // No slice in memory is longer than 2^62 bytes.
        _ => bytes.extend((length | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}
