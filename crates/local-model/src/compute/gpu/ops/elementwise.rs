//! Norms, sums and copies.

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{empty, groups, height, vector_size, width};
use crate::compute::{
    Activation,
    gpu::kernels::{UNITS, elementwise, norm},
};

#[backend_extension(Cube)]
pub(in crate::compute::gpu) trait ElementwiseOps: Backend {
    /// Root-mean-square norm of each run of as many values as `weight` has.
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, epsilon: f32)
    -> FloatTensor<Self>;

    /// `activation(gate) * up` of `[tokens, 2 * hidden]`.
    fn gated(gate_up: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;

    /// `x + y`; where `y` has one row only (of as many values as it has), it is added to each row.
    fn sum(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `[1, columns]`: one row of `x`.
    fn row(x: FloatTensor<Self>, index: usize) -> FloatTensor<Self>;

    /// `x` at the front of a longer `[length]`; the rest is not written.
    fn grown(x: FloatTensor<Self>, length: usize) -> FloatTensor<Self>;
}

impl ElementwiseOps for CubeBackend {
    fn rms_norm(x: CubeTensor, weight: CubeTensor, epsilon: f32) -> CubeTensor {
        let (tokens, columns, run) = (height(&x), width(&x), width(&weight));
        assert!(columns.is_multiple_of(run), "rms_norm: widths differ");
        let size = vector_size(run);
        let out = empty(&x, [tokens, columns]);
        // SAFETY: `x` is `tokens * columns / run` whole runs, the weight one.
        unsafe {
            norm::rms_norm::launch_unchecked(
                &x.client.clone(),
                CubeCount::Static((tokens * columns / run) as u32, 1, 1),
                CubeDim::new_1d(UNITS),
                size,
                x.into_buffer_arg(),
                weight.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                (run / size) as u32,
                run as f32,
                epsilon,
            );
        }
        out
    }

    fn gated(gate_up: CubeTensor, activation: Activation) -> CubeTensor {
        let (tokens, hidden) = (height(&gate_up), width(&gate_up) / 2);
        assert!(width(&gate_up).is_multiple_of(2), "gated: an odd width");
        let out = empty(&gate_up, [tokens, hidden]);
        // SAFETY: `gate_up` has twice the `tokens * hidden` values of `out`.
        unsafe {
            elementwise::gated::launch_unchecked(
                &gate_up.client.clone(),
                groups(tokens * hidden),
                CubeDim::new_1d(UNITS),
                gate_up.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                hidden as u32,
                activation,
            );
        }
        out
    }

    fn sum(x: CubeTensor, y: CubeTensor) -> CubeTensor {
        let (tokens, columns) = (height(&x), width(&x));
        let period = y.meta.shape().num_elements();
        assert!(
            width(&y) == columns && (period == columns || period == tokens * columns),
            "sum: shapes differ"
        );
        let out = empty(&x, [tokens, columns]);
        // SAFETY: `x` and `out` have `tokens * columns` values, `y` `period`.
        unsafe {
            elementwise::add::launch_unchecked(
                &x.client.clone(),
                groups(tokens * columns),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                y.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                (tokens * columns) as u32,
                period as u32,
            );
        }
        out
    }

    fn row(x: CubeTensor, index: usize) -> CubeTensor {
        assert!(index < height(&x), "row {index} of {}", height(&x));
        let columns = width(&x);
        let out = empty(&x, [1, columns]);
        copy(x, &out, index * columns, columns);
        out
    }

    fn grown(x: CubeTensor, length: usize) -> CubeTensor {
        assert!(
            width(&x) <= length,
            "grown: {} values do not fit {length}",
            width(&x)
        );
        let out = empty(&x, [length]);
        let kept = width(&x);
        copy(x, &out, 0, kept);
        out
    }
}

/// `out[i] = x[start + i]`.
fn copy(x: CubeTensor, out: &CubeTensor, start: usize, length: usize) {
    // SAFETY: callers have checked both lengths.
    unsafe {
        elementwise::copy::launch_unchecked(
            &x.client.clone(),
            groups(length),
            CubeDim::new_1d(UNITS),
            x.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            start as u32,
            length as u32,
        );
    }
}
