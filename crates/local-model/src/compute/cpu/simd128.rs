//! Products with WebAssembly's SIMD128: four rows in the lanes of a vector.
//!
//! Sums are the portable kernel's, bit by bit.

use std::arch::wasm32::*;

use super::{
    packed::{Packed, Q4_1_BYTES, Q8_0_BYTES, ROWS, for_each_group},
    quantized::Quantized,
};
use crate::gguf::TensorType;

/// `out[token, row] = x[token] · weight[row]`.
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

fn q4_1<const T: usize>(group: &[u8], x: &Quantized, first: usize) -> [[f32; ROWS]; T] {
    let nibble = i8x16_splat(15);
    let mut sums = [f32x4_splat(0.0); T];
    for (at, block) in group.as_chunks::<Q4_1_BYTES>().0.iter().enumerate() {
        let (scales, minimums) = halves(load::<Q4_1_BYTES, 0>(block));
        let packed = [
            load::<Q4_1_BYTES, 16>(block),
            load::<Q4_1_BYTES, 32>(block),
            load::<Q4_1_BYTES, 48>(block),
            load::<Q4_1_BYTES, 64>(block),
        ];
        for (token, sum) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let (columns, _) = x.values[index].as_chunks::<4>();
            // 16 bits hold a sum of eight: 8 * 15 * 127 = 15,240.
            let (mut near, mut far) = (i16x8_splat(0), i16x8_splat(0));
            for (chunk, &packed) in packed.iter().enumerate() {
                let low = v128_and(packed, nibble);
                let low_columns =
                    i32x4_splat(i32::from_le_bytes(columns[chunk].map(|value| value as u8)));
                near = i16x8_add(near, i16x8_extmul_low_i8x16(low, low_columns));
                far = i16x8_add(far, i16x8_extmul_high_i8x16(low, low_columns));
                let high = u8x16_shr(packed, 4);
                let high_columns = i32x4_splat(i32::from_le_bytes(
                    columns[chunk + 4].map(|value| value as u8),
                ));
                near = i16x8_add(near, i16x8_extmul_low_i8x16(high, high_columns));
                far = i16x8_add(far, i16x8_extmul_high_i8x16(high, high_columns));
            }
            let dots = rows(
                i32x4_extadd_pairwise_i16x8(near),
                i32x4_extadd_pairwise_i16x8(far),
            );
            let scale = f32x4_mul(scales, f32x4_splat(x.scales[index]));
            let minimum = f32x4_mul(minimums, f32x4_splat(x.sums[index]));
            *sum = f32x4_add(*sum, f32x4_add(f32x4_mul(scale, dots), minimum));
        }
    }
    sums.map(array)
}

fn q8_0<const T: usize>(group: &[u8], x: &Quantized, first: usize) -> [[f32; ROWS]; T] {
    let mut sums = [f32x4_splat(0.0); T];
    for (at, block) in group.as_chunks::<Q8_0_BYTES>().0.iter().enumerate() {
        let (scales, _) = halves(load::<Q8_0_BYTES, 0>(block));
        let weights = [
            load::<Q8_0_BYTES, 8>(block),
            load::<Q8_0_BYTES, 24>(block),
            load::<Q8_0_BYTES, 40>(block),
            load::<Q8_0_BYTES, 56>(block),
            load::<Q8_0_BYTES, 72>(block),
            load::<Q8_0_BYTES, 88>(block),
            load::<Q8_0_BYTES, 104>(block),
            load::<Q8_0_BYTES, 120>(block),
        ];
        for (token, sum) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let (columns, _) = x.values[index].as_chunks::<4>();
            let (mut near, mut far) = (i32x4_splat(0), i32x4_splat(0));
            for (chunk, &weights) in weights.iter().enumerate() {
                let columns =
                    i32x4_splat(i32::from_le_bytes(columns[chunk].map(|value| value as u8)));
                near = i32x4_add(
                    near,
                    i32x4_extadd_pairwise_i16x8(i16x8_extmul_low_i8x16(weights, columns)),
                );
                far = i32x4_add(
                    far,
                    i32x4_extadd_pairwise_i16x8(i16x8_extmul_high_i8x16(weights, columns)),
                );
            }
            let scale = f32x4_mul(scales, f32x4_splat(x.scales[index]));
            *sum = f32x4_add(*sum, f32x4_mul(scale, rows(near, far)));
        }
    }
    sums.map(array)
}

/// 16 bytes at byte `AT`.
fn load<const N: usize, const AT: usize>(block: &[u8; N]) -> v128 {
    const { assert!(AT + 16 <= N) };
    // SAFETY: the assertion keeps the bytes within the block; the load needs no alignment.
    unsafe { v128_load(block.as_ptr().add(AT).cast()) }
}

/// Eight f16 numbers as floats. The exponent and the fraction move to a float's place, where they
/// are worth 2^-112 of what they mean; the product is exact, also for subnormal numbers. (Infinity
/// and NaN, which no good file has as a scale, become large numbers.)
fn halves(bits: v128) -> (v128, v128) {
    let convert = |bits: v128| {
        let sign = v128_and(i32x4_shl(bits, 16), i32x4_splat(i32::MIN));
        let size = i32x4_shl(v128_and(bits, i32x4_splat(0x7fff)), 13);
        v128_or(
            f32x4_mul(size, f32x4_splat(f32::from_bits((127 + 112) << 23))),
            sign,
        )
    };
    (
        convert(u32x4_extend_low_u16x8(bits)),
        convert(u32x4_extend_high_u16x8(bits)),
    )
}

/// `near` has two sums of row 0 and two of row 1, `far` of rows 2 and 3.
fn rows(near: v128, far: v128) -> v128 {
    f32x4_convert_i32x4(i32x4_add(
        i32x4_shuffle::<0, 2, 4, 6>(near, far),
        i32x4_shuffle::<1, 3, 5, 7>(near, far),
    ))
}

fn array(sums: v128) -> [f32; ROWS] {
    [
        f32x4_extract_lane::<0>(sums),
        f32x4_extract_lane::<1>(sums),
        f32x4_extract_lane::<2>(sums),
        f32x4_extract_lane::<3>(sums),
    ]
}
