//! Weights on their way to the device.

use burn::tensor::{Int, Tensor};

use super::{
    Gpu,
    kernels::{
        UNITS,
        product::{Cut, Finish},
    },
    ops::PackedShape,
    pack::{self, Packing},
};
use crate::{Error, compute::Part, gguf::TensorType};

/// Rows of the largest matrix: as many as 65,535 workgroups take, which WebGPU promises.
const MAX_ROWS: usize = 65_535 * (UNITS / super::LANES) as usize;
/// Bytes of weights that may be on their way to the device at once.
const MAX_IN_FLIGHT: usize = 16 << 20;

/// A weight matrix on the device: segments one below the other, each of one type.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(super) segments: Vec<Segment>,
    pub(super) rows: usize,
}

/// Rows of one type; see [`pack`].
#[derive(Debug)]
pub(super) struct Segment {
    pub codes: Tensor<1, Int>,
    pub scales: Tensor<1, Int>,
    pub shape: PackedShape,
}

impl Gpu {
    /// Packs and uploads, see [`crate::compute::Compute::matrix`]. Neighbours of one type become one
    /// segment, and so one launch.
    pub(super) async fn upload(
        &self,
        parts: Vec<Part<'_>>,
        columns: usize,
    ) -> Result<Matrix, Error> {
        let rows = parts.iter().map(|part| part.rows).sum();
        let mut segments = Vec::new();
        let mut parts = parts.into_iter().peekable();
        while let Some(first) = parts.next() {
            let (name, kind) = (first.name, first.kind);
            let (mut segment_rows, mut bytes) = (first.rows, first.bytes);
            while let Some(next) = parts.next_if(|next| next.kind == kind) {
                segment_rows += next.rows;
                bytes.extend_from_slice(&next.bytes);
            }
            segments.push(
                self.segment(name, kind, segment_rows, columns, bytes)
                    .await?,
            );
        }
        Ok(Matrix { segments, rows })
    }

    async fn segment(
        &self,
        name: &str,
        kind: TensorType,
        rows: usize,
        columns: usize,
        bytes: Vec<u8>,
    ) -> Result<Segment, Error> {
        if rows > MAX_ROWS {
            return Err(Error::Unsupported {
                what: format!("tensor {name}: {rows} rows on WebGPU (at most {MAX_ROWS})"),
            });
        }
        if !columns.is_multiple_of(4) {
            return Err(Error::Unsupported {
                what: format!("tensor {name}: {columns} columns on WebGPU (a multiple of 4)"),
            });
        }
        let shape = PackedShape {
            rows,
            columns,
            packing: Packing::of(kind),
        };
        self.adapter
            .check(&format!("tensor {name}"), shape.code_bytes())?;
        let length = bytes.len();
        let packed = pack::pack(kind, &bytes);
        // Both copies of a large table at once would be its memory twice.
        drop(bytes);
        let segment = Segment {
            codes: self.keep_words(packed.codes),
            scales: self.keep_words(packed.scales),
            shape,
        };
        self.await_uploads(length).await?;
        Ok(segment)
    }

    /// Waits for uploads, once [`MAX_IN_FLIGHT`] bytes are on their way.
    async fn await_uploads(&self, bytes: usize) -> Result<(), Error> {
        let in_flight = self.in_flight.get() + bytes;
        self.in_flight.set(in_flight);
        if in_flight < MAX_IN_FLIGHT {
            return Ok(());
        }
        self.in_flight.set(0);
        let uploaded = self.adapter.client().sync().await;
        uploaded.map_err(|error| Error::DeviceLost {
            reason: error.to_string(),
        })
    }

    /// How a product with `tokens` rows of `x` is cut.
    pub(super) fn cut(&self, tokens: usize, finish: Finish) -> Cut {
        let gated = matches!(finish, Finish::Gate(_));
        let least = if gated { 2 } else { 1 };
        match (self.lanes, tokens) {
            (1, 1) => Cut {
                lanes: 1,
                tile: 1,
                streams: least,
            },
            // On a processor loads are dear, and arithmetic is not.
            (1, _) => Cut {
                lanes: 1,
                tile: 8,
                streams: if gated { 2 } else { 4 },
            },
            (lanes, 1) => Cut {
                lanes,
                tile: 1,
                streams: least,
            },
            (lanes, _) => Cut {
                lanes,
                tile: 8 / least,
                streams: least,
            },
        }
    }
}
