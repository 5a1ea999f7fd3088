//! The kernels themselves, in CubeCL: compiled to WGSL (or SPIR-V) when first launched.
//!
//! They ask for what every WebGPU device has: 32-bit types, at most 64 invocations in a workgroup,
//! eight storage buffers, no subgroups, no `shader-f16`. Barriers stand in uniform control flow.
//! Indices are not checked on the device: shapes are checked on the host, before a launch.

pub(super) mod attention;
pub(super) mod candidates;
pub(super) mod elementwise;
pub(super) mod embed;
pub(super) mod norm;
pub(super) mod product;
pub(super) mod unpack;

use cubecl::prelude::*;

/// Four floats, loaded and multiplied at once.
pub(super) type Float4 = Vector<f32, Const<4>>;
/// Four words of packed weights.
pub(super) type Word4 = Vector<u32, Const<4>>;

/// Invocations of a workgroup, in every kernel: two or one subgroup of common GPUs, and a quarter of
/// what WebGPU promises.
pub(super) const UNITS: u32 = 64;
