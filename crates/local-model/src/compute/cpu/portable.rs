//! Products in plain Rust: the reference for the SIMD kernels, which give the same bits.

use super::{
    Tensor,
    packed::{Packed, Q4_1_BYTES, Q8_0_BYTES, ROWS, for_each_group, half_at},
    quantized::{BLOCK, Quantized},
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
    let mut sums = [[0f32; ROWS]; T];
    for (at, block) in group.as_chunks::<Q4_1_BYTES>().0.iter().enumerate() {
        for (token, sums) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let values = &x.values[index];
            for (row, sum) in sums.iter_mut().enumerate() {
                let mut dot = 0i32;
                for column in 0..BLOCK / 2 {
                    let byte = block[16 + (column / 4 * ROWS + row) * 4 + column % 4];
                    dot += i32::from(byte & 15) * i32::from(values[column]);
                    dot += i32::from(byte >> 4) * i32::from(values[column + 16]);
                }
                let (scale, minimum) = (half_at(block, row), half_at(block, ROWS + row));
                *sum += (scale * x.scales[index]) * dot as f32 + minimum * x.sums[index];
            }
        }
    }
    sums
}

fn q8_0<const T: usize>(group: &[u8], x: &Quantized, first: usize) -> [[f32; ROWS]; T] {
    let mut sums = [[0f32; ROWS]; T];
    for (at, block) in group.as_chunks::<Q8_0_BYTES>().0.iter().enumerate() {
        for (token, sums) in sums.iter_mut().enumerate() {
            let index = (first + token) * x.blocks + at;
            let values = &x.values[index];
            for (row, sum) in sums.iter_mut().enumerate() {
                let mut dot = 0i32;
                for (column, &value) in values.iter().enumerate() {
                    let byte = block[8 + (column / 4 * ROWS + row) * 4 + column % 4] as i8;
                    dot += i32::from(byte) * i32::from(value);
                }
                *sum += (half_at(block, row) * x.scales[index]) * dot as f32;
            }
        }
    }
    sums
}

/// `x · Wᵀ` with floats, `values` `[rows, columns]`.
pub(super) fn float_products(x: &Tensor, values: &[f32], columns: usize) -> Vec<f32> {
    let rows = |token| values.chunks_exact(columns).map(move |row| dot(row, token));
    x.rows().flat_map(rows).collect()
}

/// In eight lanes, so that the compiler makes vectors of it.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}
