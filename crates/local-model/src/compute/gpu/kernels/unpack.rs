//! From packed blocks to floats, in registers. The layout is told in [`crate::compute::gpu::pack`].

use cubecl::prelude::*;

use super::{Float4, Word4};
use crate::compute::gpu::pack::{Packing, Scales};

/// The value of a half, given its 16 bits. Infinities and NaN come out as large numbers.
///
/// In 32-bit arithmetic, because `shader-f16` is missing on many devices. The exponent is rebased as if
/// the half were normal; that makes of a subnormal one half of (itself + 2^-14), from which it is won
/// back. No bit pattern here is a subnormal float, which devices may flush to zero.
#[cube]
fn half(bits: u32) -> f32 {
    let rebased = f32::reinterpret(((bits & 0x7fffu32) << 13u32) + 0x3800_0000u32);
    let magnitude = min(rebased, rebased + rebased - 6.103_515_6e-5f32);
    select((bits & 0x8000u32) == 0u32, magnitude, -magnitude)
}

/// Four halves at once.
#[cube]
fn four_halves(bits: Word4) -> Float4 {
    let rebased = Float4::reinterpret(
        ((bits & Word4::new(0x7fffu32)) << Word4::new(13u32)) + Word4::new(0x3800_0000u32),
    );
    let magnitude = min(rebased, rebased + rebased - Float4::new(6.103_515_6e-5f32));
    let sign = (bits & Word4::new(0x8000u32)) << Word4::new(16u32);
    Float4::reinterpret(Word4::reinterpret(magnitude) | sign)
}

/// The `at`-th 16 bits of a list of words.
#[cube]
fn bits16(words: &[u32], at: u32) -> u32 {
    (words[(at / 2u32) as usize] >> (16u32 * (at % 2u32))) & 0xffffu32
}

/// Scale and offset of one half of a block: `value = code * scale + offset`.
///
/// `blocks`: of the whole matrix.
#[cube]
pub(super) fn scale_and_offset(
    scales: &[u32],
    block: u32,
    half_of_block: u32,
    blocks: u32,
    #[comptime] packing: Packing,
) -> (f32, f32) {
    let bias = comptime!(packing.bias as f32);
    if comptime!(packing.is_float()) {
        (1.0f32.runtime(), 0.0f32.runtime())
    } else if comptime!(packing.scales == Scales::Block) {
        let scale = half(bits16(scales, block));
        (scale, -(scale * bias))
    } else if comptime!(packing.scales == Scales::BlockOffset) {
        let pair = scales[block as usize];
        (half(pair & 0xffffu32), half(pair >> 16u32))
    } else if comptime!(packing.scales == Scales::Group32) {
        let pair = scales[(blocks / 2u32 + block / 8u32) as usize];
        let group = bits16(scales, block);
        (
            half(pair & 0xffffu32) * f32::cast_from(group & 255u32),
            -(half(pair >> 16u32) * f32::cast_from(group >> 8u32)),
        )
    } else if comptime!(packing.scales == Scales::Group16Offset) {
        let pair = scales[(blocks / 2u32 + block / 8u32) as usize];
        let group = (bits16(scales, block) >> (8u32 * half_of_block)) & 255u32;
        (
            half(pair & 0xffffu32) * f32::cast_from(group & 15u32),
            -(half(pair >> 16u32) * f32::cast_from(group >> 4u32)),
        )
    } else {
        let group = (bits16(scales, block) >> (8u32 * half_of_block)) & 255u32;
        let less = comptime!(packing.bias_of_scales());
        let scale = half(bits16(scales, blocks + block / 8u32)) * (f32::cast_from(group) - less);
        (scale, -(scale * bias))
    }
}

/// Which vector of a plane holds four `four` (counted over the whole matrix).
#[cube]
pub(super) fn vector_of(four: u32, #[comptime] bits: u32) -> u32 {
    four * bits / 32u32
}

/// At which bit.
#[cube]
pub(super) fn shift_of(four: u32, #[comptime] bits: u32) -> u32 {
    four * bits % 32u32
}

/// Where the second plane begins, in vectors. `fours`: of the whole matrix.
#[cube]
pub(super) fn second_plane(fours: u32, #[comptime] packing: Packing) -> u32 {
    (fours * packing.low).div_ceil(32u32)
}

/// Four neighbouring values out of the vectors that hold their bits.
#[cube]
pub(super) fn four_values(
    low: Word4,
    low_shift: u32,
    high: Word4,
    high_shift: u32,
    scale: f32,
    offset: f32,
    #[comptime] packing: Packing,
) -> Float4 {
    let mask = comptime!(ones(packing.low));
    let codes = (low >> Word4::new(low_shift)) & Word4::new(mask);
    if comptime!(packing.scales == Scales::Float) {
        Float4::reinterpret(codes)
    } else if comptime!(packing.scales == Scales::Brain) {
        Float4::reinterpret(codes << Word4::new(16u32))
    } else if comptime!(packing.scales == Scales::Half) {
        four_halves(codes)
    } else if comptime!(packing.high > 0) {
        let high_mask = comptime!(ones(packing.high));
        let above = (high >> Word4::new(high_shift)) & Word4::new(high_mask);
        let whole = codes | (above << Word4::new(packing.low));
        Float4::cast_from(whole) * Float4::new(scale) + Float4::new(offset)
    } else {
        Float4::cast_from(codes) * Float4::new(scale) + Float4::new(offset)
    }
}

/// The `four`-th four values of the whole matrix, which has `fours`.
#[cube]
pub(super) fn values_at(
    codes: &[Word4],
    scales: &[u32],
    four: u32,
    fours: u32,
    #[comptime] packing: Packing,
) -> Float4 {
    let in_block = comptime!(packing.fours());
    let (scale, offset) = scale_and_offset(
        scales,
        four / in_block,
        four % in_block / 4u32,
        fours / in_block,
        packing,
    );
    let low = codes[vector_of(four, packing.low) as usize];
    let low_shift = shift_of(four, packing.low);
    if comptime!(packing.high > 0) {
        let start = second_plane(fours, packing);
        let high = codes[(start + vector_of(four, packing.high)) as usize];
        let high_shift = shift_of(four, packing.high);
        four_values(low, low_shift, high, high_shift, scale, offset, packing)
    } else {
        four_values(low, low_shift, low, low_shift, scale, offset, packing)
    }
}

/// The lowest `bits` bits set.
fn ones(bits: u32) -> u32 {
    u32::MAX >> (32 - bits)
}
