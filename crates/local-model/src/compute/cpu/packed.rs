//! Packed weights in the order in which the kernels read them.

use half::f16;

use super::{
    format::{Format, Minimum, ROWS, code, with_format, write_codes},
    unpack::{Unpacked, unpack},
};
use crate::gguf::TensorType;

/// A matrix of any type of blocks; `format.rs` says in which order. Missing rows of the last group
/// are zero.
pub(crate) struct Packed {
    pub kind: TensorType,
    pub rows: usize,
    pub columns: usize,
    pub bytes: Vec<u8>,
}

impl Packed {
    /// Reorders GGUF blocks in place, in the memory that they came in but for a few percent that K
    /// types take more. `columns` is whole blocks; `bytes` is `rows` rows.
    pub fn new(kind: TensorType, rows: usize, columns: usize, mut bytes: Vec<u8>) -> Self {
        with_format!(kind, F => reorder::<F>(kind, rows, columns, &mut bytes));
        Self {
            kind,
            rows,
            columns,
            bytes,
        }
    }

    /// Appends one row as floats: for embeddings, which are looked up row by row.
    pub fn row(&self, row: usize, out: &mut Vec<f32>) {
        with_format!(self.kind, F => {
            let size = group_bytes::<F>(self.columns);
            let group = &self.bytes[row / ROWS * size..][..size];
            for place in group.chunks_exact(F::BYTES) {
                row_values::<F>(place, row % ROWS, out);
            }
        });
    }
}

/// Bytes of a group of eight rows.
pub(super) fn group_bytes<F: Format>(columns: usize) -> usize {
    columns / F::COLUMNS * F::BYTES
}

fn reorder<F: Format>(kind: TensorType, rows: usize, columns: usize, bytes: &mut Vec<u8>) {
    let (old, new) = (kind.row_bytes(columns), group_bytes::<F>(columns));
    debug_assert!(bytes.len() == rows * old && new >= ROWS * old);
    let groups = rows.div_ceil(ROWS);
    // No more than that: a vector that grows by itself takes twice its memory.
    bytes.reserve_exact((groups * new).saturating_sub(bytes.len()));
    bytes.resize(groups * new, 0);
    // A group may grow, so the last one moves first: its new place begins at or after its old one.
    let mut group = vec![0; ROWS * old];
    let mut unpacked = [Unpacked::ZERO; ROWS];
    for index in (0..groups).rev() {
        let given = ROWS.min(rows - index * ROWS);
        group.fill(0);
        group[..given * old].copy_from_slice(&bytes[index * ROWS * old..][..given * old]);
        let places = bytes[index * new..][..new].chunks_exact_mut(F::BYTES);
        for (at, place) in places.enumerate() {
            for (row, unpacked) in unpacked.iter_mut().enumerate() {
                let from = row * old + at * kind.block_bytes();
                unpack(kind, &group[from..][..kind.block_bytes()], unpacked);
            }
            write_super_block::<F>(place, &unpacked);
        }
    }
}

fn write_super_block<F: Format>(place: &mut [u8], rows: &[Unpacked; ROWS]) {
    for (row, unpacked) in rows.iter().enumerate() {
        place[2 * row..][..2].copy_from_slice(&unpacked.scale);
        if F::MINIMUM == Minimum::Own {
            place[2 * (ROWS + row)..][..2].copy_from_slice(&unpacked.minimum);
        }
    }
    let blocks = place[F::HEAD..].chunks_exact_mut(F::SMALL + F::PLANES);
    for (at, place) in blocks.enumerate() {
        let (small, planes) = place.split_at_mut(F::SMALL);
        for (row, unpacked) in rows.iter().enumerate() {
            if F::SMALL > 0 {
                [small[row], small[ROWS + row]] = unpacked.small[at];
            }
        }
        let codes = rows.each_ref().map(|row| {
            let codes = row.codes[32 * at..][..32].as_chunks::<4>().0;
            std::array::from_fn(|chunk| u32::from_le_bytes(codes[chunk]))
        });
        write_codes::<F>(planes, &codes);
    }
}

/// Values of one row of a super-block.
fn row_values<F: Format>(place: &[u8], row: usize, out: &mut Vec<f32>) {
    let half = |at: usize| f16::from_le_bytes([place[2 * at], place[2 * at + 1]]).to_f32();
    let d = half(row);
    let blocks = place[F::HEAD..].chunks_exact(F::SMALL + F::PLANES);
    for place in blocks {
        let (small, planes) = place.split_at(F::SMALL);
        for half_block in 0..2 {
            let byte = |at: usize| small[at * ROWS + row];
            let scale = match (F::BLOCKS, F::GROUP, F::MINIMUM, F::SIGNED) {
                (1, ..) => d,
                (_, 32, ..) => d * f32::from(byte(0)),
                (_, _, Minimum::Own, _) => d * f32::from(byte(half_block) & 15),
                _ => d * f32::from(byte(half_block).cast_signed()),
            };
            let minimum = match (F::BLOCKS, F::GROUP, F::MINIMUM) {
                (_, _, Minimum::None) => 0.0,
                (_, _, Minimum::Offset(offset)) => -scale * f32::from(offset),
                (1, _, Minimum::Own) => half(ROWS + row),
                (_, 32, Minimum::Own) => -half(ROWS + row) * f32::from(byte(1)),
                _ => -half(ROWS + row) * f32::from(byte(half_block) >> 4),
            };
            out.extend((16 * half_block..16 * half_block + 16).map(|column| {
                let code = code::<F>(planes, row, column);
                let code = if F::BITS == 8 {
                    f32::from(code.cast_signed())
                } else {
                    f32::from(code)
                };
                scale * code + minimum
            }));
        }
    }
}
