//! Calibrations of model files that are known.

/// By the SHA-256 of the file.
pub(super) const SHIPPED: [(&str, &str); 1] = [(
    // SmolLM2-135M-Instruct.Q4_1.gguf: docs/models/calibration.md.
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    include_str!("../../calibrations/smollm2-135m-instruct-q4_1.json"),
)];

pub(super) fn json(sha256: &str) -> Option<&'static str> {
    let known = SHIPPED
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(sha256));
    known.map(|(_, json)| *json)
}
