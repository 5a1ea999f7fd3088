//! Activations rounded to 8 bits.

use super::Tensor;

/// Columns that share a scale.
pub(super) const BLOCK: usize = 32;

/// A rounded activation as the kernels of this build want it: a page without relaxed SIMD multiplies
/// numbers of 16 bits, in the order in which bytes come out of lanes of 16 bits: the even ones, then
/// the odd ones.
#[cfg(not(all(target_arch = "wasm32", not(target_feature = "relaxed-simd"))))]
pub(super) type Column = i8;
#[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
pub(super) type Column = i16;

/// Which of four neighbouring columns lies first, second, third, fourth.
#[cfg(not(all(target_arch = "wasm32", not(target_feature = "relaxed-simd"))))]
pub(super) const ORDER: [usize; 4] = [0, 1, 2, 3];
#[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
pub(super) const ORDER: [usize; 4] = [0, 2, 1, 3];

/// 32 columns of a token: `x ≈ scale * value`.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// From -127 to 127, each four in [`ORDER`].
    pub values: [Column; BLOCK],
    pub scale: f32,
    /// Sum of all values, for weights with a minimum.
    pub sum: f32,
    /// Sums of the first and the last 16 values.
    pub halves: [f32; 2],
}

/// Activations `[tokens, columns]`.
pub(super) struct Quantized {
    /// Blocks of one token.
    pub width: usize,
    /// `[tokens, width]`
    pub blocks: Vec<Block>,
}

impl Quantized {
    /// Rounds to nearest, the largest of a block to ±127. The width is whole blocks.
    pub fn new(x: &Tensor) -> Self {
        let (blocks, rest) = x.values.as_chunks::<BLOCK>();
        debug_assert!(rest.is_empty() && x.width.is_multiple_of(BLOCK));
        Self {
            width: x.width / BLOCK,
            blocks: blocks.iter().map(block).collect(),
        }
    }

    /// Blocks of one token.
    pub fn token(&self, token: usize) -> &[Block] {
        &self.blocks[token * self.width..][..self.width]
    }

    pub fn tokens(&self) -> usize {
        self.blocks.len() / self.width
    }
}

fn block(x: &[f32; BLOCK]) -> Block {
    // In lanes, so that the compiler makes vectors of it.
    // `poison` is 0 unless a value is no number, which then shows in the scale.
    let (mut largest, mut poison) = ([0f32; 4], [0f32; 4]);
    for four in x.as_chunks::<4>().0 {
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
    let mut rounded = [0i32; BLOCK];
    for (rounded, &x) in rounded.iter_mut().zip(x) {
        // What is no number may round to anything; to 8 bits, so that sums do not overflow.
        *rounded = i32::from(round(x * inverse) as i8);
    }
    let halves: [i32; 2] = [
        rounded[..16].iter().sum::<i32>(),
        rounded[16..].iter().sum::<i32>(),
    ];
    Block {
        values: std::array::from_fn(|at| rounded[at / 4 * 4 + ORDER[at % 4]] as Column),
        scale,
        sum: (halves[0] + halves[1]) as f32,
        halves: halves.map(|half| half as f32),
    }
}

/// To the nearest integer, halves to even, for |x| < 2^22: by adding and taking away 1.5 * 2^23, the
/// last bit of a float of that size is worth 1. `f32::round` is a call on some targets.
fn round(x: f32) -> i32 {
    const MAGIC: f32 = 12_582_912.0;
    ((x + MAGIC).to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32)
}
