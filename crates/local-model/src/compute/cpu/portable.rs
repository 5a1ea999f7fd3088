//! Products in plain Rust: the reference for the SIMD kernels, which give the same bits.

use std::slice;

use half::f16;

use super::{
    format::{Format, HALVES, ROWS, byte, code},
    kernel::Instructions,
    quantized::{BLOCK, Block, ORDER},
};

/// No instructions but the ones that every machine has.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Instructions for Portable {
    type Floats = [f32; ROWS];
    type Ints = [i32; ROWS];

    fn dots<F: Format, const T: usize>(
        self,
        places: [&F::Place; HALVES],
        at: usize,
        x: [&Block; T],
    ) -> [[[[i32; ROWS]; 2]; T]; HALVES] {
        places.map(|place| {
            // SAFETY: a block's planes lie within the super-block.
            let planes = unsafe { slice::from_raw_parts(byte::<F>(place, at), F::PLANES) };
            x.map(|x| {
                let mut sums = [[0; ROWS]; 2];
                for (index, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
                    let (half, row) = (index / ROWS, index % ROWS);
                    let columns = match (F::GROUP, half) {
                        (16, _) => 16 * half..16 * half + 16,
                        (_, 0) => 0..BLOCK,
                        _ => 0..0,
                    };
                    for column in columns {
                        let code = code::<F>(planes, row, column);
                        let code = if F::BITS == 8 {
                            i32::from(code.cast_signed())
                        } else {
                            i32::from(code)
                        };
                        *sum += code * i32::from(x.values[column / 4 * 4 + ORDER[column % 4]]);
                    }
                }
                sums
            })
        })
    }

    fn floats(self, ints: [i32; ROWS]) -> [f32; ROWS] {
        ints.map(|int| int as f32)
    }

    fn halves(self, bytes: [u8; 8]) -> [f32; ROWS] {
        [0, 2, 4, 6].map(|at| f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32())
    }

    fn unsigned(self, bytes: u32) -> [f32; ROWS] {
        bytes.to_le_bytes().map(f32::from)
    }

    fn signed(self, bytes: u32) -> [f32; ROWS] {
        bytes
            .to_le_bytes()
            .map(|byte| f32::from(byte.cast_signed()))
    }

    fn splat(self, value: f32) -> [f32; ROWS] {
        [value; ROWS]
    }

    fn add(self, a: [f32; ROWS], b: [f32; ROWS]) -> [f32; ROWS] {
        std::array::from_fn(|row| a[row] + b[row])
    }

    fn mul(self, a: [f32; ROWS], b: [f32; ROWS]) -> [f32; ROWS] {
        std::array::from_fn(|row| a[row] * b[row])
    }

    fn array(self, floats: [f32; ROWS]) -> [f32; ROWS] {
        floats
    }
}
