use std::sync::Arc;

use super::{
    Cpu, Matrix, Pool, Tensor,
    float::Float,
    quantized::{Block, ORDER, Rounded, TILE},
};
use crate::{
    compute::{
        Activation, AttentionShape, CacheShape, Candidates, Compute, HeadNorms, Pairs, Part, Rope,
    },
    gguf::TensorType,
    testing::{Random, random_matrix},
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

const SHAPES: [(usize, usize, usize); 8] = [
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
fn simd_gives_the_bits_of_the_portable_kernel() {
    let best = Cpu::new();
    println!("instructions: {}", best.instructions());
    let mut random = Random::fresh();
    for kind in TensorType::ALL.into_iter().filter(|kind| kind.block() > 1) {
        for (tokens, rows, columns) in SHAPES {
            let columns = columns.next_multiple_of(kind.block());
            let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
            let mut x = random_tensor(&mut random, tokens, columns);
            // The largest sums that there can be, and a block of zeros.
            x.values[..16].fill(3.0);
            x.values[16..32].fill(-3.0);
            x.values[(tokens - 1) * columns..][..32].fill(0.0);
            let matrix = load(&best, kind, rows, columns, bytes);
            let (portable, simd) = (
                Cpu::portable().linear(&x, &matrix),
                best.linear(&x, &matrix),
            );
            assert_eq!(portable, simd, "{kind:?} {tokens}x{rows}x{columns}");
        }
    }
}

#[test]
fn simd_rounds_gates_and_attends_as_plain_rust_does() {
    let mut random = Random::fresh();
    let best = Cpu::new();
    for tokens in [1, 3, 8] {
        let x = random_tensor(&mut random, tokens, 96);
        let blocks = |cpu: &Cpu| {
            let blocks = rounded(cpu, &x).into_iter().flatten();
            blocks.map(|block| (block.values, block.scale.to_bits(), block.sums))
        };
        assert!(blocks(&Cpu::portable()).eq(blocks(&best)));
        for activation in [Activation::Silu, Activation::Gelu] {
            let gated = |cpu: &Cpu| cpu.gated(&x, activation);
            assert_eq!(gated(&Cpu::portable()), gated(&best));
        }
        let shape = AttentionShape {
            heads: 2,
            kv_heads: 1,
            head_dim: 24,
            scale: 0.2,
            window: None,
            rope: Rope {
                pairs: Pairs::Halves,
                frequencies: vec![1.0, 0.1],
                magnitude: 1.0,
            },
        };
        let attended = |cpu: &Cpu| {
            let mut cache = cpu.cache(CacheShape {
                context: 8,
                kv_heads: 1,
                head_dim: 24,
            });
            cpu.attention(&x, None, &mut cache, 0, &shape)
        };
        assert_eq!(attended(&Cpu::portable()), attended(&best));
    }
}

#[test]
fn rounding_is_to_nearest_and_keeps_the_largest() {
    let mut random = Random::fresh();
    for tokens in [1, 3] {
        let x = random_tensor(&mut random, tokens, 64);
        let blocks = rounded(&Cpu::new(), &x).into_iter().flatten();
        for (block, x) in blocks.zip(x.values.as_chunks::<32>().0) {
            let scale = block.scale;
            for (&quant, &value) in block.values.iter().zip(x) {
                assert!(
                    (value - scale * quant as f32).abs() <= scale * 0.500_01,
                    "{value} is {quant} * {scale}"
                );
            }
            let sum = |values: &[i32]| values.iter().sum::<i32>() as f32;
            assert_eq!(
                block.values.iter().map(|value| value.abs()).max(),
                Some(127)
            );
            let (first, last) = block.values.split_at(16);
            assert_eq!(block.sums, [sum(&block.values), sum(first), sum(last)]);
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = Tensor {
            width: 64,
            values: vec![1.0; 64],
        };
        x.values[40] = poison;
        let blocks = &rounded(&Cpu::new(), &x)[0];
        assert!(blocks[0].scale.is_finite() && blocks[1].scale.is_nan());
    }
    let tiny = Tensor {
        width: 32,
        values: vec![f32::MIN_POSITIVE / 2.0; 32],
    };
    assert_eq!(rounded(&Cpu::new(), &tiny)[0][0].values, [0; 32]);
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

#[test]
fn small_operations_are_their_formulas() {
    let mut random = Random::fresh();
    let (x, y) = (
        random_tensor(&mut random, 3, 70),
        random_tensor(&mut random, 3, 70),
    );
    let weight: Vec<f32> = (0..70).map(|_| random.normal()).collect();
    let normed = Cpu::new().rms_norm(&x, &weight, 1e-5);
    let pairs = x.rows().zip(y.rows());
    let gate_up = Tensor {
        width: 140,
        values: pairs.flat_map(|(x, y)| [x, y].concat()).collect(),
    };
    let cpu = Cpu::new();
    let (silu, gelu) = (
        cpu.gated(&gate_up, Activation::Silu),
        cpu.gated(&gate_up, Activation::Gelu),
    );
    let (sum, biased) = (cpu.add(&x, &y), cpu.add_bias(&x, &weight));
    for at in 0..x.values.len() {
        let (a, b) = (f64::from(x.values[at]), f64::from(y.values[at]));
        let row = &x.values[at / 70 * 70..][..70];
        let mean = row
            .iter()
            .map(|&value| f64::from(value).powi(2))
            .sum::<f64>()
            / 70.0;
        let close = |found: f32, exact: f64| {
            (f64::from(found) - exact).abs() <= 1e-5 * exact.abs().max(1e-2)
        };
        assert!(close(
            normed.values[at],
            a / (mean + 1e-5).sqrt() * f64::from(weight[at % 70])
        ));
        assert!(close(silu.values[at], a / (1.0 + (-a).exp()) * b));
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (a + 0.044715 * a.powi(3));
        assert!(close(gelu.values[at], 0.5 * a * (1.0 + inner.tanh()) * b));
        assert_eq!(biased.values[at], x.values[at] + weight[at % 70]);
        assert_eq!(sum.values[at], x.values[at] + y.values[at]);
    }
    assert_eq!(Cpu::new().last_row(&x).values, x.values[140..]);
}

#[test]
fn candidates_are_the_highest_scores_and_the_sum_of_all() {
    let mut random = Random::fresh();
    let mut scores: Vec<f32> = (0..1003).map(|_| 4.0 * random.normal()).collect();
    (scores[700], scores[30]) = (50.0, 50.0);
    let exact = scores.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln();
    let mut order: Vec<u32> = (0..1003).collect();
    order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let best = |scores: &[f32]| {
        let logits = Tensor {
            width: scores.len(),
            values: scores.to_vec(),
        };
        pollster::block_on(Cpu::new().candidates(&logits, 8)).unwrap()
    };
    for found in [Candidates::of(&scores, 8), best(&scores)] {
        assert!((f64::from(found.log_sum) - exact).abs() < 1e-5);
        let expected = order[..8].iter().map(|&id| (id, scores[id as usize]));
        assert_eq!(found.top, expected.collect::<Vec<_>>());
        assert_eq!((found.top[0].0, found.top[1].0), (30, 700));
    }
    scores[5] = f32::NAN;
    assert!(Candidates::of(&scores, 8).log_sum.is_nan());
    assert!(best(&scores).log_sum.is_nan());
    assert_eq!(best(&scores[..3]).top.len(), 3);
}

/// Attention in f64, straight from the definition; all of `qkv` from position 0 on.
fn reference(qkv: &Tensor, norms: Option<(&[f32], &[f32])>, shape: &AttentionShape) -> Vec<f64> {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = *shape;
    // Head `head` of a row: queries, then keys, then values.
    let head_of = |position: usize, head: usize| -> Vec<f64> {
        qkv.values[position * qkv.width + head * head_dim..][..head_dim]
            .iter()
            .map(|&x| f64::from(x))
            .collect()
    };
    let rotated = |position: usize, head: usize| -> Vec<f64> {
        let mut row = head_of(position, head);
        if let Some((query, key)) = norms {
            let weight = if head < heads { query } else { key };
            let mean = row.iter().map(|x| x * x).sum::<f64>() / head_dim as f64;
            for (x, &weight) in row.iter_mut().zip(weight) {
                *x = *x / (mean + 1e-6).sqrt() * f64::from(weight);
            }
        }
        let pairs = shape.rope.frequencies.len();
        for (pair, frequency) in shape.rope.frequencies.iter().enumerate() {
            let (i, j) = match shape.rope.pairs {
                Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                Pairs::Halves => (pair, pairs + pair),
            };
            let (sine, cosine) = (position as f64 * frequency).sin_cos();
            let factor = f64::from(shape.rope.magnitude);
            let (a, b) = (factor * row[i], factor * row[j]);
            (row[i], row[j]) = (a * cosine - b * sine, a * sine + b * cosine);
        }
        row
    };
    let mut out = Vec::new();
    for position in 0..qkv.tokens() {
        let first = shape
            .window
            .map_or(0, |window| (position + 1).saturating_sub(window));
        for head in 0..heads {
            let kv_head = head / (heads / kv_heads);
            let query = rotated(position, head);
            let score = |at: usize| -> f64 {
                let key = rotated(at, heads + kv_head);
                f64::from(shape.scale) * query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>()
            };
            let weights: Vec<f64> = (first..=position).map(|at| score(at).exp()).collect();
            let total: f64 = weights.iter().sum();
            let mut sums = vec![0f64; head_dim];
            for (at, weight) in (first..).zip(&weights) {
                let value = head_of(at, heads + kv_heads + kv_head);
                for (sum, value) in sums.iter_mut().zip(value) {
                    *sum += weight * value / total;
                }
            }
            out.extend(sums);
        }
    }
    out
}

fn rows(x: &Tensor, range: std::ops::Range<usize>) -> Tensor {
    Tensor {
        width: x.width,
        values: x.values[range.start * x.width..range.end * x.width].to_vec(),
    }
}

#[test]
fn attention_is_its_definition_in_any_slices() {
    let mut random = Random::fresh();
    let shapes = [
        (9, 3, 64, 64, Pairs::Neighbours, None),
        (8, 4, 8, 8, Pairs::Halves, None),
        (4, 4, 16, 10, Pairs::Neighbours, Some(5)),
        (4, 2, 16, 10, Pairs::Halves, Some(1)),
        (1, 1, 6, 2, Pairs::Halves, Some(100)),
    ];
    for (heads, kv_heads, head_dim, turned, pairs, window) in shapes {
        let shape = AttentionShape {
            heads,
            kv_heads,
            head_dim,
            scale: 0.3,
            window,
            rope: Rope {
                pairs,
                frequencies: (0..turned / 2).map(|pair| 0.7f64.powi(pair)).collect(),
                magnitude: 1.1,
            },
        };
        let tokens = 21;
        let qkv = random_tensor(&mut random, tokens, shape.qkv_width());
        let weights = random_tensor(&mut random, 2, head_dim).values;
        let (query, key) = weights.split_at(head_dim);
        let norms = (heads % 2 == 0).then_some((query, key));
        let expected = reference(&qkv, norms, &shape);
        let (query, key) = (query.to_vec(), key.to_vec());
        let norms = || {
            norms.map(|_| HeadNorms {
                query: &query,
                key: &key,
                epsilon: 1e-6,
            })
        };
        for slices in [vec![21], vec![1; 21], vec![16, 1, 4]] {
            let cpu = Cpu::new();
            let mut cache = cpu.cache(CacheShape {
                context: 64,
                kv_heads,
                head_dim,
            });
            cpu.reserve(&mut cache, tokens).unwrap();
            // An abandoned turn beyond the first slice must leave no trace.
            let junk = random_tensor(&mut random, tokens, shape.qkv_width());
            cpu.attention(&junk, norms(), &mut cache, 0, &shape);
            let (mut position, mut found) = (0, Vec::new());
            for slice in slices {
                let slice_rows = rows(&qkv, position..position + slice);
                let out = cpu.attention(&slice_rows, norms(), &mut cache, position, &shape);
                found.extend(out.values);
                position += slice;
            }
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-4,
                    "{shape:?}: {found}, {expected}"
                );
            }
        }
    }
}

/// The best instructions on `threads` threads.
fn threaded(threads: usize) -> Cpu {
    Cpu {
        pool: Arc::new(Pool::start(threads).unwrap()),
        ..Cpu::new()
    }
}

#[test]
fn any_number_of_threads_gives_the_bits_of_one() {
    let mut random = Random::fresh();
    let one = Cpu::new();
    for threads in [2, 3] {
        let many = threaded(threads);
        // Large enough to be split, and rows that are no whole groups.
        let shapes: [(usize, usize, usize); 5] = [
            (1, 1003, 576),
            (3, 333, 512),
            (16, 509, 256),
            (17, 64, 768),
            (16, 4100, 64),
        ];
        for kind in TensorType::ALL {
            for (tokens, rows, columns) in shapes {
                let columns = columns.next_multiple_of(kind.block());
                let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
                let x = random_tensor(&mut random, tokens, columns);
                let parts = vec![part(kind, rows, bytes.clone()), part(kind, rows, bytes)];
                let matrix = pollster::block_on(one.matrix(parts, columns)).unwrap();
                assert_eq!(
                    one.linear(&x, &matrix),
                    many.linear(&x, &matrix),
                    "{kind:?}"
                );
            }
        }
        for activation in [Activation::Silu, Activation::Gelu] {
            let gate_up = random_tensor(&mut random, 16, 3072);
            assert_eq!(
                one.gated(&gate_up, activation),
                many.gated(&gate_up, activation)
            );
        }
        attention_of_one_and_of(&many, &mut random);
    }
}

fn attention_of_one_and_of(many: &Cpu, random: &mut Random) {
    for window in [None, Some(40)] {
        let shape = AttentionShape {
            heads: 9,
            kv_heads: 3,
            head_dim: 64,
            scale: 0.125,
            window,
            rope: Rope {
                pairs: Pairs::Halves,
                frequencies: (0..32).map(|pair| 0.7f64.powi(pair)).collect(),
                magnitude: 1.0,
            },
        };
        let one = Cpu::new();
        let cache = || {
            one.cache(CacheShape {
                context: 256,
                kv_heads: 3,
                head_dim: 64,
            })
        };
        let (mut cache_of_one, mut cache_of_many) = (cache(), cache());
        let mut position = 0;
        for tokens in [100, 1, 17, 1] {
            let qkv = random_tensor(random, tokens, shape.qkv_width());
            assert_eq!(
                one.attention(&qkv, None, &mut cache_of_one, position, &shape),
                many.attention(&qkv, None, &mut cache_of_many, position, &shape),
            );
            position += tokens;
        }
    }
}
