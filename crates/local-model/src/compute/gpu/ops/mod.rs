//! The kernels as operations on Burn tensors. Each is one launch; none waits.
//!
//! Every tensor here is contiguous: made by these operations or from data, never a view.
//!
//! Some operations write to a tensor that they are given (`out`, the caches) through a second handle to
//! its buffer. That is sound because nothing else reads or writes it at that time: kernels of one stream
//! run in the order of their launches, and Burn itself writes in place only to tensors with one handle.

mod attention;
mod candidates;
mod elementwise;
mod product;

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

pub(super) use self::{
    attention::AttentionOps,
    candidates::CandidateOps,
    elementwise::ElementwiseOps,
    product::{PackedShape, Product, ProductOps},
};
use super::kernels::UNITS;

/// Enough workgroups for `units` invocations, in two dimensions where one is too short.
fn groups(units: usize) -> CubeCount {
    let groups = units.div_ceil(UNITS as usize) as u32;
    let across = groups.clamp(1, 32_768);
    CubeCount::Static(across, groups.div_ceil(across), 1)
}

/// Floats to load at once: the most that divides a row.
fn vector_size(columns: usize) -> usize {
    [4, 2, 1]
        .into_iter()
        .find(|size| columns.is_multiple_of(*size))
        .unwrap_or(1)
}

/// A new f32 tensor on the device of `like`; its values are whatever was there.
fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    let handle = like.client.empty(bytes);
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        shape.into(),
        handle,
        DType::F32,
    )
}

/// The length of the last dimension.
fn width(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().last().copied().unwrap_or(1)
}

/// The length of the first of two dimensions.
fn height(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().first().copied().unwrap_or(1)
}
