//! The best of the logits.

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{empty, width};
use crate::compute::gpu::kernels::{UNITS, candidates};

/// Logits that each invocation looks through, at least.
const LEAST: usize = 16;

#[backend_extension(Cube)]
pub(in crate::compute::gpu) trait CandidateOps: Backend {
    /// The best `count` of each part of the logits `[1, length]`: `[parts, 2 + 2 * count]`.
    fn pick(logits: FloatTensor<Self>, count: usize) -> FloatTensor<Self>;

    /// The best `count` of all parts: `[1, 2 + 2 * count]`, the maximum, the sum of
    /// `exp(logit - maximum)`, and logit and id of each.
    fn merge(parts: FloatTensor<Self>, count: usize) -> FloatTensor<Self>;
}

impl CandidateOps for CubeBackend {
    fn pick(logits: CubeTensor, count: usize) -> CubeTensor {
        let (length, units) = (width(&logits), UNITS as usize);
        // So many that there are at most `UNITS` parts: `merge` gives each to one invocation.
        let each = length.div_ceil(units * units).max(LEAST);
        let parts = length.div_ceil(units * each);
        let out = empty(&logits, [parts, 2 + 2 * count]);
        // SAFETY: the kernel reads below `length`, and writes one row of `out` for each workgroup.
        unsafe {
            candidates::pick::launch_unchecked(
                &logits.client.clone(),
                CubeCount::Static(parts as u32, 1, 1),
                CubeDim::new_1d(UNITS),
                logits.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                length as u32,
                each as u32,
                count as u32,
            );
        }
        out
    }

    fn merge(parts: CubeTensor, count: usize) -> CubeTensor {
        let lists = super::height(&parts);
        assert!(
            lists <= UNITS as usize && width(&parts) == 2 + 2 * count,
            "merge: not what pick has made"
        );
        let out = empty(&parts, [1, 2 + 2 * count]);
        // SAFETY: `lists` rows of `2 + 2 * count` are read, one is written.
        unsafe {
            candidates::merge::launch_unchecked(
                &parts.client.clone(),
                CubeCount::Static(1, 1, 1),
                CubeDim::new_1d(UNITS),
                parts.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                lists as u32,
                count as u32,
            );
        }
        out
    }
}
