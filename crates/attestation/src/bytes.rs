//! Bytes that come as text.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::Refused;

/// Bytes in base64.
pub(crate) fn base64(text: &str, what: &'static str) -> Result<Vec<u8>, Refused> {
    BASE64
        .decode(text)
        .map_err(|error| Refused::malformed(what, error))
}

/// Exactly `N` bytes in hex.
pub(crate) fn hex_array<const N: usize>(
    text: &str,
    what: &'static str,
) -> Result<[u8; N], Refused> {
    let mut bytes = [0; N];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Refused::malformed(what, error)),
    }
}
