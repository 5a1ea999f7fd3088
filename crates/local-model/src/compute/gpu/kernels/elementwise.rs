//! One value in, one value out.

use cubecl::prelude::*;

/// `x * sigmoid(x)`.
#[cube]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0f32 + (-x).exp())
}

/// `silu(gate) * up`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn swiglu(gate: &[f32], up: &[f32], out: &mut [f32], length: u32) {
    let at = ABSOLUTE_POS;
    if at as u32 >= length {
        terminate!();
    }
    out[at] = silu(gate[at]) * up[at];
}

/// `x + y`.
#[cube(launch_unchecked)]
pub(in crate::compute::gpu) fn add(x: &[f32], y: &[f32], out: &mut [f32], length: u32) {
    let at = ABSOLUTE_POS;
    if at as u32 >= length {
        terminate!();
    }
    out[at] = x[at] + y[at];
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
