//! Calibrations of model files that are known.

/// By the SHA-256 of the file.
pub(super) const SHIPPED: [(&str, &str); 0] = [];

pub(super) fn json(sha256: &str) -> Option<&'static str> {
    let known = SHIPPED
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(sha256));
    known.map(|(_, json)| *json)
}
