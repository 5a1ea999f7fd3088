//! What the bytes of each tensor type mean, straight from ggml's block definitions.
//!
//! The reference that kernels and packers are held against; nothing computes with it. Definitions:
//! `block_*` in <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h> and
//! `dequantize_row_*` in <https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c>.

use half::{bf16, f16};

use super::TensorType;

/// The values of whole blocks, exact but for the last bits of a double.
pub(crate) fn dequantize(kind: TensorType, bytes: &[u8]) -> Vec<f64> {
    bytes
        .chunks_exact(kind.block_bytes())
        .flat_map(|block| match kind {
            TensorType::F32 => vec![f64::from(f32::from_le_bytes([
                block[0], block[1], block[2], block[3],
            ]))],
            TensorType::F16 => vec![half(block)],
            TensorType::BF16 => vec![bf16::from_le_bytes([block[0], block[1]]).to_f64()],
            TensorType::Q8_0 => q8_0(block),
            TensorType::Q4_0 => nibbles(&block[2..])
                .map(|code| half(block) * (f64::from(code) - 8.0))
                .collect(),
            TensorType::Q4_1 => nibbles(&block[4..])
                .map(|code| half(block) * f64::from(code) + half(&block[2..]))
                .collect(),
            TensorType::Q5_0 => fives(&block[2..])
                .map(|code| half(block) * (f64::from(code) - 16.0))
                .collect(),
            TensorType::Q5_1 => fives(&block[4..])
                .map(|code| half(block) * f64::from(code) + half(&block[2..]))
                .collect(),
            TensorType::Q2_K => q2_k(block),
            TensorType::Q3_K => q3_k(block),
            TensorType::Q4_K => q4_k(block),
            TensorType::Q5_K => q5_k(block),
            TensorType::Q6_K => q6_k(block),
        })
        .collect()
}

/// The f16 number at the beginning.
fn half(bytes: &[u8]) -> f64 {
    f16::from_le_bytes([bytes[0], bytes[1]]).to_f64()
}

fn q8_0(block: &[u8]) -> Vec<f64> {
    block[2..]
        .iter()
        .map(|&byte| half(block) * f64::from(byte.cast_signed()))
        .collect()
}

/// 16 bytes: the low halves are values 0 to 15, the high halves 16 to 31.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let low = bytes.iter().map(|byte| byte & 15);
    low.chain(bytes.iter().map(|byte| byte >> 4))
}

/// 32 bits, the fifth bit of each value, then 16 bytes of nibbles.
fn fives(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let fifth = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(&bytes[4..])
        .enumerate()
        .map(move |(at, low)| low | ((fifth >> at & 1) as u8) << 4)
}

/// 16 bytes of scales (low half) and minimums (high half), one for each 16 values; 64 bytes of codes;
/// d, dmin. Byte `b` of each 32 holds the codes of values `b`, `b + 32`, `b + 64`, `b + 96` of 128.
fn q2_k(block: &[u8]) -> Vec<f64> {
    let (scales, codes) = (&block[..16], &block[16..80]);
    let (d, minimum) = (half(&block[80..]), half(&block[82..]));
    (0..256)
        .map(|at| {
            let code = codes[at / 128 * 32 + at % 32] >> (at / 32 % 4 * 2) & 3;
            let scale = scales[at / 16];
            d * f64::from(scale & 15) * f64::from(code) - minimum * f64::from(scale >> 4)
        })
        .collect()
}

/// 32 bytes of third bits (bit `at / 32` of byte `at % 32`; a bit that is *not* set takes 4 away), 64
/// bytes of low codes as in Q2_K, 12 bytes of sixteen 6-bit scales (minus 32), d.
fn q3_k(block: &[u8]) -> Vec<f64> {
    let (third, codes, packed) = (&block[..32], &block[32..96], &block[96..108]);
    let d = half(&block[108..]);
    (0..256)
        .map(|at| {
            let low = codes[at / 128 * 32 + at % 32] >> (at / 32 % 4 * 2) & 3;
            let high = third[at % 32] >> (at / 32) & 1;
            let code = f64::from(low) - if high == 1 { 0.0 } else { 4.0 };
            let group = at / 16;
            // Low four bits: the halves of the first eight bytes; high two: pairs of the last four.
            let low = packed[group % 8] >> (group / 8 * 4) & 15;
            let high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
            d * (f64::from(low | high << 4) - 32.0) * code
        })
        .collect()
}

/// Scale and minimum of group `group` of 32 values in Q4_K and Q5_K: eight of six bits each.
fn scale_and_minimum(packed: &[u8], group: usize) -> (f64, f64) {
    let (scale, minimum) = if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        (
            packed[group + 4] & 15 | packed[group - 4] >> 6 << 4,
            packed[group + 4] >> 4 | packed[group] >> 6 << 4,
        )
    };
    (f64::from(scale), f64::from(minimum))
}

/// d, dmin, 12 bytes of scales and minimums, 128 bytes of nibbles: byte `b` of each 32 holds values
/// `b` and `b + 32` of 64.
fn q4_k(block: &[u8]) -> Vec<f64> {
    let (d, dmin, packed, codes) = (half(block), half(&block[2..]), &block[4..16], &block[16..]);
    (0..256)
        .map(|at| {
            let (scale, minimum) = scale_and_minimum(packed, at / 32);
            let code = codes[at / 64 * 32 + at % 32] >> (at / 32 % 2 * 4) & 15;
            d * scale * f64::from(code) - dmin * minimum
        })
        .collect()
}

/// Like Q4_K, with 32 bytes of fifth bits before the nibbles: bit `at / 32` of byte `at % 32`.
fn q5_k(block: &[u8]) -> Vec<f64> {
    let (d, dmin, packed) = (half(block), half(&block[2..]), &block[4..16]);
    let (fifth, codes) = (&block[16..48], &block[48..]);
    (0..256)
        .map(|at| {
            let (scale, minimum) = scale_and_minimum(packed, at / 32);
            let low = codes[at / 64 * 32 + at % 32] >> (at / 32 % 2 * 4) & 15;
            let code = low | (fifth[at % 32] >> (at / 32) & 1) << 4;
            d * scale * f64::from(code) - dmin * minimum
        })
        .collect()
}

/// 128 bytes of low nibbles, 64 bytes of high pairs of bits, 16 signed scales, d. Of each 128 values,
/// byte `b` of 64 holds the nibbles of values `b` and `b + 64`, byte `b` of 32 the pairs of `b`,
/// `b + 32`, `b + 64`, `b + 96`.
fn q6_k(block: &[u8]) -> Vec<f64> {
    let (lows, highs, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = half(&block[208..]);
    (0..256)
        .map(|at| {
            let low = lows[at / 128 * 64 + at % 64] >> (at / 64 % 2 * 4) & 15;
            let high = highs[at / 128 * 32 + at % 32] >> (at / 32 % 4 * 2) & 3;
            let scale = f64::from(scales[at / 16].cast_signed());
            d * scale * (f64::from(low | high << 4) - 32.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `TYPE HEX VALUE VALUE …`, made by `tests/golden/dequantize.py` with the Python
    /// package `gguf`, whose values are single precision.
    const GOLDEN: &str = include_str!("../../../../tests/golden/dequantize.txt");

    #[test]
    fn values_are_those_of_another_implementation() {
        let mut seen = Vec::new();
        for line in GOLDEN.lines() {
            let mut words = line.split(' ');
            let name = words.next().unwrap();
            let kind = *TensorType::ALL
                .iter()
                .find(|kind| format!("{kind:?}") == name)
                .unwrap();
            let hex = words.next().unwrap();
            let bytes: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect();
            let expected: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
            let found = dequantize(kind, &bytes);
            assert_eq!(found.len(), expected.len(), "{name}");
            // A minimum taken from a product loses bits of the larger of the two.
            let largest = expected
                .iter()
                .fold(0f64, |most, value| most.max(value.abs()));
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    (found - expected).abs() <= 4e-7 * largest,
                    "{name}, value {at}: {found}, {expected}"
                );
            }
            seen.push(kind);
        }
        assert_eq!(seen, TensorType::ALL);
    }
}
