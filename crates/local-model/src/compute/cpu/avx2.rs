//! AVX2 and F16C: two chunks of four rows in a vector of 32 bytes.

use std::arch::x86_64::*;

use super::{
    format::{Format, HALVES, ROWS, byte},
    kernel::{Instructions, products},
    packed::Packed,
    quantized::{BLOCK, Block, Quantized},
};

/// AVX2 and F16C. Made only in functions that are compiled for them, whose callers know the CPU.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// See [`products`].
#[target_feature(enable = "avx2,f16c")]
pub(super) fn avx2_products<F: Format>(
    weight: &Packed,
    x: &Quantized,
    out: &mut [f32],
    width: usize,
) {
    products::<Avx2, F>(Avx2(()), weight, x, out, width);
}

// Everything below is inlined into `avx2_products`.
impl Instructions for Avx2 {
    type Floats = __m128;
    type Ints = __m128i;

    #[inline(always)]
    fn dots<F: Format, const T: usize>(
        self,
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
    ) -> [[[__m128i; 2]; T]; HALVES] {
        // SAFETY: a value of this type exists only where the CPU has the instructions.
        unsafe {
            let mut out = [[[_mm_setzero_si128(); 2]; T]; HALVES];
            for g in 0..HALVES {
                let codes = [
                    codes::<F, 0>(places[g], at),
                    codes::<F, 1>(places[g], at),
                    codes::<F, 2>(places[g], at),
                    codes::<F, 3>(places[g], at),
                ];
                for t in 0..T {
                    let columns = spread(&x[t].values);
                    if F::GROUP == 16 {
                        out[g][t] = [
                            dot::<F, 2>([codes[0], codes[1]], [columns[0], columns[1]]),
                            dot::<F, 2>([codes[2], codes[3]], [columns[2], columns[3]]),
                        ];
                    } else {
                        out[g][t][0] = dot::<F, 4>(codes, columns);
                    }
                }
            }
            out
        }
    }

    #[inline(always)]
    fn floats(self, ints: __m128i) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_cvtepi32_ps(ints) }
    }

    #[inline(always)]
    fn halves(self, bytes: [u8; 8]) -> __m128 {
        // SAFETY: as in `dots`; eight bytes are read.
        unsafe { _mm_cvtph_ps(_mm_loadl_epi64(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn unsigned(self, bytes: u32) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes.cast_signed()))) }
    }

    #[inline(always)]
    fn signed(self, bytes: u32) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_cvtepi32_ps(_mm_cvtepi8_epi32(_mm_cvtsi32_si128(bytes.cast_signed()))) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m128, b: __m128) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m128, b: __m128) -> __m128 {
        // SAFETY: as in `dots`.
        unsafe { _mm_mul_ps(a, b) }
    }

    #[inline(always)]
    fn array(self, floats: __m128) -> [f32; ROWS] {
        let mut array = [0.0; ROWS];
        // SAFETY: as in `dots`; `array` has room for four floats.
        unsafe { _mm_storeu_ps(array.as_mut_ptr(), floats) };
        array
    }
}

/// Codes of chunks `2 * I` and `2 * I + 1`.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn codes<F: Format, const I: usize>(place: &F::Place, at: usize) -> __m256i {
    let nibble = || {
        let bytes = load::<F>(place, at + 32 * (I % 2));
        let shifted = if I < 2 {
            bytes
        } else {
            _mm256_srli_epi16::<4>(bytes)
        };
        _mm256_and_si256(shifted, _mm256_set1_epi8(15))
    };
    // Bits `from` of both halves' bytes to bit `to`, `count` of them.
    let moved = |vector: usize, from: [i32; 2], to: i32, count: u32| {
        let both = load_twice::<F>(place, at + vector);
        let lanes = |a: i32, b: i32| _mm256_setr_epi32(a, a, a, a, b, b, b, b);
        let shifted = if from[0] < to {
            _mm256_sllv_epi32(both, lanes(to - from[0], to - from[1]))
        } else {
            _mm256_srlv_epi32(both, lanes(from[0] - to, from[1] - to))
        };
        _mm256_and_si256(shifted, _mm256_set1_epi8((((1 << count) - 1) << to) as i8))
    };
    let chunk = 2 * I as i32;
    let bit = |start: usize, to: i32| moved(start, [chunk, chunk + 1], to, 1);
    let pair = |start: usize, to: i32| {
        let place = 2 * (chunk % 4);
        moved(start + 16 * (I / 2), [place, place + 2], to, 2)
    };
    match F::BITS {
        2 => pair(0, 0),
        3 => _mm256_or_si256(pair(0, 0), bit(32, 2)),
        4 => nibble(),
        5 => _mm256_or_si256(nibble(), bit(64, 4)),
        6 => _mm256_or_si256(nibble(), pair(64, 4)),
        _ => load::<F>(place, at + 32 * I),
    }
}

/// Sums of four rows over `N` vectors.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn dot<F: Format, const N: usize>(codes: [__m256i; N], columns: [__m256i; N]) -> __m128i {
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    if F::BITS == 8 {
        // The instruction multiplies unsigned by signed bytes: |w| * (x with the sign of w). 128 is
        // its own negative, and as an unsigned byte it is 128. 2 * 128 * 127 fits 16 bits.
        for (codes, columns) in codes.into_iter().zip(columns) {
            let signed = _mm256_sign_epi8(columns, codes);
            let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(codes), signed);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
    } else {
        // 16 bits hold the sum: of four times two products of 31 and 127, or of two times two of 63.
        const {
            assert!(
                F::GROUP / 8 * 2 * 127 * ((1 << F::BITS) - 1) <= i16::MAX as usize || F::BITS == 8
            )
        };
        for (codes, columns) in codes.into_iter().zip(columns) {
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes, columns));
        }
        sum = _mm256_madd_epi16(sum, ones);
    }
    _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    )
}

/// 32 bytes from `at` on.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn load<F: Format>(place: &F::Place, at: usize) -> __m256i {
    // SAFETY: a block's planes, where this reads, lie within the super-block.
    unsafe { _mm256_loadu_si256(byte::<F>(place, at).cast()) }
}

/// 16 bytes from `at` on, in both halves.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn load_twice<F: Format>(place: &F::Place, at: usize) -> __m256i {
    // SAFETY: as in `load`.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(byte::<F>(place, at).cast()) })
}

/// Activations for four vectors of codes: columns 8i..8i + 4 four times, 8i + 4..8i + 8 four times.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn spread(values: &[i8; BLOCK]) -> [__m256i; 4] {
    // SAFETY: `values` has 32 bytes; the load needs no alignment.
    let values = unsafe { _mm256_loadu_si256(values.as_ptr().cast()) };
    let lanes = |order: [i32; 8]| {
        let [a, b, c, d, e, f, g, h] = order;
        _mm256_permutevar8x32_epi32(values, _mm256_setr_epi32(a, b, c, d, e, f, g, h))
    };
    [
        lanes([0, 0, 0, 0, 1, 1, 1, 1]),
        lanes([2, 2, 2, 2, 3, 3, 3, 3]),
        lanes([4, 4, 4, 4, 5, 5, 5, 5]),
        lanes([6, 6, 6, 6, 7, 7, 7, 7]),
    ]
}
