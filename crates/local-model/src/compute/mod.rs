//! The operations of a transformer, and the two ways to do them.
//!
//! `llama.rs` is written once over [`Compute`]; the weight's type decides how a linear layer is
//! computed. Nothing here waits for a device but [`Compute::matrix`], while it uploads, and
//! [`Compute::read`].

pub(crate) mod cpu;
#[cfg(feature = "wgpu")]
pub(crate) mod gpu;

use crate::{Error, gguf::TensorType};

/// What one layer's key/value cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheShape {
    /// Positions that may ever be kept: the model's context length.
    pub context: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
}

/// How attention splits its rows into heads, and how positions turn them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AttentionShape {
    /// Heads of queries; a multiple of `kv_heads`. Query head `h` reads key/value head
    /// `h / (heads / kv_heads)`.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Leading values of each head that RoPE turns (even, <= `head_dim`): pairs (2i, 2i+1) by the
    /// angle `position * rope_base^(-2i / rope_dimensions)`.
    pub rope_dimensions: usize,
    /// Base of the angles, e.g. 10,000.
    pub rope_base: f32,
}

/// Matrix and tensor operations on one device. Shapes are `[rows, columns]`, row-major.
///
/// Handles are cheap to pass; work may be only queued when a call returns. Shapes are checked when
/// the model is loaded, so an operation that gets unequal widths is a defect and may panic.
pub(crate) trait Compute {
    /// Prompt tokens to take in one step, so that a step stays short and its memory small.
    const PREFILL: usize = 16;

    /// A packed weight `[rows, columns]`: Q4_1, Q8_0 or F32, in whatever order suits the kernels,
    /// never expanded to float.
    type Matrix;
    /// f32 `[n]`: the weight of a norm.
    type Vector;
    /// Activations, f32 `[tokens, width]`.
    type Tensor;
    /// Keys (after RoPE) and values of one layer, `[positions, kv_heads * head_dim]` each.
    type Cache;

    /// Takes a whole tensor's GGUF bytes (`rows` rows of `kind.row_bytes(columns)`) and keeps it packed.
    ///
    /// Waits until the bytes have left for the device, so that one tensor is in flight at a time.
    async fn matrix(
        &self,
        name: &str,
        kind: TensorType,
        rows: usize,
        columns: usize,
        bytes: Vec<u8>,
    ) -> Result<Self::Matrix, Error>;

    /// Takes the weight of a norm.
    fn vector(&self, values: Vec<f32>) -> Self::Vector;

    /// An empty cache. Takes no memory before [`Compute::reserve`].
    fn cache(&self, shape: CacheShape) -> Self::Cache;

    /// Makes room for `positions` (at most the context), keeping what is there.
    fn reserve(&self, cache: &mut Self::Cache, positions: usize) -> Result<(), Error>;

    /// Rows `ids` of the table: `[ids.len(), columns]`. Ids are within the table.
    fn embed(&self, table: &Self::Matrix, ids: &[u32]) -> Self::Tensor;

    /// `x / sqrt(mean(x²) + epsilon) * weight`, row by row.
    fn rms_norm(&self, x: &Self::Tensor, weight: &Self::Vector, epsilon: f32) -> Self::Tensor;

    /// `x · Wᵀ`: `[tokens, columns]` and `[rows, columns]` to `[tokens, rows]`.
    fn linear(&self, x: &Self::Tensor, weight: &Self::Matrix) -> Self::Tensor;

    /// Causal grouped-query attention with RoPE.
    ///
    /// Turns `q` `[tokens, heads * head_dim]` and `k` `[tokens, kv_heads * head_dim]` by their
    /// positions (`position`, `position + 1`, …), writes `k` and `v` to the cache there (over what an
    /// abandoned turn may have left), and lets query `t` see positions `0..=position + t`, scores
    /// scaled by `1 / sqrt(head_dim)`. Gives `[tokens, heads * head_dim]`. The cache has room for
    /// `position + tokens`.
    fn attention(
        &self,
        q: &Self::Tensor,
        k: &Self::Tensor,
        v: &Self::Tensor,
        cache: &mut Self::Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Self::Tensor;

    /// `silu(gate) * up`, element by element.
    fn swiglu(&self, gate: &Self::Tensor, up: &Self::Tensor) -> Self::Tensor;

    /// `x + y`, element by element.
    fn add(&self, x: &Self::Tensor, y: &Self::Tensor) -> Self::Tensor;

    /// The last row alone, `[1, width]`: a prompt needs logits at its last position only.
    fn last_row(&self, x: &Self::Tensor) -> Self::Tensor;

    /// The values, row-major. The only operation that waits for the device to finish.
    async fn read(&self, x: &Self::Tensor) -> Result<Vec<f32>, Error>;

    /// Waits until `x` is computed, so that work does not pile up: by reading its last row.
    async fn settle(&self, x: &Self::Tensor) -> Result<(), Error> {
        self.read(&self.last_row(x)).await.map(drop)
    }

    /// Kernels launched so far; 0 on the CPU.
    fn dispatches(&self) -> u64;

    /// Several products of one normed input (queries, keys, values); a device may fuse them.
    fn norm_linears<const N: usize>(
        &self,
        x: &Self::Tensor,
        norm: &Self::Vector,
        epsilon: f32,
        weights: [&Self::Matrix; N],
    ) -> [Self::Tensor; N] {
        let normed = self.rms_norm(x, norm, epsilon);
        weights.map(|weight| self.linear(&normed, weight))
    }

    /// `silu(n · gateᵀ) * (n · upᵀ)` with `n = rms_norm(x)`; a device may fuse it.
    fn norm_gated(
        &self,
        x: &Self::Tensor,
        norm: &Self::Vector,
        epsilon: f32,
        gate: &Self::Matrix,
        up: &Self::Matrix,
    ) -> Self::Tensor {
        let [gate, up] = self.norm_linears(x, norm, epsilon, [gate, up]);
        self.swiglu(&gate, &up)
    }

    /// `residual + x · Wᵀ`; a device may fuse it.
    fn linear_add(
        &self,
        x: &Self::Tensor,
        weight: &Self::Matrix,
        residual: &Self::Tensor,
    ) -> Self::Tensor {
        self.add(residual, &self.linear(x, weight))
    }
}
