//! Each operation against a plain reference in double precision, on fresh random inputs, on whatever
//! adapter the machine has (a software one is enough).

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

/// A seed of the clock, printed so that a failure can be run again with `TIDEGATE_SEED`.
fn random() -> oorandom::Rand32 {
    let clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64
    };
    let seed =
        std::env::var("TIDEGATE_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("TIDEGATE_SEED={seed}");
    oorandom::Rand32::new(seed)
}

/// The GPU; `None` only where `TIDEGATE_SKIP_GPU=1` says that the machine has none.
fn gpu() -> Option<Gpu> {
    match pollster::block_on(Gpu::open()) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("TIDEGATE_SKIP_GPU").is_some_and(|skip| skip == "1") => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error} (TIDEGATE_SKIP_GPU=1 skips these tests)"),
    }
}

fn floats(random: &mut oorandom::Rand32, length: usize) -> Vec<f32> {
    (0..length)
        .map(|_| random.rand_float() * 2.0 - 1.0)
        .collect()
}

/// The value of a half, by its definition (IEEE 754-2019, 3.4).
fn half(bits: u16) -> f64 {
    half::f16::from_bits(bits).to_f64()
}

/// GGUF bytes of a random matrix, and its values.
fn matrix(
    random: &mut oorandom::Rand32,
    kind: TensorType,
    rows: usize,
    columns: usize,
) -> (Vec<u8>, Vec<f64>) {
    let mut bytes = Vec::new();
    let mut values = Vec::new();
    if kind == TensorType::F32 {
        let plain = floats(random, rows * columns);
        bytes.extend(plain.iter().flat_map(|value| value.to_le_bytes()));
        values.extend(plain.into_iter().map(f64::from));
        return (bytes, values);
    }
    for _ in 0..rows * columns / 32 {
        // Now and then a subnormal scale, and a negative one.
        let mut scale = || match random.rand_range(0..8) {
            0 => half::f16::from_bits(random.rand_range(0..1024) as u16),
            _ => half::f16::from_f32(random.rand_float() * 0.2 - 0.1),
        };
        let (d, m) = (scale(), scale());
        bytes.extend(d.to_bits().to_le_bytes());
        if kind == TensorType::Q4_1 {
            bytes.extend(m.to_bits().to_le_bytes());
            let codes: Vec<u8> = (0..16).map(|_| random.rand_range(0..256) as u8).collect();
            let value = |code: u8| half(d.to_bits()) * f64::from(code) + half(m.to_bits());
            values.extend(codes.iter().map(|code| value(code & 15)));
            values.extend(codes.iter().map(|code| value(code >> 4)));
            bytes.extend(codes);
        } else {
            let codes: Vec<u8> = (0..32).map(|_| random.rand_range(0..256) as u8).collect();
            values.extend(
                codes
                    .iter()
                    .map(|code| half(d.to_bits()) * f64::from(code.cast_signed())),
            );
            bytes.extend(codes);
        }
    }
    (bytes, values)
}

fn tensor(gpu: &Gpu, values: &[f32], width: usize) -> Tensor<2> {
    gpu.keep_floats(values.to_vec(), [values.len() / width, width])
}

fn upload(gpu: &Gpu, kind: TensorType, rows: usize, columns: usize, bytes: Vec<u8>) -> Matrix {
    pollster::block_on(gpu.matrix("test", kind, rows, columns, bytes)).unwrap()
}

fn read(gpu: &Gpu, x: &Tensor<2>) -> Vec<f32> {
    pollster::block_on(gpu.read(x)).unwrap()
}

/// Every value within `tolerance` of the largest expected magnitude (at least 1).
#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let scale = expected
        .iter()
        .fold(1.0f64, |scale, value| scale.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(found) - expected).abs();
        // `<=` is false for NaN.
        assert!(
            off <= tolerance * scale,
            "{what}: value {at} is {found}, expected {expected}"
        );
    }
}

fn product(x: &[f32], weights: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    x.chunks(columns)
        .flat_map(|x| {
            (0..rows).map(|row| {
                let weights = &weights[row * columns..][..columns];
                x.iter().zip(weights).map(|(x, w)| f64::from(*x) * w).sum()
            })
        })
        .collect()
}

fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

const KINDS: [TensorType; 3] = [TensorType::Q4_1, TensorType::Q8_0, TensorType::F32];
const TOKENS: [usize; 4] = [1, 2, 7, 33];

#[test]
fn products_of_all_kinds_and_shapes() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    for kind in KINDS {
        for (rows, columns) in [
            (1, 32usize),
            (7, 64),
            (13, 96),
            (64, 576),
            (192, 576),
            (61, 1536),
            (64, 172),
            (5, 6),
            (3, 33),
        ] {
            if !columns.is_multiple_of(kind.block()) {
                continue;
            }
            let (bytes, weights) = matrix(random, kind, rows, columns);
            let uploaded = upload(&gpu, kind, rows, columns, bytes);
            for tokens in TOKENS {
                let what = format!("{kind:?} {rows}×{columns}, {tokens} tokens");
                let x = floats(random, tokens * columns);
                let residual = floats(random, tokens * rows);
                let expected = product(&x, &weights, rows, columns);
                let x = tensor(&gpu, &x, columns);
                close(
                    &what,
                    &read(&gpu, &gpu.linear(&x, &uploaded)),
                    &expected,
                    1e-5,
                );

                let with: Vec<f64> = expected
                    .iter()
                    .zip(&residual)
                    .map(|(y, r)| y + f64::from(*r))
                    .collect();
                let residual = tensor(&gpu, &residual, rows);
                let found = read(&gpu, &gpu.linear_add(&x, &uploaded, &residual));
                close(&format!("{what}, residual"), &found, &with, 1e-5);
            }
        }
    }
}

#[test]
fn one_lane_a_row_gives_the_same() {
    let Some(mut gpu) = gpu() else { return };
    gpu.lanes = 1;
    let random = &mut random();
    for kind in KINDS {
        let (rows, columns) = (133, 96);
        let (bytes, weights) = matrix(random, kind, rows, columns);
        let uploaded = upload(&gpu, kind, rows, columns, bytes);
        for tokens in TOKENS {
            let x = floats(random, tokens * columns);
            let expected = product(&x, &weights, rows, columns);
            let found = read(&gpu, &gpu.linear(&tensor(&gpu, &x, columns), &uploaded));
            close(
                &format!("{kind:?}, {tokens} tokens"),
                &found,
                &expected,
                1e-5,
            );
        }
    }
}

#[test]
fn norm_and_gated_product() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    let epsilon = 1e-5f32;
    for (gate_kind, up_kind) in [
        (TensorType::Q4_1, TensorType::Q4_1),
        (TensorType::Q8_0, TensorType::Q8_0),
        (TensorType::F32, TensorType::F32),
        (TensorType::Q4_1, TensorType::Q8_0),
    ] {
        let (rows, columns) = (77, 64);
        let (gate_bytes, gate) = matrix(random, gate_kind, rows, columns);
        let (up_bytes, up) = matrix(random, up_kind, rows, columns);
        let gate_matrix = upload(&gpu, gate_kind, rows, columns, gate_bytes);
        let up_matrix = upload(&gpu, up_kind, rows, columns, up_bytes);
        for tokens in TOKENS {
            let (x, norm) = (floats(random, tokens * columns), floats(random, columns));
            let normed: Vec<f32> = rms_norm(&x, &norm, epsilon)
                .into_iter()
                .map(|value| value as f32)
                .collect();
            let (gate, up) = (
                product(&normed, &gate, rows, columns),
                product(&normed, &up, rows, columns),
            );
            let expected: Vec<f64> = gate
                .iter()
                .zip(&up)
                .map(|(gate, up)| silu(*gate) * up)
                .collect();
            let (x, norm) = (tensor(&gpu, &x, columns), gpu.vector(norm));
            let found = read(
                &gpu,
                &gpu.norm_gated(&x, &norm, epsilon, &gate_matrix, &up_matrix),
            );
            close(
                &format!("{gate_kind:?} {up_kind:?}, {tokens} tokens"),
                &found,
                &expected,
                1e-4,
            );
        }
    }
}

fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32) -> Vec<f64> {
    x.chunks(weight.len())
        .flat_map(|row| {
            let squares: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
            let scale = 1.0 / (squares / row.len() as f64 + f64::from(epsilon)).sqrt();
            row.iter()
                .zip(weight)
                .map(move |(value, weight)| f64::from(*value) * scale * f64::from(*weight))
        })
        .collect()
}

#[test]
fn norms_of_all_widths() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    for columns in [1, 6, 33, 64, 172, 576, 1536] {
        for tokens in TOKENS {
            let (x, weight) = (floats(random, tokens * columns), floats(random, columns));
            let expected = rms_norm(&x, &weight, 1e-5);
            let found = gpu.rms_norm(&tensor(&gpu, &x, columns), &gpu.vector(weight), 1e-5);
            close(
                &format!("{columns} columns, {tokens} tokens"),
                &read(&gpu, &found),
                &expected,
                1e-5,
            );
        }
    }
}

#[test]
fn embeddings_are_the_rows() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    for kind in KINDS {
        for (rows, columns) in [(50, 576usize), (9, 32), (11, 172)] {
            if !columns.is_multiple_of(kind.block()) {
                continue;
            }
            let (bytes, values) = matrix(random, kind, rows, columns);
            let table = upload(&gpu, kind, rows, columns, bytes);
            for tokens in TOKENS {
                let ids: Vec<u32> = (0..tokens)
                    .map(|_| random.rand_range(0..rows as u32))
                    .collect();
                let expected: Vec<f64> = ids
                    .iter()
                    .flat_map(|id| &values[*id as usize * columns..][..columns])
                    .copied()
                    .collect();
                let found = read(&gpu, &gpu.embed(&table, &ids));
                close(
                    &format!("{kind:?} {rows}×{columns}, ids {ids:?}"),
                    &found,
                    &expected,
                    1e-6,
                );
            }
        }
    }
}

#[test]
fn elementwise_and_last_row() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    for (tokens, columns) in [(1, 1), (2, 33), (7, 64), (33, 576), (64, 33_000)] {
        let (x, y) = (
            floats(random, tokens * columns),
            floats(random, tokens * columns),
        );
        let (gx, gy) = (tensor(&gpu, &x, columns), tensor(&gpu, &y, columns));
        let pairs = || {
            x.iter()
                .map(|x| f64::from(*x))
                .zip(y.iter().map(|y| f64::from(*y)))
        };
        let sums: Vec<f64> = pairs().map(|(x, y)| x + y).collect();
        close("add", &read(&gpu, &gpu.add(&gx, &gy)), &sums, 1e-6);
        let gated: Vec<f64> = pairs().map(|(x, y)| silu(x) * y).collect();
        close("swiglu", &read(&gpu, &gpu.swiglu(&gx, &gy)), &gated, 1e-5);
        assert_eq!(read(&gpu, &gpu.last_row(&gx)), x[(tokens - 1) * columns..]);
    }
}

/// A cache of one layer and the same rows in double precision.
struct Reference {
    shape: AttentionShape,
    keys: Vec<f64>,
    values: Vec<f64>,
}

impl Reference {
    fn turn(&self, row: &[f32], position: usize) -> Vec<f64> {
        let mut row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
        for head in row.chunks_mut(self.shape.head_dim) {
            for pair in 0..self.shape.rope_dimensions / 2 {
                let exponent = -2.0 * pair as f64 / self.shape.rope_dimensions as f64;
                let angle = position as f64 * f64::from(self.shape.rope_base).powf(exponent);
                let (first, second) = (head[2 * pair], head[2 * pair + 1]);
                head[2 * pair] = first * angle.cos() - second * angle.sin();
                head[2 * pair + 1] = first * angle.sin() + second * angle.cos();
            }
        }
        row
    }

    fn attention(&mut self, q: &[f32], k: &[f32], v: &[f32], position: usize) -> Vec<f64> {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            ..
        } = self.shape;
        let width = kv_heads * head_dim;
        self.keys.truncate(position * width);
        self.values.truncate(position * width);
        let mut out = Vec::new();
        for (token, ((q, k), v)) in q
            .chunks(heads * head_dim)
            .zip(k.chunks(width))
            .zip(v.chunks(width))
            .enumerate()
        {
            self.keys.extend(self.turn(k, position + token));
            self.values.extend(v.iter().map(|value| f64::from(*value)));
            let q = self.turn(q, position + token);
            for (head, q) in q.chunks(head_dim).enumerate() {
                let column = head / (heads / kv_heads) * head_dim;
                let row =
                    |rows: &[f64], at: usize| rows[at * width + column..][..head_dim].to_vec();
                let scores: Vec<f64> = (0..=position + token)
                    .map(|at| {
                        q.iter()
                            .zip(row(&self.keys, at))
                            .map(|(q, k)| q * k)
                            .sum::<f64>()
                            / (head_dim as f64).sqrt()
                    })
                    .collect();
                let weights: Vec<f64> = scores.iter().map(|score| score.exp()).collect();
                let total: f64 = weights.iter().sum();
                out.extend((0..head_dim).map(|d| {
                    weights
                        .iter()
                        .enumerate()
                        .map(|(at, w)| w / total * row(&self.values, at)[d])
                        .sum::<f64>()
                }));
            }
        }
        out
    }
}

#[test]
fn attention_over_a_growing_cache() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    for (heads, kv_heads, head_dim, rope_dimensions) in [
        (9, 3, 64, 64),
        (4, 4, 64, 64),
        (8, 4, 8, 8),
        (3, 1, 8, 4),
        (2, 2, 128, 64),
        (2, 1, 96, 96),
        (2, 1, 6, 6),
    ] {
        let shape = AttentionShape {
            heads,
            kv_heads,
            head_dim,
            rope_dimensions,
            rope_base: 10_000.0,
        };
        let mut reference = Reference {
            shape,
            keys: Vec::new(),
            values: Vec::new(),
        };
        let mut cache = gpu.cache(CacheShape {
            context: 400,
            kv_heads,
            head_dim,
        });
        // A prompt, tokens one by one, a long piece that outgrows the first room, and a step back.
        for (position, tokens) in [
            (0, 33),
            (33, 1),
            (34, 1),
            (35, 7),
            (42, 280),
            (322, 1),
            (20, 2),
            (22, 1),
        ] {
            let q: Vec<f32> = floats(random, tokens * heads * head_dim)
                .iter()
                .map(|x| 3.0 * x)
                .collect();
            let k = floats(random, tokens * kv_heads * head_dim);
            let v = floats(random, tokens * kv_heads * head_dim);
            let expected = reference.attention(&q, &k, &v, position);
            gpu.reserve(&mut cache, position + tokens).unwrap();
            let found = gpu.attention(
                &tensor(&gpu, &q, heads * head_dim),
                &tensor(&gpu, &k, kv_heads * head_dim),
                &tensor(&gpu, &v, kv_heads * head_dim),
                &mut cache,
                position,
                &shape,
            );
            close(
                &format!("{shape:?} at {position}, {tokens} tokens"),
                &read(&gpu, &found),
                &expected,
                2e-5,
            );
        }
    }
}

#[test]
fn attention_far_into_a_long_context() {
    let Some(gpu) = gpu() else { return };
    let random = &mut random();
    let (heads, kv_heads, head_dim, length) = (3, 1, 8, 8192);
    let shape = AttentionShape {
        heads,
        kv_heads,
        head_dim,
        rope_dimensions: 8,
        rope_base: 100_000.0,
    };
    let mut reference = Reference {
        shape,
        keys: Vec::new(),
        values: Vec::new(),
    };
    let mut cache = gpu.cache(CacheShape {
        context: length,
        kv_heads,
        head_dim,
    });
    gpu.reserve(&mut cache, length).unwrap();
    let piece = |random: &mut oorandom::Rand32, tokens| {
        (
            floats(random, tokens * heads * head_dim),
            floats(random, tokens * head_dim),
            floats(random, tokens * head_dim),
        )
    };

    // All positions but two are written only: attention over each of them is minutes of arithmetic.
    let first = length - 2;
    let (q, k, v) = piece(random, first);
    let Rows { keys, values } = cache.rows.as_ref().unwrap();
    Dispatch::rope_and_store(
        tensor(&gpu, &q, heads * head_dim).into_dispatch(),
        tensor(&gpu, &k, head_dim).into_dispatch(),
        tensor(&gpu, &v, head_dim).into_dispatch(),
        gpu.turns(shape.rope_base, shape.rope_dimensions, length)
            .into_dispatch(),
        keys.clone().into_dispatch(),
        values.clone().into_dispatch(),
        0,
        shape,
    );
    for (position, row) in k.chunks(head_dim).enumerate() {
        reference.keys.extend(reference.turn(row, position));
    }
    reference
        .values
        .extend(v.iter().map(|value| f64::from(*value)));

    let (q, k, v) = piece(random, 2);
    let expected = reference.attention(&q, &k, &v, first);
    let found = gpu.attention(
        &tensor(&gpu, &q, heads * head_dim),
        &tensor(&gpu, &k, head_dim),
        &tensor(&gpu, &v, head_dim),
        &mut cache,
        first,
        &shape,
    );
    close("position 8,190", &read(&gpu, &found), &expected, 2e-5);
}

#[test]
fn a_tensor_beyond_the_devices_limit_is_refused_by_name() {
    let Some(gpu) = gpu() else { return };
    let limit = gpu.adapter.largest_binding;
    let error = gpu
        .adapter
        .check("tensor token_embd.weight", limit + 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("token_embd.weight") && error.contains(&limit.to_string()),
        "{error}"
    );
    gpu.adapter
        .check("tensor token_embd.weight", limit)
        .unwrap();

    let mut cache = gpu.cache(CacheShape {
        context: usize::MAX,
        kv_heads: 64,
        head_dim: 128,
    });
    let positions = limit as usize / (64 * 128 * 4) + 1;
    assert!(matches!(
        gpu.reserve(&mut cache, positions),
        Err(Error::DeviceLimit { .. })
    ));
    // A refusal leaves the cache as it was.
    gpu.reserve(&mut cache, 1).unwrap();
}

#[test]
fn a_launch_is_counted_once() {
    let Some(gpu) = gpu() else { return };
    let x = tensor(&gpu, &[1.0, 2.0, 3.0, 4.0], 2);
    let before = gpu.dispatches();
    let sum = gpu.add(&x, &x);
    let _ = gpu.last_row(&sum);
    assert_eq!(gpu.dispatches() - before, 2);
}

#[test]
fn dependent_additions_are_all_done() {
    if gpu().is_none() {
        return;
    }
    let begin = std::time::Instant::now();
    let cost = pollster::block_on(dispatch_cost(300, &|| begin.elapsed().as_secs_f64())).unwrap();
    println!(
        "{} µs to issue, {} µs with the device",
        cost.issue / 300.0 * 1e6,
        cost.total / 300.0 * 1e6
    );
    assert!(cost.issue > 0.0 && cost.total >= cost.issue);
}

#[test]
fn packing_moves_bits_and_loses_none() {
    let random = &mut random();
    for (packing, kind) in [
        (Packing::Q4_1, TensorType::Q4_1),
        (Packing::Q8_0, TensorType::Q8_0),
    ] {
        for blocks in [1, 2, 7] {
            let (bytes, _) = matrix(random, kind, blocks, 32);
            let packed = pack::pack(packing, &bytes);
            let ones = |words: &[i32]| words.iter().map(|word| word.count_ones()).sum::<u32>();
            let expected: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!(
                ones(&packed.quants) + ones(&packed.scales),
                expected,
                "{packing:?}, {blocks} blocks"
            );
            assert_eq!(packed.quants.len(), 4 * packing.words4() * blocks);
        }
    }
}
