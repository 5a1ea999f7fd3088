//! A transformer's operations on the GPU: Burn tensors, kernels in CubeCL, WebGPU below.
//!
//! Natively (Vulkan, Metal, …) and in a page the code is the same. Launches only queue work; the
//! device is waited for while weights are uploaded and in [`Compute::read`].

mod cost;
mod device;
#[allow(
    clippy::too_many_arguments,
    reason = "a kernel takes its buffers and their shape"
)]
mod kernels;
#[allow(
    clippy::too_many_arguments,
    reason = "an operation takes its tensors and their shape"
)]
mod ops;
mod pack;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};

use burn::{
    backend::Dispatch,
    tensor::{Int, Tensor, TensorData},
};
use burn_cubecl::CubeBackend;

pub use self::cost::{DispatchCost, dispatch_cost};

use self::{
    device::Adapter,
    ops::{Ops, PackedShape},
    pack::Packing,
};
use super::{AttentionShape, CacheShape, Compute};
use crate::{Error, gguf::TensorType};

/// The GPU, and how many kernels were launched on it through this value.
#[derive(Debug)]
pub(crate) struct Gpu {
    adapter: &'static Adapter,
    /// Invocations that share a row of a product.
    lanes: u32,
    launches: Cell<u64>,
    /// Bytes handed over since the device was last waited for.
    in_flight: Cell<usize>,
    turns: RefCell<Option<Turns>>,
}

/// A weight matrix on the device.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a model has a few hundred, and almost all are the large variant"
)]
pub(crate) enum Matrix {
    /// See [`pack`].
    Packed {
        /// Codes.
        quants: Tensor<1, Int>,
        /// Scales.
        scales: Tensor<1, Int>,
        /// Rows, columns and how to read them.
        shape: PackedShape,
    },
    /// Plain floats `[rows, columns]`.
    Float(Tensor<2>),
}

/// Keys and values of one layer, `[capacity, kv_heads * head_dim]` each, flat.
#[derive(Debug)]
pub(crate) struct Cache {
    shape: CacheShape,
    capacity: usize,
    rows: Option<Rows>,
}

#[derive(Debug)]
struct Rows {
    keys: Tensor<1>,
    values: Tensor<1>,
}

/// Cosines and sines of RoPE for the first positions, `[positions, dimensions / 2, 2]`, flat.
#[derive(Debug)]
struct Turns {
    base: f32,
    dimensions: usize,
    positions: usize,
    table: Tensor<1>,
}

/// Invocations that share a row of a product, so that neighbours load neighbouring blocks.
const LANES: u32 = 8;
/// Rows of the largest matrix: as many as 65,535 workgroups take, which WebGPU promises.
const MAX_ROWS: usize = 65_535 * (kernels::UNITS / LANES) as usize;
/// Bytes of weights that may be on their way to the device at once.
const MAX_IN_FLIGHT: usize = 16 << 20;
/// Positions that a cache has room for at first.
const FIRST_POSITIONS: usize = 256;

impl Gpu {
    /// Opens the adapter, or takes the one that is open.
    ///
    /// # Errors
    /// [`Error::NoAdapter`].
    pub(crate) async fn open() -> Result<Self, Error> {
        Ok(Self {
            adapter: Adapter::open().await?,
            lanes: LANES,
            launches: Cell::new(0),
            in_flight: Cell::new(0),
            turns: RefCell::new(None),
        })
    }

    /// What the driver calls the adapter; may be empty in a browser.
    pub(crate) fn adapter(&self) -> &str {
        &self.adapter.name
    }

    /// Counts one launch: every operation of [`Ops`] is exactly one.
    fn launched(&self) {
        self.launches.set(self.launches.get() + 1);
    }

    /// Uploads words into memory of exactly their size, apart from that of short-lived tensors.
    fn keep_words(&self, words: Vec<i32>) -> Tensor<1, Int> {
        let (device, length) = (&self.adapter.device, words.len());
        let upload = |data| Tensor::from_data(data, device);
        device.memory_persistent_allocations(TensorData::new(words, [length]), upload)
    }

    /// The same for floats.
    fn keep_floats<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let device = &self.adapter.device;
        let upload = |data| Tensor::from_data(data, device);
        device.memory_persistent_allocations(TensorData::new(values, shape), upload)
    }

    /// Uninitialized floats that live long.
    fn keep_empty(&self, length: usize) -> Tensor<1> {
        let device = &self.adapter.device;
        device.memory_persistent_allocations(length, |length| Tensor::empty([length], device))
    }

    /// Waits for uploads, once [`MAX_IN_FLIGHT`] bytes are on their way.
    async fn await_uploads(&self, matrix: &Matrix, bytes: usize) -> Result<(), Error> {
        let in_flight = self.in_flight.get() + bytes;
        self.in_flight.set(in_flight);
        if in_flight < MAX_IN_FLIGHT {
            return Ok(());
        }
        self.in_flight.set(0);
        let client = match matrix {
            Matrix::Packed { quants, .. } => quants
                .clone()
                .try_into_primitive::<CubeBackend>()
                .map(|tensor| tensor.client),
            Matrix::Float(weights) => weights
                .clone()
                .try_into_primitive::<CubeBackend>()
                .map(|tensor| tensor.client),
        }
        .map_err(|error| Error::DeviceLost {
            reason: format!("{error:?}"),
        })?;
        client.sync().await.map_err(|error| Error::DeviceLost {
            reason: error.to_string(),
        })
    }

    /// The table of turns for at least `positions`.
    ///
    /// Angles are made here, in double precision: WebGPU promises cosines only near zero, and an
    /// angle of 8,000 radians has lost three digits as a float.
    fn turns(&self, base: f32, dimensions: usize, positions: usize) -> Tensor<1> {
        let mut turns = self.turns.borrow_mut();
        if let Some(known) = turns.as_ref()
            && known.base == base
            && known.dimensions == dimensions
            && known.positions >= positions
        {
            return known.table.clone();
        }
        let frequencies: Vec<f64> = (0..dimensions / 2)
            .map(|pair| f64::from(base).powf(-2.0 * pair as f64 / dimensions as f64))
            .collect();
        let values: Vec<f32> = (0..positions)
            .flat_map(|position| {
                frequencies
                    .iter()
                    .map(move |frequency| position as f64 * frequency)
            })
            .flat_map(|angle| [angle.cos() as f32, angle.sin() as f32])
            .collect();
        let length = values.len();
        let table = self.keep_floats(values, [length]);
        *turns = Some(Turns {
            base,
            dimensions,
            positions,
            table: table.clone(),
        });
        table
    }
}

impl Compute for Gpu {
    type Matrix = Matrix;
    type Vector = Tensor<1>;
    type Tensor = Tensor<2>;
    type Cache = Cache;

    async fn matrix(
        &self,
        name: &str,
        kind: TensorType,
        rows: usize,
        columns: usize,
        bytes: Vec<u8>,
    ) -> Result<Matrix, Error> {
        if rows > MAX_ROWS {
            return Err(Error::Unsupported {
                what: format!("tensor {name}: {rows} rows on WebGPU (at most {MAX_ROWS})"),
            });
        }
        let length = bytes.len();
        let packing = match kind {
            TensorType::Q4_1 => Some(Packing::Q4_1),
            TensorType::Q8_0 => Some(Packing::Q8_0),
            TensorType::F32 => None,
            _ => {
                return Err(Error::Unsupported {
                    what: format!("tensor {name}: type {kind:?} on WebGPU"),
                });
            }
        };
        let matrix = match packing {
            Some(packing) => {
                let shape = PackedShape {
                    rows,
                    columns,
                    packing,
                };
                self.adapter
                    .check(&format!("tensor {name}"), shape.quant_bytes())?;
                let packed = pack::pack(packing, &bytes);
                // Both copies of a large table at once would be its memory twice.
                drop(bytes);
                Matrix::Packed {
                    quants: self.keep_words(packed.quants),
                    scales: self.keep_words(packed.scales),
                    shape,
                }
            }
            None => {
                self.adapter
                    .check(&format!("tensor {name}"), length as u64)?;
                let values = bytes
                    .chunks_exact(4)
                    .map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]));
                Matrix::Float(self.keep_floats(values.collect(), [rows, columns]))
            }
        };
        self.await_uploads(&matrix, length).await?;
        Ok(matrix)
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
        if positions <= cache.capacity {
            return Ok(());
        }
        let width = cache.shape.kv_heads * cache.shape.head_dim;
        let capacity = positions
            .max(2 * cache.capacity)
            .max(FIRST_POSITIONS)
            .min(cache.shape.context.max(positions));
        let length = capacity * width;
        self.adapter
            .check("key/value cache", (length * size_of::<f32>()) as u64)?;
        let grow = |old: Option<Tensor<1>>| match old {
            Some(old) => {
                self.launched();
                Tensor::from_dispatch(Dispatch::grown(old.into_dispatch(), length))
            }
            None => self.keep_empty(length),
        };
        let (keys, values) = cache
            .rows
            .take()
            .map_or((None, None), |rows| (Some(rows.keys), Some(rows.values)));
        cache.rows = Some(Rows {
            keys: grow(keys),
            values: grow(values),
        });
        cache.capacity = capacity;
        Ok(())
    }

    fn embed(&self, table: &Matrix, ids: &[u32]) -> Tensor<2> {
        let words: Vec<i32> = ids.iter().map(|id| id.cast_signed()).collect();
        let ids =
            Tensor::<1, Int>::from_data(TensorData::new(words, [ids.len()]), &self.adapter.device);
        self.launched();
        Tensor::from_dispatch(match table {
            Matrix::Packed {
                quants,
                scales,
                shape,
            } => Dispatch::embed_packed(
                ids.into_dispatch(),
                quants.clone().into_dispatch(),
                scales.clone().into_dispatch(),
                *shape,
            ),
            Matrix::Float(weights) => {
                Dispatch::embed_float(ids.into_dispatch(), weights.clone().into_dispatch())
            }
        })
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
        self.launched();
        Tensor::from_dispatch(match weight {
            Matrix::Packed {
                quants,
                scales,
                shape,
            } => Dispatch::product(
                x.clone().into_dispatch(),
                quants.clone().into_dispatch(),
                scales.clone().into_dispatch(),
                *shape,
                self.lanes,
            ),
            Matrix::Float(weights) => Dispatch::product_float(
                x.clone().into_dispatch(),
                weights.clone().into_dispatch(),
                self.lanes,
            ),
        })
    }

    fn attention(
        &self,
        q: &Tensor<2>,
        k: &Tensor<2>,
        v: &Tensor<2>,
        cache: &mut Cache,
        position: usize,
        shape: &AttentionShape,
    ) -> Tensor<2> {
        let Some(Rows { keys, values }) = &cache.rows else {
            // By the contract of `Compute::attention`: a defect of the caller, not of a file or prompt.
            panic!("attention: no room was reserved in the cache");
        };
        let turns = self.turns(shape.rope_base, shape.rope_dimensions, cache.capacity);
        self.launched();
        let q = Dispatch::rope_and_store(
            q.clone().into_dispatch(),
            k.clone().into_dispatch(),
            v.clone().into_dispatch(),
            turns.into_dispatch(),
            keys.clone().into_dispatch(),
            values.clone().into_dispatch(),
            position,
            *shape,
        );
        self.launched();
        Tensor::from_dispatch(Dispatch::attend(
            q,
            keys.clone().into_dispatch(),
            values.clone().into_dispatch(),
            position,
            *shape,
        ))
    }

    fn swiglu(&self, gate: &Tensor<2>, up: &Tensor<2>) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::swiglu(
            gate.clone().into_dispatch(),
            up.clone().into_dispatch(),
        ))
    }

    fn add(&self, x: &Tensor<2>, y: &Tensor<2>) -> Tensor<2> {
        self.launched();
        Tensor::from_dispatch(Dispatch::sum(
            x.clone().into_dispatch(),
            y.clone().into_dispatch(),
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
        let data = x
            .clone()
            .into_data_async()
            .await
            .map_err(|error| Error::DeviceLost {
                reason: format!("{error:?}"),
            })?;
        data.try_into_vec::<f32>()
            .map_err(|error| Error::DeviceLost {
                reason: format!("{error:?}"),
            })
    }

    fn dispatches(&self) -> u64 {
        self.launches.get()
    }

    fn norm_gated(
        &self,
        x: &Tensor<2>,
        norm: &Tensor<1>,
        epsilon: f32,
        gate: &Matrix,
        up: &Matrix,
    ) -> Tensor<2> {
        match (gate, up) {
            (
                Matrix::Packed {
                    quants: gate_quants,
                    scales: gate_scales,
                    shape,
                },
                Matrix::Packed {
                    quants: up_quants,
                    scales: up_scales,
                    shape: up_shape,
                },
            ) if shape == up_shape => {
                let normed = self.rms_norm(x, norm, epsilon);
                self.launched();
                Tensor::from_dispatch(Dispatch::product_gated(
                    normed.into_dispatch(),
                    gate_quants.clone().into_dispatch(),
                    gate_scales.clone().into_dispatch(),
                    up_quants.clone().into_dispatch(),
                    up_scales.clone().into_dispatch(),
                    *shape,
                    self.lanes,
                ))
            }
            _ => {
                let [gate, up] = self.norm_linears(x, norm, epsilon, [gate, up]);
                self.swiglu(&gate, &up)
            }
        }
    }

    fn linear_add(&self, x: &Tensor<2>, weight: &Matrix, residual: &Tensor<2>) -> Tensor<2> {
        let Matrix::Packed {
            quants,
            scales,
            shape,
        } = weight
        else {
            return self.add(residual, &self.linear(x, weight));
        };
        self.launched();
        Tensor::from_dispatch(Dispatch::product_add(
            x.clone().into_dispatch(),
            quants.clone().into_dispatch(),
            scales.clone().into_dispatch(),
            residual.clone().into_dispatch(),
            *shape,
            self.lanes,
        ))
    }
}
