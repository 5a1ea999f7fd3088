//! Rotary positions (Su et al. 2021) and causal grouped-query attention (Ainslie et al. 2023).

use super::{Cache, Tensor, portable::dot};
use crate::compute::AttentionShape;

/// See [`crate::compute::Compute::attention`].
pub(super) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    cache: &mut Cache,
    position: usize,
    shape: &AttentionShape,
) -> Tensor {
    let AttentionShape {
        heads,
        kv_heads,
        head_dim,
        ..
    } = *shape;
    let kv_width = kv_heads * head_dim;
    let group = heads / kv_heads;
    let scale = 1.0 / (head_dim as f32).sqrt();

    // What an abandoned turn left beyond `position` goes.
    cache.keys.truncate(position * kv_width);
    cache.values.truncate(position * kv_width);
    cache.values.extend_from_slice(&v.values);
    let mut queries = q.values.clone();
    for (token, (query, key)) in queries
        .chunks_exact_mut(heads * head_dim)
        .zip(k.rows())
        .enumerate()
    {
        let turns = turns(position + token, shape);
        turn(query, head_dim, &turns);
        let start = cache.keys.len();
        cache.keys.extend_from_slice(key);
        turn(&mut cache.keys[start..], head_dim, &turns);
    }

    let mut out = vec![0f32; q.values.len()];
    // [group, positions]
    let mut scores = Vec::new();
    let tokens = queries
        .chunks_exact(heads * head_dim)
        .zip(out.chunks_exact_mut(heads * head_dim));
    for (token, (query, out)) in tokens.enumerate() {
        let seen = position + token + 1;
        for kv_head in 0..kv_heads {
            let own = kv_head * head_dim..(kv_head + 1) * head_dim;
            let query = &query[kv_head * group * head_dim..][..group * head_dim];
            let out = &mut out[kv_head * group * head_dim..][..group * head_dim];
            scores.clear();
            scores.resize(group * seen, 0f32);
            // A key row is read once for all the heads that share it.
            for (at, key) in cache.keys.chunks_exact(kv_width).take(seen).enumerate() {
                for (head, query) in query.chunks_exact(head_dim).enumerate() {
                    scores[head * seen + at] = scale * dot(query, &key[own.clone()]);
                }
            }
            scores.chunks_exact_mut(seen).for_each(softmax);
            for (at, value) in cache.values.chunks_exact(kv_width).take(seen).enumerate() {
                for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                    let weight = scores[head * seen + at];
                    for (out, value) in out.iter_mut().zip(&value[own.clone()]) {
                        *out += weight * value;
                    }
                }
            }
        }
    }
    Tensor {
        width: q.width,
        values: out,
    }
}

/// Cosine and sine for each pair of a head.
fn turns(position: usize, shape: &AttentionShape) -> Vec<(f32, f32)> {
    (0..shape.rope_dimensions / 2)
        .map(|pair| {
            // In f64: an angle of thousands of radians has no exact fraction in f32.
            let exponent = -2.0 * pair as f64 / shape.rope_dimensions as f64;
            let angle = position as f64 * f64::from(shape.rope_base).powf(exponent);
            (angle.cos() as f32, angle.sin() as f32)
        })
        .collect()
}

/// Turns the pairs (2i, 2i + 1) of each head.
fn turn(row: &mut [f32], head_dim: usize, turns: &[(f32, f32)]) {
    for head in row.chunks_exact_mut(head_dim) {
        for ([a, b], (cosine, sine)) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
            (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
        }
    }
}

fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - highest).exp();
        sum += *score;
    }
    let inverse = 1.0 / sum;
    scores.iter_mut().for_each(|score| *score *= inverse);
}
