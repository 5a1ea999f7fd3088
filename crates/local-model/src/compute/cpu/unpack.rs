//! Blocks of a GGUF file, taken apart. `gguf/dequantize.rs` names the source of the definitions.

use crate::gguf::TensorType;

/// One block of a row: 32 values, or 256 in K types.
#[derive(Clone, Copy)]
pub(super) struct Unpacked {
    /// Codes in the order of the columns; the sign is the format's business.
    pub codes: [u8; 256],
    /// f16 `d`.
    pub scale: [u8; 2],
    /// f16 `m` or `dmin`, if the type has one.
    pub minimum: [u8; 2],
    /// For each 32 columns two bytes of small scales, as `format.rs` has them.
    pub small: [[u8; 2]; 8],
}

impl Unpacked {
    pub const ZERO: Self = Self {
        codes: [0; 256],
        scale: [0; 2],
        minimum: [0; 2],
        small: [[0; 2]; 8],
    };
}

/// Takes apart one block. Nothing is done for types without blocks.
pub(super) fn unpack(kind: TensorType, block: &[u8], out: &mut Unpacked) {
    let two = |at: usize| [block[at], block[at + 1]];
    match kind {
        TensorType::F32 | TensorType::F16 | TensorType::BF16 => {}
        TensorType::Q8_0 => {
            out.scale = two(0);
            out.codes[..32].copy_from_slice(&block[2..34]);
        }
        TensorType::Q4_0 | TensorType::Q4_1 => {
            let head = if kind == TensorType::Q4_0 { 2 } else { 4 };
            (out.scale, out.minimum) = (two(0), two(head - 2));
            nibbles(&block[head..head + 16], &mut out.codes[..32]);
        }
        TensorType::Q5_0 | TensorType::Q5_1 => {
            let head = if kind == TensorType::Q5_0 { 2 } else { 4 };
            (out.scale, out.minimum) = (two(0), two(head - 2));
            nibbles(&block[head + 4..head + 20], &mut out.codes[..32]);
            for (at, code) in out.codes[..32].iter_mut().enumerate() {
                *code |= (block[head + at / 8] >> (at % 8) & 1) << 4;
            }
        }
        TensorType::Q2_K => {
            (out.scale, out.minimum) = (two(80), two(82));
            out.small = *first_eight(block[..16].as_chunks().0);
            pairs(&block[16..80], &mut out.codes);
        }
        TensorType::Q3_K => {
            out.scale = two(108);
            pairs(&block[32..96], &mut out.codes);
            for (bit, codes) in out.codes.chunks_exact_mut(32).enumerate() {
                for (code, third) in codes.iter_mut().zip(&block[..32]) {
                    *code |= (third >> bit & 1) << 2;
                }
            }
            let packed = &block[96..108];
            for group in 0..16 {
                let low = packed[group % 8] >> (group / 8 * 4) & 15;
                let high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
                out.small[group / 2][group % 2] = (low | high << 4).wrapping_sub(32);
            }
        }
        TensorType::Q4_K => {
            (out.scale, out.minimum) = (two(0), two(2));
            out.small = sixes(&block[4..16]);
            for (codes, bytes) in out.codes.chunks_exact_mut(64).zip(block[16..].chunks(32)) {
                nibbles(bytes, codes);
            }
        }
        TensorType::Q5_K => {
            (out.scale, out.minimum) = (two(0), two(2));
            out.small = sixes(&block[4..16]);
            for (codes, bytes) in out.codes.chunks_exact_mut(64).zip(block[48..].chunks(32)) {
                nibbles(bytes, codes);
            }
            for (bit, codes) in out.codes.chunks_exact_mut(32).enumerate() {
                for (code, fifth) in codes.iter_mut().zip(&block[16..48]) {
                    *code |= (fifth >> bit & 1) << 4;
                }
            }
        }
        TensorType::Q6_K => {
            out.scale = two(208);
            out.small = *first_eight(block[192..208].as_chunks().0);
            let (lows, highs) = block[..192].split_at(128);
            for (codes, bytes) in out.codes.chunks_exact_mut(128).zip(lows.chunks(64)) {
                nibbles(bytes, codes);
            }
            let mut high = [0; 256];
            pairs(highs, &mut high);
            for (code, high) in out.codes.iter_mut().zip(high) {
                *code |= high << 4;
            }
        }
    }
}

/// The low halves of the bytes, then the high ones.
fn nibbles(bytes: &[u8], codes: &mut [u8]) {
    let (low, high) = codes.split_at_mut(bytes.len());
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
}

/// Of each 32 bytes the lowest two bits, then the next two, and so on.
fn pairs(bytes: &[u8], codes: &mut [u8; 256]) {
    for (codes, bytes) in codes.chunks_exact_mut(128).zip(bytes.chunks_exact(32)) {
        for (pair, codes) in codes.chunks_exact_mut(32).enumerate() {
            for (code, byte) in codes.iter_mut().zip(bytes) {
                *code = byte >> (2 * pair) & 3;
            }
        }
    }
}

/// Eight 6-bit scales and eight minimums from 12 bytes: the first four of each are whole, the others
/// have their high bits above those.
fn sixes(packed: &[u8]) -> [[u8; 2]; 8] {
    std::array::from_fn(|group| {
        if group < 4 {
            [packed[group] & 63, packed[group + 4] & 63]
        } else {
            [
                packed[group + 4] & 15 | packed[group - 4] >> 6 << 4,
                packed[group + 4] >> 4 | packed[group] >> 6 << 4,
            ]
        }
    })
}

fn first_eight(pairs: &[[u8; 2]]) -> &[[u8; 2]; 8] {
    pairs.first_chunk().unwrap_or(&[[0; 2]; 8])
}
