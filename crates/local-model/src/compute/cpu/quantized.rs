//! Activations rounded to 8 bits.

use super::Tensor;

/// Values that share a scale.
pub(super) const BLOCK: usize = 32;

/// Activations `[tokens, columns]`: `x ≈ scale * value`, one scale for each block of 32 columns.
pub(super) struct Quantized {
    /// Blocks of one token.
    pub blocks: usize,
    /// Blocks `[tokens, blocks]`; values from -127 to 127.
    pub values: Vec<[i8; BLOCK]>,
    /// `[tokens, blocks]`
    pub scales: Vec<f32>,
    /// `[tokens, blocks]`: the scale times the sum of the values, for weights with a minimum.
    pub sums: Vec<f32>,
}

impl Quantized {
    /// Rounds to nearest, the largest of a block to ±127. The width is whole blocks.
    pub fn new(x: &Tensor) -> Self {
        let (blocks, rest) = x.values.as_chunks::<BLOCK>();
        debug_assert!(rest.is_empty() && x.width.is_multiple_of(BLOCK));
        let mut quantized = Self {
            blocks: x.width / BLOCK,
            values: Vec::with_capacity(blocks.len()),
            scales: Vec::with_capacity(blocks.len()),
            sums: Vec::with_capacity(blocks.len()),
        };
        for block in blocks {
            // In lanes, so that the compiler makes vectors of it.
            // `poison` is 0 unless a value is no number, which then shows in the scale.
            let (mut largest, mut poison) = ([0f32; 4], [0f32; 4]);
            for four in block.as_chunks::<4>().0 {
                for lane in 0..4 {
                    largest[lane] = largest[lane].max(four[lane].abs());
                    poison[lane] += four[lane] * 0.0;
                }
            }
            let largest = largest[0].max(largest[1]).max(largest[2].max(largest[3]));
            let poison = (poison[0] + poison[1]) + (poison[2] + poison[3]);
            let scale = largest / 127.0 + poison;
            // Below, the inverse would not be finite.
            let inverse = if scale < 1e-30 { 0.0 } else { 1.0 / scale };
            let mut values = [0i8; BLOCK];
            let mut sum = 0i32;
            for (value, &x) in values.iter_mut().zip(block) {
                *value = round(x * inverse) as i8;
                sum += i32::from(*value);
            }
            quantized.values.push(values);
            quantized.scales.push(scale);
            quantized.sums.push(scale * sum as f32);
        }
        quantized
    }

    pub fn tokens(&self) -> usize {
        self.values.len() / self.blocks
    }
}

/// To the nearest integer, halves to even, for |x| < 2^22: by adding and taking away 1.5 * 2^23, the
/// last bit of a float of that size is worth 1. `f32::round` is a call on some targets.
fn round(x: f32) -> i32 {
    const MAGIC: f32 = 12_582_912.0;
    ((x + MAGIC).to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32)
}
