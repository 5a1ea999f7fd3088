//! Products of packed weights with rounded activations: the one kernel, for every type of blocks and
//! every instruction set.
//!
//! A block's dot product is exact, in integers. Everything in floats is done here, in the same order
//! for every instruction set and without fused multiply-add, so that all give the same bits.

use super::{
    format::{Format, GROUP_ROWS, HALVES, Minimum, ROWS, byte},
    packed::{Packed, group_bytes},
    quantized::{Block, Quantized},
};

/// What the kernel needs of an instruction set. Everything is inlined into the caller, which has the
/// instructions; a value of the type is the proof that they are there.
pub(super) trait Instructions: Copy {
    /// f32 of four rows.
    type Floats: Copy;
    /// i32 of four rows.
    type Ints: Copy;

    /// Dot products of a block of both halves of a group, whose codes begin `at` that byte of the super-block, with
    /// a block of each token: of the first 16 columns and
    /// of the last 16 if the format's scales are for 16 columns, else of all and nothing. Codes count
    /// without the format's offset.
    fn dots<F: Format, const T: usize>(
        self,
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
    ) -> [[[Self::Ints; 2]; T]; HALVES];

    fn floats(self, ints: Self::Ints) -> Self::Floats;
    /// Four f16 numbers.
    fn halves(self, bytes: [u8; 8]) -> Self::Floats;
    /// Four unsigned bytes.
    fn unsigned(self, bytes: u32) -> Self::Floats;
    /// Four signed bytes.
    fn signed(self, bytes: u32) -> Self::Floats;
    fn splat(self, value: f32) -> Self::Floats;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn array(self, floats: Self::Floats) -> [f32; ROWS];
}

/// Tokens that share one pass through a group of rows, so that a group is unpacked once for them.
const TILE: usize = 4;

/// `out[token * width + row] = x[token] · weight[row]`.
#[inline(always)]
pub(super) fn products<S: Instructions, F: Format>(
    s: S,
    weight: &Packed,
    x: &Quantized,
    out: &mut [f32],
    width: usize,
) {
    let size = group_bytes::<F>(weight.columns);
    let tokens = x.tokens();
    let tiled = tokens / TILE * TILE;
    for (group, bytes) in weight.bytes.chunks_exact(size).enumerate() {
        let places = F::places(bytes);
        let row = group * GROUP_ROWS;
        for first in (0..tiled).step_by(TILE) {
            let x = [
                x.token(first),
                x.token(first + 1),
                x.token(first + 2),
                x.token(first + 3),
            ];
            let sums = tile::<S, F, TILE>(s, places, x);
            for (half, sums) in sums.into_iter().enumerate() {
                for (at, sums) in sums.into_iter().enumerate() {
                    store(out, width, weight.rows, row + half * ROWS, first + at, sums);
                }
            }
        }
        for token in tiled..tokens {
            let [[a], [b]] = tile::<S, F, 1>(s, places, [x.token(token)]);
            store(out, width, weight.rows, row, token, a);
            store(out, width, weight.rows, row + ROWS, token, b);
        }
    }
}

/// Keeps the sums of those rows from `first` on that there are.
#[inline(always)]
fn store(
    out: &mut [f32],
    width: usize,
    rows: usize,
    first: usize,
    token: usize,
    sums: [f32; ROWS],
) {
    for (row, sum) in (first..rows).zip(sums) {
        out[token * width + row] = sum;
    }
}

/// Products of the eight rows of a group with `T` tokens.
///
/// Loops and no closures: a closure that is not inlined would lack the caller's instructions.
#[inline(always)]
fn tile<S: Instructions, F: Format, const T: usize>(
    s: S,
    places: &[F::Place],
    x: [&[Block]; T],
) -> [[[f32; ROWS]; T]; HALVES] {
    let mut sums = [[s.splat(0.0); T]; HALVES];
    for at in 0..places.len() / HALVES {
        let place = [&places[HALVES * at], &places[HALVES * at + 1]];
        let mut heads = [[s.splat(0.0); 2]; HALVES];
        for g in 0..HALVES {
            heads[g] = [
                s.halves(array::<F, _>(place[g], 0)),
                match F::MINIMUM {
                    Minimum::Own => s.halves(array::<F, _>(place[g], 2 * ROWS)),
                    _ => s.splat(0.0),
                },
            ];
        }
        for block in 0..F::BLOCKS {
            let start = F::HEAD + block * (F::SMALL + F::PLANES);
            let mut blocks = [&x[0][at * F::BLOCKS + block]; T];
            for t in 1..T {
                blocks[t] = &x[t][at * F::BLOCKS + block];
            }
            let dots = s.dots::<F, T>(place, start + F::SMALL, blocks);
            for g in 0..HALVES {
                let (scales, minimums) = scales::<S, F>(s, heads[g], place[g], start);
                for t in 0..T {
                    let mut sum = s.mul(scales[0], s.floats(dots[g][t][0]));
                    if F::GROUP == 16 {
                        sum = s.add(sum, s.mul(scales[1], s.floats(dots[g][t][1])));
                    }
                    match (F::MINIMUM, F::GROUP) {
                        (Minimum::None, _) => {}
                        (_, 32) => sum = s.add(sum, s.mul(minimums[0], s.splat(blocks[t].sum))),
                        _ => {
                            sum = s.add(sum, s.mul(minimums[0], s.splat(blocks[t].halves[0])));
                            sum = s.add(sum, s.mul(minimums[1], s.splat(blocks[t].halves[1])));
                        }
                    }
                    sums[g][t] = s.add(sums[g][t], s.mul(s.splat(blocks[t].scale), sum));
                }
            }
        }
    }
    let mut out = [[[0.0; ROWS]; T]; HALVES];
    for g in 0..HALVES {
        for t in 0..T {
            out[g][t] = s.array(sums[g][t]);
        }
    }
    out
}

/// Scales and minimums of a block, of its halves where scales are for 16 columns. `d` and `m` are the
/// super-block's, small scales begin `at` that byte.
#[inline(always)]
fn scales<S: Instructions, F: Format>(
    s: S,
    [d, m]: [S::Floats; 2],
    place: &F::Place,
    at: usize,
) -> ([S::Floats; 2], [S::Floats; 2]) {
    let negative = s.splat(-1.0);
    let scales = if F::BLOCKS == 1 {
        [d, d]
    } else {
        let words = [
            u32::from_le_bytes(array::<F, _>(place, at)),
            u32::from_le_bytes(array::<F, _>(place, at + ROWS)),
        ];
        match (F::GROUP, F::MINIMUM, F::SIGNED) {
            (32, ..) => {
                let minimum = s.mul(s.mul(m, negative), s.unsigned(words[1]));
                let scale = s.mul(d, s.unsigned(words[0]));
                return ([scale, scale], [minimum, minimum]);
            }
            (_, Minimum::Own, _) => {
                let m = s.mul(m, negative);
                let nibble = |word: u32, shift: u32| word >> shift & 0x0f0f_0f0f;
                return (
                    [
                        s.mul(d, s.unsigned(nibble(words[0], 0))),
                        s.mul(d, s.unsigned(nibble(words[1], 0))),
                    ],
                    [
                        s.mul(m, s.unsigned(nibble(words[0], 4))),
                        s.mul(m, s.unsigned(nibble(words[1], 4))),
                    ],
                );
            }
            (_, _, true) => [s.mul(d, s.signed(words[0])), s.mul(d, s.signed(words[1]))],
            _ => [
                s.mul(d, s.unsigned(words[0])),
                s.mul(d, s.unsigned(words[1])),
            ],
        }
    };
    match F::MINIMUM {
        Minimum::Offset(offset) => {
            let offset = s.splat(-f32::from(offset));
            (scales, [s.mul(scales[0], offset), s.mul(scales[1], offset)])
        }
        _ => (scales, [m, m]),
    }
}

/// `N` bytes from `at` on.
#[inline(always)]
fn array<F: Format, const N: usize>(place: &F::Place, at: usize) -> [u8; N] {
    // SAFETY: heads and small scales, where this reads, lie within the super-block.
    unsafe { byte::<F>(place, at).cast::<[u8; N]>().read() }
}
