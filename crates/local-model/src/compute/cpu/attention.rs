//! Rotary positions (Su et al. 2021) and causal grouped-query attention (Ainslie et al. 2023).

use super::{
    Cache, Cpu, Tensor,
    exponential::exponential,
    float::dot,
    instructions::{Instructions, Job, eight, put, total},
    normalize,
};
use crate::compute::{AttentionShape, HeadNorms, Pairs, Rope};

/// What a value of a key or of a value costs for a query, in multiply-adds of a product: floats take longer.
const COST: usize = 2;

/// See [`crate::compute::Compute::attention`].
pub(super) fn attention(
    cpu: &Cpu,
    qkv: &Tensor,
    norms: Option<HeadNorms<'_, Vec<f32>>>,
    cache: &mut Cache,
    position: usize,
    shape: &AttentionShape,
) -> Tensor {
    let queries = extend(cache, qkv, norms, position, shape);
    let cache = &*cache;
    let mut out = vec![0f32; queries.len()];
    let seen = position + qkv.tokens();
    let seen = shape.window.map_or(seen, |window| seen.min(window));
    let cost = COST * 2 * queries.len() * seen;
    // The query heads that share a key are neighbours, in the queries as in `out`.
    let group = shape.heads / shape.kv_heads * shape.head_dim;
    cpu.pool.split_values(&mut out, group, cost, |first, out| {
        let queries = &queries[first * group..][..out.len()];
        cpu.run(Attend {
            queries,
            first,
            cache,
            position,
            shape,
            out,
        });
    });
    Tensor {
        width: shape.heads * shape.head_dim,
        values: out,
    }
}

/// The query heads of some keys: of key head `first % kv_heads` and token `first / kv_heads`, and the next.
struct Attend<'a> {
    queries: &'a [f32],
    first: usize,
    cache: &'a Cache,
    /// Of token 0.
    position: usize,
    shape: &'a AttentionShape,
    out: &'a mut [f32],
}

impl Job for Attend<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Instructions>(self, s: S) {
        let AttentionShape {
            heads,
            kv_heads,
            head_dim,
            ..
        } = *self.shape;
        let group = heads / kv_heads * head_dim;
        let mut scores = Vec::new();
        let groups = self
            .queries
            .chunks_exact(group)
            .zip(self.out.chunks_exact_mut(group));
        for (at, (query, out)) in (self.first..).zip(groups) {
            let (position, kv_head) = (self.position + at / kv_heads, at % kv_heads);
            attend(
                s,
                query,
                kv_head,
                self.cache,
                position,
                self.shape,
                &mut scores,
                out,
            );
        }
    }
}

/// Writes the keys, turned, and the values to the cache; gives the queries, turned.
fn extend(
    cache: &mut Cache,
    qkv: &Tensor,
    norms: Option<HeadNorms<'_, Vec<f32>>>,
    position: usize,
    shape: &AttentionShape,
) -> Vec<f32> {
    let head_dim = shape.head_dim;
    let (q_width, kv_width) = (shape.heads * head_dim, shape.kv_heads * head_dim);
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
    queries
}

/// The heads of the query at `position` that share a key. `scores` is room to work in.
#[expect(
    clippy::too_many_arguments,
    reason = "a closure would lack the caller's instructions"
)]
#[inline(always)]
fn attend<S: Instructions>(
    s: S,
    query: &[f32],
    kv_head: usize,
    cache: &Cache,
    position: usize,
    shape: &AttentionShape,
    scores: &mut Vec<f32>,
    out: &mut [f32],
) {
    let head_dim = shape.head_dim;
    let kv_width = shape.kv_heads * head_dim;
    let end = position + 1;
    let first = shape.window.map_or(0, |window| end.saturating_sub(window));
    let seen = end - first;
    let keys = &cache.keys[first * kv_width..end * kv_width];
    let values = &cache.values[first * kv_width..end * kv_width];
    let own = kv_head * head_dim;
    // [heads of the group, positions]
    scores.resize(query.len() / head_dim * seen, 0.0);
    // A key is read once for all the heads that share it.
    for (at, key) in keys.chunks_exact(kv_width).enumerate() {
        let key = &key[own..own + head_dim];
        for (head, query) in query.chunks_exact(head_dim).enumerate() {
            scores[head * seen + at] = shape.scale * dot(s, query, key);
        }
    }
    let heads = scores.chunks_exact_mut(seen);
    for (scores, out) in heads.zip(out.chunks_exact_mut(head_dim)) {
        softmax(s, scores);
        weighted(s, scores, &values[own..], kv_width, out);
    }
}

/// `out = Σ weights[i] * rows[i]`; rows begin `stride` apart.
#[inline(always)]
fn weighted<S: Instructions>(s: S, weights: &[f32], rows: &[f32], stride: usize, out: &mut [f32]) {
    const AT_ONCE: usize = 4;
    let (many, rest) = out.as_chunks_mut::<{ 8 * AT_ONCE }>();
    for (at, out) in many.iter_mut().enumerate() {
        let mut sums = [s.splat(0.0); AT_ONCE];
        let column = 8 * AT_ONCE * at;
        for (&weight, row) in weights.iter().zip(rows.chunks(stride)) {
            let weight = s.splat(weight);
            let row: &[[f32; 8]] = row[column..][..8 * AT_ONCE].as_chunks().0;
            for i in 0..AT_ONCE {
                sums[i] = s.add(sums[i], s.mul(weight, s.load(&row[i])));
            }
        }
        for i in 0..AT_ONCE {
            put(&mut out[8 * i..], s.array(sums[i]));
        }
    }
    let done = 8 * AT_ONCE * many.len();
    for (at, out) in rest.chunks_mut(8).enumerate() {
        let mut sums = s.splat(0.0);
        let column = done + 8 * at;
        for (&weight, row) in weights.iter().zip(rows.chunks(stride)) {
            let row = eight(&row[column..][..out.len()]);
            sums = s.add(sums, s.mul(s.splat(weight), s.load(&row)));
        }
        put(out, s.array(sums));
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

#[inline(always)]
fn softmax<S: Instructions>(s: S, scores: &mut [f32]) {
    let mut highest = s.splat(f32::NEG_INFINITY);
    let (eights, rest) = scores.as_chunks::<8>();
    for scores in eights {
        highest = s.max(highest, s.load(scores));
    }
    let highest = s.array(highest).into_iter().chain(rest.iter().copied());
    let highest = highest.fold(f32::NEG_INFINITY, f32::max);
    let mut sum = s.splat(0.0);
    for scores in scores.chunks_mut(8) {
        let powers = exponential(s, s.sub(s.load(&eight(scores)), s.splat(highest)));
        // Of the last few, only those that there are.
        put(scores, s.array(powers));
        sum = s.add(sum, s.load(&eight(scores)));
    }
    let inverse = s.splat(1.0 / total(s.array(sum)));
    for scores in scores.chunks_mut(8) {
        put(scores, s.array(s.mul(s.load(&eight(scores)), inverse)));
    }
}
