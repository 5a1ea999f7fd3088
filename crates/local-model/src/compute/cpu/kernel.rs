//! Products of packed weights with rounded activations: the kernels, for every type of blocks.
//!
//! A block's dot product is exact, in integers; `instructions.rs` says how floats are summed up.
//!
//! One token meets the packed codes directly: each is unpacked and used once, and memory is the limit.
//! For several tokens a group of rows is expanded first, one byte a code, and then serves all of them.
//!
//! How often the inner loops run the compiler does not know. Unrolled, a page's loads would all come
//! first, and the sums, each used once more, last: of the 16 vector registers that most machines have, such
//! code spills most values (measured: 1.5 times slower).

use std::{hint::black_box, marker::PhantomData};

use super::{
    format::{CHUNKS, Format, Minimum, ROWS, VECTOR, bytes},
    instructions::{Instructions, Job, put},
    packed::{Packed, group_bytes},
    quantized::{BLOCK, Block, Rounded, TILE},
    split::Columns,
};

/// `x[token] · weight[row]` for the rows that are columns of `out`: whole groups, but for the last one.
pub(super) struct Products<'a, F> {
    pub weight: &'a Packed,
    pub x: &'a Rounded,
    pub out: Columns<'a>,
    /// The weight's.
    pub format: PhantomData<F>,
}

impl<F: Format> Job for Products<'_, F> {
    type Out = ();

    #[inline(always)]
    fn run<S: Instructions>(mut self, s: S) {
        let size = group_bytes::<F>(self.weight.columns);
        let first = self.out.run().start / ROWS;
        let groups = self.weight.bytes[first * size..]
            .chunks_exact(size)
            .map(F::places);
        let rows = self.out.run().step_by(ROWS);
        match self.x {
            Rounded::One(x) => {
                let steps = black_box(pairs_of_chunks::<F>());
                for (places, row) in groups.zip(rows) {
                    let sums = one::<S, F>(s, places, &x.blocks, steps);
                    put(self.out.of(0, row), s.array(sums));
                }
            }
            Rounded::Several(x) => {
                let blocks = self.weight.columns / BLOCK;
                let mut expanded = vec![Expanded::ZERO; blocks];
                let run = black_box(F::RUN);
                for (places, row) in groups.zip(rows) {
                    expand::<S, F>(s, places, &mut expanded);
                    let tiles = x.blocks.chunks_exact(blocks);
                    for (at, x) in tiles.enumerate() {
                        let sums = match (F::BITS, F::RUNS) {
                            (8, _) => tile::<S, 1, true>(s, &expanded, x, F::PARTS, run),
                            (_, 1) => tile::<S, 1, false>(s, &expanded, x, F::PARTS, run),
                            _ => tile::<S, 2, false>(s, &expanded, x, F::PARTS, run),
                        };
                        for (token, sums) in (TILE * at..self.out.tokens()).zip(sums) {
                            put(self.out.of(token, row), s.array(sums));
                        }
                    }
                }
            }
        }
    }
}

/// Pairs of chunks, one of each half of a block, whose products surely sum up within 16 bits.
const fn pairs_of_chunks<F: Format>() -> usize {
    F::RUN * F::PARTS / 2
}

/// Products of a group of rows with one token. `steps` is [`pairs_of_chunks`].
#[inline(always)]
fn one<S: Instructions, F: Format>(
    s: S,
    places: &[F::Place],
    x: &[Block<1>],
    steps: usize,
) -> S::Floats {
    let mut sums = s.splat(0.0);
    for (place, x) in places.iter().zip(x.chunks_exact(F::BLOCKS)) {
        let head = head::<S, F>(s, place);
        for (block, x) in x.iter().enumerate() {
            let at = F::HEAD + block * (F::SMALL + F::PLANES);
            let dots = dots::<S, F>(s, place, at + F::SMALL, x, steps);
            let (scales, minimums) = scales::<S, F>(s, head, place, at);
            for part in 0..F::PARTS {
                let mut sum = s.mul(scales[part], s.floats(dots[part]));
                if F::MINIMUM != Minimum::None {
                    let all = s.splat(x.sums[part + F::PARTS - 1][0]);
                    sum = s.add(sum, s.mul(minimums[part], all));
                }
                sums = s.add(sums, s.mul(s.splat(x.scales[0]), sum));
            }
        }
    }
    sums
}

/// Dot products of a block, whose codes begin `at` that byte, with a block of a token: of its parts.
/// Codes count without the format's offset.
#[inline(always)]
fn dots<S: Instructions, F: Format>(
    s: S,
    place: &F::Place,
    at: usize,
    x: &Block<1>,
    steps: usize,
) -> [S::Sums; 2] {
    let mut planes = Planes::new::<F>(s, place, at);
    let mut wide = [s.zero(); 2];
    let (first, second) = x.values.split_at(CHUNKS / 2);
    for from in (0..CHUNKS / 2).step_by(pairs_of_chunks::<F>()) {
        let mut sums = [s.zero(); 2];
        for ([first], [second]) in first[from..][..steps].iter().zip(&second[from..][..steps]) {
            let [low, high] = planes.next::<F>(s, place);
            if F::BITS == 8 {
                sums[0] = s.dot::<true>(sums[0], s.codes::<true>(low), s.columns::<true>(first));
                sums[0] = s.dot::<true>(sums[0], s.codes::<true>(high), s.columns::<true>(second));
            } else {
                let (low, high) = (s.codes::<false>(low), s.codes::<false>(high));
                sums[0] = s.dot::<false>(sums[0], low, s.columns::<false>(first));
                let part = F::PARTS - 1;
                sums[part] = s.dot::<false>(sums[part], high, s.columns::<false>(second));
            }
        }
        for part in 0..F::PARTS {
            let sums = if F::BITS == 8 {
                s.widen::<true>(sums[part])
            } else {
                s.widen::<false>(sums[part])
            };
            wide[part] = if from == 0 {
                sums
            } else {
                s.add_wide(wide[part], sums)
            };
        }
    }
    wide
}

/// The codes of a block, which come out of its planes two chunks at a time.
struct Planes<S: Instructions> {
    /// Where the next nibbles or bytes lie.
    at: usize,
    /// Planes of pairs of bits, the next to come lowest.
    pairs: [S::Bytes; 2],
    /// The plane of single bits, the next to come lowest, and fifth lowest.
    bits: S::Bytes,
}

impl<S: Instructions> Planes<S> {
    /// Those that begin `at` that byte of the super-block.
    #[inline(always)]
    fn new<F: Format>(s: S, place: &F::Place, at: usize) -> Self {
        // Formats without such planes never look at what is loaded here.
        let (pairs, bits) = match F::BITS {
            2 => (0, 0),
            3 => (0, 2 * VECTOR),
            5 => (0, 4 * VECTOR),
            6 => (4 * VECTOR, 0),
            _ => (0, 0),
        };
        Self {
            at,
            pairs: [
                vector::<S, F>(s, place, at + pairs),
                vector::<S, F>(s, place, at + pairs + VECTOR),
            ],
            bits: vector::<S, F>(s, place, at + bits),
        }
    }

    /// Chunk `n` of the first half and chunk `n` of the second half, for `n` 0, 1, 2, 3.
    #[inline(always)]
    fn next<F: Format>(&mut self, s: S, place: &F::Place) -> [S::Bytes; 2] {
        let Self { at, pairs, bits } = *self;
        let both = match F::BITS {
            2 => [s.and(pairs[0], 3), s.and(pairs[1], 3)],
            3 => [
                s.or(s.and(pairs[0], 3), s.left::<2>(s.and(bits, 1))),
                s.or(s.and(pairs[1], 3), s.right::<2>(s.and(bits, 16))),
            ],
            4 => nibbles::<S, F>(s, place, at),
            5 => {
                let [low, high] = nibbles::<S, F>(s, place, at);
                [
                    s.or(low, s.left::<4>(s.and(bits, 1))),
                    s.or(high, s.and(bits, 16)),
                ]
            }
            6 => {
                let [low, high] = nibbles::<S, F>(s, place, at);
                [
                    s.or(low, s.left::<4>(s.and(pairs[0], 3))),
                    s.or(high, s.left::<4>(s.and(pairs[1], 3))),
                ]
            }
            _ => [
                vector::<S, F>(s, place, at),
                vector::<S, F>(s, place, at + 4 * VECTOR),
            ],
        };
        self.at += VECTOR;
        self.pairs = [s.right::<2>(pairs[0]), s.right::<2>(pairs[1])];
        self.bits = s.right::<1>(bits);
        both
    }
}

/// A vector of a block's planes.
#[inline(always)]
fn vector<S: Instructions, F: Format>(s: S, place: &F::Place, at: usize) -> S::Bytes {
    // SAFETY: callers stay within the planes of a block, which lie within the super-block: there are at
    // least two vectors of any plane of pairs, one of bits, four of nibbles and eight of bytes, and
    // `Planes::next` is called four times.
    s.bytes(unsafe { bytes::<F, VECTOR>(place, at) })
}

/// A vector of nibbles: the low ones, the high ones.
#[inline(always)]
fn nibbles<S: Instructions, F: Format>(s: S, place: &F::Place, at: usize) -> [S::Bytes; 2] {
    let both = vector::<S, F>(s, place, at);
    [s.and(both, 15), s.and(s.right::<4>(both), 15)]
}

/// A block of a group of rows, of any format, as [`tile`] reads it.
#[derive(Clone, Copy)]
struct Expanded {
    codes: [[u8; VECTOR]; CHUNKS],
    /// Of each part.
    scales: [[f32; ROWS]; 2],
    /// Of each part.
    minimums: [[f32; ROWS]; 2],
}

impl Expanded {
    const ZERO: Self = Self {
        codes: [[0; VECTOR]; CHUNKS],
        scales: [[0.0; ROWS]; 2],
        minimums: [[0.0; ROWS]; 2],
    };
}

/// Expands a group of rows.
#[inline(always)]
fn expand<S: Instructions, F: Format>(s: S, places: &[F::Place], out: &mut [Expanded]) {
    for (place, out) in places.iter().zip(out.chunks_exact_mut(F::BLOCKS)) {
        let head = head::<S, F>(s, place);
        for (block, out) in out.iter_mut().enumerate() {
            let at = F::HEAD + block * (F::SMALL + F::PLANES);
            let mut planes = Planes::new::<F>(s, place, at + F::SMALL);
            for chunk in 0..CHUNKS / 2 {
                let [low, high] = planes.next::<F>(s, place);
                out.codes[chunk] = s.store(low);
                out.codes[CHUNKS / 2 + chunk] = s.store(high);
            }
            let (scales, minimums) = scales::<S, F>(s, head, place, at);
            for part in 0..F::PARTS {
                out.scales[part] = s.array(scales[part]);
                out.minimums[part] = s.array(minimums[part]);
            }
        }
    }
}

/// Products of a group of rows with [`TILE`] tokens. Each of `parts` is `RUNS` runs of `run` chunks.
#[inline(always)]
fn tile<S: Instructions, const RUNS: usize, const WIDE: bool>(
    s: S,
    weights: &[Expanded],
    x: &[Block<TILE>],
    parts: usize,
    run: usize,
) -> [S::Floats; TILE] {
    let mut sums = [s.splat(0.0); TILE];
    for (weights, x) in weights.iter().zip(x) {
        let mut from = 0;
        for part in 0..parts {
            let mut wide = [s.zero(); TILE];
            for at in 0..RUNS {
                let mut near = [s.zero(); TILE];
                let columns = &x.values[from..][..run];
                for (codes, columns) in weights.codes[from..][..run].iter().zip(columns) {
                    let codes = s.codes::<WIDE>(s.bytes(codes));
                    for t in 0..TILE {
                        let columns = s.columns::<WIDE>(&columns[t]);
                        near[t] = s.dot::<WIDE>(near[t], codes, columns);
                    }
                }
                for t in 0..TILE {
                    let near = s.widen::<WIDE>(near[t]);
                    wide[t] = if at == 0 {
                        near
                    } else {
                        s.add_wide(wide[t], near)
                    };
                }
                from += run;
            }
            let scales = s.load(&weights.scales[part]);
            let minimums = s.load(&weights.minimums[part]);
            for t in 0..TILE {
                let all = s.splat(x.sums[part + parts - 1][t]);
                let sum = s.add(s.mul(scales, s.floats(wide[t])), s.mul(minimums, all));
                sums[t] = s.add(sums[t], s.mul(s.splat(x.scales[t]), sum));
            }
        }
    }
    sums
}

/// A super-block's `d` and, if it has one, `m`.
#[inline(always)]
fn head<S: Instructions, F: Format>(s: S, place: &F::Place) -> [S::Floats; 2] {
    // SAFETY: every format's head begins with these bytes.
    let d = s.halves(unsafe { bytes::<F, { 2 * ROWS }>(place, 0) });
    let m = match F::MINIMUM {
        // SAFETY: and so it goes on where the type has minimums.
        Minimum::Own => s.halves(unsafe { bytes::<F, { 2 * ROWS }>(place, 2 * ROWS) }),
        _ => s.splat(0.0),
    };
    [d, m]
}

/// Scales and minimums of the parts of a block whose small scales begin `at` that byte.
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
        // SAFETY: in K types, which have several blocks, two bytes for each row are small scales.
        let small = unsafe {
            [
                bytes::<F, ROWS>(place, at),
                bytes::<F, ROWS>(place, at + ROWS),
            ]
        };
        let words = [u64::from_le_bytes(*small[0]), u64::from_le_bytes(*small[1])];
        match (F::GROUP, F::MINIMUM, F::SIGNED) {
            (32, ..) => {
                let minimum = s.mul(s.mul(m, negative), s.unsigned(words[1]));
                let scale = s.mul(d, s.unsigned(words[0]));
                return ([scale, scale], [minimum, minimum]);
            }
            (_, Minimum::Own, _) => {
                let m = s.mul(m, negative);
                const LOW: u64 = 0x0f0f_0f0f_0f0f_0f0f;
                return (
                    [
                        s.mul(d, s.unsigned(words[0] & LOW)),
                        s.mul(d, s.unsigned(words[1] & LOW)),
                    ],
                    [
                        s.mul(m, s.unsigned(words[0] >> 4 & LOW)),
                        s.mul(m, s.unsigned(words[1] >> 4 & LOW)),
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
