//! Root-mean-square normalization (Zhang and Sennrich, 2019).

use cubecl::prelude::*;

use super::UNITS;

/// One workgroup for each row. `x`, `out`: `[rows, columns]`; `weight`: `[columns]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn rms_norm<N: Size>(
    x: &[Vector<f32, N>],
    weight: &[Vector<f32, N>],
    out: &mut [Vector<f32, N>],
    vectors: u32,
    columns: f32,
    epsilon: f32,
) {
    let unit = UNIT_POS;
    let start = CUBE_POS_X * vectors;
    let mut squares = Vector::<f32, N>::new(0.0f32);
    let mut at = unit;
    while at < vectors {
        let value = x[(start + at) as usize];
        squares += value * value;
        at += UNITS;
    }
    let mut sum = 0.0f32;
    #[unroll]
    for i in 0..N::value() {
        sum += squares.extract(i);
    }

    let total = sum_of_all(sum);
    let scale = Vector::<f32, N>::new(1.0f32 / (total / columns + epsilon).sqrt());
    let mut at = unit;
    while at < vectors {
        out[(start + at) as usize] = x[(start + at) as usize] * scale * weight[at as usize];
        at += UNITS;
    }
}

/// The sum of what the workgroup's invocations give, for all of them.
///
/// Two steps of eight: two barriers in place of the six of a tree.
#[cube]
pub(super) fn sum_of_all(value: f32) -> f32 {
    let unit = UNIT_POS;
    let mut values = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let mut eighths = Shared::<[f32]>::new_slice(8usize);
    values[unit as usize] = value;
    sync_cube();
    if unit < 8u32 {
        let mut eighth = 0.0f32;
        #[unroll]
        for i in 0..8u32 {
            eighth += values[(unit * 8u32 + i) as usize];
        }
        eighths[unit as usize] = eighth;
    }
    sync_cube();
    let mut sum = 0.0f32;
    #[unroll]
    for i in 0..8usize {
        sum += eighths[i];
    }
    sum
}
