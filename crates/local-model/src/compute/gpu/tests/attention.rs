//! Attention with all that models bring to it.

use super::*;
use crate::compute::{Pairs, Rope};

/// A cache of one layer and the same rows in double precision.
struct Reference {
    shape: AttentionShape,
    /// Norms of the heads of queries and keys, and their epsilon.
    norms: Option<(Vec<f32>, Vec<f32>, f32)>,
    keys: Vec<f64>,
    values: Vec<f64>,
}

impl Reference {
    fn new(shape: AttentionShape) -> Self {
        Self {
            shape,
            norms: None,
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    fn turn(&self, row: &[f32], norm: Option<(&[f32], f32)>, position: usize) -> Vec<f64> {
        let mut row = match norm {
            Some((weight, epsilon)) => rms_norm(row, weight, epsilon),
            None => row.iter().map(|value| f64::from(*value)).collect(),
        };
        let Rope {
            pairs,
            frequencies,
            magnitude,
        } = &self.shape.rope;
        for head in row.chunks_mut(self.shape.head_dim) {
            for (pair, frequency) in frequencies.iter().enumerate() {
                let angle = position as f64 * frequency;
                let (x, y) = match pairs {
                    Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                    Pairs::Halves => (pair, pair + frequencies.len()),
                };
                let magnitude = f64::from(*magnitude);
                let (cosine, sine) = (magnitude * angle.cos(), magnitude * angle.sin());
                (head[x], head[y]) = (
                    head[x] * cosine - head[y] * sine,
                    head[x] * sine + head[y] * cosine,
                );
            }
        }
        row
    }

    fn attention(&mut self, qkv: &[f32], position: usize) -> Vec<f64> {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            scale,
            window,
            ..
        } = self.shape;
        let width = kv_heads * head_dim;
        self.keys.truncate(position * width);
        self.values.truncate(position * width);
        let norms = self.norms.clone();
        let (q_norm, k_norm) = match &norms {
            Some((q, k, epsilon)) => (Some((&q[..], *epsilon)), Some((&k[..], *epsilon))),
            None => (None, None),
        };
        let mut out = Vec::new();
        for (token, qkv) in qkv.chunks(self.shape.qkv_width()).enumerate() {
            let (q, kv) = qkv.split_at(heads * head_dim);
            let (k, v) = kv.split_at(width);
            let turned = self.turn(k, k_norm, position + token);
            self.keys.extend(turned);
            self.values.extend(v.iter().map(|value| f64::from(*value)));
            let q = self.turn(q, q_norm, position + token);
            let seen = position + token + 1;
            let first = seen.saturating_sub(window.unwrap_or(seen));
            for (head, q) in q.chunks(head_dim).enumerate() {
                let column = head / (heads / kv_heads) * head_dim;
                let row =
                    |rows: &[f64], at: usize| rows[at * width + column..][..head_dim].to_vec();
                let weights: Vec<f64> = (first..seen)
                    .map(|at| {
                        let dot: f64 = q.iter().zip(row(&self.keys, at)).map(|(q, k)| q * k).sum();
                        (dot * f64::from(scale)).exp()
                    })
                    .collect();
                let total: f64 = weights.iter().sum();
                out.extend((0..head_dim).map(|d| {
                    (first..seen)
                        .zip(&weights)
                        .map(|(at, w)| w / total * row(&self.values, at)[d])
                        .sum::<f64>()
                }));
            }
        }
        out
    }
}

/// A shape whose `pairs` pairs turn by a base of 10,000.
fn shape(heads: usize, kv_heads: usize, head_dim: usize, pairs: usize) -> AttentionShape {
    AttentionShape {
        heads,
        kv_heads,
        head_dim,
        scale: 1.0 / (head_dim as f32).sqrt(),
        window: None,
        rope: Rope {
            pairs: Pairs::Neighbours,
            frequencies: (0..pairs)
                .map(|pair| 10_000f64.powf(-(pair as f64) / pairs as f64))
                .collect(),
            magnitude: 1.0,
        },
    }
}

/// The two ways side by side: a prompt, tokens one by one, a long piece that outgrows the first room,
/// and a step back.
fn compare(gpu: &Gpu, random: &mut Random, mut reference: Reference) {
    let shape = reference.shape.clone();
    let mut cache = gpu.cache(CacheShape {
        context: 400,
        kv_heads: shape.kv_heads,
        head_dim: shape.head_dim,
    });
    let norms = reference
        .norms
        .clone()
        .map(|(q, k, epsilon)| (gpu.vector(q), gpu.vector(k), epsilon));
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
        let qkv: Vec<f32> = floats(random, tokens * shape.qkv_width())
            .iter()
            .map(|x| 2.0 * x)
            .collect();
        let expected = reference.attention(&qkv, position);
        gpu.reserve(&mut cache, position + tokens).unwrap();
        let found = gpu.attention(
            &tensor(gpu, &qkv, shape.qkv_width()),
            norms.as_ref().map(|(query, key, epsilon)| HeadNorms {
                query,
                key,
                epsilon: *epsilon,
            }),
            &mut cache,
            position,
            &shape,
        );
        close(
            &format!("{shape:?} at {position}, {tokens} tokens"),
            &read(gpu, &found),
            &expected,
            2e-5,
        );
    }
}

#[test]
fn attention_over_a_growing_cache() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for (heads, kv_heads, head_dim, pairs) in [
        (9, 3, 64, 32),
        (8, 4, 8, 4),
        (3, 1, 8, 2),
        (2, 2, 128, 32),
        (2, 1, 96, 48),
        (2, 1, 6, 3),
        (2, 1, 4, 0),
    ] {
        let shape = shape(heads, kv_heads, head_dim, pairs);
        compare(&gpu, random, Reference::new(shape));
    }
}

#[test]
fn attention_with_head_norms_windows_and_pairs_of_halves() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for (head_dim, pairs, window) in [(64, 32, Some(100)), (256, 128, Some(1)), (96, 24, None)] {
        let mut shape = shape(4, 2, head_dim, pairs);
        shape.scale = 0.3;
        shape.window = window;
        shape.rope.pairs = Pairs::Halves;
        shape.rope.magnitude = 1.2;
        let mut reference = Reference::new(shape);
        compare(
            &gpu,
            random,
            Reference::new(AttentionShape {
                scale: 0.05,
                ..reference.shape.clone()
            }),
        );
        let norm = |random: &mut Random| floats(random, head_dim);
        reference.norms = Some((norm(random), norm(random), 1e-6));
        compare(&gpu, random, reference);
    }
}

#[test]
fn attention_far_into_a_long_context() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    let length = 8192;
    let shape = shape(3, 1, 8, 4);
    let mut reference = Reference::new(shape.clone());
    let mut cache = gpu.cache(CacheShape {
        context: length,
        kv_heads: 1,
        head_dim: 8,
    });
    gpu.reserve(&mut cache, length).unwrap();

    // All positions but two are written only: attention over each of them is minutes of arithmetic.
    let first = length - 2;
    let qkv = floats(random, first * shape.qkv_width());
    let Rows { keys, values } = cache.rows.as_ref().unwrap();
    let turns = gpu.turns(&shape.rope, length);
    Dispatch::rope_and_store(
        tensor(&gpu, &qkv, shape.qkv_width()).into_dispatch(),
        turns.clone().into_dispatch(),
        turns.clone().into_dispatch(),
        turns.into_dispatch(),
        keys.clone().into_dispatch(),
        values.clone().into_dispatch(),
        0,
        shape.clone(),
        None,
    );
    for (position, row) in qkv.chunks(shape.qkv_width()).enumerate() {
        let turned = reference.turn(&row[24..32], None, position);
        reference.keys.extend(turned);
        reference
            .values
            .extend(row[32..].iter().map(|value| f64::from(*value)));
    }

    let qkv = floats(random, 2 * shape.qkv_width());
    let expected = reference.attention(&qkv, first);
    let found = gpu.attention(
        &tensor(&gpu, &qkv, shape.qkv_width()),
        None,
        &mut cache,
        first,
        &shape,
    );
    close("position 8,190", &read(&gpu, &found), &expected, 2e-5);
}
