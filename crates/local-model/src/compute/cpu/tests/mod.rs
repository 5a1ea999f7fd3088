//! Each operation against a plain reference in double precision, on fresh random inputs, whatever instructions
//! the machine has.

mod attention;
mod candidates;
mod elementwise;
mod products;
mod rounding;
mod simd;
mod threads;

use super::{
    Cpu, Matrix, Tensor,
    quantized::{Block, ORDER, Rounded, TILE},
};
use crate::{
    compute::{Compute, Part},
    gguf::TensorType,
    testing::Random,
};

fn random_tensor(random: &mut Random, tokens: usize, width: usize) -> Tensor {
    Tensor {
        width,
        values: (0..tokens * width).map(|_| random.normal()).collect(),
    }
}

fn load(cpu: &Cpu, kind: TensorType, rows: usize, columns: usize, bytes: Vec<u8>) -> Matrix {
    pollster::block_on(cpu.matrix(vec![part(kind, rows, bytes)], columns)).unwrap()
}

fn part(kind: TensorType, rows: usize, bytes: Vec<u8>) -> Part<'static> {
    let name = "test";
    Part {
        name,
        kind,
        rows,
        bytes,
    }
}

/// A rounded block of one token, its values in the order of the columns.
struct RoundedBlock {
    values: [i32; 32],
    scale: f32,
    sums: [f32; 3],
}

/// Blocks of each token, as `cpu` rounds them.
fn rounded(cpu: &Cpu, x: &Tensor) -> Vec<Vec<RoundedBlock>> {
    fn block<const T: usize>(block: &Block<T>, t: usize) -> RoundedBlock {
        RoundedBlock {
            values: std::array::from_fn(|column| {
                i32::from(block.values[column / 4][t][ORDER[column % 4]])
            }),
            scale: block.scales[t],
            sums: block.sums.map(|sums| sums[t]),
        }
    }
    let width = x.width / 32;
    let rounded = cpu.round(x);
    let token = |token: usize| match &rounded {
        Rounded::One(x) => x.blocks.iter().map(|x| block(x, 0)).collect(),
        Rounded::Several(x) => x.blocks[token / TILE * width..][..width]
            .iter()
            .map(|x| block(x, token % TILE))
            .collect(),
    };
    (0..x.tokens()).map(token).collect()
}
