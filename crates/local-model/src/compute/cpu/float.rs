//! Products with weights that are floats: F32, F16, BF16, kept as they are in the file.
//!
//! A row at a time is made single precision, in a buffer that stays in the nearest cache.

use half::bf16;

use super::{
    Tensor,
    instructions::{Instructions, Job, total},
    split::Columns,
};
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
}

/// `x[token] · weight[row]` for the rows that are columns of `out`.
pub(super) struct FloatProducts<'a> {
    pub weight: &'a Float,
    pub x: &'a Tensor,
    pub out: Columns<'a>,
}

impl Job for FloatProducts<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Instructions>(mut self, s: S) {
        let mut weights = Vec::with_capacity(self.weight.columns);
        for row in self.out.run() {
            weights.clear();
            self.weight.row(row, &mut weights);
            for (token, x) in self.x.rows().enumerate() {
                self.out.of(token, row)[0] = dot(s, &weights, x);
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

/// `Σ a[i] * b[i]`
#[inline(always)]
pub(super) fn dot<S: Instructions>(s: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = s.splat(0.0);
    for (a, b) in a.iter().zip(b) {
        sums = s.add(sums, s.mul(s.load(a), s.load(b)));
    }
    let mut sum = total(s.array(sums));
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum += a * b;
    }
    sum
}
