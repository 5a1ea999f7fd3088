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

use super::{AttentionShape, CacheShape, Compute};
use crate::{Error, gguf::TensorType};
use packed::Packed;
use quantized::Quantized;

/// A packed weight `[rows, columns]`.
pub(crate) enum Matrix {
    /// Q4_1 or Q8_0, four rows interleaved.
    Packed(Packed),
    /// Row-major floats.
    Float {
        rows: usize,
        columns: usize,
        values: Vec<f32>,
    },
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

    fn packed_linear(self, x: &Quantized, weight: &Packed) -> Tensor {
        let mut values = vec![0.0; x.tokens() * weight.rows];
        match self {
            Self::Portable => portable::products(weight, x, &mut values),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant is made only after the CPU was found to have AVX2 and F16C.
            Self::Avx2 => unsafe { avx2::products(weight, x, &mut values) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => simd128::products(weight, x, &mut values),
        }
        Tensor {
            width: weight.rows,
            values,
        }
    }
}

impl Compute for Cpu {
    type Matrix = Matrix;
    type Vector = Vec<f32>;
    type Tensor = Tensor;
    type Cache = Cache;

    async fn matrix(
        &self,
        name: &str,
        kind: TensorType,
        rows: usize,
        columns: usize,
        bytes: Vec<u8>,
    ) -> Result<Matrix, Error> {
        Ok(match kind {
            TensorType::F32 => {
                let values = bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&four| f32::from_le_bytes(four))
                    .collect();
                Matrix::Float {
                    rows,
                    columns,
                    values,
                }
            }
            TensorType::Q4_1 | TensorType::Q8_0 => {
                Matrix::Packed(Packed::new(kind, rows, columns, bytes))
            }
            _ => {
                return Err(Error::Unsupported {
                    what: format!("tensor {name}: type {kind:?} on the CPU"),
                });
            }
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

    fn embed(&self, table: &Matrix, ids: &[u32]) -> Tensor {
        match table {
            Matrix::Float {
                columns, values, ..
            } => {
                let row = |&id: &u32| &values[id as usize * columns..][..*columns];
                Tensor {
                    width: *columns,
                    values: ids.iter().flat_map(row).copied().collect(),
                }
            }
            Matrix::Packed(packed) => {
                let mut values = Vec::with_capacity(ids.len() * packed.columns);
                ids.iter()
                    .for_each(|&id| packed.row(id as usize, &mut values));
                Tensor {
                    width: packed.columns,
                    values,
                }
            }
        }
    }

    fn rms_norm(&self, x: &Tensor, weight: &Vec<f32>, epsilon: f32) -> Tensor {
        let mut values = Vec::with_capacity(x.values.len());
        for row in x.rows() {
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
            values.extend(
                row.iter()
                    .zip(weight)
                    .map(|(&value, &weight)| value * scale * weight),
            );
        }
        Tensor {
            width: x.width,
            values,
        }
    }

    fn linear(&self, x: &Tensor, weight: &Matrix) -> Tensor {
        match weight {
            Matrix::Packed(packed) => self.packed_linear(&Quantized::new(x), packed),
            Matrix::Float {
                rows,
                columns,
                values,
            } => portable::float_products(x, values, *rows, *columns),
        }
    }

    fn norm_linears<const N: usize>(
        &self,
        x: &Tensor,
        norm: &Vec<f32>,
        epsilon: f32,
        weights: [&Matrix; N],
    ) -> [Tensor; N] {
        let normed = self.rms_norm(x, norm, epsilon);
        // The input is rounded once for all its products.
        let mut rounded = None;
        weights.map(|weight| match weight {
            Matrix::Packed(packed) => self.packed_linear(
                rounded.get_or_insert_with(|| Quantized::new(&normed)),
                packed,
            ),
            Matrix::Float { .. } => self.linear(&normed, weight),
        })
    }

    fn attention(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        cache: &mut Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Tensor {
        attention::attention(q, k, v, cache, position, shape)
    }

    fn swiglu(&self, gate: &Tensor, up: &Tensor) -> Tensor {
        let silu = |value: f32| value / (1.0 + (-value).exp());
        let values = gate
            .values
            .iter()
            .zip(&up.values)
            .map(|(&gate, &up)| silu(gate) * up)
            .collect();
        Tensor {
            width: gate.width,
            values,
        }
    }

    fn add(&self, x: &Tensor, y: &Tensor) -> Tensor {
        Tensor {
            width: x.width,
            values: x.values.iter().zip(&y.values).map(|(x, y)| x + y).collect(),
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

#[cfg(test)]
mod tests;
