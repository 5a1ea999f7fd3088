//! `x · Wᵀ`, computed on packed blocks.
//!
//! A workgroup is `UNITS / lanes` rows of `lanes` invocations. The lanes of a row take its blocks in
//! turn, so that neighbours load neighbouring words; each unpacks a block once, in registers, and
//! multiplies it with `tile` tokens. An invocation may work on several rows (`streams`), so that what it
//! loads of `x` serves them all. With several lanes the partial sums of each (row, token) are added
//! after a barrier. With one token this is a matrix-vector product, and may begin with the norm of `x`.

use cubecl::prelude::*;

use super::{
    Float4, UNITS, Word4,
    elementwise::activated,
    norm::sum_of_all,
    unpack::{four_values, scale_and_offset, second_plane, shift_of, vector_of},
};
use crate::compute::{Activation, gpu::pack::Packing};

/// How a product is cut: known when the kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::compute::gpu) struct Cut {
    /// Invocations that share a row; divides [`UNITS`].
    pub lanes: u32,
    /// Tokens for each unpacked block.
    pub tile: u32,
    /// Rows of one invocation: row `i`, `i + ceil(rows / streams)`, …
    pub streams: u32,
}

/// What becomes of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::compute::gpu) enum Finish {
    /// It is written.
    Plain,
    /// It is added to the residual.
    Add,
    /// The matrix is gate and up, one above the other: `activation(gate) * up` is written. Needs two
    /// streams.
    Gate(Activation),
}

impl Cut {
    /// First rows of one workgroup.
    pub(in crate::compute::gpu) fn rows(self) -> u32 {
        UNITS / self.lanes
    }

    /// Sums of one invocation.
    fn sums(self) -> u32 {
        self.tile * self.streams
    }

    /// Floats through which lanes exchange their sums.
    fn exchanged(self) -> u32 {
        if self.lanes == 1 {
            1
        } else {
            UNITS * self.sums()
        }
    }

    /// (row, token) pairs of one workgroup, without the streams.
    fn outputs(self) -> u32 {
        self.rows() * self.tile
    }
}

/// `out = x · Wᵀ`, then `finish`.
///
/// `x`: `[tokens, columns]` in fours; `codes`, `scales`: `W` `[rows, columns]`; `norm`: `[columns]`, read
/// where `normed`, the fours of a row, is not 0 (one token only): then `x` is normed first;
/// `residual`: like `out`, read for [`Finish::Add`]; `out`: `[tokens, width]`, of which the columns from
/// `first` on are written.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn product(
    x: &[Float4],
    codes: &[Word4],
    scales: &[u32],
    norm: &[Float4],
    residual: &[f32],
    out: &mut [f32],
    tokens: u32,
    rows: u32,
    blocks: u32,
    width: u32,
    first: u32,
    epsilon: f32,
    #[comptime] packing: Packing,
    #[comptime] cut: Cut,
    #[comptime] finish: Finish,
    #[comptime] normed: u32,
) {
    let unit = UNIT_POS;
    let lane = unit % cut.lanes;
    let fours = comptime!(packing.fours());
    let vectors = blocks * fours;
    let stride = (rows + comptime!(cut.streams - 1)) / cut.streams;

    // The norm's weight is multiplied in here, its scale, which is the same for all columns, at the end.
    let mut staged = Shared::<[Float4]>::new_slice(comptime!(normed.max(1) as usize));
    let mut factor = 1.0f32;
    if comptime!(normed > 0) {
        let mut squares = Float4::new(0.0f32);
        let mut at = unit;
        while at < vectors {
            let value = x[at as usize];
            squares += value * value;
            staged[at as usize] = value * norm[at as usize];
            at += UNITS;
        }
        let total = sum_of_all(squares.dot(Float4::new(1.0f32)));
        factor = 1.0f32 / (total / f32::cast_from(vectors * 4u32) + epsilon).sqrt();
    }

    let first_row = CUBE_POS_X * comptime!(cut.rows()) + unit / cut.lanes;
    let first_token = CUBE_POS_Y * cut.tile;
    let mut row_blocks = Array::<u32>::new(comptime!(cut.streams as usize));
    #[unroll]
    for r in 0..comptime!(cut.streams as usize) {
        // Beyond the end, the last one once more.
        row_blocks[r] = min(first_row + r as u32 * stride, rows - 1u32) * blocks;
    }
    let mut token_starts = Array::<u32>::new(comptime!(cut.tile as usize));
    #[unroll]
    for t in 0..comptime!(cut.tile as usize) {
        token_starts[t] = min(first_token + t as u32, tokens - 1u32) * vectors;
    }
    let mut sums = Array::<f32>::new(comptime!(cut.sums() as usize));
    #[unroll]
    for i in 0..comptime!(cut.sums() as usize) {
        sums[i] = 0.0f32;
    }

    let all_blocks = rows * blocks;
    let high_start = second_plane(all_blocks * fours, packing);
    let mut low = Array::<Word4>::new(comptime!(cut.streams as usize));
    let mut low_shift = Array::<u32>::new(comptime!(cut.streams as usize));
    let mut high = Array::<Word4>::new(comptime!(cut.streams as usize));
    let mut high_shift = Array::<u32>::new(comptime!(cut.streams as usize));
    let mut scale = Array::<f32>::new(comptime!(cut.streams as usize));
    let mut offset = Array::<f32>::new(comptime!(cut.streams as usize));
    let mut values = Array::<Float4>::new(comptime!(cut.streams as usize));
    let mut at = lane;
    while at < blocks {
        #[unroll]
        for r in 0..comptime!(cut.streams as usize) {
            let block = row_blocks[r] + at;
            let four = block * fours;
            low[r] = codes[vector_of(four, packing.low) as usize];
            low_shift[r] = shift_of(four, packing.low);
            if comptime!(packing.high > 0) {
                high[r] = codes[(high_start + vector_of(four, packing.high)) as usize];
                high_shift[r] = shift_of(four, packing.high);
            } else {
                high[r] = low[r];
                high_shift[r] = 0u32;
            }
            let (block_scale, block_offset) =
                scale_and_offset(scales, block, 0u32, all_blocks, packing);
            scale[r] = block_scale;
            offset[r] = block_offset;
        }
        // Loops that stay loops: unrolled for a tile of tokens, drivers compile for seconds.
        for group in 0..comptime!(packing.fours() / packing.fours_of_group()) {
            if comptime!(packing.low == 8 || packing.scales_by_half()) {
                #[unroll]
                for r in 0..comptime!(cut.streams as usize) {
                    let block = row_blocks[r] + at;
                    if comptime!(packing.low == 8) {
                        low[r] = codes[(block * 2u32 + group) as usize];
                    } else {
                        let (half_scale, half_offset) =
                            scale_and_offset(scales, block, group, all_blocks, packing);
                        scale[r] = half_scale;
                        offset[r] = half_offset;
                    }
                }
            }
            for four in 0..comptime!(packing.fours_of_group()) {
                let step = group * comptime!(packing.fours_of_group()) + four;
                #[unroll]
                for r in 0..comptime!(cut.streams as usize) {
                    let within = (step * packing.low) % 32u32;
                    values[r] = four_values(
                        low[r],
                        low_shift[r] + within,
                        high[r],
                        high_shift[r] + step * packing.high,
                        scale[r],
                        offset[r],
                        packing,
                    );
                }
                let column = at * fours + step;
                #[unroll]
                for t in 0..comptime!(cut.tile as usize) {
                    let x_four = if comptime!(normed > 0) {
                        staged[column as usize]
                    } else {
                        x[(token_starts[t] + column) as usize]
                    };
                    #[unroll]
                    for r in 0..comptime!(cut.streams as usize) {
                        sums[t * comptime!(cut.streams as usize) + r] += values[r].dot(x_four);
                    }
                }
            }
        }
        at += cut.lanes;
    }

    let mut exchange = Shared::<[f32]>::new_slice(comptime!(cut.exchanged() as usize));
    let mut totals = Array::<f32>::new(comptime!(cut.streams as usize));
    if comptime!(cut.lanes == 1) {
        #[unroll]
        for t in 0..comptime!(cut.tile as usize) {
            #[unroll]
            for r in 0..comptime!(cut.streams as usize) {
                totals[r] = sums[t * comptime!(cut.streams as usize) + r] * factor;
            }
            let token = first_token + t as u32;
            if token < tokens && first_row < stride {
                write(
                    out, residual, &totals, token, first_row, rows, stride, width, first, cut,
                    finish,
                );
            }
        }
    } else {
        #[unroll]
        for i in 0..comptime!(cut.sums() as usize) {
            exchange[(i as u32 * UNITS + unit) as usize] = sums[i];
        }
        sync_cube();
        let mut output = unit;
        while output < comptime!(cut.outputs()) {
            let row = CUBE_POS_X * comptime!(cut.rows()) + output % comptime!(cut.rows());
            let t = output / comptime!(cut.rows());
            if first_token + t < tokens && row < stride {
                #[unroll]
                for r in 0..comptime!(cut.streams as usize) {
                    let start = (t * cut.streams + r as u32) * UNITS
                        + (output % comptime!(cut.rows())) * cut.lanes;
                    let mut sum = 0.0f32;
                    #[unroll]
                    for other in 0..cut.lanes {
                        sum += exchange[(start + other) as usize];
                    }
                    totals[r] = sum * factor;
                }
                write(
                    out,
                    residual,
                    &totals,
                    first_token + t,
                    row,
                    rows,
                    stride,
                    width,
                    first,
                    cut,
                    finish,
                );
            }
            output += UNITS;
        }
    }
}

/// Writes the sums of all streams of one token.
#[cube]
fn write(
    out: &mut [f32],
    residual: &[f32],
    totals: &Array<f32>,
    token: u32,
    row: u32,
    rows: u32,
    stride: u32,
    width: u32,
    first: u32,
    #[comptime] cut: Cut,
    #[comptime] finish: Finish,
) {
    let start = token * width + first;
    if comptime!(matches!(finish, Finish::Gate(_))) {
        let gate = totals[0usize];
        let up = totals[1usize];
        out[(start + row) as usize] = activated(gate, comptime!(finish.activation())) * up;
    } else {
        #[unroll]
        for r in 0..comptime!(cut.streams as usize) {
            let this_row = row + r as u32 * stride;
            if this_row < rows {
                let to = (start + this_row) as usize;
                if comptime!(finish == Finish::Add) {
                    out[to] = residual[to] + totals[r];
                } else {
                    out[to] = totals[r];
                }
            }
        }
    }
}

impl Finish {
    /// The activation of a gate; any for the others.
    fn activation(self) -> Activation {
        match self {
            Self::Gate(activation) => activation,
            Self::Plain | Self::Add => Activation::Silu,
        }
    }

    /// Columns of `out` that a matrix of `rows` rows gives.
    pub(in crate::compute::gpu) fn columns(self, rows: usize) -> usize {
        match self {
            Self::Gate(_) => rows / 2,
            Self::Plain | Self::Add => rows,
        }
    }
}
