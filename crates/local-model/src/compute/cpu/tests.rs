use super::{Cpu, Matrix, Tensor, quantized::Quantized};
use crate::{
    compute::{AttentionShape, CacheShape, Compute},
    gguf::TensorType,
    testing::{Random, random_matrix},
};

fn random_tensor(random: &mut Random, tokens: usize, width: usize) -> Tensor {
    Tensor {
        width,
        values: (0..tokens * width).map(|_| random.normal()).collect(),
    }
}

fn load(cpu: Cpu, kind: TensorType, rows: usize, columns: usize, bytes: Vec<u8>) -> Matrix {
    pollster::block_on(cpu.matrix("test", kind, rows, columns, bytes)).unwrap()
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
    for kind in [TensorType::Q4_1, TensorType::Q8_0] {
        for (tokens, rows, columns) in SHAPES {
            let (bytes, weights) = random_matrix(&mut random, kind, rows, columns);
            let x = random_tensor(&mut random, tokens, columns);
            let rounded = Quantized::new(&x);
            let out = Cpu::Portable.linear(&x, &load(Cpu::Portable, kind, rows, columns, bytes));
            assert_eq!((out.width, out.values.len()), (rows, tokens * rows));
            for token in 0..tokens {
                for row in 0..rows {
                    let (mut exact, mut size) = (0f64, 0f64);
                    for column in 0..columns {
                        let index = token * rounded.blocks + column / 32;
                        let x = f64::from(rounded.scales[index])
                            * f64::from(rounded.values[index][column % 32]);
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
    for kind in [TensorType::Q4_1, TensorType::Q8_0] {
        for (tokens, rows, columns) in SHAPES {
            let (bytes, _) = random_matrix(&mut random, kind, rows, columns);
            let mut x = random_tensor(&mut random, tokens, columns);
            // The largest sums that there can be, and a block of zeros.
            x.values[..16].fill(3.0);
            x.values[16..32].fill(-3.0);
            x.values[(tokens - 1) * columns..][..32].fill(0.0);
            let matrix = load(best, kind, rows, columns, bytes);
            let (portable, simd) = (Cpu::Portable.linear(&x, &matrix), best.linear(&x, &matrix));
            assert_eq!(portable, simd, "{kind:?} {tokens}x{rows}x{columns}");
        }
    }
}

#[test]
fn rounding_is_to_nearest_and_keeps_the_largest() {
    let mut random = Random::fresh();
    let x = random_tensor(&mut random, 3, 64);
    let rounded = Quantized::new(&x);
    for (at, &value) in x.values.iter().enumerate() {
        let (scale, quant) = (rounded.scales[at / 32], rounded.values[at / 32][at % 32]);
        assert!(
            (value - scale * f32::from(quant)).abs() <= scale * 0.500_01,
            "{value} is {quant} * {scale}"
        );
    }
    for ((values, scale), sum) in rounded
        .values
        .iter()
        .zip(&rounded.scales)
        .zip(&rounded.sums)
    {
        assert_eq!(
            values.iter().map(|value| i32::from(*value).abs()).max(),
            Some(127)
        );
        assert_eq!(
            *sum,
            scale * values.iter().map(|&value| i32::from(value)).sum::<i32>() as f32
        );
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
        let scales = Quantized::new(&x).scales;
        assert!(scales[0].is_finite() && scales[1].is_nan());
    }
    let tiny = Tensor {
        width: 32,
        values: vec![f32::MIN_POSITIVE / 2.0; 32],
    };
    assert_eq!(Quantized::new(&tiny).values, [[0; 32]]);
}

#[test]
fn types_without_a_kernel_are_refused_by_name() {
    let mut random = Random::fresh();
    let (bytes, _) = random_matrix(&mut random, TensorType::Q6_K, 1, 256);
    let refused = pollster::block_on(Cpu::new().matrix("x", TensorType::Q6_K, 1, 256, bytes));
    assert_eq!(
        refused.err().unwrap().to_string(),
        "tensor x: type Q6_K on the CPU is not supported"
    );
}

#[test]
fn float_products_of_any_width_are_right() {
    let mut random = Random::fresh();
    for (tokens, rows, columns) in [(1, 1, 1), (2, 3, 7), (1, 64, 172), (7, 172, 64), (3, 5, 8)] {
        let (bytes, weights) = random_matrix(&mut random, TensorType::F32, rows, columns);
        let x = random_tensor(&mut random, tokens, columns);
        let out = Cpu::new().linear(&x, &load(Cpu::new(), TensorType::F32, rows, columns, bytes));
        for (token, x) in x.rows().enumerate() {
            for (row, weights) in weights.chunks_exact(columns).enumerate() {
                let exact: f64 = x.iter().zip(weights).map(|(&x, w)| f64::from(x) * w).sum();
                let size: f64 = x
                    .iter()
                    .zip(weights)
                    .map(|(&x, w)| (f64::from(x) * w).abs())
                    .sum();
                assert!((f64::from(out.values[token * rows + row]) - exact).abs() <= 1e-5 * size);
            }
        }
    }
}

#[test]
fn embeddings_are_the_rows_as_they_are() {
    let mut random = Random::fresh();
    for kind in [TensorType::F32, TensorType::Q4_1, TensorType::Q8_0] {
        let (bytes, weights) = random_matrix(&mut random, kind, 11, 64);
        let table = load(Cpu::new(), kind, 11, 64, bytes);
        let out = Cpu::new().embed(&table, &[10, 0, 5, 5]);
        for (row, id) in out.rows().zip([10, 0, 5, 5]) {
            for (found, exact) in row.iter().zip(&weights[id * 64..][..64]) {
                assert!(
                    (f64::from(*found) - exact).abs() <= 1e-6 * exact.abs().max(1.0),
                    "{kind:?}: {found}, {exact}"
                );
            }
        }
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
    let (gated, sum) = (Cpu::new().swiglu(&x, &y), Cpu::new().add(&x, &y));
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
        assert!(close(gated.values[at], a / (1.0 + (-a).exp()) * b));
        assert_eq!(sum.values[at], x.values[at] + y.values[at]);
    }
    assert_eq!(Cpu::new().last_row(&x).values, x.values[140..]);
}

/// Attention in f64, straight from the definition; all of `q`, `k`, `v` from position 0 on.
fn reference(q: &Tensor, k: &Tensor, v: &Tensor, shape: &AttentionShape) -> Vec<f64> {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = *shape;
    let rotated = |x: &Tensor, position: usize, head: usize| -> Vec<f64> {
        let mut row: Vec<f64> = x.values[position * x.width + head * head_dim..][..head_dim]
            .iter()
            .map(|&x| f64::from(x))
            .collect();
        for pair in 0..shape.rope_dimensions / 2 {
            let exponent = -2.0 * pair as f64 / shape.rope_dimensions as f64;
            let (sine, cosine) =
                (position as f64 * f64::from(shape.rope_base).powf(exponent)).sin_cos();
            let (a, b) = (row[2 * pair], row[2 * pair + 1]);
            row[2 * pair] = a * cosine - b * sine;
            row[2 * pair + 1] = a * sine + b * cosine;
        }
        row
    };
    let mut out = Vec::new();
    for position in 0..q.tokens() {
        for head in 0..heads {
            let kv_head = head / (heads / kv_heads);
            let query = rotated(q, position, head);
            let score = |at: usize| -> f64 {
                query
                    .iter()
                    .zip(rotated(k, at, kv_head))
                    .map(|(q, k)| q * k)
                    .sum::<f64>()
                    / (head_dim as f64).sqrt()
            };
            let weights: Vec<f64> = (0..=position).map(|at| score(at).exp()).collect();
            let total: f64 = weights.iter().sum();
            for lane in 0..head_dim {
                let value =
                    |at: usize| f64::from(v.values[at * v.width + kv_head * head_dim + lane]);
                out.push(
                    weights
                        .iter()
                        .enumerate()
                        .map(|(at, weight)| weight * value(at))
                        .sum::<f64>()
                        / total,
                );
            }
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
    let shapes = [(9, 3, 64, 64), (8, 4, 8, 8), (4, 4, 16, 10), (1, 1, 6, 2)];
    for (heads, kv_heads, head_dim, rope_dimensions) in shapes {
        let shape = AttentionShape {
            heads,
            kv_heads,
            head_dim,
            rope_dimensions,
            rope_base: 10_000.0,
        };
        let tokens = 21;
        let q = random_tensor(&mut random, tokens, heads * head_dim);
        let k = random_tensor(&mut random, tokens, kv_heads * head_dim);
        let v = random_tensor(&mut random, tokens, kv_heads * head_dim);
        let expected = reference(&q, &k, &v, &shape);
        for slices in [vec![21], vec![1; 21], vec![16, 1, 4]] {
            let cpu = Cpu::new();
            let mut cache = cpu.cache(CacheShape {
                context: 64,
                kv_heads,
                head_dim,
            });
            cpu.reserve(&mut cache, tokens).unwrap();
            // An abandoned turn beyond the first slice must leave no trace.
            let junk = random_tensor(&mut random, tokens, kv_heads * head_dim);
            cpu.attention(&q, &junk, &junk, &mut cache, 0, &shape);
            let (mut position, mut found) = (0, Vec::new());
            for slice in slices {
                let range = position..position + slice;
                let out = cpu.attention(
                    &rows(&q, range.clone()),
                    &rows(&k, range.clone()),
                    &rows(&v, range),
                    &mut cache,
                    position,
                    &shape,
                );
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
