//! Products with weights that are floats: F32, F16, BF16, kept as they are in the file.
//!
//! A row at a time is made single precision, in a buffer that stays in the nearest cache.

use half::bf16;

use super::Tensor;
use crate::gguf::TensorType;

/// A matrix of floats `[rows, columns]`, row-major, as in the file.
pub(crate) struct Float {
    pub kind: TensorType,
    pub rows: usize,
    pub columns: usize,
    pub bytes: Vec<u8>,
}

impl Float {
    /// Appends one row as singles.
    pub fn row(&self, row: usize, out: &mut Vec<f32>) {
        let size = self.kind.row_bytes(self.columns);
        let bytes = &self.bytes[row * size..][..size];
        match self.kind {
            TensorType::F16 => out.extend(twos(bytes).map(single)),
            TensorType::BF16 => out.extend(twos(bytes).map(|bits| bf16::from_bits(bits).to_f32())),
            _ => out.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&four| f32::from_le_bytes(four)),
            ),
        }
    }

    /// `out[token * width + row] = x[token] · weight[row]`.
    pub fn products(&self, x: &Tensor, out: &mut [f32], width: usize) {
        let mut weights = Vec::with_capacity(self.columns);
        for row in 0..self.rows {
            weights.clear();
            self.row(row, &mut weights);
            for (token, x) in x.rows().enumerate() {
                out[token * width + row] = dot(&weights, x);
            }
        }
    }
}

fn twos(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&two| u16::from_le_bytes(two))
}

/// A half as a single, without branches, so that the compiler makes vectors of it. Exponent and
/// fraction move to a single's place, where they are worth 2^-112 of what they mean; the product is
/// exact, also for subnormal numbers. Infinity and NaN get a single's highest exponent.
fn single(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let size = (bits & 0x7fff) << 13;
    let finite = (f32::from_bits(size) * f32::from_bits((127 + 112) << 23)).to_bits();
    let value = if size >= 0x1f << 23 {
        size | 0xff << 23
    } else {
        finite
    };
    f32::from_bits(value | (bits & 0x8000) << 16)
}

/// In eight lanes, so that the compiler makes vectors of it.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}
