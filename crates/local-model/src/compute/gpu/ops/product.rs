//! Operations on packed matrices.

use burn::backend::{
    Backend, backend_extension,
    tensor::{FloatTensor, IntTensor},
};
use burn_cubecl::{CubeBackend, tensor::CubeTensor};
use cubecl::prelude::*;

use super::{empty, groups, height, width};
use crate::compute::gpu::{
    kernels::{
        UNITS, embed,
        product::{self, Cut, Finish},
    },
    pack::Packing,
};

/// Rows, columns and packing of a packed matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedShape {
    pub rows: usize,
    pub columns: usize,
    pub packing: Packing,
}

impl PackedShape {
    /// Bytes of the codes, the larger of the two lists.
    pub(in crate::compute::gpu) fn code_bytes(self) -> u64 {
        (self.packing.code_words(self.rows * self.columns / 4) * size_of::<u32>()) as u64
    }

    /// Blocks of a row.
    fn blocks(self) -> usize {
        self.columns / (4 * self.packing.fours() as usize)
    }
}

/// What one product does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub shape: PackedShape,
    pub cut: Cut,
    pub finish: Finish,
    /// Norm `x` first, with this epsilon.
    pub epsilon: Option<f32>,
    /// First column of `out` to write.
    pub first: usize,
}

#[backend_extension(Cube)]
pub(in crate::compute::gpu) trait ProductOps: Backend {
    /// Rows `ids` of a packed table, `[ids, columns]`, times `scale`.
    fn embed(
        ids: IntTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        scale: f32,
    ) -> FloatTensor<Self>;

    /// `x · Wᵀ`, written to columns of `out`, which is given back. `norm` and `residual` are read where
    /// `product` says so; else any tensor may stand for them.
    fn product(
        x: FloatTensor<Self>,
        codes: IntTensor<Self>,
        scales: IntTensor<Self>,
        norm: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        out: FloatTensor<Self>,
        product: Product,
    ) -> FloatTensor<Self>;
}

impl ProductOps for CubeBackend {
    fn embed(
        ids: CubeTensor,
        codes: CubeTensor,
        scales: CubeTensor,
        shape: PackedShape,
        scale: f32,
    ) -> CubeTensor {
        let (tokens, vectors) = (width(&ids), shape.columns / 4);
        let out = empty(&codes, [tokens, shape.columns]);
        // SAFETY: ids are below the table's rows, by the contract of `Compute::embed`; the kernel
        // stops beyond `tokens * vectors`.
        unsafe {
            embed::embed::launch_unchecked(
                &codes.client.clone(),
                groups(tokens * vectors),
                CubeDim::new_1d(UNITS),
                ids.into_buffer_arg(),
                codes.into_buffer_arg(),
                scales.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                vectors as u32,
                (shape.rows * vectors) as u32,
                scale,
                shape.packing,
            );
        }
        out
    }

    fn product(
        x: CubeTensor,
        codes: CubeTensor,
        scales: CubeTensor,
        norm: CubeTensor,
        residual: CubeTensor,
        out: CubeTensor,
        product: Product,
    ) -> CubeTensor {
        let Product {
            shape,
            cut,
            finish,
            epsilon,
            first,
        } = product;
        let tokens = height(&x);
        assert_eq!(width(&x), shape.columns, "product: widths differ");
        assert!(
            height(&out) == tokens && first + finish.columns(shape.rows) <= width(&out),
            "product: the output's shape differs"
        );
        if finish == Finish::Add {
            assert_eq!(
                (height(&residual), width(&residual)),
                (tokens, width(&out)),
                "product: the residual's shape differs"
            );
        }
        if let Finish::Gate(_) = finish {
            assert!(
                cut.streams == 2 && shape.rows.is_multiple_of(2),
                "product: gate and up differ"
            );
        }
        if epsilon.is_some() {
            assert!(
                tokens == 1 && width(&norm) == shape.columns,
                "product: the norm's width differs"
            );
        }
        let first_rows = (shape.rows as u32).div_ceil(cut.streams);
        // SAFETY: the matrix has `rows * blocks` blocks, by construction, and `x` `tokens` rows of as
        // many columns; the kernel clamps rows and tokens. `norm` and `residual` are checked above
        // where they are read. `out`: see the module.
        unsafe {
            product::product::launch_unchecked(
                &x.client.clone(),
                CubeCount::Static(
                    first_rows.div_ceil(cut.rows()),
                    (tokens as u32).div_ceil(cut.tile),
                    1,
                ),
                CubeDim::new_1d(UNITS),
                x.into_buffer_arg(),
                codes.into_buffer_arg(),
                scales.into_buffer_arg(),
                norm.into_buffer_arg(),
                residual.into_buffer_arg(),
                out.clone().into_buffer_arg(),
                tokens as u32,
                shape.rows as u32,
                shape.blocks() as u32,
                width(&out) as u32,
                first as u32,
                epsilon.unwrap_or(0.0),
                shape.packing,
                cut,
                finish,
                epsilon.map_or(0, |_| shape.columns as u32 / 4),
            );
        }
        out
    }
}
