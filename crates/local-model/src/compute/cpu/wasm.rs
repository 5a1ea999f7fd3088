//! WebAssembly's SIMD: eight rows in the lanes of two vectors.
//!
//! Two builds. The plain one multiplies numbers of 16 bits; the one with relaxed SIMD (the feature
//! `relaxed-simd`) multiplies bytes: its instruction is exact here, whatever the machine, because codes
//! fit 7 bits and sums 16. The instruction is allowed for the kernels alone and not by the compiler's
//! flags, so that both builds share all that is compiled before this crate.

use std::arch::wasm32::*;

use super::{
    format::VECTOR,
    instructions::{Instructions, Job, MAGIC},
    quantized::Column,
};

/// The instructions that this module is compiled for.
#[derive(Clone, Copy)]
pub(super) struct Wasm;

/// Does the work, each in a function of its own: a browser optimizes function by function, those that run
/// much, and one with the kernels of all types would keep it busy for a second of the first answer.
#[inline(never)]
#[cfg_attr(feature = "relaxed-simd", target_feature(enable = "relaxed-simd"))]
pub(super) fn run<J: Job>(job: J) -> J::Out {
    job.run(Wasm)
}

type Two = [v128; 2];

/// Whether bytes are multiplied, if codes are not `WIDE`.
const RELAXED: bool = cfg!(feature = "relaxed-simd");

impl Instructions for Wasm {
    /// Rows 0 to 3, rows 4 to 7.
    type Bytes = Two;
    /// Bytes, or numbers of 16 bits: the even columns, the odd ones.
    type Codes = [Two; 2];
    /// Bytes, or numbers of 16 bits: the even columns, the odd ones.
    type Columns = Two;
    type Sums = Two;
    type Floats = Two;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; VECTOR]) -> Two {
        let at = bytes.as_ptr();
        // SAFETY: there are 32 bytes; loads need no alignment.
        unsafe { [v128_load(at.cast()), v128_load(at.add(16).cast())] }
    }

    #[inline(always)]
    fn store(self, bytes: Two) -> [u8; VECTOR] {
        let mut out = [0; VECTOR];
        let at = out.as_mut_ptr();
        // SAFETY: there is room for 32 bytes; stores need no alignment.
        unsafe {
            v128_store(at.cast(), bytes[0]);
            v128_store(at.add(16).cast(), bytes[1]);
        }
        out
    }

    #[inline(always)]
    fn and(self, [a, b]: Two, mask: u8) -> Two {
        let mask = u8x16_splat(mask);
        [v128_and(a, mask), v128_and(b, mask)]
    }

    #[inline(always)]
    fn or(self, a: Two, b: Two) -> Two {
        [v128_or(a[0], b[0]), v128_or(a[1], b[1])]
    }

    #[inline(always)]
    fn left<const BITS: u32>(self, [a, b]: Two) -> Two {
        [i16x8_shl(a, BITS), i16x8_shl(b, BITS)]
    }

    #[inline(always)]
    fn right<const BITS: u32>(self, [a, b]: Two) -> Two {
        [u16x8_shr(a, BITS), u16x8_shr(b, BITS)]
    }

    #[inline(always)]
    fn codes<const WIDE: bool>(self, [a, b]: Two) -> [Two; 2] {
        if WIDE {
            // The odd ones keep their sign as they move down, the even ones are moved up before.
            [
                [i16x8_shr(i16x8_shl(a, 8), 8), i16x8_shr(i16x8_shl(b, 8), 8)],
                [i16x8_shr(a, 8), i16x8_shr(b, 8)],
            ]
        } else if RELAXED {
            [[a, b]; 2]
        } else {
            let low = u16x8_splat(255);
            [
                [v128_and(a, low), v128_and(b, low)],
                [u16x8_shr(a, 8), u16x8_shr(b, 8)],
            ]
        }
    }

    #[inline(always)]
    fn columns<const WIDE: bool>(self, columns: &[Column; 4]) -> Two {
        let at: *const u8 = columns.as_ptr().cast();
        if RELAXED {
            // SAFETY: these are the four bytes of `columns`.
            let bytes = unsafe { v128_load32_splat(at.cast()) };
            if WIDE {
                [i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8)]
            } else {
                [bytes; 2]
            }
        } else {
            // SAFETY: these are the eight bytes of `columns`, which are numbers of 16 bits.
            unsafe {
                [
                    v128_load32_splat(at.cast()),
                    v128_load32_splat(at.add(4).cast()),
                ]
            }
        }
    }

    #[inline(always)]
    fn zero(self) -> Two {
        [i32x4_splat(0); 2]
    }

    #[inline(always)]
    fn dot<const WIDE: bool>(self, sums: Two, codes: [Two; 2], columns: Two) -> Two {
        #[cfg(feature = "relaxed-simd")]
        if !WIDE {
            return [
                i16x8_add(
                    sums[0],
                    i16x8_relaxed_dot_i8x16_i7x16(columns[0], codes[0][0]),
                ),
                i16x8_add(
                    sums[1],
                    i16x8_relaxed_dot_i8x16_i7x16(columns[0], codes[0][1]),
                ),
            ];
        }
        let [even, odd] = codes;
        [
            i32x4_add(
                i32x4_add(sums[0], i32x4_dot_i16x8(even[0], columns[0])),
                i32x4_dot_i16x8(odd[0], columns[1]),
            ),
            i32x4_add(
                i32x4_add(sums[1], i32x4_dot_i16x8(even[1], columns[0])),
                i32x4_dot_i16x8(odd[1], columns[1]),
            ),
        ]
    }

    #[inline(always)]
    fn widen<const WIDE: bool>(self, sums: Two) -> Two {
        if RELAXED && !WIDE {
            [
                i32x4_extadd_pairwise_i16x8(sums[0]),
                i32x4_extadd_pairwise_i16x8(sums[1]),
            ]
        } else {
            sums
        }
    }

    #[inline(always)]
    fn add_wide(self, a: Two, b: Two) -> Two {
        [i32x4_add(a[0], b[0]), i32x4_add(a[1], b[1])]
    }

    #[inline(always)]
    fn floats(self, sums: Two) -> Two {
        [f32x4_convert_i32x4(sums[0]), f32x4_convert_i32x4(sums[1])]
    }

    #[inline(always)]
    fn load(self, floats: &[f32; 8]) -> Two {
        let at = floats.as_ptr();
        // SAFETY: there are eight floats; loads need no alignment.
        unsafe { [v128_load(at.cast()), v128_load(at.add(4).cast())] }
    }

    #[inline(always)]
    fn array(self, floats: Two) -> [f32; 8] {
        let mut out = [0.0; 8];
        let at = out.as_mut_ptr();
        // SAFETY: there is room for eight floats; stores need no alignment.
        unsafe {
            v128_store(at.cast(), floats[0]);
            v128_store(at.add(4).cast(), floats[1]);
        }
        out
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Two {
        [f32x4_splat(value); 2]
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> Two {
        // SAFETY: there are 16 bytes; the load needs no alignment.
        let bits = unsafe { v128_load(bytes.as_ptr().cast()) };
        [
            singles(i32x4_extend_low_i16x8(bits)),
            singles(i32x4_extend_high_i16x8(bits)),
        ]
    }

    #[inline(always)]
    fn unsigned(self, bytes: u64) -> Two {
        let words = u16x8_extend_low_u8x16(u64x2_splat(bytes));
        [
            f32x4_convert_i32x4(u32x4_extend_low_u16x8(words)),
            f32x4_convert_i32x4(u32x4_extend_high_u16x8(words)),
        ]
    }

    #[inline(always)]
    fn signed(self, bytes: u64) -> Two {
        let words = i16x8_extend_low_i8x16(u64x2_splat(bytes));
        [
            f32x4_convert_i32x4(i32x4_extend_low_i16x8(words)),
            f32x4_convert_i32x4(i32x4_extend_high_i16x8(words)),
        ]
    }

    #[inline(always)]
    fn add(self, a: Two, b: Two) -> Two {
        [f32x4_add(a[0], b[0]), f32x4_add(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Two, b: Two) -> Two {
        [f32x4_sub(a[0], b[0]), f32x4_sub(a[1], b[1])]
    }

    #[inline(always)]
    fn mul(self, a: Two, b: Two) -> Two {
        [f32x4_mul(a[0], b[0]), f32x4_mul(a[1], b[1])]
    }

    #[inline(always)]
    fn div(self, a: Two, b: Two) -> Two {
        [f32x4_div(a[0], b[0]), f32x4_div(a[1], b[1])]
    }

    #[inline(always)]
    fn abs(self, a: Two) -> Two {
        [f32x4_abs(a[0]), f32x4_abs(a[1])]
    }

    #[inline(always)]
    fn max(self, a: Two, b: Two) -> Two {
        [f32x4_pmax(a[0], b[0]), f32x4_pmax(a[1], b[1])]
    }

    #[inline(always)]
    fn min(self, a: Two, b: Two) -> Two {
        [f32x4_pmin(a[0], b[0]), f32x4_pmin(a[1], b[1])]
    }

    #[inline(always)]
    fn power_of_two(self, shifted: Two) -> Two {
        let offset = i32x4_splat(127i32.wrapping_sub(MAGIC.to_bits().cast_signed()));
        [
            i32x4_shl(i32x4_add(shifted[0], offset), 23),
            i32x4_shl(i32x4_add(shifted[1], offset), 23),
        ]
    }
}

/// Halves, their signs spread over the upper 16 bits, as singles.
///
/// The exponent and the fraction move to a single's place, where they are worth 2^-112 of what they
/// mean; the product is exact, also for subnormal numbers. (Infinity and NaN, which no good file has
/// as a scale, become large numbers.)
#[inline(always)]
fn singles(bits: v128) -> v128 {
    // Bit 31, the sign, stays.
    let moved = v128_and(
        i32x4_shl(bits, 13),
        i32x4_splat(0x8fff_e000_u32.cast_signed()),
    );
    f32x4_mul(moved, f32x4_splat(f32::from_bits((127 + 112) << 23)))
}
