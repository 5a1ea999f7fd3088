//! Keys and values of past positions, and the turns of RoPE.

use burn::{backend::Dispatch, tensor::Tensor};

use super::{Gpu, ops::ElementwiseOps};
use crate::{
    Error,
    compute::{CacheShape, Rope},
};

/// Positions that a cache has room for at first.
const FIRST_POSITIONS: usize = 256;

/// Keys and values of one layer, `[capacity, kv_heads * head_dim]` each, flat.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(super) shape: CacheShape,
    pub(super) capacity: usize,
    pub(super) rows: Option<Rows>,
}

#[derive(Debug)]
pub(super) struct Rows {
    pub keys: Tensor<1>,
    pub values: Tensor<1>,
}

/// Cosines and sines of RoPE for the first positions, `[positions, pairs, 2]`, flat.
#[derive(Debug)]
pub(super) struct Turns {
    rope: Rope,
    positions: usize,
    table: Tensor<1>,
}

impl Gpu {
    /// Makes room, see [`crate::compute::Compute::reserve`].
    pub(super) fn grow(&self, cache: &mut Cache, positions: usize) -> Result<(), Error> {
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

    /// The table of turns for at least `positions`. Layers may turn in different ways.
    ///
    /// Angles are made here, in double precision: WebGPU promises cosines only near zero, and an
    /// angle of 8,000 radians has lost three digits as a float.
    pub(super) fn turns(&self, rope: &Rope, positions: usize) -> Tensor<1> {
        let mut all = self.turns.borrow_mut();
        if let Some(known) = all
            .iter()
            .find(|known| known.positions >= positions && known.rope == *rope)
        {
            return known.table.clone();
        }
        let magnitude = f64::from(rope.magnitude);
        let mut values: Vec<f32> = (0..positions)
            .flat_map(|position| {
                rope.frequencies
                    .iter()
                    .map(move |frequency| position as f64 * frequency)
            })
            .flat_map(|angle| {
                [
                    (magnitude * angle.cos()) as f32,
                    (magnitude * angle.sin()) as f32,
                ]
            })
            .collect();
        // A kernel binds the table even when nothing turns.
        values.resize(values.len().max(1), 0.0);
        let length = values.len();
        let table = self.keep_floats(values, [length]);
        all.retain(|known| known.rope != *rope);
        all.push(Turns {
            rope: rope.clone(),
            positions,
            table: table.clone(),
        });
        table
    }
}
