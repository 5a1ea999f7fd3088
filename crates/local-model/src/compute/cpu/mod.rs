//! Operations on the CPU: SIMD in a page (SIMD128 or relaxed) and natively (AVX2), on any number of threads.
//!
//! Weights stay packed. Activations are rounded to 8 bits per block of 32 for each product with
//! packed weights, as llama.cpp does, so that products are integer dot products.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod candidates;
mod exponential;
mod float;
mod format;
mod instructions;
mod kernel;
mod packed;
mod pool;
mod portable;
mod quantized;
mod split;
mod unpack;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use std::{marker::PhantomData, sync::Arc};

use super::{Activation, AttentionShape, CacheShape, Candidates, Compute, HeadNorms, Part};
use crate::{Error, gguf::TensorType};
use attention::attention;
use candidates::Pick;
use exponential::exponential;
use float::{Float, FloatProducts};
use format::{ROWS, with_format};
use instructions::{Instructions, Job, eight, put};
use kernel::Products;
use packed::Packed;
pub use pool::Pool;

/// Packed weights `[rows, columns]`: those of several tensors, one below the other.
pub(crate) struct Matrix {
    columns: usize,
    segments: Vec<Segment>,
}

/// The rows of one tensor.
enum Segment {
    /// Blocks of codes, eight rows interleaved.
    Packed(Packed),
    /// F32, F16 or BF16.
    Float(Float),
}

impl Segment {
    fn rows(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.rows,
            Self::Float(float) => float.rows,
        }
    }

    /// Appends one row as singles.
    fn row(&self, row: usize, out: &mut Vec<f32>) {
        match self {
            Self::Packed(packed) => packed.row(row, out),
            Self::Float(float) => float.row(row, out),
        }
    }
}

/// f32 `[tokens, width]`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub width: usize,
    pub values: Vec<f32>,
}

impl Tensor {
    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }

    fn tokens(&self) -> usize {
        self.values.len() / self.width
    }
}

/// Keys and values of one layer, `[positions, kv_heads * head_dim]` each.
pub(crate) struct Cache {
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
    /// `kv_heads * head_dim`
    pub width: usize,
}

/// The CPU: the instructions that it has, and the threads that share the work.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    instructions: InstructionSet,
    pub pool: Arc<Pool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstructionSet {
    /// Plain Rust; what the others are held against.
    #[cfg_attr(
        all(target_arch = "wasm32", target_feature = "simd128"),
        expect(dead_code, reason = "the page has SIMD")
    )]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
}

impl InstructionSet {
    /// The best that is there.
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("f16c")
        {
            return Self::Avx2;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::Wasm;
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::Portable
    }
}

impl Cpu {
    /// With the best instructions that are there, on one thread.
    pub fn new() -> Self {
        Self {
            instructions: InstructionSet::best(),
            pool: Arc::default(),
        }
    }

    /// Plain Rust on one thread.
    #[cfg(test)]
    fn portable() -> Self {
        Self {
            instructions: InstructionSet::Portable,
            pool: Arc::default(),
        }
    }

    /// Name of the instruction set.
    pub fn instructions(&self) -> &'static str {
        match self.instructions {
            InstructionSet::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => "AVX2",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            InstructionSet::Wasm if cfg!(feature = "relaxed-simd") => "relaxed SIMD",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            InstructionSet::Wasm => "SIMD128",
        }
    }

    /// Does the work with the instructions that are there, on this thread.
    fn run<J: Job>(&self, job: J) -> J::Out {
        match self.instructions {
            InstructionSet::Portable => job.run(portable::Portable),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant is made only after the CPU was found to have AVX2 and F16C.
            InstructionSet::Avx2 => unsafe { avx2::run(job) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            InstructionSet::Wasm => wasm::run(job),
        }
    }
}

impl Compute for Cpu {
    // Each slice reads all weights again; a step rests after each layer, so that a long one is not in the way.
    const PREFILL: usize = 64;

    type Matrix = Matrix;
    type Vector = Vec<f32>;
    type Tensor = Tensor;
    type Cache = Cache;

    async fn matrix(&self, parts: Vec<Part<'_>>, columns: usize) -> Result<Matrix, Error> {
        let segment = |part: Part<'_>| match part.kind {
            TensorType::F32 | TensorType::F16 | TensorType::BF16 => Segment::Float(Float {
                kind: part.kind,
                rows: part.rows,
                columns,
                bytes: part.bytes,
            }),
            _ => Segment::Packed(Packed::new(part.kind, part.rows, columns, part.bytes)),
        };
        Ok(Matrix {
            columns,
            segments: parts.into_iter().map(segment).collect(),
        })
    }

    fn vector(&self, values: Vec<f32>) -> Vec<f32> {
        values
    }

    fn cache(&self, shape: CacheShape) -> Cache {
        Cache {
            keys: Vec::new(),
            values: Vec::new(),
            width: shape.kv_heads * shape.head_dim,
        }
    }

    fn reserve(&self, cache: &mut Cache, positions: usize) -> Result<(), Error> {
        let wanted = positions * cache.width;
        for values in [&mut cache.keys, &mut cache.values] {
            let missing = wanted.saturating_sub(values.len());
            values
                .try_reserve_exact(missing)
                .map_err(|_| Error::Memory {
                    what: format!("key/value cache of {positions} positions"),
                    needed: 4 * missing as u64,
                })?;
        }
        Ok(())
    }

    fn embed(&self, table: &Matrix, ids: &[u32], scale: f32) -> Tensor {
        let mut values = Vec::with_capacity(ids.len() * table.columns);
        for &id in ids {
            let mut row = id as usize;
            for segment in &table.segments {
                if row < segment.rows() {
                    segment.row(row, &mut values);
                    break;
                }
                row -= segment.rows();
            }
        }
        if scale != 1.0 {
            values.iter_mut().for_each(|value| *value *= scale);
        }
        Tensor {
            width: table.columns,
            values,
        }
    }

    fn rms_norm(&self, x: &Tensor, weight: &Vec<f32>, epsilon: f32) -> Tensor {
        let mut values = x.values.clone();
        normalize(&mut values, weight, epsilon);
        Tensor {
            width: x.width,
            values,
        }
    }

    fn linear(&self, x: &Tensor, weight: &Matrix) -> Tensor {
        let width = weight.segments.iter().map(Segment::rows).sum();
        let mut values = vec![0.0; x.tokens() * width];
        // The input is rounded once for all segments.
        let mut rounded = None;
        let mut first = 0;
        for segment in &weight.segments {
            let rows = segment.rows();
            let (columns, cost) = (first..first + rows, x.values.len() * rows);
            let (pool, out) = (&self.pool, &mut values);
            match segment {
                Segment::Packed(weight) => {
                    let x = &*rounded.get_or_insert_with(|| self.round(x));
                    pool.split_columns(out, width, columns, ROWS, cost, |out| {
                        with_format!(weight.kind, F => self.run(Products {
                            weight,
                            x,
                            out,
                            format: PhantomData::<F>,
                        }));
                    });
                }
                Segment::Float(weight) => {
                    pool.split_columns(out, width, columns, ROWS, cost, |out| {
                        self.run(FloatProducts { weight, x, out });
                    });
                }
            }
            first += rows;
        }
        Tensor { width, values }
    }

    fn attention(
        &self,
        qkv: &Tensor,
        norms: Option<HeadNorms<'_, Vec<f32>>>,
        cache: &mut Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Tensor {
        attention(self, qkv, norms, cache, position, shape)
    }

    fn gated(&self, gate_up: &Tensor, activation: Activation) -> Tensor {
        let width = gate_up.width / 2;
        let mut values = vec![0.0; gate_up.values.len() / 2];
        let cost = GATE_COST * values.len();
        self.pool
            .split_values(&mut values, width, cost, |first, out| {
                let gate_up = &gate_up.values[2 * width * first..];
                self.run(Gated {
                    gate_up,
                    width,
                    activation,
                    out,
                });
            });
        Tensor { width, values }
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Tensor {
        Tensor {
            width: x.width,
            values: x.values.iter().zip(&y.values).map(|(x, y)| x + y).collect(),
        }
    }

    fn add_bias(&self, x: &Tensor, bias: &Vec<f32>) -> Tensor {
        let biased =
            |row: &[f32]| -> Vec<f32> { row.iter().zip(bias).map(|(x, b)| x + b).collect() };
        Tensor {
            width: x.width,
            values: x.rows().flat_map(biased).collect(),
        }
    }

    fn last_row(&self, x: &Tensor) -> Tensor {
        Tensor {
            width: x.width,
            values: x.values[x.values.len() - x.width..].to_vec(),
        }
    }

    async fn read(&self, x: &Tensor) -> Result<Vec<f32>, Error> {
        Ok(x.values.clone())
    }

    async fn candidates(&self, logits: &Tensor, count: usize) -> Result<Candidates, Error> {
        let scores = &logits.values;
        Ok(self.run(Pick { scores, count }))
    }

    async fn settle(&self, _: &Tensor) -> Result<(), Error> {
        Ok(())
    }

    fn dispatches(&self) -> u64 {
        0
    }
}

/// See [`Compute::gated`].
struct Gated<'a> {
    /// `[tokens, 2 * width]`
    gate_up: &'a [f32],
    width: usize,
    activation: Activation,
    /// `[tokens, width]`
    out: &'a mut [f32],
}

/// What a gated value costs, in multiply-adds of a product.
const GATE_COST: usize = 16;

impl Job for Gated<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Instructions>(self, s: S) {
        let rows = self.gate_up.chunks_exact(2 * self.width);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(self.width)) {
            let (gates, ups) = row.split_at(self.width);
            let eights = gates.chunks(8).zip(ups.chunks(8));
            for ((gates, ups), out) in eights.zip(out.chunks_mut(8)) {
                let x = s.load(&eight(gates));
                let inner = match self.activation {
                    Activation::Silu => x,
                    // (1 + tanh y) / 2 is 1 / (1 + e^-2y).
                    Activation::Gelu => {
                        let cube = s.mul(s.mul(s.mul(s.splat(0.044_715), x), x), x);
                        let factor = (8.0 / std::f32::consts::PI).sqrt();
                        s.mul(s.splat(factor), s.add(x, cube))
                    }
                };
                let power = exponential(s, s.sub(s.splat(0.0), inner));
                let gate = s.div(x, s.add(s.splat(1.0), power));
                put(out, s.array(s.mul(gate, s.load(&eight(ups)))));
            }
        }
    }
}

/// Root-mean-square normalization of each run of `weight.len()` values.
fn normalize(values: &mut [f32], weight: &[f32], epsilon: f32) {
    for row in values.chunks_exact_mut(weight.len()) {
        let mut sums = [0f64; 4];
        let (fours, rest) = row.as_chunks::<4>();
        for four in fours {
            for (sum, &value) in sums.iter_mut().zip(four) {
                *sum += f64::from(value * value);
            }
        }
        let rest: f64 = rest.iter().map(|&value| f64::from(value * value)).sum();
        let mean = ((sums[0] + sums[1]) + (sums[2] + sums[3]) + rest) / row.len() as f64;
        let scale = 1.0 / (mean as f32 + epsilon).sqrt();
        for (value, weight) in row.iter_mut().zip(weight) {
            *value = *value * scale * weight;
        }
    }
}

#[cfg(test)]
mod tests;
