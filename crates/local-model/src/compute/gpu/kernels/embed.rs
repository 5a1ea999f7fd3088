//! Rows of the embedding table.

use cubecl::prelude::*;

use super::{
    Float4, Word4,
    unpack::{four_values, scale_and_offset},
};
use crate::compute::gpu::pack::Packing;

/// One block of 32 values of one token for each invocation. `out`: `[tokens, 32 * blocks]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn embed_packed(
    ids: &[u32],
    quants: &[Word4],
    scales: &[u32],
    out: &mut [Float4],
    tokens: u32,
    blocks: u32,
    #[comptime] packing: Packing,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= tokens * blocks {
        terminate!();
    }
    let block = (ids[(at / blocks) as usize] * blocks + at % blocks) as usize;
    let parts = comptime!(packing.words4() as u32);
    let steps = comptime!(8u32 / parts);
    let (scale, offset) = scale_and_offset(scales, block, packing);
    for part in 0..parts {
        let words = quants[block * parts as usize + part as usize];
        for step in 0..steps {
            let to = at * 8u32 + part * steps + step;
            out[to as usize] = four_values(words, scale, offset, step, packing);
        }
    }
}

/// One value of one token for each invocation. `out`: `[tokens, columns]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn embed_float(
    ids: &[u32],
    table: &[f32],
    out: &mut [f32],
    tokens: u32,
    columns: u32,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= tokens * columns {
        terminate!();
    }
    out[at as usize] = table[(ids[(at / columns) as usize] * columns + at % columns) as usize];
}
