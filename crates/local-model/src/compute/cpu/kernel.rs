//! Products of packed weights with rounded activations: the one kernel, for every type of blocks and
//! every instruction set.
//!
//! A block's dot product is exact, in integers. Everything in floats is done here, in the same order
//! for every instruction set and without fused multiply-add, so that all give the same bits.

use super::{
    format::{Format, Minimum, ROWS},
    packed::{Packed, group_bytes},
    quantized::{BLOCK, Block, Column, Quantized},
};

/// What the kernel needs of an instruction set. Everything is inlined into the caller, which has the
/// instructions; a value of the type is the proof that they are there.
pub(super) trait Instructions: Copy {
    /// f32 of four rows.
    type Floats: Copy;
    /// i32 of four rows.
    type Ints: Copy;

    /// Dot products of a block of each group with a block of each token: of the first 16 columns and
    /// of the last 16 if the format's scales are for 16 columns, else of all and nothing. Codes count
    /// without the format's offset.
    fn dots<F: Format, const G: usize, const T: usize>(
        self,
        planes: [&[u8]; G],
        x: [&[Column; BLOCK]; T],
    ) -> [[[Self::Ints; 2]; T]; G];

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
    let mut store = |group: usize, token: usize, sums: [f32; ROWS]| {
        let first = group * ROWS;
        let rows = ROWS.min(weight.rows - first);
        out[token * width + first..][..rows].copy_from_slice(&sums[..rows]);
    };
    if tiled > 0 {
        for (group, bytes) in weight.bytes.chunks_exact(size).enumerate() {
            for first in (0..tiled).step_by(TILE) {
                let x = [0, 1, 2, 3].map(|at| x.token(first + at));
                let [sums] = tile::<S, F, 1, TILE>(s, [bytes], x);
                for (at, sums) in sums.into_iter().enumerate() {
                    store(group, first + at, sums);
                }
            }
        }
    }
    if tiled < tokens {
        // Two groups at a time, which share the activations.
        let pairs = weight.bytes.chunks_exact(2 * size);
        let last = pairs.remainder();
        for (pair, bytes) in pairs.enumerate() {
            let (a, b) = bytes.split_at(size);
            for token in tiled..tokens {
                let [[a], [b]] = tile::<S, F, 2, 1>(s, [a, b], [x.token(token)]);
                store(2 * pair, token, a);
                store(2 * pair + 1, token, b);
            }
        }
        if !last.is_empty() {
            for token in tiled..tokens {
                let [[sums]] = tile::<S, F, 1, 1>(s, [last], [x.token(token)]);
                store(weight.bytes.len() / size - 1, token, sums);
            }
        }
    }
}

/// Products of `G` groups of four rows with `T` tokens.
#[inline(always)]
fn tile<S: Instructions, F: Format, const G: usize, const T: usize>(
    s: S,
    groups: [&[u8]; G],
    x: [&[Block]; T],
) -> [[[f32; ROWS]; T]; G] {
    let mut sums = [[s.splat(0.0); T]; G];
    for at in 0..groups[0].len() / F::BYTES {
        let place = groups.map(|group| &group[at * F::BYTES..][..F::BYTES]);
        let mut heads = [[s.splat(0.0); 2]; G];
        for g in 0..G {
            heads[g] = [
                s.halves(array(place[g], 0)),
                match F::MINIMUM {
                    Minimum::Own => s.halves(array(place[g], 2 * ROWS)),
                    _ => s.splat(0.0),
                },
            ];
        }
        for block in 0..F::BLOCKS {
            let start = F::HEAD + block * (F::SMALL + F::PLANES);
            let planes = place.map(|place| &place[start + F::SMALL..][..F::PLANES]);
            let x = x.map(|x| &x[at * F::BLOCKS + block]);
            let dots = s.dots::<F, G, T>(planes, x.map(|x| &x.values));
            for g in 0..G {
                let (scales, minimums) = scales::<S, F>(s, heads[g], &place[g][start..]);
                for t in 0..T {
                    let mut sum = s.mul(scales[0], s.floats(dots[g][t][0]));
                    if F::GROUP == 16 {
                        sum = s.add(sum, s.mul(scales[1], s.floats(dots[g][t][1])));
                    }
                    match (F::MINIMUM, F::GROUP) {
                        (Minimum::None, _) => {}
                        (_, 32) => sum = s.add(sum, s.mul(minimums[0], s.splat(x[t].sum))),
                        _ => {
                            sum = s.add(sum, s.mul(minimums[0], s.splat(x[t].halves[0])));
                            sum = s.add(sum, s.mul(minimums[1], s.splat(x[t].halves[1])));
                        }
                    }
                    sums[g][t] = s.add(sums[g][t], s.mul(s.splat(x[t].scale), sum));
                }
            }
        }
    }
    let mut out = [[[0.0; ROWS]; T]; G];
    for g in 0..G {
        for t in 0..T {
            out[g][t] = s.array(sums[g][t]);
        }
    }
    out
}

/// Scales and minimums of a block, of its halves where scales are for 16 columns. `head` is `d` and `m`,
/// `small` the block's small scales.
#[inline(always)]
fn scales<S: Instructions, F: Format>(
    s: S,
    [d, m]: [S::Floats; 2],
    small: &[u8],
) -> ([S::Floats; 2], [S::Floats; 2]) {
    let negative = s.splat(-1.0);
    let scales = if F::BLOCKS == 1 {
        [d, d]
    } else {
        let words = [
            u32::from_le_bytes(array(small, 0)),
            u32::from_le_bytes(array(small, ROWS)),
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
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
