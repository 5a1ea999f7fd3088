//! Products with packed and with float matrices, and the rows of tables.

use super::{load, part, random_tensor, rounded};
use crate::{
    compute::{
        Compute,
        cpu::{Cpu, float::Float},
    },
    gguf::TensorType,
    testing::{Random, random_matrix},
};

/// Tokens, rows, columns.
pub(super) const SHAPES: [(usize, usize, usize); 8] = [
    (1, 1, 32),
    (1, 4, 64),
    (2, 7, 96),
    (3, 192, 576),
    (4, 5, 1536),
    (5, 66, 32),
    (9, 8, 288),
    (17, 13, 64),
];

#[test]
fn packed_products_are_those_of_the_rounded_input() {
    let mut random = Random::fresh();
    for kind in TensorType::ALL.into_iter().filter(|kind| kind.block() > 1) {
        for (tokens, rows, columns) in SHAPES {
            let columns = columns.next_multiple_of(kind.block());
            let (bytes, weights) = random_matrix(&mut random, kind, rows, columns);
            let x = random_tensor(&mut random, tokens, columns);
            let out =
                Cpu::portable().linear(&x, &load(&Cpu::portable(), kind, rows, columns, bytes));
            assert_eq!((out.width, out.values.len()), (rows, tokens * rows));
            for (token, blocks) in rounded(&Cpu::portable(), &x).into_iter().enumerate() {
                for row in 0..rows {
                    let (mut exact, mut size) = (0f64, 0f64);
                    for column in 0..columns {
                        let block = &blocks[column / 32];
                        let x = f64::from(block.scale) * f64::from(block.values[column % 32]);
                        exact += x * weights[row * columns + column];
                        size += (x * weights[row * columns + column]).abs();
                    }
                    let found = f64::from(out.values[token * rows + row]);
                    assert!(
                        (found - exact).abs() <= 1e-5 * size,
                        "{kind:?} {tokens}x{rows}x{columns}: {found}, {exact}"
                    );
                }
            }
        }
    }
}

#[test]
fn float_products_of_any_width_are_right() {
    let mut random = Random::fresh();
    for kind in [TensorType::F32, TensorType::F16, TensorType::BF16] {
        for (tokens, rows, columns) in [(1, 1, 1), (2, 3, 7), (1, 64, 172), (7, 172, 64), (3, 5, 8)]
        {
            let (bytes, weights) = random_matrix(&mut random, kind, rows, columns);
            let x = random_tensor(&mut random, tokens, columns);
            let out = Cpu::new().linear(&x, &load(&Cpu::new(), kind, rows, columns, bytes));
            for (token, x) in x.rows().enumerate() {
                for (row, weights) in weights.chunks_exact(columns).enumerate() {
                    let products = x.iter().zip(weights).map(|(&x, w)| f64::from(x) * w);
                    let size: f64 = products.clone().map(f64::abs).sum();
                    let off = f64::from(out.values[token * rows + row]) - products.sum::<f64>();
                    assert!(off.abs() <= 1e-5 * size, "{kind:?}: {off}");
                }
            }
        }
    }
}

#[test]
fn stacked_tensors_of_any_types_are_one_matrix() {
    let mut random = Random::fresh();
    let (columns, tokens) = (64, 6);
    let x = random_tensor(&mut random, tokens, columns);
    let kinds = [
        (TensorType::Q4_1, 8),
        (TensorType::Q4_1, 3),
        (TensorType::F32, 2),
        (TensorType::Q8_0, 5),
    ];
    let tensors = kinds.map(|(kind, rows)| {
        let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
        (kind, rows, bytes)
    });
    let parts = tensors
        .clone()
        .map(|(kind, rows, bytes)| part(kind, rows, bytes));
    let cpu = Cpu::new();
    let stacked = pollster::block_on(cpu.matrix(parts.into(), columns)).unwrap();
    let out = cpu.linear(&x, &stacked);
    assert_eq!((out.width, out.tokens()), (18, tokens));
    let mut first = 0;
    for (kind, rows, bytes) in tensors {
        let alone = load(&cpu, kind, rows, columns, bytes);
        let products = cpu.linear(&x, &alone);
        for (found, expected) in out.rows().zip(products.rows()) {
            assert_eq!(found[first..first + rows], *expected, "{kind:?}");
        }
        let ids: Vec<u32> = (0..rows as u32).collect();
        let stacked_ids: Vec<u32> = ids.iter().map(|id| id + first as u32).collect();
        assert_eq!(
            cpu.embed(&stacked, &stacked_ids, 1.0),
            cpu.embed(&alone, &ids, 1.0)
        );
        first += rows;
    }
}

#[test]
fn embeddings_are_the_rows_as_they_are() {
    let mut random = Random::fresh();
    for kind in TensorType::ALL {
        let columns = 64usize.next_multiple_of(kind.block());
        let (bytes, weights) = random_matrix(&mut random, kind, 11, columns);
        let table = load(&Cpu::new(), kind, 11, columns, bytes);
        let out = Cpu::new().embed(&table, &[10, 0, 5, 5], 2.0);
        for (row, id) in out.rows().zip([10, 0, 5, 5]) {
            for (found, exact) in row.iter().zip(&weights[id * columns..][..columns]) {
                let exact = 2.0 * exact;
                // A minimum taken from a product loses bits of the larger of the two.
                assert!(
                    (f64::from(*found) - exact).abs() <= 1e-6 * exact.abs().max(20.0),
                    "{kind:?}: {found}, {exact}"
                );
            }
        }
    }
}

#[test]
fn every_half_becomes_its_single() {
    let halves: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let matrix = Float {
        kind: TensorType::F16,
        rows: 1,
        columns: 1 << 16,
        bytes: halves,
    };
    let mut singles = Vec::new();
    matrix.row(0, &mut singles);
    for (bits, single) in (0..=u16::MAX).zip(singles) {
        let exact = half::f16::from_bits(bits).to_f32();
        assert!(
            single == exact || (single.is_nan() && exact.is_nan()),
            "{bits:x}"
        );
    }
}
