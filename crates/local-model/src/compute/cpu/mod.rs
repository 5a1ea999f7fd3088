//! Operations on the CPU, one thread: SIMD in a page (SIMD128) and natively (AVX2).
//!
//! Weights stay packed. Activations are rounded to 8 bits per block of 32 for each product with
//! packed weights, as llama.cpp does, so that products are integer dot products.

mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod packed;
mod portable;
mod quantized;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use super::{Activation, AttentionShape, CacheShape, Compute, HeadNorms, Part};
use crate::{Error, gguf::TensorType};
use packed::Packed;
use quantized::Quantized;

/// Packed weights `[rows, columns]`: those of several tensors, one below the other.
pub(crate) struct Matrix {
    columns: usize,
    segments: Vec<Segment>,
}

/// The rows of one tensor.
enum Segment {
    /// Q4_1 or Q8_0, four rows interleaved.
    Packed(Packed),
    /// Row-major floats.
    Float(Vec<f32>),
}

impl Matrix {
    fn rows(&self, segment: &Segment) -> usize {
        match segment {
            Segment::Packed(packed) => packed.rows,
            Segment::Float(values) => values.len() / self.columns,
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

/// The CPU, and the instructions that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    /// Plain Rust; what the others are held against.
    #[cfg_attr(
        all(target_arch = "wasm32", target_feature = "simd128"),
        expect(dead_code, reason = "the page has SIMD")
    )]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

impl Cpu {
    /// With the best instructions that are there.
    pub fn new() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("f16c")
        {
            return Self::Avx2;
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self::Simd128;
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        Self::Portable
    }

    /// Name of the instruction set.
    pub fn instructions(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => "SIMD128",
        }
    }

    /// `out[token, row] = x[token] · weight[row]`.
    fn packed_products(self, weight: &Packed, x: &Quantized, out: &mut [f32]) {
        match self {
            Self::Portable => portable::products(weight, x, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant is made only after the CPU was found to have AVX2 and F16C.
            Self::Avx2 => unsafe { avx2::products(weight, x, out) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => simd128::products(weight, x, out),
        }
    }
}

impl Compute for Cpu {
    type Matrix = Matrix;
    type Vector = Vec<f32>;
    type Tensor = Tensor;
    type Cache = Cache;

    async fn matrix(&self, parts: Vec<Part<'_>>, columns: usize) -> Result<Matrix, Error> {
        let segments = parts.into_iter().map(|part| match part.kind {
            TensorType::F32 => {
                let (values, _) = part.bytes.as_chunks();
                Ok(Segment::Float(
                    values
                        .iter()
                        .map(|&four| f32::from_le_bytes(four))
                        .collect(),
                ))
            }
            TensorType::Q4_1 | TensorType::Q8_0 => Ok(Segment::Packed(Packed::new(
                part.kind, part.rows, columns, part.bytes,
            ))),
            kind => Err(Error::Unsupported {
                what: format!("tensor {}: type {kind:?} on the CPU", part.name),
            }),
        });
        Ok(Matrix {
            columns,
            segments: segments.collect::<Result<_, _>>()?,
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
                .map_err(|_| Error::DeviceLimit {
                    what: format!("key/value cache of {positions} positions"),
                    needed: 4 * wanted as u64,
                    limit: 4 * values.capacity() as u64,
                })?;
        }
        Ok(())
    }

    fn embed(&self, table: &Matrix, ids: &[u32], scale: f32) -> Tensor {
        let mut values = Vec::with_capacity(ids.len() * table.columns);
        for &id in ids {
            let mut row = id as usize;
            for segment in &table.segments {
                let rows = table.rows(segment);
                if row < rows {
                    match segment {
                        Segment::Packed(packed) => packed.row(row, &mut values),
                        Segment::Float(floats) => {
                            values
                                .extend_from_slice(&floats[row * table.columns..][..table.columns]);
                        }
                    }
                    break;
                }
                row -= rows;
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
        // The input is rounded once for all segments.
        let mut rounded = None;
        let mut products = |segment: &Segment| match segment {
            Segment::Packed(packed) => {
                let x = rounded.get_or_insert_with(|| Quantized::new(x));
                let mut out = vec![0.0; x.tokens() * packed.rows];
                self.packed_products(packed, x, &mut out);
                out
            }
            Segment::Float(values) => portable::float_products(x, values, weight.columns),
        };
        if let [only] = weight.segments.as_slice() {
            return Tensor {
                width: weight.rows(only),
                values: products(only),
            };
        }
        let parts: Vec<(usize, Vec<f32>)> = weight
            .segments
            .iter()
            .map(|segment| (weight.rows(segment), products(segment)))
            .collect();
        let width = parts.iter().map(|(rows, _)| rows).sum();
        let mut values = Vec::with_capacity(x.tokens() * width);
        for token in 0..x.tokens() {
            for (rows, part) in &parts {
                values.extend_from_slice(&part[token * rows..][..*rows]);
            }
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
        attention::attention(qkv, norms, cache, position, shape)
    }

    fn gated(&self, gate_up: &Tensor, activation: Activation) -> Tensor {
        let width = gate_up.width / 2;
        let function = match activation {
            Activation::Silu => |x: f32| x / (1.0 + (-x).exp()),
            Activation::Gelu => |x: f32| {
                let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            },
        };
        let mut values = Vec::with_capacity(gate_up.values.len() / 2);
        for row in gate_up.rows() {
            let (gates, ups) = row.split_at(width);
            values.extend(
                gates
                    .iter()
                    .zip(ups)
                    .map(|(&gate, &up)| function(gate) * up),
            );
        }
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

    async fn settle(&self, _: &Tensor) -> Result<(), Error> {
        Ok(())
    }

    fn dispatches(&self) -> u64 {
        0
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
