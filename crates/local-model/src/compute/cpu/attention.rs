//! Rotary positions (Su et al. 2021) and causal grouped-query attention (Ainslie et al. 2023).

use super::{Cache, Tensor, exponential::exponential, float::dot, normalize};
use crate::compute::{AttentionShape, HeadNorms, Pairs, Rope};

/// See [`crate::compute::Compute::attention`].
pub(super) fn attention(
    qkv: &Tensor,
    norms: Option<HeadNorms<'_, Vec<f32>>>,
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
    let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
    let group = heads / kv_heads;

    // What an abandoned turn left beyond `position` goes.
    cache.keys.truncate(position * kv_width);
    cache.values.truncate(position * kv_width);
    let mut queries = Vec::with_capacity(qkv.tokens() * q_width);
    for (token, row) in qkv.rows().enumerate() {
        let (query, key_value) = row.split_at(q_width);
        let (key, value) = key_value.split_at(kv_width);
        queries.extend_from_slice(query);
        cache.keys.extend_from_slice(key);
        cache.values.extend_from_slice(value);
        let (query, key) = (
            &mut queries[token * q_width..],
            &mut cache.keys[(position + token) * kv_width..],
        );
        if let Some(norms) = &norms {
            normalize(query, norms.query, norms.epsilon);
            normalize(key, norms.key, norms.epsilon);
        }
        let turns = turns(position + token, &shape.rope);
        turn(query, head_dim, shape.rope.pairs, &turns);
        turn(key, head_dim, shape.rope.pairs, &turns);
    }

    let mut out = vec![0f32; queries.len()];
    // [group, positions]
    let mut scores = Vec::new();
    let tokens = queries
        .chunks_exact(q_width)
        .zip(out.chunks_exact_mut(q_width));
    for (token, (query, out)) in tokens.enumerate() {
        let end = position + token + 1;
        let first = shape.window.map_or(0, |window| end.saturating_sub(window));
        let seen = end - first;
        let (keys, values) = (
            &cache.keys[first * kv_width..],
            &cache.values[first * kv_width..],
        );
        for kv_head in 0..kv_heads {
            let own = kv_head * head_dim..(kv_head + 1) * head_dim;
            let query = &query[kv_head * group * head_dim..][..group * head_dim];
            let out = &mut out[kv_head * group * head_dim..][..group * head_dim];
            scores.clear();
            scores.resize(group * seen, 0f32);
            // A key row is read once for all the heads that share it.
            for (at, key) in keys.chunks_exact(kv_width).take(seen).enumerate() {
                for (head, query) in query.chunks_exact(head_dim).enumerate() {
                    scores[head * seen + at] = shape.scale * dot(query, &key[own.clone()]);
                }
            }
            scores.chunks_exact_mut(seen).for_each(softmax);
            for (at, value) in values.chunks_exact(kv_width).take(seen).enumerate() {
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
        width: q_width,
        values: out,
    }
}

/// Cosine and sine for each pair of a head.
fn turns(position: usize, rope: &Rope) -> Vec<(f32, f32)> {
    let turn = |frequency: &f64| {
        // In f64: an angle of thousands of radians has no exact fraction in f32.
        let (sine, cosine) = (position as f64 * frequency).sin_cos();
        (cosine as f32 * rope.magnitude, sine as f32 * rope.magnitude)
    };
    rope.frequencies.iter().map(turn).collect()
}

/// Turns the pairs of each head.
fn turn(row: &mut [f32], head_dim: usize, pairs: Pairs, turns: &[(f32, f32)]) {
    let rotate = |a: &mut f32, b: &mut f32, (cosine, sine): (f32, f32)| {
        (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
    };
    for head in row.chunks_exact_mut(head_dim) {
        match pairs {
            Pairs::Neighbours => {
                for ([a, b], &turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                    rotate(a, b, turn);
                }
            }
            Pairs::Halves => {
                let (first, second) = head[..2 * turns.len()].split_at_mut(turns.len());
                for ((a, b), &turn) in first.iter_mut().zip(second).zip(turns) {
                    rotate(a, b, turn);
                }
            }
        }
    }
}

fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in &mut *scores {
        *score = exponential(*score - highest);
    }
    let (fours, rest) = scores.as_chunks::<4>();
    let mut sums = [0f32; 4];
    for four in fours {
        for (sum, score) in sums.iter_mut().zip(four) {
            *sum += score;
        }
    }
    let sum = (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest.iter().sum::<f32>();
    let inverse = 1.0 / sum;
    scores.iter_mut().for_each(|score| *score *= inverse);
}
