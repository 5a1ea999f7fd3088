//! AVX2 and F16C: eight rows in the lanes of a vector.

use std::arch::x86_64::*;

use super::{
    format::VECTOR,
    instructions::{Instructions, Job, MAGIC},
};

/// AVX2 and F16C. Made only in [`run`], which is compiled for them and whose callers know the CPU.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// Does the work with these instructions.
#[target_feature(enable = "avx2,f16c")]
pub(super) fn run<J: Job>(job: J) -> J::Out {
    job.run(Avx2(()))
}

/// An expression of intrinsics.
macro_rules! intrinsics {
    ($body:expr) => {
        // SAFETY: a value of `Avx2` exists only where the CPU has the instructions; loads and stores are
        // of references to whole arrays and need no alignment.
        unsafe { $body }
    };
}

// Everything below is inlined into `run`.
impl Instructions for Avx2 {
    type Bytes = __m256i;
    type Codes = __m256i;
    type Columns = __m256i;
    type Sums = __m256i;
    type Floats = __m256;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; VECTOR]) -> __m256i {
        intrinsics!(_mm256_loadu_si256(bytes.as_ptr().cast()))
    }

    #[inline(always)]
    fn store(self, bytes: __m256i) -> [u8; VECTOR] {
        let mut out = [0; VECTOR];
        intrinsics!(_mm256_storeu_si256(out.as_mut_ptr().cast(), bytes));
        out
    }

    #[inline(always)]
    fn and(self, bytes: __m256i, mask: u8) -> __m256i {
        intrinsics!(_mm256_and_si256(
            bytes,
            _mm256_set1_epi8(mask.cast_signed())
        ))
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        intrinsics!(_mm256_or_si256(a, b))
    }

    #[inline(always)]
    fn left<const BITS: u32>(self, bytes: __m256i) -> __m256i {
        intrinsics!(_mm256_sll_epi16(bytes, _mm_cvtsi32_si128(BITS as i32)))
    }

    #[inline(always)]
    fn right<const BITS: u32>(self, bytes: __m256i) -> __m256i {
        intrinsics!(_mm256_srl_epi16(bytes, _mm_cvtsi32_si128(BITS as i32)))
    }

    #[inline(always)]
    fn codes<const WIDE: bool>(self, bytes: __m256i) -> __m256i {
        bytes
    }

    #[inline(always)]
    fn columns<const WIDE: bool>(self, columns: &[i8; 4]) -> __m256i {
        let word = i32::from_le_bytes(columns.map(i8::cast_unsigned));
        intrinsics!(_mm256_set1_epi32(word))
    }

    #[inline(always)]
    fn zero(self) -> __m256i {
        intrinsics!(_mm256_setzero_si256())
    }

    #[inline(always)]
    fn dot<const WIDE: bool>(self, sums: __m256i, codes: __m256i, columns: __m256i) -> __m256i {
        if WIDE {
            // The instruction multiplies unsigned by signed bytes: |w| * (x with the sign of w). 128 is
            // its own negative, and as an unsigned byte it is 128. 2 * 128 * 127 fits 16 bits.
            intrinsics!({
                let signed = _mm256_sign_epi8(columns, codes);
                let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(codes), signed);
                _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
            })
        } else {
            intrinsics!(_mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, columns)))
        }
    }

    #[inline(always)]
    fn widen<const WIDE: bool>(self, sums: __m256i) -> __m256i {
        if WIDE {
            sums
        } else {
            intrinsics!(_mm256_madd_epi16(sums, _mm256_set1_epi16(1)))
        }
    }

    #[inline(always)]
    fn add_wide(self, a: __m256i, b: __m256i) -> __m256i {
        intrinsics!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn floats(self, sums: __m256i) -> __m256 {
        intrinsics!(_mm256_cvtepi32_ps(sums))
    }

    #[inline(always)]
    fn load(self, floats: &[f32; 8]) -> __m256 {
        intrinsics!(_mm256_loadu_ps(floats.as_ptr()))
    }

    #[inline(always)]
    fn array(self, floats: __m256) -> [f32; 8] {
        let mut out = [0.0; 8];
        intrinsics!(_mm256_storeu_ps(out.as_mut_ptr(), floats));
        out
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        intrinsics!(_mm256_set1_ps(value))
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> __m256 {
        intrinsics!(_mm256_cvtph_ps(_mm_loadu_si128(bytes.as_ptr().cast())))
    }

    #[inline(always)]
    fn unsigned(self, bytes: u64) -> __m256 {
        intrinsics!(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(
            bytes.cast_signed()
        ))))
    }

    #[inline(always)]
    fn signed(self, bytes: u64) -> __m256 {
        intrinsics!(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(
            bytes.cast_signed()
        ))))
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        intrinsics!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    // The instructions give their second operand where one is no number.
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_max_ps(b, a))
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_min_ps(b, a))
    }

    #[inline(always)]
    fn power_of_two(self, shifted: __m256) -> __m256 {
        intrinsics!({
            let offset = 127i32.wrapping_sub(MAGIC.to_bits().cast_signed());
            let exponent =
                _mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(offset));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        })
    }
}
