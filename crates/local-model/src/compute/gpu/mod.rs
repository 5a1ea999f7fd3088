//! A transformer's operations on the GPU: Burn tensors, kernels in CubeCL, WebGPU below.
//!
//! Natively (Vulkan, Metal, …) and in a page the code is the same. Launches only queue work; the
//! device is waited for while weights are uploaded, in [`Compute::read`] and [`Compute::candidates`].
//! One token is six launches a layer and five more, in one submission; natively the copy for its read is
//! another. No operation of Burn's own is used: each would bring kernels that a page then has to fetch.

mod cache;
mod cost;
mod device;
#[cfg(target_family = "wasm")]
mod joined;
#[allow(
    clippy::too_many_arguments,
    reason = "a kernel takes its buffers and their shape"
)]
mod kernels;
mod matrix;
#[allow(
    clippy::too_many_arguments,
    reason = "an operation takes its tensors and their shape"
)]
mod ops;
mod pack;
#[cfg(test)]
mod tests;
mod transfer;

use std::{
    cell::{Cell, RefCell},
    ops::RangeInclusive,
};

use burn::{backend::Dispatch, tensor::Tensor};
use cubecl::wgpu::wgpu::Buffer;

pub use self::cost::{DispatchCost, dispatch_cost};

use self::{
    cache::{Cache, Rows, Turns},
    device::Adapter,
    kernels::{candidates::NONE, product::Finish},
    matrix::Matrix,
    ops::{AttentionOps, CandidateOps, ElementwiseOps, Product, ProductOps},
};
use super::{Activation, AttentionShape, CacheShape, Candidates, Compute, HeadNorms, Part};
use crate::Error;

/// The GPU, and how many kernels were launched on it through this value.
#[derive(Debug)]
pub(crate) struct Gpu {
    adapter: &'static Adapter,
    /// Invocations that share a row of a product.
    lanes: u32,
    launches: Cell<u64>,
    /// Bytes handed over since the device was last waited for.
    in_flight: Cell<usize>,
    /// Whether kernels were launched since the device was last given its work.
    queued: Cell<bool>,
    /// Buffers through which values were read.
    staging: RefCell<Vec<Buffer>>,
    turns: RefCell<Vec<Turns>>,
}

/// Invocations that share a row of a product on a GPU, so that neighbours load neighbouring blocks. On
/// a processor that plays GPU each row has one: there the loads of a workgroup do not coalesce, and a
/// barrier costs as much as a hundred products.
const LANES: u32 = 8;
/// Columns of the widest row that a product norms itself: it must fit the 16 KiB that the workgroups of
/// every WebGPU device share.
const MAX_NORMED_COLUMNS: usize = 3_584;
/// Rows of the tallest matrix whose product norms its input: each workgroup does it again, which for a
/// vocabulary costs more than a launch.
const MAX_NORMED_ROWS: usize = 16_384;
/// Most candidates that are found on the device.
const MAX_CANDIDATES: usize = 64;
/// Ids from here on are not exact as floats.
const MAX_EXACT_ID: usize = 1 << 24;

impl Gpu {
    /// Opens the adapter, or takes the one that is open.
    ///
    /// # Errors
    /// [`Error::NoAdapter`].
    pub(crate) async fn open() -> Result<Self, Error> {
        let adapter = Adapter::open().await?;
        Ok(Self {
            adapter,
            lanes: if adapter.is_software { 1 } else { LANES },
            launches: Cell::new(0),
            in_flight: Cell::new(0),
            queued: Cell::new(false),
            staging: RefCell::new(Vec::new()),
            turns: RefCell::new(Vec::new()),
        })
    }

    /// What the driver calls the adapter; may be empty in a browser.
    pub(crate) fn adapter(&self) -> &str {
        &self.adapter.name
    }

    /// Counts one launch: every operation of [`Ops`] is exactly one.
    fn launched(&self) {
        self.launches.set(self.launches.get() + 1);
        self.queued.set(true);
    }

    /// `x · Wᵀ` with what may be fused: a norm before it, a sum or a gate after it. One launch for each
    /// segment of the matrix, and one for what cannot be fused.
    fn product(
        &self,
        x: &Tensor<2>,
        norm: Option<(&Tensor<1>, f32)>,
        weight: &Matrix,
        finish: Finish,
        residual: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        let [tokens, columns] = x.dims();
        if let Some((norm_weight, epsilon)) = norm
            && (tokens > 1 || columns > MAX_NORMED_COLUMNS || weight.rows > MAX_NORMED_ROWS)
        {
            let normed = self.rms_norm(x, norm_weight, epsilon);
            return self.product(&normed, None, weight, finish, residual);
        }
        if let Finish::Gate(activation) = finish
            && weight.segments.len() > 1
        {
            let gate_up = self.product(x, norm, weight, Finish::Plain, None);
            return self.gated(&gate_up, activation);
        }
        let out = self.empty([tokens, finish.columns(weight.rows)]);
        let mut out = out.into_dispatch();
        let mut first = 0;
        for segment in &weight.segments {
            self.launched();
            let x = x.clone().into_dispatch();
            out = Dispatch::product(
                x.clone(),
                segment.codes.clone().into_dispatch(),
                segment.scales.clone().into_dispatch(),
                norm.map_or_else(|| x.clone(), |(weight, _)| weight.clone().into_dispatch()),
                residual.map_or_else(|| x.clone(), |residual| residual.clone().into_dispatch()),
                out,
                Product {
                    shape: segment.shape,
                    cut: self.cut(tokens, finish),
                    finish,
                    epsilon: norm.map(|(_, epsilon)| epsilon),
                    first,
                },
            );
            first += segment.shape.rows;
        }
        Tensor::from_dispatch(out)
    }

    /// The `count` highest logits and what [`Candidates::log_sum`] is made of, see [`CandidateOps::merge`].
    fn best(&self, logits: &Tensor<2>, count: usize) -> Tensor<2> {
        self.launched();
        let parts = Dispatch::pick(logits.clone().into_dispatch(), count);
        self.launched();
        Tensor::from_dispatch(Dispatch::merge(parts, count))
    }
}

impl Compute for Gpu {
    const PREFILL: usize = 32;
    // Weights are read once for each tile of eight tokens.
    const SLICES: RangeInclusive<usize> = 8..=64;
    const REHEARSES: bool = true;

    type Matrix = Matrix;
    type Vector = Tensor<1>;
    type Tensor = Tensor<2>;
    type Cache = Cache;

    async fn matrix(&self, parts: Vec<Part<'_>>, columns: usize) -> Result<Matrix, Error> {
        self.upload(parts, columns).await
    }

    fn vector(&self, values: Vec<f32>) -> Tensor<1> {
        let length = values.len();
        self.keep_floats(values, [length])
    }

    fn cache(&self, shape: CacheShape) -> Cache {
        Cache {
            shape,
            capacity: 0,
            rows: None,
        }
    }

    fn reserve(&self, cache: &mut Cache, positions: usize) -> Result<(), Error> {
        self.grow(cache, positions)
    }

    fn embed(&self, table: &Matrix, ids: &[u32], scale: f32) -> Tensor<2> {
        let [segment] = &table.segments[..] else {
            // By the contract of `Compute::embed`: a table is one tensor.
            panic!("embed: a table of several types");
        };
        let ids = self.upload_ids(ids);
        self.launched();
        Tensor::from_dispatch(Dispatch::embed(
            ids.into_dispatch(),
            segment.codes.clone().into_dispatch(),
            segment.scales.clone().into_dispatch(),
            segment.shape,
            scale,
        ))
    }

    fn rms_norm(&self, x: &Tensor<2>, weight: &Tensor<1>, epsilon: f32) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::rms_norm(
            x.clone().into_dispatch(),
            weight.clone().into_dispatch(),
            epsilon,
        ))
    }

    fn linear(&self, x: &Tensor<2>, weight: &Matrix) -> Tensor<2> {
        self.product(x, None, weight, Finish::Plain, None)
    }

    fn attention(
        &self,
        qkv: &Tensor<2>,
        norms: Option<HeadNorms<'_, Tensor<1>>>,
        cache: &mut Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Tensor<2> {
        let Some(Rows { keys, values }) = &cache.rows else {
            // By the contract of `Compute::attention`: a defect of the caller, not of a file or prompt.
            panic!("attention: no room was reserved in the cache");
        };
        let turns = self.turns(&shape.rope, cache.capacity);
        let (query_norm, key_norm) = norms
            .as_ref()
            .map_or((&turns, &turns), |norms| (norms.query, norms.key));
        self.launched();
        let q = Dispatch::rope_and_store(
            qkv.clone().into_dispatch(),
            query_norm.clone().into_dispatch(),
            key_norm.clone().into_dispatch(),
            turns.clone().into_dispatch(),
            keys.clone().into_dispatch(),
            values.clone().into_dispatch(),
            position,
            shape.clone(),
            norms.as_ref().map(|norms| norms.epsilon),
        );
        self.launched();
        Tensor::from_dispatch(Dispatch::attend(
            q,
            keys.clone().into_dispatch(),
            values.clone().into_dispatch(),
            position,
            shape.clone(),
        ))
    }

    fn gated(&self, gate_up: &Tensor<2>, activation: Activation) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::gated(gate_up.clone().into_dispatch(), activation))
    }

    fn add(&self, x: &Tensor<2>, y: &Tensor<2>) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::sum(
            x.clone().into_dispatch(),
            y.clone().into_dispatch(),
        ))
    }

    fn add_bias(&self, x: &Tensor<2>, bias: &Tensor<1>) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::sum(
            x.clone().into_dispatch(),
            bias.clone().into_dispatch(),
        ))
    }

    fn last_row(&self, x: &Tensor<2>) -> Tensor<2> {
        let [rows, _] = x.dims();
        if rows == 1 {
            return x.clone();
        }
        self.launched();
        Tensor::from_dispatch(Dispatch::row(x.clone().into_dispatch(), rows - 1))
    }

    async fn read(&self, x: &Tensor<2>) -> Result<Vec<f32>, Error> {
        let [rows, columns] = x.dims();
        self.fetch(x, rows * columns).await
    }

    /// One value is enough.
    async fn settle(&self, x: &Tensor<2>) -> Result<(), Error> {
        self.fetch(x, 1).await.map(drop)
    }

    async fn candidates(&self, logits: &Tensor<2>, count: usize) -> Result<Candidates, Error> {
        let [_, length] = logits.dims();
        if count == 0 || count > MAX_CANDIDATES || length > MAX_EXACT_ID {
            return Ok(Candidates::of(&self.read(logits).await?, count));
        }
        let values = self.read(&self.best(logits, count)).await?;
        Ok(Candidates {
            log_sum: values[0] + values[1].ln(),
            top: values[2..]
                .as_chunks()
                .0
                .iter()
                .filter(|[score, _]| *score > NONE)
                .map(|&[score, id]| (id as u32, score))
                .collect(),
        })
    }

    fn rehearse(&self, logits: &Tensor<2>) {
        self.best(logits, 1);
    }

    fn dispatches(&self) -> u64 {
        self.launches.get()
    }

    fn norm_linear(
        &self,
        x: &Tensor<2>,
        norm: &Tensor<1>,
        epsilon: f32,
        weight: &Matrix,
    ) -> Tensor<2> {
        self.product(x, Some((norm, epsilon)), weight, Finish::Plain, None)
    }

    fn norm_gated(
        &self,
        x: &Tensor<2>,
        norm: &Tensor<1>,
        epsilon: f32,
        gate_up: &Matrix,
        activation: Activation,
    ) -> Tensor<2> {
        let norm = Some((norm, epsilon));
        self.product(x, norm, gate_up, Finish::Gate(activation), None)
    }

    fn linear_add(&self, x: &Tensor<2>, weight: &Matrix, residual: &Tensor<2>) -> Tensor<2> {
        self.product(x, None, weight, Finish::Add, Some(residual))
    }
}
