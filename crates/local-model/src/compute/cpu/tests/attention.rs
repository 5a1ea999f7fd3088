//! Attention over a cache.

use super::random_tensor;
use crate::{
    compute::{
        AttentionShape, CacheShape, Compute, HeadNorms, Pairs, Rope,
        cpu::{Cpu, Tensor},
    },
    testing::Random,
};

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
