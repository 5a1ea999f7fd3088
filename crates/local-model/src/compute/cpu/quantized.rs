//! Activations rounded to 8 bits.

use super::{
    Cpu, Tensor,
    format::CHUNKS,
    instructions::{Instructions, Job, MAGIC, total},
};

/// Columns that share a scale.
pub(super) const BLOCK: usize = 32;
/// Tokens that share one pass through a group of rows: as many as leave registers for their sums.
pub(super) const TILE: usize = 4;

/// A rounded activation as the kernels of this build want it: a page without relaxed SIMD multiplies
/// numbers of 16 bits, in the order in which bytes come out of lanes of 16 bits: the even ones, then
/// the odd ones.
#[cfg(any(not(target_arch = "wasm32"), feature = "relaxed-simd"))]
pub(super) type Column = i8;
#[cfg(all(target_arch = "wasm32", not(feature = "relaxed-simd")))]
pub(super) type Column = i16;

/// Which of four neighbouring columns lies first, second, third, fourth.
#[cfg(any(not(target_arch = "wasm32"), feature = "relaxed-simd"))]
pub(super) const ORDER: [usize; 4] = [0, 1, 2, 3];
#[cfg(all(target_arch = "wasm32", not(feature = "relaxed-simd")))]
pub(super) const ORDER: [usize; 4] = [0, 2, 1, 3];

/// 32 columns of `T` tokens: `x ≈ scale * value`.
#[derive(Clone, Copy)]
pub(super) struct Block<const T: usize> {
    /// From -127 to 127: chunk by chunk, in a chunk token by token, four columns in [`ORDER`].
    pub values: [[[Column; 4]; T]; CHUNKS],
    pub scales: [f32; T],
    /// Sums of values, for weights with a minimum: of all, of the first 16, of the last 16.
    pub sums: [[f32; T]; 3],
}

/// Activations in tiles of `T` tokens; the last tile repeats the last token.
pub(super) struct Quantized<const T: usize> {
    /// `[tiles, blocks of a token]`
    pub blocks: Vec<Block<T>>,
}

/// Activations as the kernel for so many tokens wants them.
pub(super) enum Rounded {
    One(Quantized<1>),
    Several(Quantized<TILE>),
}

/// What rounding a value costs, in multiply-adds of a product.
const COST: usize = 8;

impl Cpu {
    /// Rounds to nearest, the largest of a block to ±127. The width is whole blocks.
    pub(super) fn round(&self, x: &Tensor) -> Rounded {
        if x.tokens() == 1 {
            Rounded::One(self.round_tiles(x))
        } else {
            Rounded::Several(self.round_tiles(x))
        }
    }

    fn round_tiles<const T: usize>(&self, x: &Tensor) -> Quantized<T> {
        debug_assert!(x.width.is_multiple_of(BLOCK));
        let width = x.width / BLOCK;
        let mut blocks = vec![Block::ZERO; x.tokens().div_ceil(T) * width];
        let cost = COST * x.values.len();
        self.pool
            .split_values(&mut blocks, width, cost, |first, blocks| {
                self.run(Round { x, first, blocks });
            });
        Quantized { blocks }
    }
}

/// Rounds the tokens of some tiles, the one at `first` and the next.
struct Round<'a, const T: usize> {
    x: &'a Tensor,
    first: usize,
    /// `[tiles, blocks of a token]`
    blocks: &'a mut [Block<T>],
}

impl<const T: usize> Job for Round<'_, T> {
    type Out = ();

    #[inline(always)]
    fn run<S: Instructions>(self, s: S) {
        let x = self.x;
        let tiles = self.blocks.chunks_exact_mut(x.width / BLOCK);
        for (tile, blocks) in (self.first..).zip(tiles) {
            for t in 0..T {
                let token = (tile * T + t).min(x.tokens() - 1);
                let values = &x.values[token * x.width..][..x.width];
                for (block, values) in blocks.iter_mut().zip(values.as_chunks().0) {
                    round_block(s, values, block, t);
                }
            }
        }
    }
}

impl<const T: usize> Block<T> {
    const ZERO: Self = Self {
        values: [[[0; 4]; T]; CHUNKS],
        scales: [0.0; T],
        sums: [[0.0; T]; 3],
    };
}

/// Token `t` of a block.
#[inline(always)]
fn round_block<S: Instructions, const T: usize>(
    s: S,
    x: &[f32; BLOCK],
    block: &mut Block<T>,
    t: usize,
) {
    let eights = x.as_chunks::<8>().0;
    // `poison` is 0 unless a value is no number, which then shows in the scale.
    let (mut largest, mut poison) = (s.splat(0.0), s.splat(0.0));
    for eight in eights {
        let eight = s.load(eight);
        largest = s.max(largest, s.abs(eight));
        poison = s.add(poison, s.mul(eight, s.splat(0.0)));
    }
    let largest = s.array(largest).into_iter().fold(0.0, f32::max);
    let scale = largest / 127.0 + total(s.array(poison));
    // Below, the inverse would not be finite.
    let inverse = if scale < 1e-30 { 0.0 } else { 1.0 / scale };
    let (inverse, magic) = (s.splat(inverse), s.splat(MAGIC));
    let mut halves = [0.0; 2];
    for (at, eight) in eights.iter().enumerate() {
        let shifted = s.add(s.mul(s.load(eight), inverse), magic);
        halves[at / 2] += total(s.array(s.sub(shifted, magic)));
        let bits = s.array(shifted);
        for lane in 0..8 {
            // The lowest byte is the integer; what is no number may round to anything.
            let column = 8 * at + lane / 4 * 4;
            block.values[column / 4][t][lane % 4] =
                Column::from(bits[lane / 4 * 4 + ORDER[lane % 4]].to_bits() as i8);
        }
    }
    block.scales[t] = scale;
    block.sums[0][t] = halves[0] + halves[1];
    block.sums[1][t] = halves[0];
    block.sums[2][t] = halves[1];
}
