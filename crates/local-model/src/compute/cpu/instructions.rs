//! What kernels need of an instruction set.
//!
//! Kernels are written once, over [`Instructions`], and take eight rows or eight numbers at a time. They
//! say each vector operation themselves: a page's module is compiled for size, and then the compiler makes
//! no vectors of loops. Sums of floats are made in the same order for every instruction set and without
//! fused multiply-add, so that all give the same bits.
//!
//! Everything is inlined into [`Job::run`], which is compiled for each instruction set. Kernels have loops
//! and no closures: a closure that is not inlined would lack the instructions.

use super::{format::VECTOR, quantized::Column};

/// Work that is compiled once for each instruction set.
pub(super) trait Job {
    type Out;

    /// Does it. Implementations are `#[inline(always)]`.
    fn run<S: Instructions>(self, s: S) -> Self::Out;
}

/// An instruction set; a value is the proof that the machine has it.
pub(super) trait Instructions: Copy {
    /// Four columns of eight rows: a vector of a plane.
    type Bytes: Copy;
    /// The same as the products want it.
    type Codes: Copy;
    /// Four columns of a token, for each of eight rows.
    type Columns: Copy;
    /// Sums of products of eight rows.
    type Sums: Copy;
    /// f32 of eight rows, or any eight numbers.
    type Floats: Copy;

    fn bytes(self, bytes: &[u8; VECTOR]) -> Self::Bytes;
    fn store(self, bytes: Self::Bytes) -> [u8; VECTOR];
    /// `bytes & mask`, byte by byte.
    fn and(self, bytes: Self::Bytes, mask: u8) -> Self::Bytes;
    fn or(self, a: Self::Bytes, b: Self::Bytes) -> Self::Bytes;
    /// Shifts at least the bytes; bits may come in from a byte's neighbour.
    fn left<const BITS: u32>(self, bytes: Self::Bytes) -> Self::Bytes;
    /// Shifts at least the bytes; bits may come in from a byte's neighbour.
    fn right<const BITS: u32>(self, bytes: Self::Bytes) -> Self::Bytes;

    /// Codes of 8 bits and a sign if they are `WIDE`, else of at most 6 bits without one.
    fn codes<const WIDE: bool>(self, bytes: Self::Bytes) -> Self::Codes;
    fn columns<const WIDE: bool>(self, columns: &[Column; 4]) -> Self::Columns;
    fn zero(self) -> Self::Sums;
    /// `sums` and the products of four columns.
    fn dot<const WIDE: bool>(
        self,
        sums: Self::Sums,
        codes: Self::Codes,
        columns: Self::Columns,
    ) -> Self::Sums;
    /// Sums in 32 bits of what [`Instructions::dot`] gave; it gives 16 bits if codes are not `WIDE`.
    fn widen<const WIDE: bool>(self, sums: Self::Sums) -> Self::Sums;
    fn add_wide(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// Sums in 32 bits as floats.
    fn floats(self, sums: Self::Sums) -> Self::Floats;

    fn load(self, floats: &[f32; 8]) -> Self::Floats;
    fn array(self, floats: Self::Floats) -> [f32; 8];
    fn splat(self, value: f32) -> Self::Floats;
    /// Eight f16 numbers.
    fn halves(self, bytes: &[u8; 16]) -> Self::Floats;
    /// Eight unsigned bytes.
    fn unsigned(self, bytes: u64) -> Self::Floats;
    /// Eight signed bytes.
    fn signed(self, bytes: u64) -> Self::Floats;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn sub(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn div(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn abs(self, a: Self::Floats) -> Self::Floats;
    /// The larger; `a` where it is no number.
    fn max(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// The smaller; `a` where it is no number.
    fn min(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `2^n` of whole numbers from -126 to 127, given as `n + MAGIC`, see [`MAGIC`].
    fn power_of_two(self, shifted: Self::Floats) -> Self::Floats;
}

/// 1.5 * 2^23: the last bit of a float of that size is worth 1. Added to a number and taken away again it
/// rounds the number to the nearest integer, halves to even, for |x| < 2^22; between the two, the float's
/// low bits are the integer.
pub(super) const MAGIC: f32 = 12_582_912.0;

/// The first eight numbers, or all and zeros.
#[inline(always)]
pub(super) fn eight(floats: &[f32]) -> [f32; 8] {
    match floats.first_chunk() {
        Some(eight) => *eight,
        None => {
            let mut eight = [0.0; 8];
            eight[..floats.len()].copy_from_slice(floats);
            eight
        }
    }
}

/// Writes eight numbers, or as many of them as there is room for.
#[inline(always)]
pub(super) fn put(out: &mut [f32], eight: [f32; 8]) {
    match out.first_chunk_mut() {
        Some(place) => *place = eight,
        None => {
            for (place, value) in out.iter_mut().zip(eight) {
                *place = value;
            }
        }
    }
}

/// Sum of eight numbers, in a fixed order.
#[inline(always)]
pub(super) fn total(x: [f32; 8]) -> f32 {
    ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7]))
}
