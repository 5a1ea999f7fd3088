//! Packed weights in the order in which the kernels read them.

use half::f16;

use super::quantized::{BLOCK, Quantized};
use crate::gguf::TensorType;

/// Rows that lie interleaved.
pub(super) const ROWS: usize = 4;

/// Bytes of a block of four rows of Q4_1: four f16 scales, four f16 minimums, 64 bytes of nibbles.
pub(super) const Q4_1_BYTES: usize = 80;
/// Bytes of a block of four rows of Q8_0: four f16 scales, 128 signed bytes.
pub(super) const Q8_0_BYTES: usize = 136;

/// A Q4_1 or Q8_0 matrix, the same bytes as in the file in another order.
///
/// Groups of four rows; in a group block after block (32 columns); in a block the scales of the four
/// rows, then the quants interleaved by four bytes: bytes 0..4 of row 0, of row 1, 2, 3, then bytes
/// 4..8 of row 0, and so on. A vector of 16 bytes so holds four bytes of each row, which meet the
/// same four (of Q4_1: two times four) activations, and its 32-bit lanes are the rows. Missing rows
/// of the last group are zero.
pub(crate) struct Packed {
    pub kind: TensorType,
    pub rows: usize,
    pub columns: usize,
    pub bytes: Vec<u8>,
}

impl Packed {
    /// Reorders GGUF blocks in place. `columns` is whole blocks; `bytes` is `rows` rows.
    pub fn new(kind: TensorType, rows: usize, columns: usize, mut bytes: Vec<u8>) -> Self {
        let row_bytes = kind.row_bytes(columns);
        let (block_bytes, head) = (kind.block_bytes(), head_bytes(kind));
        debug_assert_eq!(bytes.len(), rows * row_bytes);
        bytes.resize(rows.next_multiple_of(ROWS) * row_bytes, 0);
        let mut old = Vec::new();
        for group in bytes.chunks_exact_mut(ROWS * row_bytes) {
            old.clear();
            old.extend_from_slice(group);
            for (block, new) in group.chunks_exact_mut(ROWS * block_bytes).enumerate() {
                for row in 0..ROWS {
                    let old = &old[row * row_bytes + block * block_bytes..][..block_bytes];
                    for field in 0..head / 2 {
                        let to = field * 2 * ROWS + 2 * row;
                        new[to..to + 2].copy_from_slice(&old[2 * field..2 * field + 2]);
                    }
                    for (chunk, four) in old[head..].chunks_exact(4).enumerate() {
                        let to = ROWS * head + (chunk * ROWS + row) * 4;
                        new[to..to + 4].copy_from_slice(four);
                    }
                }
            }
        }
        Self {
            kind,
            rows,
            columns,
            bytes,
        }
    }

    /// Bytes of a group of four rows.
    pub fn group_bytes(&self) -> usize {
        ROWS * self.kind.row_bytes(self.columns)
    }

    /// Appends one row as floats: for embeddings, which are looked up row by row.
    pub fn row(&self, row: usize, out: &mut Vec<f32>) {
        let lane = row % ROWS;
        let group = &self.bytes[row / ROWS * self.group_bytes()..][..self.group_bytes()];
        let head = ROWS * head_bytes(self.kind);
        for block in group.chunks_exact(ROWS * self.kind.block_bytes()) {
            let float = |field: usize| half_at(block, field * ROWS + lane);
            let byte = |index: usize| block[head + (index / 4 * ROWS + lane) * 4 + index % 4];
            match self.kind {
                TensorType::Q4_1 => {
                    let (scale, minimum) = (float(0), float(1));
                    out.extend((0..16).map(|index| scale * f32::from(byte(index) & 15) + minimum));
                    out.extend((0..16).map(|index| scale * f32::from(byte(index) >> 4) + minimum));
                }
                _ => {
                    let scale = float(0);
                    out.extend((0..BLOCK).map(|index| scale * f32::from(byte(index) as i8)));
                }
            }
        }
    }
}

/// Bytes of a block before its quants.
fn head_bytes(kind: TensorType) -> usize {
    if kind == TensorType::Q4_1 { 4 } else { 2 }
}

/// The f16 number `index` of `bytes`.
pub(super) fn half_at(bytes: &[u8], index: usize) -> f32 {
    f16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]).to_f32()
}

/// Walks groups of rows and, inside, tokens, four at a time where there are four, so that a group is
/// unpacked once for them; `one` and `four` give four rows' products with the token and those after.
#[inline(always)]
pub(super) fn for_each_group(
    weight: &Packed,
    x: &Quantized,
    out: &mut [f32],
    one: impl Fn(&[u8], usize) -> [[f32; ROWS]; 1],
    four: impl Fn(&[u8], usize) -> [[f32; ROWS]; 4],
) {
    let tokens = x.tokens();
    for (group, bytes) in weight.bytes.chunks_exact(weight.group_bytes()).enumerate() {
        let first = group * ROWS;
        let rows = ROWS.min(weight.rows - first);
        let mut store = |token: usize, sums: &[f32; ROWS]| {
            out[token * weight.rows + first..][..rows].copy_from_slice(&sums[..rows]);
        };
        let mut token = 0;
        while token + 4 <= tokens {
            for (at, sums) in four(bytes, token).iter().enumerate() {
                store(token + at, sums);
            }
            token += 4;
        }
        while token < tokens {
            store(token, &one(bytes, token)[0]);
            token += 1;
        }
    }
}
