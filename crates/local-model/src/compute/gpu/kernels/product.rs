//! `x · Wᵀ`, computed on packed blocks.
//!
//! A workgroup is `UNITS / lanes` rows of `lanes` invocations. The lanes of a row take its blocks in
//! turn, so that neighbours load neighbouring words; each unpacks a block once, in registers, and
//! multiplies it with `tile` tokens. One barrier, then the partial sums of each (row, token) are
//! added. With one token this is a matrix-vector product.

use cubecl::prelude::*;

use super::{
    Float4, UNITS, Word4,
    elementwise::silu,
    unpack::{four_values, scale_and_offset},
};
use crate::compute::gpu::pack::Packing;

/// How a product is cut: known when the kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::compute::gpu) struct Cut {
    /// Invocations that share a row; divides [`UNITS`].
    pub lanes: u32,
    /// Tokens for each unpacked block.
    pub tile: u32,
}

impl Cut {
    /// Rows of one workgroup.
    pub(in crate::compute::gpu) fn rows(self) -> u32 {
        UNITS / self.lanes
    }

    /// Half as many tokens, for two matrices: as many sums in registers.
    pub(in crate::compute::gpu) fn halved(self) -> Self {
        Self {
            tile: self.tile.div_ceil(2),
            ..self
        }
    }

    /// (row, token) pairs of one workgroup.
    fn outputs(self) -> u32 {
        self.rows() * self.tile
    }
}

/// `out = x · Wᵀ`. `x`: `[tokens, 32 * blocks]`, `W`: `[rows, 32 * blocks]`, `out`: `[tokens, rows]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn product(
    x: &[Float4],
    quants: &[Word4],
    scales: &[u32],
    out: &mut [f32],
    tokens: u32,
    rows: u32,
    blocks: u32,
    #[comptime] packing: Packing,
    #[comptime] cut: Cut,
) {
    let mut shared = Shared::<[f32]>::new_slice(comptime!((UNITS * cut.tile) as usize));
    packed_rows(
        &mut shared,
        x,
        quants,
        scales,
        tokens,
        rows,
        blocks,
        packing,
        cut,
    );
    let outputs = comptime!(cut.outputs());
    let mut output = UNIT_POS;
    while output < outputs {
        let (row, token) = row_and_token(output, cut);
        if row < rows && token < tokens {
            out[(token * rows + row) as usize] = sum_of_lanes(&shared, output, cut);
        }
        output += UNITS;
    }
}

/// `out = residual + x · Wᵀ`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn product_add(
    x: &[Float4],
    quants: &[Word4],
    scales: &[u32],
    residual: &[f32],
    out: &mut [f32],
    tokens: u32,
    rows: u32,
    blocks: u32,
    #[comptime] packing: Packing,
    #[comptime] cut: Cut,
) {
    let mut shared = Shared::<[f32]>::new_slice(comptime!((UNITS * cut.tile) as usize));
    packed_rows(
        &mut shared,
        x,
        quants,
        scales,
        tokens,
        rows,
        blocks,
        packing,
        cut,
    );
    let outputs = comptime!(cut.outputs());
    let mut output = UNIT_POS;
    while output < outputs {
        let (row, token) = row_and_token(output, cut);
        if row < rows && token < tokens {
            let at = (token * rows + row) as usize;
            out[at] = residual[at] + sum_of_lanes(&shared, output, cut);
        }
        output += UNITS;
    }
}

/// `out = silu(x · Gᵀ) * (x · Uᵀ)`, gate and up of one shape and packing.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn product_gated(
    x: &[Float4],
    gate_quants: &[Word4],
    gate_scales: &[u32],
    up_quants: &[Word4],
    up_scales: &[u32],
    out: &mut [f32],
    tokens: u32,
    rows: u32,
    blocks: u32,
    #[comptime] packing: Packing,
    #[comptime] cut: Cut,
) {
    let mut gate = Shared::<[f32]>::new_slice(comptime!((UNITS * cut.tile) as usize));
    let mut up = Shared::<[f32]>::new_slice(comptime!((UNITS * cut.tile) as usize));
    let row = first_row(rows, cut);
    let parts = comptime!(packing.words4() as u32);
    let steps = comptime!(8u32 / parts);

    let mut gate_sums = Array::<Float4>::new(comptime!(cut.tile as usize));
    let mut up_sums = Array::<Float4>::new(comptime!(cut.tile as usize));
    let mut starts = Array::<u32>::new(comptime!(cut.tile as usize));
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        gate_sums[t] = Float4::new(0.0f32);
        up_sums[t] = Float4::new(0.0f32);
        starts[t] = first_token(t as u32, tokens, cut) * blocks * 8u32;
    }
    // One loop for both, so that each activation is loaded once.
    let mut at = UNIT_POS % cut.lanes;
    while at < blocks {
        let block = (row * blocks + at) as usize;
        let (gate_scale, gate_offset) = scale_and_offset(gate_scales, block, packing);
        let (up_scale, up_offset) = scale_and_offset(up_scales, block, packing);
        for part in 0..parts {
            let word = block * parts as usize + part as usize;
            let (gate_words, up_words) = (gate_quants[word], up_quants[word]);
            for step in 0..steps {
                let g = four_values(gate_words, gate_scale, gate_offset, step, packing);
                let u = four_values(up_words, up_scale, up_offset, step, packing);
                let column = at * 8u32 + part * steps + step;
                #[unroll]
                for t in 0..comptime!(cut.tile as usize) {
                    let value = x[(starts[t] + column) as usize];
                    gate_sums[t] += g * value;
                    up_sums[t] += u * value;
                }
            }
        }
        at += cut.lanes;
    }
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        let to = (t as u32 * UNITS + UNIT_POS) as usize;
        gate[to] = sum_of_four(gate_sums[t]);
        up[to] = sum_of_four(up_sums[t]);
    }
    sync_cube();

    let outputs = comptime!(cut.outputs());
    let mut output = UNIT_POS;
    while output < outputs {
        let (row, token) = row_and_token(output, cut);
        if row < rows && token < tokens {
            out[(token * rows + row) as usize] =
                silu(sum_of_lanes(&gate, output, cut)) * sum_of_lanes(&up, output, cut);
        }
        output += UNITS;
    }
}

/// `out = x · Wᵀ` with plain floats. `x`: `[tokens, N * vectors]`, `W`: `[rows, N * vectors]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn product_float<N: Size>(
    x: &[Vector<f32, N>],
    weights: &[Vector<f32, N>],
    out: &mut [f32],
    tokens: u32,
    rows: u32,
    vectors: u32,
    #[comptime] cut: Cut,
) {
    let mut shared = Shared::<[f32]>::new_slice(comptime!((UNITS * cut.tile) as usize));
    let row = first_row(rows, cut);
    let lane = UNIT_POS % cut.lanes;

    let mut sums = Array::<Vector<f32, N>>::new(comptime!(cut.tile as usize));
    let mut starts = Array::<u32>::new(comptime!(cut.tile as usize));
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        sums[t] = Vector::<f32, N>::new(0.0f32);
        starts[t] = first_token(t as u32, tokens, cut) * vectors;
    }
    let mut at = lane;
    while at < vectors {
        let weight = weights[(row * vectors + at) as usize];
        #[unroll]
        for t in 0..comptime!(cut.tile as usize) {
            sums[t] += weight * x[(starts[t] + at) as usize];
        }
        at += cut.lanes;
    }
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        let mut sum = 0.0f32;
        #[unroll]
        for i in 0..N::value() {
            sum += sums[t].extract(i);
        }
        shared[(t as u32 * UNITS + UNIT_POS) as usize] = sum;
    }
    sync_cube();

    let outputs = comptime!(cut.outputs());
    let mut output = UNIT_POS;
    while output < outputs {
        let (row, token) = row_and_token(output, cut);
        if row < rows && token < tokens {
            out[(token * rows + row) as usize] = sum_of_lanes(&shared, output, cut);
        }
        output += UNITS;
    }
}

/// Each invocation's part of its row's products, into `shared[token][unit]`; then a barrier.
#[cube]
fn packed_rows(
    shared: &mut Shared<[f32]>,
    x: &[Float4],
    quants: &[Word4],
    scales: &[u32],
    tokens: u32,
    rows: u32,
    blocks: u32,
    #[comptime] packing: Packing,
    #[comptime] cut: Cut,
) {
    let row = first_row(rows, cut);
    let lane = UNIT_POS % cut.lanes;
    let parts = comptime!(packing.words4() as u32);
    let steps = comptime!(8u32 / parts);

    let mut sums = Array::<Float4>::new(comptime!(cut.tile as usize));
    let mut starts = Array::<u32>::new(comptime!(cut.tile as usize));
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        sums[t] = Float4::new(0.0f32);
        starts[t] = first_token(t as u32, tokens, cut) * blocks * 8u32;
    }
    let mut at = lane;
    while at < blocks {
        let block = (row * blocks + at) as usize;
        let (scale, offset) = scale_and_offset(scales, block, packing);
        // Loops that stay loops: unrolled for a tile of tokens, drivers compile for seconds.
        for part in 0..parts {
            let words = quants[block * parts as usize + part as usize];
            for step in 0..steps {
                let values = four_values(words, scale, offset, step, packing);
                let column = at * 8u32 + part * steps + step;
                #[unroll]
                for t in 0..comptime!(cut.tile as usize) {
                    sums[t] += values * x[(starts[t] + column) as usize];
                }
            }
        }
        at += cut.lanes;
    }
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        shared[(t as u32 * UNITS + UNIT_POS) as usize] = sum_of_four(sums[t]);
    }
    sync_cube();
}

/// The four added, in pairs.
#[cube]
fn sum_of_four(sum: Float4) -> f32 {
    (sum.extract(0usize) + sum.extract(1usize)) + (sum.extract(2usize) + sum.extract(3usize))
}

/// The row that this invocation works on; beyond the end, the last one once more.
#[cube]
fn first_row(rows: u32, #[comptime] cut: Cut) -> u32 {
    min(
        CUBE_POS_X * comptime!(cut.rows()) + UNIT_POS / cut.lanes,
        rows - 1u32,
    )
}

/// Token `t` of this workgroup's tile; beyond the end, the last one once more.
#[cube]
fn first_token(t: u32, tokens: u32, #[comptime] cut: Cut) -> u32 {
    min(CUBE_POS_Y * cut.tile + t, tokens - 1u32)
}

/// Row and token of one of the workgroup's outputs.
#[cube]
fn row_and_token(output: u32, #[comptime] cut: Cut) -> (u32, u32) {
    (
        CUBE_POS_X * comptime!(cut.rows()) + output % comptime!(cut.rows()),
        CUBE_POS_Y * cut.tile + output / comptime!(cut.rows()),
    )
}

/// What the lanes of one (row, token) found, added.
#[cube]
fn sum_of_lanes(shared: &Shared<[f32]>, output: u32, #[comptime] cut: Cut) -> f32 {
    let start =
        (output / comptime!(cut.rows())) * UNITS + (output % comptime!(cut.rows())) * cut.lanes;
    let mut sum = 0.0f32;
    #[unroll]
    for lane in 0..cut.lanes {
        sum += shared[(start + lane) as usize];
    }
    sum
}
