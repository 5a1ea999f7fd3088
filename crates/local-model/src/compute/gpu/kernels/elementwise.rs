//! One value in, one value out.

use cubecl::prelude::*;

use crate::compute::Activation;

/// `silu(x) = x * sigmoid(x)`, or GELU in its tanh form, which is `x * sigmoid(2 u)` with
/// `u = sqrt(2 / pi) * (x + 0.044715 x³)` (Hendrycks and Gimpel, 2016).
#[cube]
pub(super) fn activated(x: f32, #[comptime] activation: Activation) -> f32 {
    // Beyond 80 the exponential would be infinite, and WGSL promises nothing about infinities.
    if comptime!(activation == Activation::Silu) {
        x / (1.0f32 + min(-x, 80.0f32).exp())
    } else {
        let twice = 1.595_769_f32 * (x + 0.044_715f32 * x * x * x);
        x / (1.0f32 + min(-twice, 80.0f32).exp())
    }
}

/// `activation(gate) * up`. `gate_up`: `[tokens, 2 * hidden]`, gate first; `out`: `[tokens, hidden]`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn gated(
    gate_up: &[f32],
    out: &mut [f32],
    tokens: u32,
    hidden: u32,
    #[comptime] activation: Activation,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= tokens * hidden {
        terminate!();
    }
    let gate = at / hidden * 2u32 * hidden + at % hidden;
    out[at as usize] =
        activated(gate_up[gate as usize], activation) * gate_up[(gate + hidden) as usize];
}

/// `out[i] = x[i] + y[i % period]` for `length` values.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn add(
    x: &[f32],
    y: &[f32],
    out: &mut [f32],
    length: u32,
    period: u32,
) {
    let at = ABSOLUTE_POS as u32;
    if at >= length {
        terminate!();
    }
    out[at as usize] = x[at as usize] + y[(at % period) as usize];
}

/// `out[i] = x[start + i]` for `length` values.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn copy(x: &[f32], out: &mut [f32], start: u32, length: u32) {
    let at = ABSOLUTE_POS;
    if at as u32 >= length {
        terminate!();
    }
    out[at] = x[at + start as usize];
}
