//! Products with AVX2 and F16C: two chunks of four rows in a vector of 32 bytes.
//!
//! No fused multiply-add: sums are the portable kernel's, bit by bit.

use std::arch::x86_64::*;

use super::{
    packed::{Packed, Q4_1_BYTES, Q8_0_BYTES, ROWS, for_each_group},
    quantized::{BLOCK, Quantized},
};
use crate::gguf::TensorType;

/// `out[token, row] = x[token] · weight[row]`.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn products(weight: &Packed, x: &Quantized, out: &mut [f32]) {
    match weight.kind {
        TensorType::Q4_1 => {
            for_each_group(
                weight,
                x,
                out,
                |g, t| q4_1::<1>(g, x, t),
                |g, t| q4_1::<4>(g, x, t),
            );
        }
        _ => for_each_group(
            weight,
            x,
            out,
            |g, t| q8_0::<1>(g, x, t),
            |g, t| q8_0::<4>(g, x, t),
        ),
    }
}

#[target_feature(enable = "avx2,f16c")]
#[inline]
fn q4_1<const T: usize>(group: &[u8], x: &Quantized, first: usize) -> [[f32; ROWS]; T] {
    let nibble = _mm256_set1_epi8(15);
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm_setzero_ps(); T];
    for (at, block) in group.as_chunks::<Q4_1_BYTES>().0.iter().enumerate() {
        let scales = halves::<Q4_1_BYTES, 0>(block);
        let minimums = halves::<Q4_1_BYTES, 8>(block);
        let (near, far) = (
            bytes::<Q4_1_BYTES, 16>(block),
            bytes::<Q4_1_BYTES, 48>(block),
        );
        // Columns 0..8, 8..16 and, in the high nibbles, 16..24, 24..32.
        let weights = [
            _mm256_and_si256(near, nibble),
            _mm256_and_si256(far, nibble),
            _mm256_and_si256(_mm256_srli_epi16::<4>(near), nibble),
            _mm256_and_si256(_mm256_srli_epi16::<4>(far), nibble),
        ];
        for (token, sum) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let columns = spread(&x.values[index]);
            // 16 bits hold a sum of eight: 8 * 15 * 127 = 15,240.
            let mut dots = _mm256_setzero_si256();
            for (weights, columns) in weights.iter().zip(columns) {
                dots = _mm256_add_epi16(dots, _mm256_maddubs_epi16(*weights, columns));
            }
            let dots = rows(_mm256_madd_epi16(dots, ones));
            let scale = _mm_mul_ps(scales, _mm_set1_ps(x.scales[index]));
            let minimum = _mm_mul_ps(minimums, _mm_set1_ps(x.sums[index]));
            *sum = _mm_add_ps(*sum, _mm_add_ps(_mm_mul_ps(scale, dots), minimum));
        }
    }
    sums.map(|sums| array(sums))
}

#[target_feature(enable = "avx2,f16c")]
#[inline]
fn q8_0<const T: usize>(group: &[u8], x: &Quantized, first: usize) -> [[f32; ROWS]; T] {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [_mm_setzero_ps(); T];
    for (at, block) in group.as_chunks::<Q8_0_BYTES>().0.iter().enumerate() {
        let scales = halves::<Q8_0_BYTES, 0>(block);
        let weights = [
            bytes::<Q8_0_BYTES, 8>(block),
            bytes::<Q8_0_BYTES, 40>(block),
            bytes::<Q8_0_BYTES, 72>(block),
            bytes::<Q8_0_BYTES, 104>(block),
        ];
        // The instruction multiplies unsigned by signed bytes: |w| * (x with the sign of w). 128 is
        // its own negative, and as an unsigned byte it is 128. 2 * 128 * 127 fits 16 bits.
        let sizes = weights.map(|weights| _mm256_abs_epi8(weights));
        for (token, sum) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let columns = spread(&x.values[index]);
            let mut dots = _mm256_setzero_si256();
            for ((weights, sizes), columns) in weights.iter().zip(sizes).zip(columns) {
                let pairs = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(columns, *weights));
                dots = _mm256_add_epi32(dots, _mm256_madd_epi16(pairs, ones));
            }
            let scale = _mm_mul_ps(scales, _mm_set1_ps(x.scales[index]));
            *sum = _mm_add_ps(*sum, _mm_mul_ps(scale, rows(dots)));
        }
    }
    sums.map(|sums| array(sums))
}

/// Four f16 numbers at byte `AT` as floats.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn halves<const N: usize, const AT: usize>(block: &[u8; N]) -> __m128 {
    const { assert!(AT + 8 <= N) };
    // SAFETY: the assertion keeps the eight bytes within the block.
    _mm_cvtph_ps(unsafe { _mm_loadl_epi64(block.as_ptr().add(AT).cast()) })
}

/// 32 bytes at byte `AT`.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn bytes<const N: usize, const AT: usize>(block: &[u8; N]) -> __m256i {
    const { assert!(AT + 32 <= N) };
    // SAFETY: the assertion keeps the bytes within the block; the load needs no alignment.
    unsafe { _mm256_loadu_si256(block.as_ptr().add(AT).cast()) }
}

/// Activations for four vectors of weights: columns 8i..8i + 4 four times, 8i + 4..8i + 8 four times.
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

/// The four rows' sums from both halves of a vector.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn rows(dots: __m256i) -> __m128 {
    _mm_cvtepi32_ps(_mm_add_epi32(
        _mm256_castsi256_si128(dots),
        _mm256_extracti128_si256::<1>(dots),
    ))
}

#[target_feature(enable = "avx2,f16c")]
#[inline]
fn array(sums: __m128) -> [f32; ROWS] {
    let mut array = [0.0; ROWS];
    // SAFETY: `array` has room for four floats; the store needs no alignment.
    unsafe { _mm_storeu_ps(array.as_mut_ptr(), sums) };
    array
}
