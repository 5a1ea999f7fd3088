//! Rows of the embedding table.

use cubecl::prelude::*;

use super::{Float4, Word4, unpack::values_at};
use crate::compute::gpu::pack::Packing;

/// Four values of one token for each invocation. `out`: `[tokens, columns]`, `vectors` fours a row;
/// `fours`: of the whole table.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn embed(
    ids: &[u32],
    codes: &[Word4],
    scales: &[u32],
    out: &mut [Float4],
    tokens: u32,
    vectors: u32,
    fours: u32,
    scale: f32,
    #[comptime] packing: Packing,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= tokens * vectors {
        terminate!();
    }
    let four = ids[(at / vectors) as usize] * vectors + at % vectors;
    out[at as usize] = values_at(codes, scales, four, fours, packing) * Float4::new(scale);
}
