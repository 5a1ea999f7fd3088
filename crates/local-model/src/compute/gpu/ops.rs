//! The kernels as operations on Burn tensors. Each is one launch; none waits.
//!
//! Every tensor here is contiguous: made by these operations or from data, never a view.

use burn::{
    backend::{
        Backend, backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::DType,
};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{
    kernels::{UNITS, attention, elementwise, embed, norm, product, product::Cut},
    pack::{BLOCK, Packing},
};
use crate::compute::AttentionShape;

/// Rows, columns and packing of a packed matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedShape {
    pub rows: usize,
    pub columns: usize,
    pub packing: Packing,
}

impl PackedShape {
    /// Bytes of the codes, the larger of the two lists.
    pub(super) fn quant_bytes(self) -> u64 {
        (self.rows * self.columns / BLOCK * self.packing.words4() * 16) as u64
    }
}

#[backend_extension(Cube)]
pub(super) trait Ops: Backend {
    /// Rows `ids` of a packed table, `[ids, columns]`.
    fn embed_packed(
        ids: IntTensor<Self>,
        quants: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self>;

    /// Rows `ids` of a table of floats, `[ids, columns]`.
    fn embed_float(ids: IntTensor<Self>, table: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Root-mean-square norm of each row.
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, epsilon: f32)
    -> FloatTensor<Self>;

    /// `x · Wᵀ`.
    fn product(
        x: FloatTensor<Self>,
        quants: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        lanes: u32,
    ) -> FloatTensor<Self>;

    /// `residual + x · Wᵀ`.
    fn product_add(
        x: FloatTensor<Self>,
        quants: IntTensor<Self>,
        scales: IntTensor<Self>,
        residual: FloatTensor<Self>,
        shape: PackedShape,
        lanes: u32,
    ) -> FloatTensor<Self>;

    /// `silu(x · Gᵀ) * (x · Uᵀ)`.
    fn product_gated(
        x: FloatTensor<Self>,
        gate_quants: IntTensor<Self>,
        gate_scales: IntTensor<Self>,
        up_quants: IntTensor<Self>,
        up_scales: IntTensor<Self>,
        shape: PackedShape,
        lanes: u32,
    ) -> FloatTensor<Self>;

    /// `x · Wᵀ` with a matrix of floats.
    fn product_float(
        x: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        lanes: u32,
    ) -> FloatTensor<Self>;

    /// `silu(gate) * up`.
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `x + y`.
    fn sum(x: FloatTensor<Self>, y: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `[1, columns]`: one row of `x`.
    fn row(x: FloatTensor<Self>, index: usize) -> FloatTensor<Self>;

    /// `x` at the front of a longer `[length]`; the rest is not written.
    fn grown(x: FloatTensor<Self>, length: usize) -> FloatTensor<Self>;

    /// Turned queries; turned keys and values go to the caches, in place.
    fn rope_and_store(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        turns: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        position: usize,
        shape: AttentionShape,
    ) -> FloatTensor<Self>;

    /// Attention of turned queries over the caches.
    fn attend(
        q: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        position: usize,
        shape: AttentionShape,
    ) -> FloatTensor<Self>;
}

impl Ops for CubeBackend {
    fn embed_packed(
        ids: CubeTensor,
        quants: CubeTensor,
        scales: CubeTensor,
        shape: PackedShape,
    ) -> CubeTensor {
        let (tokens, blocks) = (width(&ids), shape.columns / BLOCK);
        let out = empty(&quants, [tokens, shape.columns]);
        // SAFETY: ids are below the table's rows, by the contract of `Compute::embed`; the kernel
        // stops beyond `tokens * blocks`.
        unsafe {
            embed::embed_packed::launch_unchecked(
                &quants.client.clone(),
                groups(tokens * blocks),
                CubeDim::new_1d(UNITS),
                ids.into_buffer_arg(),
                quants.into_buffer_arg(),
                scales.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                blocks as u32,
                shape.packing,
            );
        }
        out
    }

    fn embed_float(ids: CubeTensor, table: CubeTensor) -> CubeTensor {
        let (tokens, columns) = (width(&ids), width(&table));
        let out = empty(&table, [tokens, columns]);
        // SAFETY: as in `embed_packed`.
        unsafe {
            embed::embed_float::launch_unchecked(
                &table.client.clone(),
                groups(tokens * columns),
                CubeDim::new_1d(UNITS),
                ids.into_buffer_arg(),
                table.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                columns as u32,
            );
        }
        out
    }

    fn rms_norm(x: CubeTensor, weight: CubeTensor, epsilon: f32) -> CubeTensor {
        let (tokens, columns) = (height(&x), width(&x));
        assert_eq!(width(&weight), columns, "rms_norm: widths differ");
        let size = vector_size(columns);
        let out = empty(&x, [tokens, columns]);
        // SAFETY: `x` has `tokens` rows of `columns`, the weight one.
        unsafe {
            norm::rms_norm::launch_unchecked(
                &x.client.clone(),
                CubeCount::Static(tokens as u32, 1, 1),
                CubeDim::new_1d(UNITS),
                size,
                x.into_buffer_arg(),
                weight.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                (columns / size) as u32,
                columns as f32,
                epsilon,
            );
        }
        out
    }

    fn product(
        x: CubeTensor,
        quants: CubeTensor,
        scales: CubeTensor,
        shape: PackedShape,
        lanes: u32,
    ) -> CubeTensor {
        let (tokens, blocks) = (height(&x), shape.columns / BLOCK);
        assert_eq!(width(&x), shape.columns, "product: widths differ");
        let cut = cut(tokens, lanes);
        let out = empty(&x, [tokens, shape.rows]);
        // SAFETY: the matrix has `rows * blocks` blocks, by construction, and `x` `tokens` rows of as
        // many columns; the kernel clamps rows and tokens.
        unsafe {
            product::product::launch_unchecked(
                &x.client.clone(),
                product_groups(tokens, shape.rows, cut),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                quants.into_buffer_arg(),
                scales.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                shape.rows as u32,
                blocks as u32,
                shape.packing,
                cut,
            );
        }
        out
    }

    fn product_add(
        x: CubeTensor,
        quants: CubeTensor,
        scales: CubeTensor,
        residual: CubeTensor,
        shape: PackedShape,
        lanes: u32,
    ) -> CubeTensor {
        let (tokens, blocks) = (height(&x), shape.columns / BLOCK);
        assert_eq!(width(&x), shape.columns, "product_add: widths differ");
        assert_eq!(
            (height(&residual), width(&residual)),
            (tokens, shape.rows),
            "product_add: the residual's shape differs"
        );
        let cut = cut(tokens, lanes);
        let out = empty(&x, [tokens, shape.rows]);
        // SAFETY: as in `product`; the residual has the shape of `out`.
        unsafe {
            product::product_add::launch_unchecked(
                &x.client.clone(),
                product_groups(tokens, shape.rows, cut),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                quants.into_buffer_arg(),
                scales.into_buffer_arg(),
                residual.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                shape.rows as u32,
                blocks as u32,
                shape.packing,
                cut,
            );
        }
        out
    }

    fn product_gated(
        x: CubeTensor,
        gate_quants: CubeTensor,
        gate_scales: CubeTensor,
        up_quants: CubeTensor,
        up_scales: CubeTensor,
        shape: PackedShape,
        lanes: u32,
    ) -> CubeTensor {
        let (tokens, blocks) = (height(&x), shape.columns / BLOCK);
        assert_eq!(width(&x), shape.columns, "product_gated: widths differ");
        let cut = cut(tokens, lanes).halved();
        let out = empty(&x, [tokens, shape.rows]);
        // SAFETY: as in `product`, for both matrices.
        unsafe {
            product::product_gated::launch_unchecked(
                &x.client.clone(),
                product_groups(tokens, shape.rows, cut),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                gate_quants.into_buffer_arg(),
                gate_scales.into_buffer_arg(),
                up_quants.into_buffer_arg(),
                up_scales.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                shape.rows as u32,
                blocks as u32,
                shape.packing,
                cut,
            );
        }
        out
    }

    fn product_float(x: CubeTensor, weights: CubeTensor, lanes: u32) -> CubeTensor {
        let (tokens, rows, columns) = (height(&x), height(&weights), width(&weights));
        assert_eq!(width(&x), columns, "product_float: widths differ");
        let (cut, size) = (cut(tokens, lanes), vector_size(columns));
        let out = empty(&x, [tokens, rows]);
        // SAFETY: shapes are those of the tensors; the kernel clamps rows and tokens.
        unsafe {
            product::product_float::launch_unchecked(
                &x.client.clone(),
                product_groups(tokens, rows, cut),
                CubeDim::new_1d(UNITS),
                size,
                x.into_buffer_arg(),
                weights.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                rows as u32,
                (columns / size) as u32,
                cut,
            );
        }
        out
    }

    fn swiglu(gate: CubeTensor, up: CubeTensor) -> CubeTensor {
        assert_eq!(gate.meta.shape(), up.meta.shape(), "swiglu: shapes differ");
        let (tokens, columns) = (height(&gate), width(&gate));
        let out = empty(&gate, [tokens, columns]);
        // SAFETY: all three have `tokens * columns` values.
        unsafe {
            elementwise::swiglu::launch_unchecked(
                &gate.client.clone(),
                groups(tokens * columns),
                CubeDim::new_1d(UNITS),
                gate.into_buffer_arg(),
                up.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                (tokens * columns) as u32,
            );
        }
        out
    }

    fn sum(x: CubeTensor, y: CubeTensor) -> CubeTensor {
        assert_eq!(x.meta.shape(), y.meta.shape(), "sum: shapes differ");
        let (tokens, columns) = (height(&x), width(&x));
        let out = empty(&x, [tokens, columns]);
        // SAFETY: all three have `tokens * columns` values.
        unsafe {
            elementwise::add::launch_unchecked(
                &x.client.clone(),
                groups(tokens * columns),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                y.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                (tokens * columns) as u32,
            );
        }
        out
    }

    fn row(x: CubeTensor, index: usize) -> CubeTensor {
        assert!(index < height(&x), "row {index} of {}", height(&x));
        let columns = width(&x);
        let out = empty(&x, [1, columns]);
        copy(x, &out, index * columns, columns);
        out
    }

    fn grown(x: CubeTensor, length: usize) -> CubeTensor {
        assert!(
            width(&x) <= length,
            "grown: {} values do not fit {length}",
            width(&x)
        );
        let out = empty(&x, [length]);
        let kept = width(&x);
        copy(x, &out, 0, kept);
        out
    }

    fn rope_and_store(
        q: CubeTensor,
        k: CubeTensor,
        v: CubeTensor,
        turns: CubeTensor,
        keys: CubeTensor,
        values: CubeTensor,
        position: usize,
        shape: AttentionShape,
    ) -> CubeTensor {
        let (tokens, q_width, kv_width) = (height(&q), width(&q), width(&k));
        assert_eq!(
            (q_width, kv_width),
            (
                shape.heads * shape.head_dim,
                shape.kv_heads * shape.head_dim
            )
        );
        assert_eq!(
            k.meta.shape(),
            v.meta.shape(),
            "attention: keys and values differ"
        );
        assert!(
            (position + tokens) * kv_width <= width(&keys).min(width(&values)),
            "attention: the cache is full"
        );
        assert!(
            (position + tokens) * shape.rope_dimensions <= width(&turns),
            "attention: positions without a turn"
        );
        let out = empty(&q, [tokens, q_width]);
        // SAFETY: asserted above: rows `position..position + tokens` are within the caches and turns.
        //
        // The caches are written through a second handle to their buffers. That is sound because they
        // have no other reader or writer at that time: a `Cache` owns them and passes them to these
        // two operations only, kernels of one stream run in the order of their launches, and Burn
        // itself writes in place only to tensors with one handle, which the cache's never have here.
        unsafe {
            attention::rope_and_store::launch_unchecked(
                &q.client.clone(),
                groups(tokens * (q_width / 2 + kv_width)),
                CubeDim::new_1d(UNITS),
                q.into_buffer_arg(),
                k.into_buffer_arg(),
                v.into_buffer_arg(),
                turns.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                keys.into_buffer_arg(),
                values.into_buffer_arg(),
                tokens as u32,
                position as u32,
                q_width as u32,
                kv_width as u32,
                shape.head_dim as u32,
                shape.rope_dimensions as u32,
            );
        }
        out
    }

    fn attend(
        q: CubeTensor,
        keys: CubeTensor,
        values: CubeTensor,
        position: usize,
        shape: AttentionShape,
    ) -> CubeTensor {
        let (tokens, q_width) = (height(&q), width(&q));
        let size = vector_size(shape.head_dim);
        let out = empty(&q, [tokens, q_width]);
        // SAFETY: `rope_and_store` has checked the same shapes, and written all rows that are read.
        unsafe {
            attention::attend::launch_unchecked(
                &q.client.clone(),
                CubeCount::Static(shape.heads as u32, tokens as u32, 1),
                CubeDim::new_1d(UNITS),
                size,
                q.into_buffer_arg(),
                keys.into_buffer_arg(),
                values.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                position as u32,
                shape.heads as u32,
                shape.kv_heads as u32,
                1.0 / (shape.head_dim as f32).sqrt(),
                shape.head_dim as u32,
            );
        }
        out
    }
}

/// `out[i] = x[start + i]`.
fn copy(x: CubeTensor, out: &CubeTensor, start: usize, length: usize) {
    // SAFETY: callers have checked both lengths.
    unsafe {
        elementwise::copy::launch_unchecked(
            &x.client.clone(),
            groups(length),
            CubeDim::new_1d(UNITS),
            x.into_buffer_arg(),
            out.clone().into_buffer_arg(),
            start as u32,
            length as u32,
        );
    }
}

/// Tokens that share an unpacked block, for a prompt; one when there is one.
const TILE: u32 = 8;

fn cut(tokens: usize, lanes: u32) -> Cut {
    Cut {
        lanes,
        tile: if tokens == 1 { 1 } else { TILE },
    }
}

fn product_groups(tokens: usize, rows: usize, cut: Cut) -> CubeCount {
    CubeCount::Static(
        (rows as u32).div_ceil(cut.rows()),
        (tokens as u32).div_ceil(cut.tile),
        1,
    )
}

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
