//! WebAssembly's SIMD: four rows in the lanes of a vector.
//!
//! Two builds. The plain one multiplies numbers of 16 bits; the one with relaxed SIMD multiplies
//! bytes: its instruction is exact here, whatever the machine, because codes fit 7 bits and sums 16.

use std::arch::wasm32::*;

use super::{
    format::{Format, HALVES, ROWS, byte},
    kernel::Instructions,
    quantized::{BLOCK, Block, Column},
};

/// The instructions that this module is compiled for.
#[derive(Clone, Copy)]
pub(super) struct Wasm;

impl Instructions for Wasm {
    type Floats = v128;
    type Ints = v128;

    #[inline(always)]
    fn dots<F: Format, const T: usize>(
        self,
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
    ) -> [[[v128; 2]; T]; HALVES] {
        let mut sums = [[[i32x4_splat(0); 2]; T]; HALVES];
        if F::BITS == 8 {
            bytes::<F, T>(places, at, x, &mut sums);
        } else {
            codes::<F, T>(places, at, x, &mut sums);
        }
        sums
    }

    #[inline(always)]
    fn floats(self, ints: v128) -> v128 {
        f32x4_convert_i32x4(ints)
    }

    /// The exponent and the fraction move to a single's place, where they are worth 2^-112 of what they
    /// mean; the product is exact, also for subnormal numbers. (Infinity and NaN, which no good file has
    /// as a scale, become large numbers.)
    #[inline(always)]
    fn halves(self, bytes: [u8; 8]) -> v128 {
        let bits = i32x4_extend_low_i16x8(i64x2_splat(i64::from_le_bytes(bytes)));
        // The sign was spread over the upper half; its bit 31 stays.
        let moved = v128_and(
            i32x4_shl(bits, 13),
            i32x4_splat(0x8fff_e000_u32.cast_signed()),
        );
        f32x4_mul(moved, f32x4_splat(f32::from_bits((127 + 112) << 23)))
    }

    #[inline(always)]
    fn unsigned(self, bytes: u32) -> v128 {
        let words = u16x8_extend_low_u8x16(u32x4_splat(bytes));
        f32x4_convert_i32x4(u32x4_extend_low_u16x8(words))
    }

    #[inline(always)]
    fn signed(self, bytes: u32) -> v128 {
        let words = i16x8_extend_low_i8x16(u32x4_splat(bytes));
        f32x4_convert_i32x4(i32x4_extend_low_i16x8(words))
    }

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn array(self, floats: v128) -> [f32; ROWS] {
        [
            f32x4_extract_lane::<0>(floats),
            f32x4_extract_lane::<1>(floats),
            f32x4_extract_lane::<2>(floats),
            f32x4_extract_lane::<3>(floats),
        ]
    }
}

/// 16 bytes from `at` on.
#[inline(always)]
fn load<F: Format>(place: &F::Place, at: usize) -> v128 {
    // SAFETY: a block's planes, where this reads, lie within the super-block.
    unsafe { v128_load(byte::<F>(place, at).cast()) }
}

/// The 32 bits from value `at` on in every lane.
#[inline(always)]
fn load_splat(x: &[Column; BLOCK], at: usize) -> v128 {
    // SAFETY: callers stay four bytes away from the end.
    unsafe { v128_load32_splat(x.as_ptr().add(at).cast()) }
}

/// `bits` shifted so that bit `FROM` of every lane of 16 lands on bit `TO`.
#[inline(always)]
fn moved(bits: v128, from: u32, to: u32) -> v128 {
    if from < to {
        i16x8_shl(bits, to - from)
    } else if from > to {
        u16x8_shr(bits, from - to)
    } else {
        bits
    }
}

/// Runs the body for chunks 0 to 7, each with a constant of its own.
macro_rules! each_chunk {
    ($C:ident => $body:block) => {
        each_chunk!(@ $C $body 0 1 2 3 4 5 6 7)
    };
    (@ $C:ident $body:block $($chunk:literal)*) => {
        $({
            const $C: usize = $chunk;
            $body
        })*
    };
}

#[cfg(target_feature = "relaxed-simd")]
use relaxed::{bytes, codes};
#[cfg(target_feature = "relaxed-simd")]
mod relaxed {
    use super::*;

    /// Codes of chunk `chunk`: bytes of four rows.
    #[inline(always)]
    fn chunk_codes<F: Format>(place: &F::Place, start: usize, chunk: usize) -> v128 {
        let field = |at: usize, from: usize, to: u32, count: u32| {
            let mask = u8x16_splat(((1 << count) - 1) << to);
            v128_and(moved(load::<F>(place, start + at), from as u32, to), mask)
        };
        let nibble = || field(chunk % 4 * 16, chunk / 4 * 4, 0, 4);
        let pair = |start: usize, to: u32| field(start + chunk / 4 * 16, chunk % 4 * 2, to, 2);
        let bit = |start: usize, to: u32| field(start, chunk, to, 1);
        match F::BITS {
            2 => pair(0, 0),
            3 => v128_or(pair(0, 0), bit(32, 2)),
            4 => nibble(),
            5 => v128_or(nibble(), bit(64, 4)),
            _ => v128_or(nibble(), pair(64, 4)),
        }
    }

    /// Codes of at most 6 bits.
    ///
    /// Sums of pairs stay in 16 bits for as many chunks as surely fit: on machines whose byte product
    /// gives 16 bits (x86 before AVX-VNNI) widening costs more than the product.
    #[inline(always)]
    pub(super) fn codes<F: Format, const T: usize>(
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
        sums: &mut [[[v128; 2]; T]; HALVES],
    ) {
        let run = (i16::MAX as usize / (2 * 127 * ((1 << F::BITS) - 1))).min(F::GROUP / 4);
        let run = 1 << run.ilog2();
        let mut near = [[i16x8_splat(0); T]; HALVES];
        each_chunk!(C => {
            let mut vectors = [i16x8_splat(0); HALVES];
            for g in 0..HALVES {
                vectors[g] = chunk_codes::<F>(places[g], at, C);
            }
            for t in 0..T {
                let columns = load_splat(&x[t].values, 4 * C);
                for g in 0..HALVES {
                    let pairs = i16x8_relaxed_dot_i8x16_i7x16(columns, vectors[g]);
                    near[g][t] = if C % run == 0 { pairs } else { i16x8_add(near[g][t], pairs) };
                    if C % run == run - 1 {
                        let half = if F::GROUP == 16 { C / 4 } else { 0 };
                        let wide = i32x4_extadd_pairwise_i16x8(near[g][t]);
                        sums[g][t][half] = if C < run || (half == 1 && C < 4 + run) {
                            wide
                        } else {
                            i32x4_add(sums[g][t][half], wide)
                        };
                    }
                }
            }
        });
    }

    /// Signed 8-bit codes: neither operand fits 7 bits, so they are multiplied with 16.
    #[inline(always)]
    pub(super) fn bytes<F: Format, const T: usize>(
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
        sums: &mut [[[v128; 2]; T]; HALVES],
    ) {
        each_chunk!(C => {
            let mut vectors = [i16x8_splat(0); HALVES];
            for g in 0..HALVES {
                vectors[g] = load::<F>(places[g], at + 16 * C);
            }
            for t in 0..T {
                let columns = load_splat(&x[t].values, 4 * C);
                let (even, odd) = (i16x8_shr(i16x8_shl(columns, 8), 8), i16x8_shr(columns, 8));
                for g in 0..HALVES {
                    let weights = i16x8_shr(i16x8_shl(vectors[g], 8), 8);
                    let dot = i32x4_dot_i16x8(weights, even);
                    let dot = i32x4_add(dot, i32x4_dot_i16x8(i16x8_shr(vectors[g], 8), odd));
                    sums[g][t][0] = if C == 0 { dot } else { i32x4_add(sums[g][t][0], dot) };
                }
            }
        });
    }
}

#[cfg(not(target_feature = "relaxed-simd"))]
use plain::{bytes, codes};
#[cfg(not(target_feature = "relaxed-simd"))]
mod plain {
    use super::*;

    /// Codes of chunk `chunk` as 16-bit numbers of four rows: columns 0 and 2, or (`odd`) 1 and 3.
    #[inline(always)]
    fn chunk_codes<F: Format>(place: &F::Place, start: usize, chunk: usize, odd: usize) -> v128 {
        let field = |at: usize, from: usize, to: u32, count: u32| {
            let (from, mask) = ((from + 8 * odd) as u32, ((1 << count) - 1) << to);
            let shifted = moved(load::<F>(place, start + at), from, to);
            // Of the uppermost bits nothing else is left.
            if from + count == 16 && to == 0 {
                shifted
            } else {
                v128_and(shifted, u16x8_splat(mask))
            }
        };
        let nibble = || field(chunk % 4 * 16, chunk / 4 * 4, 0, 4);
        let pair = |start: usize, to: u32| field(start + chunk / 4 * 16, chunk % 4 * 2, to, 2);
        let bit = |start: usize, to: u32| field(start, chunk, to, 1);
        match F::BITS {
            2 => pair(0, 0),
            3 => v128_or(pair(0, 0), bit(32, 2)),
            4 => nibble(),
            5 => v128_or(nibble(), bit(64, 4)),
            _ => v128_or(nibble(), pair(64, 4)),
        }
    }

    /// Codes of at most 6 bits.
    #[inline(always)]
    pub(super) fn codes<F: Format, const T: usize>(
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
        sums: &mut [[[v128; 2]; T]; HALVES],
    ) {
        each_chunk!(C => {
            for odd in 0..2 {
                let mut vectors = [i16x8_splat(0); HALVES];
                for g in 0..HALVES {
                    vectors[g] = chunk_codes::<F>(places[g], at, C, odd);
                }
                let half = if F::GROUP == 16 { C / 4 } else { 0 };
                for t in 0..T {
                    let columns = load_splat(&x[t].values, 4 * C + 2 * odd);
                    for g in 0..HALVES {
                        let dot = i32x4_dot_i16x8(vectors[g], columns);
                        sums[g][t][half] = i32x4_add(sums[g][t][half], dot);
                    }
                }
            }
        });
    }

    /// Signed 8-bit codes.
    #[inline(always)]
    pub(super) fn bytes<F: Format, const T: usize>(
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
        sums: &mut [[[v128; 2]; T]; HALVES],
    ) {
        each_chunk!(C => {
            let mut vectors = [[i16x8_splat(0); 2]; HALVES];
            for g in 0..HALVES {
                let both = load::<F>(places[g], at + 16 * C);
                vectors[g] = [i16x8_shr(i16x8_shl(both, 8), 8), i16x8_shr(both, 8)];
            }
            for t in 0..T {
                for odd in 0..2 {
                    let columns = load_splat(&x[t].values, 4 * C + 2 * odd);
                    for g in 0..HALVES {
                        let dot = i32x4_dot_i16x8(vectors[g][odd], columns);
                        sums[g][t][0] = i32x4_add(sums[g][t][0], dot);
                    }
                }
            }
        });
    }
}
