//! Operations on heads.

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{empty, height, vector_size, width};
use crate::compute::{
    AttentionShape, Pairs,
    gpu::kernels::{UNITS, attention},
};

#[backend_extension(Cube)]
pub(in crate::compute::gpu) trait AttentionOps: Backend {
    /// Turned queries `[tokens, heads * head_dim]`; turned keys and values go to the caches, in place.
    ///
    /// Heads of queries and keys are normed first where there is an `epsilon`; else any tensors may
    /// stand for the two norms.
    fn rope_and_store(
        qkv: FloatTensor<Self>,
        query_norm: FloatTensor<Self>,
        key_norm: FloatTensor<Self>,
        turns: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        position: usize,
        shape: AttentionShape,
        epsilon: Option<f32>,
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

impl AttentionOps for CubeBackend {
    fn rope_and_store(
        qkv: CubeTensor,
        query_norm: CubeTensor,
        key_norm: CubeTensor,
        turns: CubeTensor,
        keys: CubeTensor,
        values: CubeTensor,
        position: usize,
        shape: AttentionShape,
        epsilon: Option<f32>,
    ) -> CubeTensor {
        let tokens = height(&qkv);
        let kv_width = shape.kv_heads * shape.head_dim;
        let pairs = shape.rope.frequencies.len();
        assert_eq!(width(&qkv), shape.qkv_width(), "attention: widths differ");
        assert!(
            shape.head_dim.is_multiple_of(2) && 2 * pairs <= shape.head_dim,
            "attention: pairs beyond a head"
        );
        assert!(
            (position + tokens) * kv_width <= width(&keys).min(width(&values)),
            "attention: the cache is full"
        );
        assert!(
            (position + tokens) * 2 * pairs <= width(&turns),
            "attention: positions without a turn"
        );
        assert!(
            epsilon.is_none()
                || (width(&query_norm), width(&key_norm)) == (shape.head_dim, shape.head_dim),
            "attention: the norms' widths differ"
        );
        let out = empty(&qkv, [tokens, shape.heads * shape.head_dim]);
        // SAFETY: asserted above: rows `position..position + tokens` are within the caches and turns.
        // The caches are written through a second handle, see the module: a `Cache` owns them and
        // passes them to these two operations only.
        unsafe {
            attention::rope_and_store::launch_unchecked(
                &qkv.client.clone(),
                CubeCount::Static((shape.heads + 2 * shape.kv_heads) as u32, tokens as u32, 1),
                CubeDim::new_1d(UNITS),
                qkv.into_buffer_arg(),
                query_norm.into_buffer_arg(),
                key_norm.into_buffer_arg(),
                turns.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                keys.into_buffer_arg(),
                values.into_buffer_arg(),
                position as u32,
                shape.heads as u32,
                shape.kv_heads as u32,
                shape.head_dim as u32,
                pairs as u32,
                epsilon.unwrap_or(0.0),
                matches!(shape.rope.pairs, Pairs::Halves),
                epsilon.is_some(),
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
        let window = shape
            .window
            .map_or(u32::MAX, |window| u32::try_from(window).unwrap_or(u32::MAX));
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
                shape.scale,
                window,
                shape.head_dim as u32,
            );
        }
        out
    }
}
