//! From packed blocks to floats, in registers.

use cubecl::prelude::*;

use super::{Float4, Word4};
use crate::compute::gpu::pack::Packing;

/// The value of a half, given its 16 bits. Infinities and NaN come out as large numbers.
///
/// In 32-bit arithmetic, because `shader-f16` is missing on many devices. Subnormal halves are made
/// by a product: as bit patterns they would be subnormal floats, which devices may flush to zero.
#[cube]
pub(super) fn half(bits: u32) -> f32 {
    let exponent = (bits >> 10u32) & 31u32;
    let mantissa = bits & 1023u32;
    let normal = f32::reinterpret(((exponent + 112u32) << 23u32) | (mantissa << 13u32));
    let subnormal = f32::cast_from(mantissa) * 5.960_464_5e-8f32;
    let magnitude = select(exponent == 0u32, subnormal, normal);
    select((bits & 0x8000u32) == 0u32, magnitude, -magnitude)
}

/// Scale and offset of a block: `value = code * scale + offset`.
#[cube]
pub(super) fn scale_and_offset(
    scales: &[u32],
    block: usize,
    #[comptime] packing: Packing,
) -> (f32, f32) {
    if comptime!(packing == Packing::Q4_1) {
        let pair = scales[block];
        (half(pair & 0xffffu32), half(pair >> 16u32))
    } else {
        let pair = scales[block / 2];
        let bits = select(block & 1 == 0, pair & 0xffffu32, pair >> 16u32);
        (half(bits), 0.0f32)
    }
}

/// Four neighbouring values out of a vector of words, the `step`-th four (see [`crate::compute::gpu::pack`]).
#[cube]
pub(super) fn four_values(
    words: Word4,
    scale: f32,
    offset: f32,
    step: u32,
    #[comptime] packing: Packing,
) -> Float4 {
    if comptime!(packing == Packing::Q4_1) {
        let codes = (words >> Word4::new(4u32 * step)) & Word4::new(15u32);
        Float4::cast_from(codes) * Float4::new(scale) + Float4::new(offset)
    } else {
        // The byte to the top, then down again with its sign.
        let top = Vector::<i32, Const<4>>::cast_from(words << Word4::new(24u32 - 8u32 * step));
        let codes = top >> Vector::<i32, Const<4>>::new(24i32);
        Float4::cast_from(codes) * Float4::new(scale)
    }
}
