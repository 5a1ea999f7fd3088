//! The operations of a transformer, and the two ways to do them.
//!
//! `transformer.rs` is written once over [`Compute`]; the weight's type decides how a linear layer is
//! computed. Nothing here waits for a device but [`Compute::matrix`], while it uploads, and
//! [`Compute::read`].

pub(crate) mod cpu;
#[cfg(feature = "wgpu")]
pub(crate) mod gpu;

use std::ops::RangeInclusive;

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

/// How attention splits its rows into heads, and what a query sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttentionShape {
    /// Heads of queries; a multiple of `kv_heads`. Query head `h` reads key/value head
    /// `h / (heads / kv_heads)`.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Scores are multiplied by this before the softmax, mostly `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// Positions that a query sees, its own included: a sliding window. `None` sees all before it.
    pub window: Option<usize>,
    /// How positions turn the heads.
    pub rope: Rope,
}

impl AttentionShape {
    /// Width of queries, keys and values side by side.
    #[cfg_attr(
        not(any(test, feature = "wgpu")),
        expect(dead_code, reason = "the GPU's kernels ask")
    )]
    pub fn qkv_width(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }
}

/// Rotary position embedding (Su et al. 2021) of each head of queries and keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rope {
    /// Which values of a head make a pair.
    pub pairs: Pairs,
    /// Radians per position, one for each pair; values beyond `2 * frequencies.len()` do not turn.
    pub frequencies: Vec<f64>,
    /// Factor of cosines and sines; 1 unless the context was stretched.
    pub magnitude: f32,
}

/// Which two values of a head turn together, of `2n` that turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// `2i` and `2i + 1`.
    Neighbours,
    /// `i` and `n + i`.
    Halves,
}

/// The gate of a feed-forward step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Activation {
    /// `x / (1 + e^-x)`.
    Silu,
    /// The tanh form of GELU (Hendrycks and Gimpel 2016).
    Gelu,
}

/// Norms of each head of queries and keys, before positions turn them.
pub(crate) struct HeadNorms<'a, V> {
    /// `[head_dim]`
    pub query: &'a V,
    /// `[head_dim]`
    pub key: &'a V,
    /// See [`Compute::rms_norm`].
    pub epsilon: f32,
}

/// A tensor that becomes some of the rows of a matrix.
pub(crate) struct Part<'a> {
    /// The tensor's name, for errors.
    #[cfg_attr(
        not(feature = "wgpu"),
        expect(dead_code, reason = "the GPU names what it refuses")
    )]
    pub name: &'a str,
    /// How its values are packed.
    pub kind: TensorType,
    /// Its rows.
    pub rows: usize,
    /// `rows` rows of `kind.row_bytes(columns)`.
    pub bytes: Vec<u8>,
}

/// What a sampler needs of a row of scores.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidates {
    /// `ln Σ exp(score)` over the whole vocabulary; not finite if a score is not.
    pub log_sum: f32,
    /// The highest scores with their ids: highest first, of equal ones the lower id first.
    pub top: Vec<(u32, f32)>,
}

impl Candidates {
    /// The `count` highest of all scores.
    pub fn of(scores: &[f32], count: usize) -> Self {
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // A NaN is no highest score, but makes the sum one.
        let sum: f64 = scores
            .iter()
            .map(|&score| f64::from(score - highest).exp())
            .sum();
        let mut top: Vec<(u32, f32)> = (0..).zip(scores.iter().copied()).collect();
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if count < top.len() {
            top.select_nth_unstable_by(count, order);
            top.truncate(count);
        }
        top.sort_unstable_by(order);
        Self {
            log_sum: highest + sum.ln() as f32,
            top,
        }
    }
}

/// Matrix and tensor operations on one device. Shapes are `[rows, columns]`, row-major.
///
/// Handles are cheap to pass; work may be only queued when a call returns. Shapes are checked when
/// the model is loaded, so an operation that gets unequal widths is a defect and may panic.
pub(crate) trait Compute {
    /// Prompt tokens to take in one step, so that a step stays short and its memory small.
    const PREFILL: usize;

    /// Whether kernels are compiled when they are first launched, so that a rehearsal while weights are on
    /// their way saves time later.
    const REHEARSES: bool = false;

    /// Bounds of that where a step's time is measured: fewer tokens would take no less time, more would
    /// gain nothing.
    const SLICES: RangeInclusive<usize> = 1..=Self::PREFILL;

    /// Packed weights `[rows, columns]` of one or more tensors, in whatever order suits the kernels,
    /// never expanded to float.
    type Matrix;
    /// f32 `[n]`: the weight of a norm, or a bias.
    type Vector;
    /// Activations, f32 `[tokens, width]`.
    type Tensor;
    /// Keys (after RoPE) and values of one layer, `[positions, kv_heads * head_dim]` each.
    type Cache;

    /// Takes whole tensors' GGUF bytes, one below the other, and keeps them packed.
    ///
    /// Waits until the bytes have left for the device, so that one matrix is in flight at a time.
    async fn matrix(&self, parts: Vec<Part<'_>>, columns: usize) -> Result<Self::Matrix, Error>;

    /// Takes the weight of a norm, or a bias.
    fn vector(&self, values: Vec<f32>) -> Self::Vector;

    /// An empty cache. Takes no memory before [`Compute::reserve`].
    fn cache(&self, shape: CacheShape) -> Self::Cache;

    /// Makes room for `positions` (at most the context), keeping what is there.
    fn reserve(&self, cache: &mut Self::Cache, positions: usize) -> Result<(), Error>;

    /// Rows `ids` of the table times `scale`: `[ids.len(), columns]`. Ids are within the table.
    fn embed(&self, table: &Self::Matrix, ids: &[u32], scale: f32) -> Self::Tensor;

    /// `x / sqrt(mean(x²) + epsilon) * weight`, row by row.
    fn rms_norm(&self, x: &Self::Tensor, weight: &Self::Vector, epsilon: f32) -> Self::Tensor;

    /// `x · Wᵀ`: `[tokens, columns]` and `[rows, columns]` to `[tokens, rows]`.
    fn linear(&self, x: &Self::Tensor, weight: &Self::Matrix) -> Self::Tensor;

    /// Causal grouped-query attention with RoPE.
    ///
    /// `qkv` is `[tokens, (heads + 2 kv_heads) * head_dim]`: queries, keys and values side by side.
    /// Normalizes each head of queries and keys if there are `norms`, turns them by their positions
    /// (`position`, `position + 1`, …), writes keys and values to the cache there (over what an
    /// abandoned turn may have left), and lets query `t` see positions up to `position + t`, the last
    /// `window` of them. Gives `[tokens, heads * head_dim]`. The cache has room for
    /// `position + tokens`.
    fn attention(
        &self,
        qkv: &Self::Tensor,
        norms: Option<HeadNorms<'_, Self::Vector>>,
        cache: &mut Self::Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Self::Tensor;

    /// `activation(gate) * up`, element by element, of `[tokens, 2 * width]`: gates, then ups, side by
    /// side. Gives `[tokens, width]`.
    fn gated(&self, gate_up: &Self::Tensor, activation: Activation) -> Self::Tensor;

    /// `x + y`, element by element.
    fn add(&self, x: &Self::Tensor, y: &Self::Tensor) -> Self::Tensor;

    /// `x + bias` for each row of `x`.
    fn add_bias(&self, x: &Self::Tensor, bias: &Self::Vector) -> Self::Tensor;

    /// The last row alone, `[1, width]`: a prompt needs logits at its last position only.
    fn last_row(&self, x: &Self::Tensor) -> Self::Tensor;

    /// The values, row-major. Waits for the device to finish.
    async fn read(&self, x: &Self::Tensor) -> Result<Vec<f32>, Error>;

    /// The `count` (at most 64) highest of the one row `logits`. Waits for the device to finish.
    async fn candidates(&self, logits: &Self::Tensor, count: usize) -> Result<Candidates, Error> {
        Ok(Candidates::of(&self.read(logits).await?, count))
    }

    /// Begins what [`Compute::candidates`] of these logits would do, and waits for nothing.
    fn rehearse(&self, _logits: &Self::Tensor) {}

    /// Waits until `x` is computed, so that work does not pile up: by reading its last row.
    async fn settle(&self, x: &Self::Tensor) -> Result<(), Error> {
        self.read(&self.last_row(x)).await.map(drop)
    }

    /// Kernels launched so far; 0 on the CPU.
    fn dispatches(&self) -> u64;

    /// `rms_norm(x) · Wᵀ`; a device may fuse it.
    fn norm_linear(
        &self,
        x: &Self::Tensor,
        norm: &Self::Vector,
        epsilon: f32,
        weight: &Self::Matrix,
    ) -> Self::Tensor {
        self.linear(&self.rms_norm(x, norm, epsilon), weight)
    }

    /// [`Compute::gated`] of `rms_norm(x) · Wᵀ`, `gate_up` being `[2 * hidden, columns]`; a device may
    /// fuse it.
    fn norm_gated(
        &self,
        x: &Self::Tensor,
        norm: &Self::Vector,
        epsilon: f32,
        gate_up: &Self::Matrix,
        activation: Activation,
    ) -> Self::Tensor {
        self.gated(&self.norm_linear(x, norm, epsilon, gate_up), activation)
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
